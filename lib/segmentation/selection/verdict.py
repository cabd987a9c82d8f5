"""The verdict: which k, how strongly, why, and what speaks against it. See the README.

The groups that stand apart decide (``selection.groups``): they are counted without looking at
any k, so the answer does not move with the range that was tried. The other indices say how
well k-means does with that many segments; where they disagree, that is said.
"""

from collections.abc import Callable, Sequence
from itertools import pairwise

from segmentation.results import Choice, CostPoint, Verdict
from segmentation.selection.elbow import elbow
from segmentation.selection.evidence import FEW_KINDS, Evidence
from segmentation.selection.groups import OVERLAP

STABLE = 0.75
"""Hennig's band for clusters that are found again in resampled customers."""

AGREES = 0.8
"""Adjusted Rand index from which k-means' segments are the groups, but for the borders."""

STRICT, LAX = OVERLAP / 2, OVERLAP * 2
MOST_CUTS = 6
"""Without groups, k is chosen among so few: a cut of a continuum is a convenience."""

NAMES = {
    "elbow": "the elbow (Kneedle)",
    "log_drop": "the drop in log cost",
    "silhouette": "the silhouette",
    "calinski_harabasz": "Calinski-Harabasz",
    "davies_bouldin": "Davies-Bouldin",
    "gap": "the gap statistic",
    "stability": "stability",
}


def choose(evidence: Evidence, *, k: int | str) -> Choice:
    """The choice of k: the verdict's with ``auto``, a given number, or one index' favourite.

    A fixed k that the data cannot fill becomes the largest that they can.
    """
    verdict = judge(evidence)
    smallest, largest = evidence.curve[0].k, evidence.curve[-1].k
    if k == "auto":
        return Choice(verdict.k, "verdict", verdict.reason, verdict)
    if isinstance(k, int):
        reason = f"choose.k asks for {k}"
        if k > largest:
            reason += f", the data fill {largest} segments"
        return Choice(min(k, largest), "fixed", reason, verdict)
    favourite = verdict.favourites.get(k)
    if favourite is None:
        reason = (
            f"choose.k asks for {NAMES[k]}, which favours no k of {smallest}..{largest}, "
            "so k_min is taken"
        )
        return Choice(smallest, k, reason, verdict)
    return Choice(favourite, k, f"choose.k asks for {NAMES[k]}, which favours {favourite}", verdict)


def judge(evidence: Evidence) -> Verdict:
    """The verdict on k.

    ``clear``: several groups stand apart, k-means' segments are these groups, and each is
    found again in resampled customers. ``weak``: several stand apart, but k-means does not
    get at them, the range of k does not hold their number, or there are few kinds of
    customers. ``none``: there is one group.
    """
    found = favourites(evidence.curve)
    groups = evidence.groups.count
    if groups == 1:
        return _none(evidence, found)
    points = {point.k: point for point in evidence.curve}
    k = min(max(groups, min(points)), max(points))
    agreement, least = evidence.agreement[k], points[k].least_stability
    against = []
    if k != groups:
        against.append(f"sweep.k_min and k_max leave out {groups}, the number of groups")
    elif agreement < AGREES:
        against.append(
            f"k-means with {k} segments does not get at the groups (adjusted Rand index "
            f"{agreement:.2f}, below {AGREES}): they differ much in size, or are not round"
        )
    if least is None or least < STABLE:
        told = "no resample" if least is None else f"mean Jaccard {least:.2f}, below {STABLE}"
        against.append(f"a segment is not found again in resampled customers ({told})")
    if evidence.kinds <= FEW_KINDS:
        against.append(
            f"there are only {evidence.kinds} kinds of customers, which resampling repeats: "
            "nothing shows what others would be like"
        )
    strength = "weak" if against else "clear"
    against += _disagreeing(found, k)
    reason = f"{groups} groups of customers stand apart, any two overlap by less than {OVERLAP:.0%}"
    if strength == "clear":
        reason += (
            f"; k-means finds the same (adjusted Rand index {agreement:.2f}) and finds them "
            f"again in resampled customers (Jaccard at least {least:.2f})"
        )
    else:
        reason += f"; but {against[0]}"
    runners_up = _runners_up(evidence, found, k)
    return Verdict(k, strength, groups, reason, tuple(against), runners_up, found)


def favourites(curve: Sequence[CostPoint]) -> dict[str, int]:
    """The k that each index favours by its usual rule, where it favours one.

    Kneedle's elbow; the k whose drop in log cost exceeds the next one's most; the largest
    silhouette and Calinski-Harabasz; the least Davies-Bouldin; for the gap, Tibshirani's rule:
    the smallest k whose gap is at least the next one less its standard error; for stability
    the largest k of which every segment is stable, or else the k where the least is most so.
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
    cuts = [point for point in evidence.curve if 2 <= point.k <= MOST_CUTS]
    k = _best(cuts, lambda point: point.least_stability) or evidence.curve[0].k
    reason = (
        f"no clear structure: the customers form one continuum, in which no groups overlap by "
        f"less than {OVERLAP:.0%}; {k} segments "
    )
    reason += (
        f"are a convenience, the cut, among 2 to {MOST_CUTS}, that comes out most alike in "
        "resampled customers"
        if len(cuts) > 1
        else "are what the range of k has"
    )
    against = tuple(_disagreeing(found, 1))
    return Verdict(k, "none", 1, reason, against, _runners_up(evidence, found, k), found)


def _disagreeing(found: dict[str, int], k: int) -> list[str]:
    return [f"{NAMES[name]} favours {other}" for name, other in found.items() if other != k]


def _runners_up(evidence: Evidence, found: dict[str, int], k: int) -> tuple[int, ...]:
    """What else might be said: other numbers of groups, and what most indices favour."""
    tried = {point.k for point in evidence.curve}
    counted = [evidence.groups.at(overlap) for overlap in (STRICT, LAX)]
    votes = sorted(found.values(), key=lambda other: (-list(found.values()).count(other), other))
    others = dict.fromkeys(other for other in [*counted, *votes] if other != k and other in tried)
    return tuple(others)[:2]


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
    stable = [point.k for point in curve if (point.least_stability or 0) >= STABLE]
    return max(stable, default=None) or _best(curve, lambda point: point.least_stability)
