"""The elbow of a cost curve."""

from collections.abc import Sequence

from kneed import KneeLocator

from segmentation.config import ELBOW_POINTS
from segmentation.results import CostPoint


def elbow(curve: Sequence[CostPoint]) -> int | None:
    """The k where the curve bends most, or None if it has no bend.

    Kneedle on a convex, falling curve, sensitivity 1: Satopaa, Albrecht, Irwin and
    Raghavan (2011), doi:10.1109/ICDCSW.2011.20. It depends only on the shape of the curve, not
    on the unit of cost, and needs at least three points and some decrease.

    Parameters
    ----------
    curve
        At least one point, k ascending, cost never rising.
    """
    ks, costs = [point.k for point in curve], [point.cost for point in curve]
    if len(curve) < ELBOW_POINTS or costs[0] <= costs[-1]:
        return None
    knee = KneeLocator(ks, costs, curve="convex", direction="decreasing", S=1.0).knee
    return None if knee is None else int(knee)
