"""Centres for every k from a coreset: several kinds of starts compete, the cheapest wins."""

import warnings
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from functools import partial

import numpy as np
import pyarrow as pa
from pyspark.ml.clustering import KMeans
from pyspark.ml.feature import VectorAssembler
from pyspark.sql import DataFrame, SparkSession
from pyspark.util import inheritable_thread_target
from sklearn.cluster import KMeans as InMemoryKMeans
from sklearn.exceptions import ConvergenceWarning
from threadpoolctl import threadpool_limits

from segmentation.clustering.breathing import breathed
from segmentation.clustering.coreset import Coreset
from segmentation.clustering.lloyd import Partition, Points, refined

SIDE_BY_SIDE = 4
"""Fits under way at once. MLlib's are dozens of jobs of milliseconds, so cores would idle."""

MLLIB_ITERATIONS = 5
"""Few, as every start is iterated to rest in memory afterwards."""

RESTARTS = 16
EXACT_STEPS = 10


def fit_coreset(
    spark: SparkSession, coreset: Coreset, *, ks: Sequence[int], bits: int, seed: int
) -> dict[int, Points]:
    """The centres that cost the coreset least of all found, for every k: engine ``coreset``.

    For each k there compete MLlib's KMeans (k-means||), scikit-learn's best of several
    k-means++ starts, that one breathed, and the winner of k - 1 with its costliest cluster
    split. All are iterated to rest and compared in exact arithmetic. The fits run side by
    side; each is single-threaded and adds up in one order, so its result does not depend on
    the number of cores. There are no more centres than the coreset has points.
    """
    search = _Search(coreset, bits)
    filled = {k: min(k, len(coreset.points)) for k in ks}
    several = sorted({k for k in filled.values() if k > 1})
    with (
        _weighted_table(spark, search.scaled, search.weights) as table,
        # OpenMP holds a limit for the thread that sets it, so each of the pool's sets its own.
        ThreadPoolExecutor(SIDE_BY_SIDE, initializer=threadpool_limits, initargs=(1,)) as pool,
        threadpool_limits(1),
        warnings.catch_warnings(),
    ):
        warnings.simplefilter("ignore", ConvergenceWarning)  # fewer distinct centres are filled up
        inherit = inheritable_thread_target(spark)
        fits = [pool.submit(inherit(partial(_from_mllib, table, seed=seed)), k) for k in several]
        restarts = [pool.submit(search.restarted, k, seed=abs(seed) % 2**32) for k in several]
        best = {k: search.single() for k in filled.values() if k == 1}
        for k, fit, restart in zip(several, fits, restarts, strict=True):
            starts = [fit.result() * 2.0**bits, restart.result()]
            if k - 1 in best:
                starts.append(split_costliest(coreset, best[k - 1]))
            best[k] = search.cheapest(starts, clusters=k)
    return {k: best[filled[k]].means() for k in ks}


def split_costliest(coreset: Coreset, partition: Partition) -> Points:
    """The partition's centres with the one of the costliest cluster made two.

    The two lie on both sides of its mean, along its direction of largest variance, a
    standard deviation away: about where its halves would be.
    """
    labels, centres = coreset.labels(partition.centres), partition.means()
    costs, directions = [], []
    for i, mean in enumerate(centres):
        own = labels == i
        offsets, weights = coreset.points[own] - mean, coreset.weights[own]
        variances, axes = np.linalg.eigh((offsets.T * weights) @ offsets)
        costs.append(variances.sum())
        directions.append(axes[:, -1] * np.sqrt(variances[-1] / max(1, weights.sum())))
    costliest = int(np.argmax(costs))
    halves = centres[costliest] + np.outer([-1, 1], directions[costliest])
    return np.vstack([np.delete(centres, costliest, axis=0), halves])


class _Search:
    """scikit-learn on one coreset: starts in, partitions at rest out."""

    def __init__(self, coreset: Coreset, bits: int) -> None:
        self.coreset = coreset
        self.unit = 2.0**bits
        self.scaled = coreset.points / self.unit
        self.weights = coreset.weights / coreset.weights.mean()

    def single(self) -> Partition:
        """The partition into one cluster."""
        return refined(self.coreset, np.zeros((1, self.scaled.shape[1])), max_steps=1)[0]

    def restarted(self, clusters: int, *, seed: int) -> Points:
        """The best of several k-means++ starts, breathed."""
        kmeans = InMemoryKMeans(clusters, n_init=RESTARTS, random_state=seed)
        kmeans.fit(self.scaled, sample_weight=self.weights)
        centres = breathed(
            self.scaled,
            self.weights,
            kmeans.cluster_centers_,
            fit=self._fitted,
            random=np.random.default_rng(seed),
        )
        return np.rint(centres * self.unit)

    def cheapest(self, starts: Sequence[Points], *, clusters: int) -> Partition:
        """The cheapest of the partitions that the starts come to rest at."""
        return min((self._at_rest(start, clusters) for start in starts), key=Partition.cost)

    def _at_rest(self, start: Points, clusters: int) -> Partition:
        while len(start) < clusters:  # MLlib leaves out centres that coincide
            start = np.vstack([start, self.coreset.farthest(np.rint(start))])
        centres, _ = self._fitted(start / self.unit, tol=1e-6)
        return refined(self.coreset, np.rint(centres * self.unit), max_steps=EXACT_STEPS)[0]

    def _fitted(self, start: Points, *, tol: float = 1e-4) -> tuple[Points, float]:
        kmeans = InMemoryKMeans(len(start), init=start, n_init=1, tol=tol)
        kmeans.fit(self.scaled, sample_weight=self.weights)
        return kmeans.cluster_centers_, kmeans.inertia_


def _from_mllib(table: DataFrame, clusters: int, *, seed: int) -> Points:
    kmeans = KMeans(
        featuresCol="point",
        weightCol="weight",
        predictionCol="__cluster",
        k=clusters,
        seed=seed,
        maxIter=MLLIB_ITERATIONS,
    )
    return np.array(kmeans.fit(table).clusterCenters())


@contextmanager
def _weighted_table(spark: SparkSession, scaled: Points, weights: Points) -> Iterator[DataFrame]:
    """The coreset as one partition, so that MLlib adds it up in one order; kept in memory."""
    names = [f"x{j}" for j in range(scaled.shape[1])]
    columns: Mapping[str, Points] = {
        **dict(zip(names, scaled.T, strict=True)),
        "weight": weights,
    }
    assembler = VectorAssembler(inputCols=names, outputCol="point")
    points = spark.createDataFrame(pa.table(columns)).coalesce(1)
    table = assembler.transform(points).select("point", "weight").persist()
    try:
        yield table
    finally:
        table.unpersist()
