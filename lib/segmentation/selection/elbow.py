"""The elbow of a cost curve."""

from collections.abc import Sequence

from kneed import KneeLocator

from segmentation.config import ELBOW_POINTS
from segmentation.results import CostPoint


def elbow(curve: Sequence[CostPoint]) -> int | None:
    """The k where the curve bends most, or None where it has no bend.

    Kneedle on a convex, falling curve, sensitivity 1: Satopaa, Albrecht, Irwin and
    Raghavan (2011), doi:10.1109/ICDCSW.2011.20. It looks at the curve's shape alone, so the
    unit of cost does not matter; it takes at least three points and some fall.

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
