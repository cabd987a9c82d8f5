"""Microaggregation: points in small groups of neighbours, so that none is shown by itself."""

import numpy as np
import numpy.typing as npt

from segmentation.numerics.arrays import Points

Counts = npt.NDArray[np.int64]


def groups(points: Points, counts: Counts, *, size: int) -> npt.NDArray[np.intp]:
    """The group of every point, from 0; each group has neighbours that count ``size`` or more.

    A set is halved at the median of its widest coordinate while both halves count enough, so a
    group has ``size`` to about twice ``size`` customers, more only if a single point counts more.
    The order of the points does not change the groups. All points together must count ``size``,
    else they are one group that counts less.

    LeFevre, DeWitt and Ramakrishnan (2006), "Mondrian multidimensional k-anonymity",
    doi:10.1109/ICDE.2006.101, with the counts of equal points.

    Parameters
    ----------
    points
        Different points, one row each.
    counts
        How many customers each represents, at least one.
    """
    found = np.zeros(len(points), dtype=np.intp)
    # points with equal coordinates in one feature are ordered by the others, not as given
    waiting = [np.lexsort(points.T[::-1])] if len(points) else []
    number = 0
    while waiting:
        own = waiting.pop()
        halves = _halves(own, points[own], counts[own], size=size)
        if halves is None:
            found[own] = number
            number += 1
        else:
            waiting += reversed(halves)
    return found


def _halves(
    own: npt.NDArray[np.intp], points: Points, counts: Counts, *, size: int
) -> list[npt.NDArray[np.intp]] | None:
    """Two halves that count enough, along the first coordinate by width that has any."""
    total = counts.sum()
    if total < 2 * size or len(points) < 2:
        return None
    for coordinate in np.argsort(-np.ptp(points, axis=0), kind="stable"):
        order = np.argsort(points[:, coordinate], kind="stable")
        below = np.cumsum(counts[order])[:-1]
        enough = np.flatnonzero((below >= size) & (total - below >= size))
        if len(enough):
            cut = int(enough[np.argmin(np.abs(2 * below[enough] - total))]) + 1
            return [own[order[:cut]], own[order[cut:]]]
    return None
