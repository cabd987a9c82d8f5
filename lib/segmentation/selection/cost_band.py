"""The band: by how much kept centres cost more than moved ones although nothing has changed."""

import math
import warnings

import numpy as np
from sklearn.cluster import KMeans
from sklearn.exceptions import ConvergenceWarning
from threadpoolctl import threadpool_limits

from segmentation.model.reference import Reference
from segmentation.numerics.arrays import Floats, Points
from segmentation.numerics.projection import WIDE, Matrix, leading_components

RESAMPLES = 40

DEVIATIONS = 4.0
"""Standard deviations of the resamples above their mean, beyond which there is hardly one."""

PINNED = 2.0
"""Centres are an optimum of the customers that they were fitted to, and resamples of these seldom
leave it. Other customers of a continuum do: there the excess of two samples was, on average, 1.7
times that of resamples. Without this factor 3 of 27 pairs of samples of one continuum exceeded
even 6 standard deviations."""

MAX_POINTS = 2_000
"""Customers of a resample; of more, the excess is extrapolated."""


def cost_band(
    reference: Reference, prototypes: Points, *, bits: int, customers: int, seed: int
) -> float:
    """By how much, relative, ``prototypes`` may cost more than Lloyd from them by chance.

    Resampled customers stand for those that the model was fitted to, and others for today's
    ``customers`` of the same population: what the centres that Lloyd's algorithm makes of the
    former cost on the latter, over what it makes of them on the latter. ``prototypes`` are on the
    reference's grid, of which a scaled unit has ``2**bits`` steps. The same bits for a seed,
    whatever the machine's cores; takes a second or two of one.
    """
    if len(prototypes) == 0 or len(reference.points) <= len(prototypes):
        return 0.0
    points, centres = _seen(reference, prototypes, unit=2.0**bits)
    shares = reference.counts / reference.counts.sum()
    size = max(len(prototypes) + 1, min(customers, int(reference.effective_size)))
    # The excess of separate groups falls as 1 / n, like the variance of their means. On a continuum
    # centres move far for little, and it falls more slowly: from 2,000 customers to 10,000 to 0.38
    # of what it was, where the root, by which it is extrapolated, says 0.45.
    drawn = min(size, MAX_POINTS)
    random = np.random.default_rng(abs(seed) % 2**32)
    with threadpool_limits(1), warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)  # fewer distinct points than centres
        excess = np.array(
            [
                _excess(points, centres, *random.multinomial(drawn, shares, size=2))
                for _ in range(RESAMPLES)
            ]
        )
    worst = max(float(excess.max()), float(excess.mean() + DEVIATIONS * excess.std(ddof=1)))
    return PINNED * worst * math.sqrt(drawn / size)


def _seen(reference: Reference, prototypes: Points, *, unit: float) -> tuple[Floats, Points]:
    """Points and centres in scaled units; wide ones on their leading principal components.

    A cluster's mean is off by its variance over its size in every direction, so the *relative*
    excess hardly depends on how many directions are seen.
    """
    points = reference.points.in_units(unit)
    if points.layout.width <= WIDE:
        return points.coordinates, prototypes / unit
    matrix = Matrix.of(points)
    projection = leading_components(matrix, reference.counts)
    centres = (prototypes / unit - projection.mean) @ projection.components.T
    return projection.of(matrix), centres


def _excess(points: Floats, centres: Points, before: Floats, today: Floats) -> float:
    """What centres of one resample cost more on the other than after Lloyd on that one."""
    kept = _lloyd(points, centres, before)
    moved = _lloyd(points, kept.cluster_centers_, today)
    own = today > 0
    cost = -float(kept.score(points[own], sample_weight=today[own]))
    return cost / float(moved.inertia_) - 1 if moved.inertia_ > 0 else 0.0


def _lloyd(points: Floats, centres: Points, counts: Floats) -> KMeans:
    own = counts > 0
    kmeans = KMeans(len(centres), init=centres, n_init=1, max_iter=100, tol=1e-6)
    return kmeans.fit(points[own], sample_weight=counts[own].astype(np.float64))
