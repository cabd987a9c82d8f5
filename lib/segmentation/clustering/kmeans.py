"""Centres for every k from a coreset: several kinds of starts compete, the cheapest win."""

import os
import warnings
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import replace
from functools import partial

import numpy as np
import sklearn
from pyspark.ml.clustering import KMeans, KMeansModel
from pyspark.sql import DataFrame, SparkSession
from pyspark.util import inheritable_thread_target
from sklearn.exceptions import ConvergenceWarning
from threadpoolctl import threadpool_limits

from segmentation.clustering.coreset import Coreset
from segmentation.clustering.search import Optimum, cheapest, split_and_merge
from segmentation.clustering.starts import Search, search_of
from segmentation.numerics.arrays import Points
from segmentation.numerics.vectors import WEIGHT, vector_table

POINT = "point"

MLLIB_THREADS = 12
"""Concurrent fits. Each of MLlib's is half a dozen jobs of milliseconds: cores would idle."""

MLLIB_ITERATIONS = 1
"""As few as possible, and from a random start: MLlib's k-means|| and each iteration are Spark jobs
of their own, and every start is iterated in memory afterwards."""

RESTARTS, MIN_RESTARTS = 60, 2
"""k-means++ starts that the values of k share, and how many each has at least: the wider the
range, the more each learns from its neighbours."""

K_PADDING = 2
"""Values of k below and above the range that are searched too, as neighbours."""


def fit_coreset(
    spark: SparkSession, coreset: Coreset, *, ks: Sequence[int], bits: int, seed: int
) -> dict[int, list[Points]]:
    """Some sets of centres for every k, the cheapest for the coreset first: engine ``coreset``.

    For each k, MLlib's KMeans, k-means++ starts of scikit-learn, the optima of k - 1 with a
    cluster split and those of k + 1 with two merged compete. All are iterated until they
    converge; the cheapest is returned with what is nearly as cheap, in exact arithmetic. The fits
    run side by side; each is single-threaded and adds up in one order, so its result does not
    depend on the number of cores. There are no more centres than the coreset has points.
    """
    search = search_of(coreset, bits)
    filled = {k: min(k, len(coreset.points)) for k in ks}
    wanted = sorted(set(filled.values()))
    found = find_optima(spark, search, ks=wanted, seed=seed)
    with _threads(os.cpu_count()) as in_memory:
        kept = in_memory.map(search.exact, [found[k] for k in wanted])
        exact = dict(zip(wanted, kept, strict=True))
    return {k: [partition.means() for partition in exact[filled[k]]] for k in ks}


def find_optima(
    spark: SparkSession, search: Search, *, ks: Sequence[int], seed: int
) -> dict[int, list[Optimum]]:
    """For each k the cheapest local optima of all starts, the cheapest first.

    No k is above the number of the coreset's points. Neighbours of the range are searched too.
    """
    asked = [k for k in ks if k > 1]
    lowest, highest = min(ks) - K_PADDING, max(ks) + K_PADDING
    searched = range(max(1, lowest), min(highest, len(search.coreset.points)) + 1)
    starts = max(MIN_RESTARTS, RESTARTS // len(searched))
    with (
        _persisted(
            vector_table(spark, search.scaled, column=POINT, weights=search.weights)
        ) as table,
        _threads(MLLIB_THREADS) as in_spark,
        _threads(os.cpu_count()) as in_memory,
    ):
        fitted = inheritable_thread_target(spark)(partial(_mllib_fit, table, seed=seed))
        by_mllib = [in_spark.submit(fitted, k) for k in asked]
        restarted = partial(search.restarted, starts=starts, seed=abs(seed) % 2**32)
        found = split_and_merge(
            dict(zip(searched, in_memory.map(restarted, searched), strict=True)),
            search.scaled,
            search.weights,
            fit=partial(in_memory.map, search.converged),
        )
        # Asked for here: over Connect, Spark 4.0 knows a model in its session's thread only.
        centres = [np.array(fit.result().clusterCenters()) for fit in by_mllib]
        for k, optimum in zip(asked, in_memory.map(search.filled_up, centres, asked), strict=True):
            found[k] = cheapest([*found[k], replace(optimum, origin="mllib")])
    return {k: found[k] for k in ks}


@contextmanager
def _threads(count: int | None) -> Iterator[ThreadPoolExecutor]:
    """Threads for the fits; pending ones are cancelled if one fails or the job stops."""
    pool = ThreadPoolExecutor(count, initializer=_work_alone)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)  # fewer distinct centres are completed
        try:
            yield pool
        finally:
            pool.shutdown(cancel_futures=True)


def _work_alone() -> None:
    """Set up a thread: one core, and no second check that points are finite."""
    threadpool_limits(1)
    sklearn.set_config(assume_finite=True, skip_parameter_validation=True)


@contextmanager
def _persisted(table: DataFrame) -> Iterator[DataFrame]:
    """The table, in Spark's memory for the length of the block."""
    table.persist()
    try:
        yield table
    finally:
        table.unpersist()


def _mllib_fit(table: DataFrame, clusters: int, *, seed: int) -> KMeansModel:
    kmeans = KMeans(
        featuresCol=POINT,
        weightCol=WEIGHT,
        predictionCol="__cluster",
        k=clusters,
        seed=seed,
        initMode="random",
        maxIter=MLLIB_ITERATIONS,
        solver="row",  # else it first reads all rows once to choose
    )
    return kmeans.fit(table)
