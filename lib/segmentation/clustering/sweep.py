"""The sweep: for every k of a range, the best partition found."""

from collections.abc import Mapping, Sequence

import numpy as np
from pyspark.ml.clustering import KMeans

from segmentation.clustering.lloyd import Population, fill_empty_clusters
from segmentation.model.spark_columns import PreparedCustomers
from segmentation.model.spark_vectors import SCALED, VectorStages
from segmentation.numerics.arrays import Points
from segmentation.numerics.partition import Partition

MAX_ITERATIONS = 20
"""MLlib's own default."""


def fit_all_rows(
    customers: PreparedCustomers,
    *,
    stages: VectorStages,
    ks: Sequence[int],
    seed: int,
) -> dict[int, list[Points]]:
    """The centres that Spark MLlib KMeans finds on all rows, for every k: engine ``mllib``.

    The literal loop, kept as the oracle of the other engine. ``stages`` turn the rows into
    vectors, which are kept in memory meanwhile, as every k reads them some thirty times. k = 1,
    which MLlib refuses, is the mean.
    """
    prepared = stages.model.transform(customers.rows).select(SCALED).persist()
    try:
        centres = {1: [np.zeros((1, customers.layout.width))]} if 1 in ks else {}
        for k in ks:
            if k > 1:
                kmeans = KMeans(
                    featuresCol=SCALED,
                    predictionCol="__cluster",
                    k=k,
                    seed=seed,
                    maxIter=MAX_ITERATIONS,
                )
                fitted = np.array(kmeans.fit(prepared).clusterCenters())
                centres[k] = [np.rint(stages.points(fitted))]
        return centres
    finally:
        prepared.unpersist()


def score(
    population: Population, candidates: Mapping[int, Sequence[Points]]
) -> tuple[Partition, ...]:
    """Every k's cheapest partition of all customers, in one pass; the cost never rises.

    ``candidates`` are one or more sets of centres for every k, ascending.

    A cost is computed from the counts and sums that the pass returns, an action's own
    result: MLlib's ``trainingCost`` comes from an accumulator that counts a retried task
    twice. It is the cost about the clusters' means, so never more than about the centres
    that made them. Where more clusters cost more, which a poor start can do, the smaller
    k's partition takes the place, with the customer farthest from its centre made a cluster.
    """
    partitions = iter(population.partitions([c for some in candidates.values() for c in some]))
    sweep: list[Partition] = []
    for k, some in candidates.items():
        cheapest = min((next(partitions) for _ in some), key=Partition.cost)
        _append(sweep, population, k, cheapest)
    return tuple(sweep)


def with_refined(
    population: Population, sweep: Sequence[Partition], refined: Partition
) -> tuple[Partition, ...]:
    """The sweep with one k's partition replaced by a refined one; its cost still never rises."""
    result: list[Partition] = []
    for partition in sweep:
        own = refined if partition.k == refined.k else partition
        _append(result, population, partition.k, own)
    return tuple(result)


def _append(sweep: list[Partition], population: Population, k: int, partition: Partition) -> None:
    """Append a partition, filled up to k clusters, or the last one with a cluster more for less."""
    best = partition
    if best.k < k or best.has_empty:
        best = fill_empty_clusters(population, best, clusters=k)
    if sweep and best.cost() > sweep[-1].cost():
        best = min(best, fill_empty_clusters(population, sweep[-1], clusters=k), key=Partition.cost)
    sweep.append(best)
