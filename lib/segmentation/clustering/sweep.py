"""The sweep: for every k of a range, centres and the exact cost that they have on all rows."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from pyspark.ml import PipelineModel
from pyspark.ml.base import Transformer
from pyspark.ml.clustering import KMeans
from pyspark.sql import DataFrame

from segmentation.clustering.lloyd import Partition, Points, grown, partitions

MAX_ITERATIONS = 20
"""MLlib's own default."""


@dataclass(frozen=True)
class Swept:
    """The best partition found into k clusters, and its cost in squared scaled units."""

    k: int
    partition: Partition
    cost: float


def sweep(
    rows: DataFrame,
    *,
    coordinates: Sequence[str],
    bits: int,
    stages: Sequence[Transformer],
    vector: str,
    ks: Sequence[int],
    seed: int,
) -> tuple[Swept, ...]:
    """Spark MLlib KMeans on all rows for every k, then one pass that costs them all.

    ``stages`` turn ``rows`` into the column ``vector``, which holds the coordinates times
    ``2**-bits``. The rows are kept in memory meanwhile, as every k reads them about thirty
    times. A cost is computed from the counts and sums of that pass, an action's own result:
    MLlib's ``trainingCost`` comes from an accumulator that counts a retried task twice. It
    is the cost about the clusters' means, never more than about the centres themselves, and
    never rises with k.
    """
    prepared = PipelineModel(list(stages)).transform(rows).select(vector, *coordinates).persist()
    try:
        centre_sets = [_fitted(prepared, vector=vector, k=k, bits=bits, seed=seed) for k in ks]
        found = partitions(prepared, coordinates, centre_sets)
        return _falling(prepared, coordinates, ks, found, bits=bits)
    finally:
        prepared.unpersist()


def _fitted(prepared: DataFrame, *, vector: str, k: int, bits: int, seed: int) -> Points:
    """The centres that MLlib finds, on the grid. It refuses k = 1, whose centre is the mean."""
    if k == 1:
        return np.zeros((1, _width(prepared)))
    model = KMeans(
        featuresCol=vector, predictionCol="__cluster", k=k, seed=seed, maxIter=MAX_ITERATIONS
    ).fit(prepared)
    return np.rint(np.array(model.clusterCenters()) * 2.0**bits)


def _width(prepared: DataFrame) -> int:
    return len(prepared.columns) - 1


def _falling(
    rows: DataFrame,
    coordinates: Sequence[str],
    ks: Sequence[int],
    found: Sequence[Partition],
    *,
    bits: int,
) -> tuple[Swept, ...]:
    """The partitions with their costs, one that costs more than a smaller k's replaced."""
    swept: list[Swept] = []
    for k, partition in zip(ks, found, strict=True):
        best = partition
        if swept and (partition.cost() > swept[-1].partition.cost() or len(best.counts) < k):
            best = min(
                grown(rows, coordinates, swept[-1].partition, clusters=k),
                partition,
                key=Partition.cost,
            )
        swept.append(Swept(k, best, float(best.cost() / 4**bits)))
    return tuple(swept)
