"""The evidence on k: every index for every k, and the well-separated groups."""

import os
import warnings
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, replace

import numpy as np
import sklearn
from sklearn.exceptions import ConvergenceWarning
from sklearn.metrics import adjusted_rand_score
from threadpoolctl import threadpool_limits

from segmentation.numerics.arrays import Floats
from segmentation.numerics.grid_points import GridPoints
from segmentation.results import CostPoint
from segmentation.selection import validity
from segmentation.selection.groups import STARTS, WIDE_STARTS, Groups, separate_groups
from segmentation.selection.imputation import Spike
from segmentation.selection.refit import Refit
from segmentation.selection.samples import Sample, labels_of, points_for_groups, sample_of
from segmentation.selection.validity import Clusters, rounded

FEW_DISTINCT_CUSTOMERS = 100
"""Up to this many distinct customers, resampling repeats them and shows little."""

MAX_KS = 30
"""The gap and stability, which refit hundreds of times, are computed for the first values of k."""


@dataclass(frozen=True)
class Evidence:
    """The cost curve with every index, and the well-separated groups.

    Indices are rounded (:func:`validity.rounded`), so that no processor changes a verdict.
    ``agreement`` is, for every k, the adjusted Rand index of the clusters with the groups;
    ``distinct_customers`` is the number of distinct points: of all customers where these are few.
    """

    curve: tuple[CostPoint, ...]
    groups: Groups
    agreement: Mapping[int, float]
    distinct_customers: int


def evidence_on_k(
    points: GridPoints,
    weights: Floats,
    *,
    clusters: Mapping[int, Clusters],
    refit: Refit,
    seed: int,
    spikes: Sequence[Spike] = (),
) -> Evidence:
    """The evidence from weighted points, and from the clusters of all customers.

    Parameters
    ----------
    points, weights
        A coreset in scaled units, in a fixed order; the weights add up to the customers.
    clusters
        For every k, ascending, the exact moments of its clusters.
    refit
        Fits the algorithm that made the clusters to resamples and reference sets.
    seed
        Of the resamples, the reference sets and the mixtures.
    spikes
        Of imputed values, which make no group: groups are counted as if all values were known.

    Wide points (:data:`~segmentation.numerics.projection.WIDE`) are seen on their leading
    principal components: resamples, reference sets and their costs, and the mixtures. The other
    indices and the labels are of all dimensions. Takes some ten seconds of one core for k up to
    12, whatever the number of customers and of dimensions.
    """
    ks, seed = list(clusters), abs(seed) % 2**32
    with _single_threaded_pool() as pool:  # the slowest tasks first
        sample = sample_of(points, weights, clusters=clusters)
        some, labels = sample.points, sample.labels
        groups = pool.submit(_groups, sample, spikes, refit=refit, seed=seed)
        first = ks[:MAX_KS]
        above_null = pool.submit(
            validity.gaps,
            some,
            ks=first,
            costs=[sample.costs[k] for k in first],
            customers=round(sum(clusters[ks[0]].counts)),
            refit=refit,
            seed=seed,
        )
        stability = {
            k: pool.submit(validity.stability, some, labels[k], k=k, refit=refit, seed=seed)
            for k in reversed(first)
        }
        silhouettes = [
            validity.silhouette(points, weights, labels_of(points, clusters[k]), k=k) for k in ks
        ]
        gaps = dict(zip(first, above_null.result(), strict=True))
        similar = {k: result.result() for k, result in stability.items()}
        found = groups.result()
    curve = [
        _point(clusters[k], k=k, silhouette=average, gap=gaps.get(k), similarities=similar.get(k))
        for k, average in zip(ks, silhouettes, strict=True)
    ]
    agreement = {k: round(adjusted_rand_score(found.labels, labels[k]), 9) for k in ks}
    return Evidence(
        _with_log_drops(curve), found, agreement, len(np.unique(points.entries, axis=0))
    )


def _groups(sample: Sample, spikes: Sequence[Spike], *, refit: Refit, seed: int) -> Groups:
    points = points_for_groups(sample, spikes, refit=refit, seed=seed)
    starts = STARTS if sample.projection is None else WIDE_STARTS
    return separate_groups(points, seed=seed, starts=starts)


def _point(
    clusters: Clusters,
    *,
    k: int,
    silhouette: float | None,
    gap: validity.Gap | None,
    similarities: Floats | None,
) -> CostPoint:
    """The indices of one k; ``similarities`` are the stabilities of its clusters."""
    return CostPoint(
        k=k,
        cost=clusters.cost,
        silhouette=rounded(silhouette),
        calinski_harabasz=rounded(validity.calinski_harabasz(clusters)),
        davies_bouldin=rounded(validity.davies_bouldin(clusters)),
        gap=None if gap is None else rounded(gap.gap),
        gap_error=None if gap is None else rounded(gap.error),
        stability=None if similarities is None else rounded(float(similarities.mean())),
        min_stability=None if similarities is None else rounded(float(similarities.min())),
        smallest_share=clusters.smallest_share,
    )


@contextmanager
def _single_threaded_pool() -> Iterator[ThreadPoolExecutor]:
    """Threads that compute on one core each, so that sums are always in one order."""
    with (
        ThreadPoolExecutor(os.cpu_count(), initializer=_single_threaded) as pool,
        threadpool_limits(1),
        warnings.catch_warnings(),
    ):
        warnings.simplefilter("ignore", ConvergenceWarning)  # fewer distinct points than clusters
        yield pool


def _single_threaded() -> None:
    """Settings that each thread makes for itself: one core, no check that points are finite."""
    threadpool_limits(1)
    sklearn.set_config(assume_finite=True, skip_parameter_validation=True)


def _with_log_drops(curve: Sequence[CostPoint]) -> tuple[CostPoint, ...]:
    """The curve with the drop in log cost from the k before, where both costs are positive."""
    result = []
    for i, point in enumerate(curve):
        before = curve[i - 1] if i else None
        has_drop = before is not None and point.cost > 0
        drop = rounded(float(np.log(before.cost / point.cost))) if before and has_drop else None
        result.append(replace(point, log_drop=drop))
    return tuple(result)
