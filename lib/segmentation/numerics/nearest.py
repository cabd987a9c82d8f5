"""Squared distances from points to centres in numpy, and which centre is nearest.

Matrices have one row per centre and one column per point. Where points and centres are whole
numbers and squared distances stay below ``2**53``, every result is exact: each product and each
partial sum is a whole number that a double holds, in whatever order the matrix product adds them
up. So equal distances are equal numbers, and a tie goes to the first centre on every machine.

The module is pickled with Spark tasks, so it imports nothing of the package except type aliases.
"""

import numpy as np

from segmentation.numerics.arrays import Floats, Labels, Points

BLOCK = 4096
"""Points compared with the centres at once, so that the matrix fits the processor's cache."""


def distance_terms(centres: Points) -> Floats:
    """For each centre the row ``(|c|**2, -2c)``.

    Since ``|x - c|**2 = |c|**2 - 2 c.x + |x|**2``, its product with ``(1, x)`` is the squared
    distance less ``|x|**2``. That is the same for all centres, so the nearest needs no more.
    """
    return np.column_stack([(centres**2).sum(axis=1), -2 * centres])


def partial_squares(centres: Points, points: Floats) -> Floats:
    """Squared distances less the points' own squared norms; ``points`` has a column per point."""
    terms = distance_terms(centres)
    partial: Floats = terms[:, 1:] @ points
    partial += terms[:, :1]
    return partial


def squared_distances(centres: Points, points: Floats) -> Floats:
    """Squared distances; ``points`` has one column per point."""
    squares = partial_squares(centres, points)
    squares += (points**2).sum(axis=0)
    return squares


def take_nearest(squares: Floats) -> tuple[Labels, Floats]:
    """Every point's nearest centre, the first of equals, and its entry in ``squares``.

    The entry is replaced by infinity, so that a second call finds the second nearest.
    """
    labels, points = squares.argmin(axis=0), np.arange(squares.shape[1])
    least = squares[labels, points]
    squares[labels, points] = np.inf
    return labels, least


def memberships(squares: Floats) -> Floats:
    """1 where the centre is the point's nearest, the first of equals, else 0.

    Its product with rows of values adds the values up for each cluster.
    """
    is_nearest = squares == squares.min(axis=0)
    if np.count_nonzero(is_nearest) > squares.shape[1]:  # some column has a tie: keep its first
        is_nearest &= is_nearest.cumsum(axis=0) == 1
    members: Floats = is_nearest.astype(np.float64)
    return members


def nearest(points: Points, centres: Points) -> Labels:
    """The position of every point's nearest centre, the first of equals; one row per point."""
    labels = np.empty(len(points), dtype=np.intp)
    for first in range(0, len(points), BLOCK):
        block = points[first : first + BLOCK].T
        labels[first : first + BLOCK] = partial_squares(centres, block).argmin(axis=0)
    return labels


def nearest_squares(points: Points, centres: Points) -> Floats:
    """The squared distance of every point to its nearest centre; one row per point."""
    squares = np.empty(len(points))
    for first in range(0, len(points), BLOCK):
        block = points[first : first + BLOCK].T
        squares[first : first + BLOCK] = squared_distances(centres, block).min(axis=0)
    return squares
