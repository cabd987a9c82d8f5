"""What of each feature is suppressed, so that no count of few customers can be derived.

A plan per feature, and one per feature with missing values, for whether it is missing. The counts
are those of :mod:`segmentation.reporting.cells`.
"""

import re
from collections.abc import Mapping, Sequence, Set
from dataclasses import dataclass

from segmentation.reporting import cells
from segmentation.results import FeatureProfile

MISSING = "missing"

MAX_SUM = 2**40
"""Larger than any bound: larger sums are capped here."""

WHOLE_TOLERANCE = 1e-9
"""Rounding error allowed in ten times a quantile of whole numbers."""

Key = tuple[str, str | None]
"""A feature and None; or a feature and the label of its missing values."""


@dataclass(frozen=True)
class Plan:
    """What is suppressed in one feature: whole segments, and values merged in every segment.

    ``is_gone`` where not even the average of all customers may be shown.
    """

    withheld: frozenset[int] = frozenset()
    merged: frozenset[str] = frozenset()
    is_gone: bool = False


def missing_labels(profiles: Sequence[FeatureProfile]) -> dict[str, str]:
    """The label of each feature's missing values, for the features that publish their share."""
    labels: dict[str, str] = {}
    for each in profiles:
        value = each.value or ""
        if re.fullmatch(rf"\(+{MISSING}\)+", value) and len(value) > len(
            labels.get(each.feature, "")
        ):
            labels[each.feature] = value  # in more brackets where this is a value too
    return labels


def key_of(profile: FeatureProfile, labels: Mapping[str, str]) -> Key:
    """The plan that applies to a profile row."""
    is_missing = profile.value is not None and profile.value == labels.get(profile.feature)
    return profile.feature, profile.value if is_missing else None


def plans_of(
    profiles: Sequence[FeatureProfile],
    labels: Mapping[str, str],
    *,
    sizes: Mapping[int, int],
    few: Set[int],
    bound: int,
) -> dict[Key, Plan]:
    """A plan per feature, and one more per feature with missing values."""
    found: dict[Key, list[FeatureProfile]] = {}
    for each in profiles:
        found.setdefault(key_of(each, labels), []).append(each)
    return {
        key: _of_number(own, sizes=sizes, few=few, bound=bound)
        if label is not None or all(each.value is None for each in own)
        else _of_values(own, sizes=sizes, few=few, bound=bound)
        for key, own in found.items()
        for label in [key[1]]
    }


def _of_values(
    profiles: Sequence[FeatureProfile], *, sizes: Mapping[int, int], few: Set[int], bound: int
) -> Plan:
    shares = [each for each in profiles if each.value is not None]
    counts: dict[int, dict[str, int]] = {segment: {} for segment in sizes}
    known = dict.fromkeys(sizes, 0)
    for each in shares:
        counts[each.segment][each.value or ""] = count_having(each)
        known[each.segment] = max(known[each.segment], each.known)
    values = frozenset(each.value or "" for each in shares)
    shown = cells.shown(counts, known=known, sizes=sizes, already=few, bound=bound)
    if shown is None:
        return Plan(frozenset(sizes), values, is_gone=True)
    return Plan(shown.withheld, values - shown.values)


def _of_number(
    profiles: Sequence[FeatureProfile], *, sizes: Mapping[int, int], few: Set[int], bound: int
) -> Plan:
    counts = _counts(profiles)
    none = (0,) * max(map(len, counts.values()))
    rows = {segment: counts.get(segment, none) for segment in sizes}
    out = cells.withheld(rows, sizes=sizes, already=few, bound=bound)
    return Plan(frozenset(sizes), is_gone=True) if out is None else Plan(out)


def _counts(profiles: Sequence[FeatureProfile]) -> dict[int, tuple[int, ...]]:
    """By segment, the counts that the published statistics of a number reveal.

    For any number: the customers with a known value. For yes/no: those with yes and those with
    no. For what looks like whole numbers from 0: also their sum, which bounds how many customers
    have a value above 0.
    """
    quantiles = [q for p in profiles for q in (p.p10, p.median, p.p90) if q is not None]
    means = [each.mean for each in profiles if each.mean is not None]
    # quantiles interpolate between two whole numbers in steps of a tenth
    is_whole = all(
        0 <= q < MAX_SUM and abs(q * 10 - round(q * 10)) < WHOLE_TOLERANCE for q in quantiles
    )
    is_whole = is_whole and all(mean >= 0 for mean in means)
    is_yes_no = is_whole and all(value <= 1 for value in [*quantiles, *means])
    is_share = any(each.kind == "boolean" or each.value is not None for each in profiles)
    if is_yes_no or is_share:
        return {p.segment: (count_having(p), p.known - count_having(p)) for p in profiles}
    if is_whole:
        return {p.segment: (p.known, count_having(p)) for p in profiles}
    return {p.segment: (p.known,) for p in profiles}


def count_having(profile: FeatureProfile) -> int:
    """How many customers have the value, or the sum of a number over those who are known."""
    total = (profile.mean or 0.0) * profile.known
    return round(total) if abs(total) < MAX_SUM else MAX_SUM  # NaN compares false
