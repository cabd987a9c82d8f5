"""Centres for every k from a coreset: several kinds of starts compete, the cheapest wins."""

import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from functools import partial
from typing import TypeVar

import numpy as np
import numpy.typing as npt
import pyarrow as pa
from pyspark.ml.clustering import KMeans, KMeansModel
from pyspark.ml.feature import VectorAssembler
from pyspark.sql import DataFrame, SparkSession
from pyspark.util import inheritable_thread_target
from sklearn.cluster import KMeans as InMemoryKMeans
from sklearn.exceptions import ConvergenceWarning
from sklearn.metrics import adjusted_rand_score
from threadpoolctl import threadpool_limits

from segmentation.clustering.breathing import breathed
from segmentation.clustering.coreset import Coreset
from segmentation.clustering.lloyd import Partition, Points, refined

SIDE_BY_SIDE = 12
"""Fits under way at once. MLlib's are half a dozen jobs of milliseconds: cores would idle."""

MLLIB_ITERATIONS = 1
"""As few as may be, and from a random start: MLlib's k-means|| and each iteration are Spark jobs
of their own, and every start is iterated to rest in memory afterwards."""

RESTARTS = 16
EXACT_STEPS = 10

CANDIDATES = 2
CLOSE, ALIKE = 1.02, 0.96
"""So many partitions go on to be measured on all rows, if they cost the coreset at most
``CLOSE`` times the cheapest: a sample may rank two that are as near as that the wrong way
round. Two whose labels have at least ``ALIKE`` as adjusted Rand index are one local optimum,
reached by two ways: measured with 12 features, those of one had 0.968, of two at most 0.955."""


def fit_coreset(
    spark: SparkSession, coreset: Coreset, *, ks: Sequence[int], bits: int, seed: int
) -> dict[int, list[Points]]:
    """Some sets of centres for every k, the cheapest for the coreset first: engine ``coreset``.

    For each k there compete MLlib's KMeans, the best of several k-means++ starts of
    scikit-learn's, the best of all breathed, and the winner of k - 1 with its costliest cluster
    split. All are iterated to rest and compared in exact arithmetic; the cheapest is
    returned with what is nearly as cheap. The fits run side by side; each is single-threaded
    and adds up in one order, so its result does not depend on the number of cores. There are
    no more centres than the coreset has points.
    """
    search = _Search(coreset, bits)
    filled = {k: min(k, len(coreset.points)) for k in ks}
    several = sorted({k for k in filled.values() if k > 1})
    with (
        _weighted_table(spark, search.scaled, search.weights) as table,
        _side_by_side() as pool,
        threadpool_limits(1),
        warnings.catch_warnings(),
    ):
        warnings.simplefilter("ignore", ConvergenceWarning)  # fewer distinct centres are filled up
        inherit = inheritable_thread_target(spark)
        fits = [
            (
                pool.submit(inherit(partial(_fitted_by_mllib, table, seed=seed)), k),
                pool.submit(search.restarted, k, seed=abs(seed) % 2**32),
            )
            for k in several
        ]
        found = {k: [search.single()] for k in filled.values() if k == 1}
        for k, (fit, restart) in zip(several, fits, strict=True):
            # Asked for here: over Connect, Spark 4.0 knows a model in its session's thread only.
            from_mllib = np.array(fit.result().clusterCenters()) * 2.0**bits
            partitions = [search.at_rest(from_mllib, k), *restart.result()]
            if k - 1 in found:
                split = split_costliest(coreset, found[k - 1][0])
                partitions.append(search.at_rest(split, k))
            found[k] = cheapest(coreset, partitions)
    return {k: [partition.means() for partition in found[filled[k]]] for k in ks}


@contextmanager
def _side_by_side() -> Iterator[ThreadPoolExecutor]:
    """Threads for the fits; those that have not begun are dropped if one fails or the job stops."""
    # OpenMP holds a limit for the thread that sets it, so each sets its own.
    pool = ThreadPoolExecutor(SIDE_BY_SIDE, initializer=threadpool_limits, initargs=(1,))
    try:
        yield pool
    finally:
        pool.shutdown(cancel_futures=True)


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


Found = TypeVar("Found")


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

    def restarted(self, clusters: int, *, seed: int) -> list[Partition]:
        """The best of several k-means++ starts as they are, and the very best breathed."""
        fits = [
            InMemoryKMeans(clusters, n_init=1, random_state=one).fit(
                self.scaled, sample_weight=self.weights
            )
            for one in np.random.SeedSequence(seed).generate_state(RESTARTS).tolist()
        ]
        different = _different(fits, cost=lambda fit: fit.inertia_, labels=lambda fit: fit.labels_)
        centres = breathed(
            self.scaled,
            self.weights,
            different[0].cluster_centers_,
            fit=self._fitted,
            random=np.random.default_rng(seed),
        )
        starts = [centres, *(fit.cluster_centers_ for fit in different)]
        return [self.at_rest(np.rint(start * self.unit), clusters) for start in starts]

    def at_rest(self, start: Points, clusters: int) -> Partition:
        """What a start, in grid units, comes to rest at."""
        while len(start) < clusters:  # MLlib leaves out centres that coincide
            start = np.vstack([start, self.coreset.farthest(np.rint(start))])
        centres, _ = self._fitted(start / self.unit, tol=1e-6)
        return refined(self.coreset, np.rint(centres * self.unit), max_steps=EXACT_STEPS)[0]

    def _fitted(self, start: Points, *, tol: float = 1e-4) -> tuple[Points, float]:
        kmeans = InMemoryKMeans(len(start), init=start, n_init=1, tol=tol)
        kmeans.fit(self.scaled, sample_weight=self.weights)
        return kmeans.cluster_centers_, kmeans.inertia_


def cheapest(coreset: Coreset, partitions: Sequence[Partition]) -> list[Partition]:
    """The cheapest of the partitions, and any other that is close to it."""
    different = _different(
        partitions,
        cost=lambda partition: float(partition.cost()),
        labels=lambda partition: coreset.labels(partition.centres),
    )
    highest = CLOSE * float(different[0].cost())
    return [partition for partition in different if float(partition.cost()) <= highest]


def _different(
    found: Sequence[Found],
    *,
    cost: Callable[[Found], float],
    labels: Callable[[Found], npt.NDArray[np.intp]],
) -> list[Found]:
    """The cheapest that are different local optima, at most ``CANDIDATES``."""
    kept: list[Found] = []
    for one in sorted(found, key=cost):
        if all(adjusted_rand_score(labels(one), labels(other)) < ALIKE for other in kept):
            kept.append(one)
        if len(kept) == CANDIDATES:
            break
    return kept


def _fitted_by_mllib(table: DataFrame, clusters: int, *, seed: int) -> KMeansModel:
    kmeans = KMeans(
        featuresCol="point",
        weightCol="weight",
        predictionCol="__cluster",
        k=clusters,
        seed=seed,
        initMode="random",
        maxIter=MLLIB_ITERATIONS,
    )
    return kmeans.fit(table)


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
