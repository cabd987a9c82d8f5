"""Which k is frozen, by which method, and the reason in words."""

from collections.abc import Sequence
from typing import Literal

from segmentation.results import Choice, CostPoint
from segmentation.selection.elbow import elbow


def choose(curve: Sequence[CostPoint], *, k: int | Literal["auto"]) -> Choice:
    """The choice of k from a curve; a fixed k that the data cannot fill becomes the largest.

    Parameters
    ----------
    curve
        At least one point, k ascending; its last k is the most that the rows can fill.
    """
    largest = curve[-1].k
    if k != "auto":
        if k > largest:
            return Choice(
                largest, "fixed", f"choose.k asks for {k}, the data fill {largest} segments"
            )
        return Choice(k, "fixed", f"choose.k asks for {k}")
    found = elbow(curve)
    if found is None:
        return Choice(
            curve[0].k,
            "smallest",
            f"the cost curve over k = {curve[0].k}..{largest} has no elbow, so k_min is taken",
        )
    after = next((point for point in curve if point.k > found), None)
    start, at = curve[0].cost, next(point.cost for point in curve if point.k == found)
    reason = (
        f"the cost curve bends most at {found}: that many segments leave {at / start:.1%} of the "
        f"cost of k = {curve[0].k}"
    )
    if after is not None:
        reason += f", one more takes off only another {(at - after.cost) / start:.1%}"
    return Choice(found, "elbow", reason)
