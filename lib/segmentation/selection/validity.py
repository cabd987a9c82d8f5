"""Validity indices: how good the clusters of each k are, by several measures, on weighted points.

Centres and points are in scaled units. Apart from the gap and stability, which refit, all are
computed from counts, sums and squares per cluster, at negligible cost.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from segmentation.numerics.arrays import Floats
from segmentation.numerics.grid_points import Distances, GridPoints
from segmentation.selection.refit import Refit

REFERENCES, REFERENCE_POINTS = 10, 2_000
BOOTSTRAPS = 20
STARTS, RESAMPLE_STARTS = 2, 4

STABLE = 0.75
"""Hennig's threshold for stable clusters, recovered in resampled customers."""

INDEX_DIGITS, INDEX_DECIMALS = 6, 9
"""Digits of an index: processors differ in the last bits of a matrix product."""


@dataclass(frozen=True)
class Clusters:
    """The clusters of one k by their moments: all customers, scaled units.

    ``squares`` has the sum of the squared norms of every cluster's customers; ``cost`` is the
    within-cluster sum of squares from exact sums, which ``within`` only approximates.
    """

    counts: Floats
    means: Floats
    squares: Floats
    cost: float

    @property
    def within(self) -> Floats:
        """Every cluster's sum of squared distances to its mean."""
        found: Floats = np.maximum(self.squares - self.counts * (self.means**2).sum(axis=1), 0)
        return found

    @property
    def smallest_share(self) -> float:
        """The share of customers in the smallest cluster."""
        return float(self.counts.min() / self.counts.sum())


def calinski_harabasz(clusters: Clusters) -> float | None:
    """The variance ratio criterion: between over within, each by its degrees of freedom.

    Calinski and Harabasz (1974), doi:10.1080/03610927408827101. None for k = 1 and where a
    cluster has no spread or there are no degrees of freedom left.
    """
    k, customers = len(clusters.counts), clusters.counts.sum()
    within = clusters.within.sum()
    if k == 1 or customers <= k or within <= 0:
        return None
    mean = clusters.counts @ clusters.means / customers
    between = clusters.counts @ ((clusters.means - mean) ** 2).sum(axis=1)
    return float(between / (k - 1) / (within / (customers - k)))


def davies_bouldin(clusters: Clusters) -> float | None:
    """The mean over clusters of the worst ratio of spreads to the distance of two centres.

    Davies and Bouldin (1979), doi:10.1109/TPAMI.1979.4766909, with q = 2: a spread is the root
    mean square distance to the mean. None for k = 1 and for coinciding means.
    """
    if len(clusters.counts) == 1:
        return None
    spreads = np.sqrt(clusters.within / clusters.counts)
    apart = _distances(clusters.means, clusters.means)
    np.fill_diagonal(apart, np.inf)
    if not apart.min() > 0:
        return None
    return float(((spreads[:, np.newaxis] + spreads) / apart).max(axis=1).mean())


def silhouette(
    points: GridPoints, weights: Floats, labels: npt.NDArray[np.intp], *, k: int
) -> float | None:
    """The average silhouette of weighted points in ``k`` clusters, squared Euclidean distances.

    Rousseeuw (1987), doi:10.1016/0377-0427(87)90125-7; squared distances, as those of
    Spark's ClusteringEvaluator, need the moments of clusters and no pairs. A point alone in
    its cluster has silhouette 0, and points that coincide are at distance 0 from each other.
    None for k = 1, and where a cluster has none of the points: without it the average would be
    that of fewer clusters.
    """
    counts = np.bincount(labels, weights, minlength=k)
    if k == 1 or not counts.all():
        return None
    means = _sums(points, weights, labels, k=k) / counts[:, np.newaxis]
    squares = np.bincount(labels, weights * points.squared_norms())
    spreads = (squares / counts - (means**2).sum(axis=1))[:, np.newaxis]
    to_means, total = Distances(points.layout, means), 0.0
    for some, block in points.blocks():
        distances = np.maximum(to_means.squares(block), 0) + spreads
        own_label = labels[some]
        places, own_count = np.arange(len(own_label)), counts[own_label]
        is_alone = own_count <= 1
        own = distances[own_label, places] * own_count / np.where(is_alone, 1, own_count - 1)
        distances[own_label, places] = np.inf
        other = distances.min(axis=0)
        larger = np.maximum(own, other)
        has_value = ~is_alone & (larger > 0)
        each = np.where(has_value, other - own, 0) / np.where(has_value, larger, 1)
        total += float(each @ weights[some])
    return total / float(weights.sum())


def _sums(points: GridPoints, weights: Floats, labels: npt.NDArray[np.intp], *, k: int) -> Floats:
    """The weighted sums of the coordinates of every cluster, one row each."""
    layout, a = points.layout, len(points.layout.numbers)
    found = np.zeros((k, layout.width))
    for position, number in zip(layout.numbers, points.entries.T, strict=False):
        found[:, position] = np.bincount(labels, weights * number, minlength=k)
    for table, codes in zip(layout.tables, points.entries[:, a:].T.astype(np.intp), strict=True):
        values = len(table.coordinates)
        counts = np.bincount(labels * values + codes, weights, minlength=k * values)
        found[:, table.positions] = counts.reshape(k, values) @ table.coordinates
    return found


def rounded(index: float | None) -> float | None:
    """An index to six significant digits, at most nine decimals: the same on every processor."""
    if index is None:
        return None
    return round(float(f"{index:.{INDEX_DIGITS}g}"), INDEX_DECIMALS)


@dataclass(frozen=True)
class Gap:
    """The gap of one k and the standard error of its reference sets' mean."""

    gap: float
    error: float


def gaps(
    points: Floats,
    *,
    ks: Sequence[int],
    costs: Sequence[float],
    customers: int,
    refit: Refit,
    seed: int,
) -> list[Gap | None]:
    """The gap statistic: how much lower the logarithm of the cost is than without structure.

    Tibshirani, Walther and Hastie (2001), doi:10.1111/1467-9868.00293, variant (b): reference
    sets are uniform in a box along the principal axes of ``points``, equally weighted. After
    the logarithm, counts and amounts of one kind of customer lie in one hump with a lower
    bound, along correlated directions; a box along these is the flattest such hump, and so
    the one that k-means cuts best: what beats it is no artefact of skew or correlation.
    ``costs`` are those of ``customers`` in all. None where a cost is 0
    and where there are no more customers than k.
    """
    middle = points.mean(axis=0)
    _, _, axes = np.linalg.svd(points - middle, full_matrices=False)
    along = (points - middle) @ axes.T
    low, high = along.min(axis=0), along.max(axis=0)
    rows = min(REFERENCE_POINTS, customers)
    random = np.random.default_rng(seed)
    shape = rows, len(low)
    logs = np.array(
        [
            [_log_cost(random.uniform(low, high, shape), k, refit=refit, seed=seed) for k in ks]
            for _ in range(REFERENCES)
        ]
    )
    expected, errors = logs.mean(axis=0), logs.std(axis=0) * np.sqrt(1 + 1 / REFERENCES)
    return [
        Gap(float(log - np.log(cost / customers)), float(error))
        if cost > 0 and np.isfinite(log)
        else None
        for log, error, cost in zip(expected, errors, costs, strict=True)
    ]


def _log_cost(points: Floats, k: int, *, refit: Refit, seed: int) -> float:
    """The logarithm of the cost per point; not a number where each point has its own cluster."""
    if k >= len(points):
        return np.nan
    return float(np.log(refit(points, k, seed=seed, starts=STARTS).cost / len(points)))


def stability(
    points: Floats, labels: npt.NDArray[np.intp], *, k: int, refit: Refit, seed: int
) -> Floats | None:
    """Every cluster's mean Jaccard similarity with the most similar one of resampled customers.

    Hennig (2007), "Cluster-wise assessment of cluster stability",
    doi:10.1016/j.csda.2006.11.025, with the bootstrap: below 0.5 a cluster dissolves, up to
    0.75 it is no more than a pattern, above it is stable, from 0.85 on highly so. A resample
    is clustered anew, from random starts: starts at the centres of ``labels`` would lead back
    to them. ``points`` are equally weighted. None for k = 1, and where a cluster has none of
    the points, so that nothing is known of it.
    """
    if k == 1:
        return None
    own = np.eye(k, dtype=bool)[labels]
    if not own.any(axis=0).all():
        return None
    found = []
    random = np.random.default_rng(seed)
    for number in range(BOOTSTRAPS):
        times = np.bincount(random.integers(0, len(points), len(points)), minlength=len(points))
        resample = np.flatnonzero(times)
        if len(resample) <= k:
            return None
        refitted = refit(
            points[resample],
            k,
            seed=seed + number,
            starts=RESAMPLE_STARTS,
            weights=times[resample].astype(np.float64),
        )
        new = np.eye(k, dtype=np.float64)[refitted.labels]
        old = own[resample].astype(np.float64)
        both = old.T @ new
        either = old.sum(axis=0)[:, np.newaxis] + new.sum(axis=0) - both
        found.append((both / np.maximum(either, 1)).max(axis=1))
    result: Floats = np.mean(found, axis=0)
    return result


def _distances(points: Floats, centres: Floats) -> Floats:
    squares = (points**2).sum(axis=1)[:, np.newaxis] + (centres**2).sum(axis=1)
    found: Floats = np.sqrt(np.maximum(squares - 2 * points @ centres.T, 0))
    return found
