"""The sweep: for every k of a range, the best partition found and its exact cost."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from pyspark.ml import PipelineModel
from pyspark.ml.base import Transformer
from pyspark.ml.clustering import KMeans
from pyspark.sql import DataFrame

from segmentation.clustering.lloyd import Partition, Population, fill_empty_clusters
from segmentation.numerics.arrays import Points

MAX_ITERATIONS = 20
"""MLlib's own default."""


@dataclass(frozen=True)
class SweepPoint:
    """A partition into k clusters, and its cost in squared scaled units."""

    k: int
    partition: Partition
    cost: float


def fit_all_rows(
    rows: DataFrame,
    *,
    stages: Sequence[Transformer],
    vector: str,
    width: int,
    ks: Sequence[int],
    bits: int,
    seed: int,
) -> dict[int, list[Points]]:
    """The centres that Spark MLlib KMeans finds on all rows, for every k: engine ``mllib``.

    The literal loop, kept as the oracle of the other engine. ``stages`` turn ``rows`` into
    the column ``vector``, the ``width`` coordinates times ``2**-bits``. The rows are kept in memory
    meanwhile, as every k reads them some thirty times. k = 1, which MLlib refuses, is the
    mean.
    """
    prepared = PipelineModel(list(stages)).transform(rows).select(vector).persist()
    try:
        centres = {1: [np.zeros((1, width))]} if 1 in ks else {}
        for k in ks:
            if k > 1:
                kmeans = KMeans(
                    featuresCol=vector,
                    predictionCol="__cluster",
                    k=k,
                    seed=seed,
                    maxIter=MAX_ITERATIONS,
                )
                fitted = np.array(kmeans.fit(prepared).clusterCenters())
                centres[k] = [np.rint(fitted * 2.0**bits)]
        return centres
    finally:
        prepared.unpersist()


def score(
    population: Population, candidates: Mapping[int, Sequence[Points]], *, bits: int
) -> tuple[SweepPoint, ...]:
    """Every k's cheapest partition of all customers and its cost, in one pass; never rising.

    ``candidates`` are one or more sets of centres for every k.

    A cost is computed from the counts and sums that the pass returns, an action's own
    result: MLlib's ``trainingCost`` comes from an accumulator that counts a retried task
    twice. It is the cost about the clusters' means, so never more than about the centres
    that made them. Where more clusters cost more, which a poor start can do, the smaller
    k's partition takes the place, with the customer farthest from its centre made a cluster.
    """
    partitions = iter(population.partitions([c for some in candidates.values() for c in some]))
    swept: list[SweepPoint] = []
    for k, some in candidates.items():
        cheapest = min((next(partitions) for _ in some), key=Partition.cost)
        _append(swept, population, k, cheapest, bits=bits)
    return tuple(swept)


def with_refined(
    population: Population, swept: Sequence[SweepPoint], refined: Partition, *, bits: int
) -> tuple[SweepPoint, ...]:
    """The sweep with one k's partition replaced by a refined one; it still never rises."""
    result: list[SweepPoint] = []
    for point in swept:
        own = refined if point.k == len(refined.counts) else point.partition
        _append(result, population, point.k, own, bits=bits)
    return tuple(result)


def _append(
    swept: list[SweepPoint], population: Population, k: int, partition: Partition, *, bits: int
) -> None:
    """Append a partition, filled up to k clusters, or what grows from the last one for less."""
    best = partition
    if len(best.counts) < k or best.has_empty:
        best = fill_empty_clusters(population, best, clusters=k)
    if swept and best.cost() > swept[-1].partition.cost():
        best = min(
            best,
            fill_empty_clusters(population, swept[-1].partition, clusters=k),
            key=Partition.cost,
        )
    swept.append(SweepPoint(k, best, float(best.cost() / 4**bits)))
