"""The verdict: which k, how strong the evidence is, why, and the evidence against it.

The number of well-separated groups decides (``selection.groups``). It is found without fixing
any k, so the answer does not depend on the configured range. The other indices measure how
well the clusters of that k fit; where they disagree, the verdict lists it. See the README.
"""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from itertools import pairwise

from segmentation.results import INDEX_NAMES, Choice, CostPoint, Verdict
from segmentation.selection.elbow import elbow
from segmentation.selection.evidence import FEW_DISTINCT_CUSTOMERS, Evidence
from segmentation.selection.groups import OVERLAP
from segmentation.selection.summary import summary
from segmentation.selection.validity import STABLE

MIN_AGREEMENT = 0.8
"""Adjusted Rand index from which the clusters match the groups, apart from borderline customers."""

STRICT, LAX = OVERLAP / 2, OVERLAP * 2
MAX_CUTS = 6
"""Without groups, the largest k that is considered: a cut of a continuum is a convention."""


def choose(evidence: Evidence, *, k: int | str) -> Choice:
    """The choice of k: the verdict's with ``auto``, a given number, or the favourite of one index.

    A fixed k above the number of distinct customers is reduced to it.
    """
    verdict = judge(evidence)
    if k == "auto":
        choice = Choice(
            verdict.k, "verdict", verdict.reason, verdict, verdict.against, verdict.runners_up
        )
    else:
        chosen, method, reason = _as_configured(evidence, verdict, k)
        others = _runners_up(evidence, verdict.favourites, chosen, first=verdict.k)
        against = (*weaknesses(evidence, chosen), *_disagreeing(verdict.favourites, chosen))
        choice = Choice(chosen, method, reason, verdict, against, others)
    return replace(choice, setting={"k": choice.k}, summary=summary(choice, evidence))


def _as_configured(evidence: Evidence, verdict: Verdict, k: int | str) -> tuple[int, str, str]:
    """The k that ``choose.k`` leads to, the method and the reason."""
    smallest, largest = evidence.curve[0].k, evidence.curve[-1].k
    if isinstance(k, int):
        if k > largest:
            few = f"choose.k is {k}, but the data have only {largest} distinct customers"
            return largest, "fixed", few
        return k, "fixed", f"choose.k is {k}"
    favourite = verdict.favourites.get(k)
    if favourite is None:
        reason = f"choose.k is {INDEX_NAMES[k]}, which favours no k from {smallest} to {largest}"
        return smallest, k, f"{reason}, so it is the smallest"
    return favourite, k, f"choose.k is {INDEX_NAMES[k]}, which favours {favourite}"


def judge(evidence: Evidence) -> Verdict:
    """The verdict on k.

    ``clear``: there are several well-separated groups, k-means' segments are these groups, and
    each is recovered in resampled customers. ``weak``: there are several, but there are
    :func:`weaknesses`. ``none``: there is one group.
    """
    found = favourites(evidence.curve)
    groups = evidence.groups.count
    if groups == 1:
        return _none(evidence, found)
    tried = [point.k for point in evidence.curve]
    k = min(max(groups, min(tried)), max(tried))
    weak = weaknesses(evidence, k)
    strength = "weak" if weak else "clear"
    reason = (
        f"the customers form {groups} well-separated groups (any two overlap by less than "
        f"{OVERLAP:.0%})"
    )
    if strength == "clear":
        reason += (
            f", and k-means recovers them (adjusted Rand index {evidence.agreement[k]:.2f}), also "
            f"in resampled customers (Jaccard at least {_at(evidence, k).min_stability:.2f})"
        )
    else:
        reason += f", but {weak[0]}"
    against = (*weak, *_disagreeing(found, k))
    runners_up = _runners_up(evidence, found, k)
    return Verdict(k, strength, groups, reason, against, runners_up, found)


def weaknesses(evidence: Evidence, k: int) -> list[str]:
    """Why the data do not fully support ``k`` segments, the most important first; may be empty.

    That an index favours another k is not among them: one always does.
    """
    groups, agreement = evidence.groups.count, evidence.agreement[k]
    smallest, largest = evidence.curve[0].k, evidence.curve[-1].k
    least = _at(evidence, k).min_stability
    found = []
    if largest < groups and k == largest:
        found.append(
            f"sweep.k_max = {largest} allows no more than {largest} segments for {groups} groups: "
            f"raise it to {groups} or more"
        )
    elif groups < smallest == k and groups > 1:
        found.append(
            f"sweep.k_min = {smallest} allows no fewer than {smallest} segments for {groups} "
            f"groups: lower it to {groups} or less"
        )
    elif 1 < groups != k:
        found.append(f"the customers form {groups} well-separated groups, not {k}")
    elif groups > 1 and agreement < MIN_AGREEMENT:
        found.append(
            f"k-means with {k} segments does not recover the groups (adjusted Rand index "
            f"{agreement:.2f}, below {MIN_AGREEMENT}), as happens where groups differ much in size "
            "or are not spherical"
        )
    if k > 1 and least is None:
        found.append(f"the stability of {k} segments in resampled customers cannot be measured")
    elif least is not None and least < STABLE:
        found.append(
            f"at least one of the {k} segments is not recovered in resampled customers (mean "
            f"Jaccard {math.floor(100 * least) / 100:.2f}, below {STABLE})"
        )
    distinct = evidence.distinct_customers
    if distinct <= FEW_DISTINCT_CUSTOMERS:
        found.append(
            f"there are only {distinct} distinct customers (any other is identical to one of them "
            f"in every feature): resampling repeats them, and the cost falls to 0 at k = {distinct}"
        )
    return found


def favourites(curve: Sequence[CostPoint]) -> dict[str, int]:
    """The k that each index favours by its usual rule, where it favours one.

    Kneedle's elbow; the k whose drop in log cost exceeds the next one's most; the largest
    silhouette and Calinski-Harabasz; the least Davies-Bouldin; for the gap, Tibshirani's rule:
    the smallest k whose gap is at least the next one less its standard error; for stability
    the largest k whose segments are all stable, or else the k whose least stable one is best.
    """
    found = {
        "elbow": elbow(curve),
        "log_drop": _sharpest_drop(curve),
        "silhouette": _best(curve, lambda point: point.silhouette),
        "calinski_harabasz": _best(curve, lambda point: point.calinski_harabasz),
        "davies_bouldin": _best(
            curve, lambda p: None if p.davies_bouldin is None else -p.davies_bouldin
        ),
        "gap": _by_gap(curve),
        "stability": _by_stability(curve),
    }
    return {name: k for name, k in found.items() if k is not None}


def _none(evidence: Evidence, found: dict[str, int]) -> Verdict:
    cuts = [point for point in evidence.curve if 2 <= point.k <= MAX_CUTS]
    k = _best(cuts, lambda point: point.min_stability) or evidence.curve[0].k
    segments = "1 segment is" if k == 1 else f"{k} segments are"
    reason = (
        "there are no well-separated groups: the customers form one continuum, in which any two "
        f"groups overlap by {OVERLAP:.0%} or more; {segments} "
    )
    if len(cuts) > 1:
        reason += (
            f"a convention: of 2 to {cuts[-1].k} segments, the cut that is most stable in "
            "resampled customers"
        )
    elif len(evidence.curve) > 1:
        reason += "a convention"
    else:
        reason += "what the configured range of k allows"
    against = (*weaknesses(evidence, k), *_disagreeing(found, k))
    return Verdict(k, "none", 1, reason, against, _runners_up(evidence, found, k), found)


def _at(evidence: Evidence, k: int) -> CostPoint:
    return next(point for point in evidence.curve if point.k == k)


def _disagreeing(found: Mapping[str, int], k: int) -> list[str]:
    return [f"{INDEX_NAMES[name]} favours {other}" for name, other in found.items() if other != k]


def _runners_up(
    evidence: Evidence, found: Mapping[str, int], k: int, *, first: int | None = None
) -> tuple[int, ...]:
    """Alternatives: ``first``, other numbers of groups, and what most indices favour."""
    tried = {point.k for point in evidence.curve}
    counted = [evidence.groups.at(overlap) for overlap in (STRICT, LAX)]
    votes = sorted(found.values(), key=lambda other: (-list(found.values()).count(other), other))
    others = [other for other in [first, *counted, *votes] if other != k and other in tried]
    return tuple(dict.fromkeys(others))[:2]


def _best(curve: Sequence[CostPoint], index: Callable[[CostPoint], float | None]) -> int | None:
    """The k with the largest value, the smallest of equals."""
    values = [(value, -point.k) for point in curve if (value := index(point)) is not None]
    return -max(values)[1] if values else None


def _sharpest_drop(curve: Sequence[CostPoint]) -> int | None:
    bends = [
        (point.log_drop - after.log_drop, -point.k)
        for point, after in pairwise(curve)
        if point.log_drop is not None and after.log_drop is not None
    ]
    return -max(bends)[1] if bends else None


def _by_gap(curve: Sequence[CostPoint]) -> int | None:
    for point, after in pairwise(curve):
        if point.gap is None or after.gap is None or after.gap_error is None:
            return None
        if point.gap >= after.gap - after.gap_error:
            return point.k
    return None


def _by_stability(curve: Sequence[CostPoint]) -> int | None:
    stable = [point.k for point in curve if (point.min_stability or 0) >= STABLE]
    return max(stable, default=None) or _best(curve, lambda point: point.min_stability)
