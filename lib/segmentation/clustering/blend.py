"""Combine: the centres between those of an old model and those of a fresh one."""

import numpy as np

from segmentation.numerics.arrays import Floats, Points
from segmentation.numerics.grid_points import GridPoints

MAX_STEPS = 100
"""Lloyd steps on some dozen centres; they converge in a handful."""

FRESH_LEADS = 0.5
"""From this blend on there are as many centres as fresh ones, below it as many as old ones."""


def blended_centres(
    old: Points, old_customers: Floats, fresh: Points, fresh_customers: Floats, *, blend: float
) -> Points:
    """K-means over old and fresh centres, which weigh ``1 - blend`` and ``blend`` per customer.

    All centres are points of one grid, one per row; those returned are, too, and all differ.
    There are as many as fresh ones with a ``blend`` of 1/2 or more, else as many as old ones, and
    fewer only where fewer different centres have customers. 0 returns the old ones to the last
    bit, 1 the fresh ones.

    Notes
    -----
    Hore, Hall and Goldgof (2009), "A scalable framework for cluster ensembles",
    doi:10.1016/j.patcog.2008.09.027: k-means on the centres of several models merges them. It
    starts from the model that weighs more, so that nothing is random.
    """
    if blend in (0, 1):
        return fresh if blend else old
    first, second = (old, old_customers, 1 - blend), (fresh, fresh_customers, blend)
    if blend >= FRESH_LEADS:
        first, second = second, first
    centres, weights = _merged(
        np.vstack([first[0], second[0]]),
        np.concatenate([first[1] * first[2], second[1] * second[2]]),
    )
    k = min(len(first[0]), len(centres))
    occupied = min(k, int(np.count_nonzero(first[1])))
    blended = _filled(centres[:occupied], centres, weights, k=k)
    for _ in range(MAX_STEPS):
        moved = _filled(_means(centres, weights, blended), centres, weights, k=k)
        if np.array_equal(moved, blended):
            break
        blended = moved
    return blended


def _merged(centres: Points, weights: Floats) -> tuple[Points, Floats]:
    """The different centres with customers, in the order in which they come, and their weights."""
    centres, weights = centres[weights > 0], weights[weights > 0]
    _, first, places = np.unique(centres, axis=0, return_index=True, return_inverse=True)
    totals = np.zeros(len(first))
    np.add.at(totals, places.ravel(), weights)
    order = np.argsort(first)
    return centres[first[order]], totals[order]


def _means(centres: Points, weights: Floats, blended: Points) -> Points:
    """The means of the clusters on the grid, without those that are empty."""
    labels = GridPoints.of(centres).nearest(blended)
    # Sums of rows in their order, which no matrix product promises: the same bits everywhere.
    means = [
        np.rint(
            (centres[own] * weights[own, np.newaxis]).sum(axis=0) / weights[own].sum(),
        )
        for own in (labels == i for i in range(len(blended)))
        if own.any()
    ]
    return np.array(means)


def _filled(blended: Points, centres: Points, weights: Floats, *, k: int) -> Points:
    """Different centres, filled up to ``k`` by those that cost most where they are."""
    _, first = np.unique(blended, axis=0, return_index=True)
    blended = blended[np.sort(first)]
    while len(blended) < k:
        costs = weights * GridPoints.of(centres).nearest_squares(blended)
        blended = np.vstack([blended, centres[costs.argmax()]])
    return blended
