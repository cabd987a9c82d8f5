"""The nearest of some centres to points that are on no grid, in numpy; see ``grid_points``."""

import numpy as np

from segmentation.numerics.arrays import Labels, Points
from segmentation.numerics.grid_points import BLOCK


def nearest(points: Points, centres: Points) -> Labels:
    """The position of every point's nearest centre, the first of equals; one row per point."""
    labels = np.empty(len(points), dtype=np.intp)
    norms, twice = (centres**2).sum(axis=1)[:, np.newaxis], -2 * centres
    for first in range(0, len(points), BLOCK):
        squares = twice @ points[first : first + BLOCK].T
        squares += norms
        labels[first : first + BLOCK] = squares.argmin(axis=0)
    return labels
