"""The fitted model as a plain Spark ML PipelineModel, which labels customers without this project.

The stages of the preparation make the vector, KMeansModel finds the nearest centre, and a last
SQLTransformer turns its number into the segment's.
"""

from datetime import date

import numpy as np
from pyspark.ml import PipelineModel
from pyspark.ml.base import Transformer
from pyspark.ml.clustering import KMeans, KMeansModel
from pyspark.ml.feature import SQLTransformer
from pyspark.sql import SparkSession

from segmentation.model.fitted import FittedModel
from segmentation.model.rules import NearestPrototype
from segmentation.model.spark_columns import CLUSTER
from segmentation.model.spark_sql import TODAY, date_literal
from segmentation.model.spark_vectors import SCALED, preparation_stages
from segmentation.numerics.arrays import Points
from segmentation.numerics.nearest import nearest
from segmentation.numerics.vectors import vector_table
from segmentation.schemas import SEGMENT

ENSURED = f"NATURAL LEFT JOIN (SELECT NULL AS {SEGMENT} WHERE false)"
"""Gives a table the column ``segment`` if it has none, so that SQL may leave it out either way.
The side without rows leaves every row as it is, and Spark's optimiser takes the join away."""


def pipeline_model(spark: SparkSession, model: FittedModel) -> PipelineModel:
    """A model that adds the column ``segment`` to customers, and no other; it replaces one there.

    Where a row breaks a rule of the preparation its segment is null.
    """
    match model.rule:
        case NearestPrototype():
            centres = model.rule.points
        case _:
            raise TypeError(f"no Spark ML stage for {model.rule!r}")
    prepared = preparation_stages(spark, model.preparation)
    vectors = prepared.vectors(centres)
    dropped = [*prepared.columns, SEGMENT]
    if len(centres) == 1:  # KMeans refuses k = 1
        segment, clustering = "0", []
    else:
        kmeans = _kmeans(spark, vectors)
        segment, clustering = _segment_of_cluster(kmeans, vectors), [kmeans]
        dropped.append(CLUSTER)
    select = (
        f"SELECT * EXCEPT ({', '.join(dropped)}), "  # noqa: S608 - every name in it is our own
        f"CASE WHEN {prepared.is_usable} THEN {segment} END AS {SEGMENT} FROM __THIS__ {ENSURED}"
    )
    return PipelineModel([*prepared.stages, *clustering, SQLTransformer(statement=select)])


def at_day(model: PipelineModel, day: date | None) -> PipelineModel:
    """A model whose dates count from the day of scoring, as if that were another day."""
    if day is None:
        return model
    return PipelineModel([_at_day(stage, day) for stage in model.stages])


def _at_day(stage: Transformer, day: date) -> Transformer:
    statement = stage.getStatement() if isinstance(stage, SQLTransformer) else None
    if statement is None or TODAY not in statement:
        return stage
    return SQLTransformer(statement=statement.replace(TODAY, date_literal(day)))


def _kmeans(spark: SparkSession, centres: Points) -> KMeansModel:
    """A KMeansModel with just these centres, in an order of its own.

    spark.ml cannot be given centres, but ``initMode="random"`` on exactly k rows draws all of
    them, and one iteration leaves each where it is.
    """
    return KMeans(
        featuresCol=SCALED,
        predictionCol=CLUSTER,
        k=len(centres),
        initMode="random",
        maxIter=1,
        seed=0,
        solver="row",  # else it first reads the rows once to choose
    ).fit(vector_table(spark, centres, column=SCALED))


def _segment_of_cluster(kmeans: KMeansModel, centres: Points) -> str:
    """The SQL that turns the model's cluster number into the position of its centre."""
    found = np.array(kmeans.clusterCenters())
    order = nearest(found, centres).tolist()
    if not np.array_equal(centres[order], found) or len(set(order)) < len(centres):
        raise RuntimeError(f"the frozen centres {found.tolist()} are not {centres.tolist()}")
    cases = " ".join(f"WHEN {cluster} THEN {segment}" for cluster, segment in enumerate(order))
    return f"CASE {CLUSTER} {cases} END"
