"""What the page leaves out so that nobody is recognised in it: statistical disclosure control.

The rules, for ``bound`` customers (``report.min_group``); see the README for their words:

- A segment of fewer is not described at all, nor is the next larger one if the small ones could
  be computed as the difference from all customers.
- Of a categorical or yes/no feature no count of fewer can be derived, nor of the customers who
  do not have a value (:mod:`segmentation.reporting.cells`). A count of 0 is shown. Whether a
  value is missing is a yes/no of its own, as other shares are of the customers with a value.
- A mean is of as many customers or more, and a quantile has as many on either side of it.
- Names, the curve of the smallest segment and the table of prepared features follow suit.
"""

import re
from collections.abc import Iterator, Mapping, Sequence, Set
from dataclasses import dataclass, replace

from segmentation.config.sources import SPOKEN
from segmentation.reporting import cells
from segmentation.results import CostPoint, CustomerSample, FeatureProfile, Report, Run, Segment

HALF, TENTH = 0.5, 0.1
"""The smaller part of the customers on one side of the median, and of the other quantiles."""

OTHER, MISSING = "(other)", "missing"

MANY = 2**40
"""More than any bound: a sum beyond it is as good as this."""

WHOLE = 1e-9
"""How far a tenth of a whole number may be off."""


Key = tuple[str, str | None]
"""A feature and None; or a feature and the label of its missing values."""


@dataclass(frozen=True)
class _Plan:
    """What of one feature is hidden: of which segments all, and which values of all segments.

    ``is_gone`` where not even the average of all customers may be shown.
    """

    withheld: frozenset[int] = frozenset()
    merged: frozenset[str] = frozenset()
    is_gone: bool = False


def disclosed(report: Report, *, min_group: int) -> Report:
    """The report with nothing from which a count of fewer customers could be derived.

    Segments that are not described are gone from it; ``withheld`` has their numbers.
    """
    sizes = {each.segment: each.customers for each in report.segments}
    alone = cells.withheld({s: (size,) for s, size in sizes.items()}, sizes=sizes, bound=min_group)
    few = frozenset(sizes) if alone is None else alone
    labels = _missing_labels(report.profiles)
    report, of_all = _of_all_customers(report, labels, sizes=sizes, few=few, bound=min_group)
    labels = {feature: label for feature, label in labels.items() if feature not in of_all}
    plans = _plans(report.profiles, labels, sizes=sizes, few=few, bound=min_group)
    described = [each for each in report.segments if each.segment not in few]
    return replace(
        report,
        run=_run(report.run, plans),
        cost_curve=tuple(
            _point(each, report.run.labelled, min_group) for each in report.cost_curve
        ),
        segments=tuple(_segment(each, plans, report) for each in described),
        profiles=tuple(_profiles(report, plans, labels, few=few, bound=min_group)),
        sample=_sample(report.sample, plans, few=few),
        withheld=tuple(sorted(few)),
    )


def _missing_labels(profiles: Sequence[FeatureProfile]) -> dict[str, str]:
    """What the missing values of each feature are called, where they have a share."""
    labels: dict[str, str] = {}
    for each in profiles:
        value = each.value or ""
        if re.fullmatch(rf"\(+{MISSING}\)+", value) and len(value) > len(
            labels.get(each.feature, "")
        ):
            labels[each.feature] = value  # in more brackets where this is a value too
    return labels


def _of_all_customers(
    report: Report,
    labels: Mapping[str, str],
    *,
    sizes: Mapping[int, int],
    few: Set[int],
    bound: int,
) -> tuple[Report, Set[str]]:
    """The report with shares of all customers where shares of the known would tell who is missing.

    A share is a fraction, and its denominator can be found: so many are known. Also returns
    the features whose shares were changed; in these the missing are a value like the others.
    """
    known: dict[str, dict[int, int]] = {}
    having: dict[tuple[str, str | None], int] = {}
    for each in report.profiles:
        if each.value is None and each.kind != "boolean":
            continue
        having[each.feature, each.value] = having.get((each.feature, each.value), 0) + _having(each)
        if each.value is None or each.value != labels.get(each.feature):
            of = known.setdefault(each.feature, dict.fromkeys(sizes, 0))
            of[each.segment] = max(of[each.segment], each.known)
    changed = {
        feature
        for feature, of in known.items()
        for rows in [{s: (of[s], size - of[s]) for s, size in sizes.items()}]
        if cells.withheld(rows, sizes=sizes, already=few, bound=bound) not in (few, frozenset())
    }
    whole = sum(sizes.values())
    profiles = tuple(
        replace(
            each,
            mean=_having(each) / sizes[each.segment],
            known=sizes[each.segment],
            overall_mean=having[each.feature, each.value] / whole,
        )
        if each.feature in changed and (each.feature, each.value) in having
        else each
        for each in report.profiles
    )
    return replace(report, profiles=profiles), changed


def _key(profile: FeatureProfile, labels: Mapping[str, str]) -> Key:
    is_missing = profile.value is not None and profile.value == labels.get(profile.feature)
    return profile.feature, profile.value if is_missing else None


def _plans(
    profiles: Sequence[FeatureProfile],
    labels: Mapping[str, str],
    *,
    sizes: Mapping[int, int],
    few: Set[int],
    bound: int,
) -> dict[Key, _Plan]:
    """A plan for each feature, and one for whether it is missing."""
    found: dict[Key, list[FeatureProfile]] = {}
    for each in profiles:
        found.setdefault(_key(each, labels), []).append(each)
    return {
        key: _of_number(own, sizes=sizes, few=few, bound=bound)
        if label is not None or all(each.value is None for each in own)
        else _of_values(own, sizes=sizes, few=few, bound=bound)
        for key, own in found.items()
        for label in [key[1]]
    }


def _of_values(
    profiles: Sequence[FeatureProfile], *, sizes: Mapping[int, int], few: Set[int], bound: int
) -> _Plan:
    shares = [each for each in profiles if each.value is not None]
    counts: dict[int, dict[str, int]] = {segment: {} for segment in sizes}
    known = dict.fromkeys(sizes, 0)
    for each in shares:
        counts[each.segment][each.value or ""] = _having(each)
        known[each.segment] = max(known[each.segment], each.known)
    values = frozenset(each.value or "" for each in shares)
    shown = cells.shown(counts, known=known, sizes=sizes, already=few, bound=bound)
    if shown is None:
        return _Plan(frozenset(sizes), values, is_gone=True)
    return _Plan(shown.withheld, values - shown.values)


def _of_number(
    profiles: Sequence[FeatureProfile], *, sizes: Mapping[int, int], few: Set[int], bound: int
) -> _Plan:
    counts = _counts(profiles)
    none = (0,) * max(map(len, counts.values()))
    rows = {segment: counts.get(segment, none) for segment in sizes}
    out = cells.withheld(rows, sizes=sizes, already=few, bound=bound)
    return _Plan(frozenset(sizes), is_gone=True) if out is None else _Plan(out)


def _counts(profiles: Sequence[FeatureProfile]) -> dict[int, tuple[int, ...]]:
    """By segment the counts that the statistics of a number tell.

    Who is known; of yes/no those who have it and those who have not; of what looks like whole
    numbers from 0 their sum, as no more customers than that have any.
    """
    quantiles = [q for p in profiles for q in (p.p10, p.median, p.p90) if q is not None]
    means = [each.mean for each in profiles if each.mean is not None]
    # a tenth lies between two whole numbers at tenths of their distance
    is_whole = all(0 <= q < MANY and abs(q * 10 - round(q * 10)) < WHOLE for q in quantiles)
    is_whole = is_whole and all(mean >= 0 for mean in means)
    is_yes_no = is_whole and all(value <= 1 for value in [*quantiles, *means])
    is_share = any(each.kind == "boolean" or each.value is not None for each in profiles)
    if is_yes_no or is_share:
        return {p.segment: (_having(p), p.known - _having(p)) for p in profiles}
    if is_whole:
        return {p.segment: (p.known, _having(p)) for p in profiles}
    return {p.segment: (p.known,) for p in profiles}


def _having(profile: FeatureProfile) -> int:
    """How many customers have the value, or the sum of a number over those who are known."""
    total = (profile.mean or 0.0) * profile.known
    return round(total) if abs(total) < MANY else MANY  # also of what is not a number


def _profiles(
    report: Report,
    plans: Mapping[Key, _Plan],
    labels: Mapping[str, str],
    *,
    few: Set[int],
    bound: int,
) -> Iterator[FeatureProfile]:
    """What is left of the profiles, in their order, then those of merged values."""
    merged: dict[tuple[int, str], list[FeatureProfile]] = {}
    for each in report.profiles:
        plan = plans[_key(each, labels)]
        if plan.is_gone or each.segment in few:
            continue
        if each.value in plan.merged:
            merged.setdefault((each.segment, each.feature), []).append(each)
        elif each.segment in plan.withheld:
            yield _hidden(each)
        elif each.value is not None or not plan.merged:  # a mean rank would tell of merged bands
            yield _without_tails(each, bound)
    for (segment, feature), profiles in merged.items():
        plan = plans[feature, None]
        if not profiles[
            0
        ].used_for_clustering:  # no centre has a difference of several values together
            values = {each.value for each in report.profiles if each.feature == feature}
            other = _merged(profiles, kept=values - plan.merged)
            yield _hidden(other) if segment in plan.withheld else other


def _merged(profiles: Sequence[FeatureProfile], *, kept: Set[str | None]) -> FeatureProfile:
    """The profile of several values together."""
    label = OTHER
    while label in kept:
        label = f"({label})"
    known = max(each.known for each in profiles)
    return replace(
        profiles[0],
        value=label,
        known=known,
        mean=sum(map(_having, profiles)) / known if known else None,
        overall_mean=sum(each.overall_mean for each in profiles),
    )


def _without_tails(profile: FeatureProfile, bound: int) -> FeatureProfile:
    """The profile without quantiles that have few customers on one side."""
    if profile.known < bound / HALF:
        profile = replace(profile, median=None)
    return replace(profile, p10=None, p90=None) if profile.known < bound / TENTH else profile


def _hidden(profile: FeatureProfile) -> FeatureProfile:
    return replace(
        profile, mean=None, median=None, p10=None, p90=None, centroid=None, difference=None, known=0
    )


def _segment(segment: Segment, plans: Mapping[Key, _Plan], report: Report) -> Segment:
    """The segment, its value and its name as far as they may be told."""
    keys = {key for key, plan in plans.items() if plan.is_gone or segment.segment in plan.withheld}
    hidden = {feature for feature, label in keys if label is None}
    if report.run.value_feature in hidden:
        segment = replace(segment, value_mean=None, value_sum=None, value_share=None)
    untold = hidden | {
        each.value
        for each in report.profiles
        if each.value is not None
        and (
            each.feature in hidden
            or (each.feature, each.value) in keys
            or each.value in plans.get((each.feature, None), _Plan()).merged
        )
    }
    return replace(segment, name=_name(segment, untold))


def _name(segment: Segment, untold: Set[str]) -> str:
    """The name without the parts that mention what is not told; a number if that is all."""
    if not _mentions(segment.name, untold):
        return segment.name
    parts = segment.name.split(", ")
    told = [part for part in parts if not _mentions(part, untold)]
    if not told or len(told) == len(parts):  # or what is mentioned has a comma in it
        return f"Segment {segment.segment}"
    name = ", ".join(told)
    return name[:1].upper() + name[1:]


def _mentions(text: str, names: Set[str]) -> bool:
    """Whether a name is among the words of a text, as a column or as people write it."""
    spoken = {*names, *(SPOKEN[name] for name in names if name in SPOKEN)}
    forms = {form for name in spoken for form in (name, name.replace("_", " ").strip()) if form}
    return any(re.search(rf"(?<!\w){re.escape(form)}(?!\w)", text, re.IGNORECASE) for form in forms)


def _run(run: Run, plans: Mapping[Key, _Plan]) -> Run:
    """The run without the averages of what is hidden for all."""
    features = tuple(
        each
        for each in run.features
        for column in [each.column or each.name]
        for plan in [plans.get((column, each.value)) or plans.get((column, None)) or _Plan()]
        if not plan.is_gone and each.value not in plan.merged
        if not (plan.merged and each.value is None)
    )
    return replace(run, features=features)


def _point(point: CostPoint, labelled: int, bound: int) -> CostPoint:
    """The point without the share of a smallest segment of few customers."""
    share = point.smallest_share
    is_few = share is not None and round(share * labelled) < bound
    return replace(point, smallest_share=None) if is_few else point


def _sample(sample: CustomerSample, plans: Mapping[Key, _Plan], *, few: Set[int]) -> CustomerSample:
    """The points of the segments that are described; groups by features that are shown of all.

    Averages of all groups of a segment add up to that of the segment.
    """
    none = _Plan()
    names = [
        name
        for name in sample.values
        if not sample.customers
        or (
            plans.get((name, None), none).withheld <= few
            and not plans.get((name, None), none).is_gone
        )
    ]
    kept = [place for place, of in enumerate(sample.segments) if of not in few and names]
    return CustomerSample(
        {name: tuple(sample.values[name][i] for i in kept) for name in names},
        tuple(sample.segments[i] for i in kept),
        tuple(sample.customers[i] for i in kept if sample.customers),
    )
