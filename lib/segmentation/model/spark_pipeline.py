"""The frozen model: a plain Spark ML PipelineModel that labels customers without this project."""

from collections.abc import Sequence

import numpy as np
from pyspark.ml import PipelineModel
from pyspark.ml.base import Transformer
from pyspark.ml.clustering import KMeans, KMeansModel
from pyspark.ml.feature import SQLTransformer
from pyspark.sql import SparkSession

from segmentation.model.spark_columns import CLUSTER
from segmentation.numerics.arrays import Points
from segmentation.numerics.vectors import vector_table
from segmentation.schemas import SEGMENT

ENSURED = f"NATURAL LEFT JOIN (SELECT NULL AS {SEGMENT} WHERE false)"
"""Gives a table the column ``segment`` if it has none, so that SQL may leave it out either way.
The side without rows leaves every row as it is, and Spark's optimiser takes the join away."""


def freeze(
    spark: SparkSession,
    *,
    stages: Sequence[Transformer],
    added: Sequence[str],
    is_usable: str,
    vector: str,
    centres: Points,
    bits: int,
) -> PipelineModel:
    """A model that adds the column ``segment`` to customers, and no other; it replaces one there.

    ``centres`` are grid points, in the order of the segments; ``stages`` add ``vector``,
    the boolean ``is_usable`` and the columns ``added``. Where ``is_usable`` is false the
    segment is null.
    """
    dropped = [*added, is_usable, vector, SEGMENT]
    if len(centres) == 1:  # KMeans refuses k = 1
        segment, clustering = "0", []
    else:
        kmeans = _kmeans(spark, centres / 2.0**bits, vector=vector)
        segment, clustering = _segment_of_cluster(kmeans, centres / 2.0**bits), [kmeans]
        dropped.append(CLUSTER)
    select = (
        f"SELECT * EXCEPT ({', '.join(dropped)}), "  # noqa: S608 - every name in it is our own
        f"CASE WHEN {is_usable} THEN {segment} END AS {SEGMENT} FROM __THIS__ {ENSURED}"
    )
    return PipelineModel([*stages, *clustering, SQLTransformer(statement=select)])


def _kmeans(spark: SparkSession, centres: Points, *, vector: str) -> KMeansModel:
    """A KMeansModel with just these centres, in an order of its own.

    spark.ml cannot be given centres, but ``initMode="random"`` on exactly k rows draws all of
    them, and one iteration leaves each where it is.
    """
    return KMeans(
        featuresCol=vector,
        predictionCol=CLUSTER,
        k=len(centres),
        initMode="random",
        maxIter=1,
        seed=0,
        solver="row",  # else it first reads the rows once to choose
    ).fit(vector_table(spark, centres, column=vector))


def _segment_of_cluster(kmeans: KMeansModel, centres: Points) -> str:
    """The SQL that turns the model's cluster number into the position of its centre."""
    found = np.array(kmeans.clusterCenters())
    order = [int(np.argmin(((centres - centre) ** 2).sum(axis=1))) for centre in found]
    if not np.array_equal(centres[order], found) or len(set(order)) < len(centres):
        raise RuntimeError(f"the frozen centres {found.tolist()} are not {centres.tolist()}")
    cases = " ".join(f"WHEN {cluster} THEN {segment}" for cluster, segment in enumerate(order))
    return f"CASE {CLUSTER} {cases} END"
