"""The fitted model as a plain Spark ML PipelineModel, which labels customers without this project.

A SQLTransformer prepares, VectorAssembler and StandardScalerModel make the vector, KMeansModel
finds the nearest centre, and a last SQLTransformer turns its number into the segment's.
"""

import math
from collections.abc import Sequence
from datetime import date

import numpy as np
from pyspark.ml import PipelineModel
from pyspark.ml.base import Transformer
from pyspark.ml.clustering import KMeans, KMeansModel
from pyspark.ml.feature import SQLTransformer, StandardScaler, VectorAssembler
from pyspark.sql import SparkSession

from segmentation.model.expressions import Case, Expression, Literal, coalesce
from segmentation.model.fitted import FittedModel
from segmentation.model.preparation import ModelColumn, Preparation
from segmentation.model.rules import NearestPrototype
from segmentation.model.spark_columns import CLUSTER
from segmentation.model.spark_sql import TODAY, date_literal, spark_sql
from segmentation.numerics.arrays import Points
from segmentation.numerics.grid_points import GridPoints
from segmentation.numerics.vectors import vector_table
from segmentation.schemas import SEGMENT

POWERS = 400
"""The model's vectors are made of units from two to minus this to two to this."""

PREPARED, IS_USABLE, FEATURES, SCALED = "__prepared_", "__is_usable", "__features", "__scaled"

ENSURED = f"NATURAL LEFT JOIN (SELECT NULL AS {SEGMENT} WHERE false)"
"""Gives a table the column ``segment`` if it has none, so that SQL may leave it out either way.
The side without rows leaves every row as it is, and Spark's optimiser takes the join away."""


def pipeline_model(spark: SparkSession, model: FittedModel) -> PipelineModel:
    """A model that adds the column ``segment`` to customers, and no other; it replaces one there.

    Where a row breaks a rule of the preparation its segment is null.
    """
    preparation = model.preparation
    match model.rule:
        case NearestPrototype():
            centres = model.rule.points
        case _:
            raise TypeError(f"no Spark ML stage for {model.rule!r}")
    dropped = [*_prepared_columns(preparation), FEATURES, IS_USABLE, SCALED, SEGMENT]
    scaled = centres / 2.0**preparation.bits
    if len(centres) == 1:  # KMeans refuses k = 1
        segment, clustering = "0", []
    else:
        kmeans = _kmeans(spark, scaled)
        segment, clustering = _segment_of_cluster(kmeans, scaled), [kmeans]
        dropped.append(CLUSTER)
    select = (
        f"SELECT * EXCEPT ({', '.join(dropped)}), "  # noqa: S608 - every name in it is our own
        f"CASE WHEN {IS_USABLE} THEN {segment} END AS {SEGMENT} FROM __THIS__ {ENSURED}"
    )
    stages = preparation_stages(spark, preparation)
    return PipelineModel([*stages, *clustering, SQLTransformer(statement=select)])


def preparation_stages(spark: SparkSession, preparation: Preparation) -> list[Transformer]:
    """The preparation as Spark ML stages: input columns to the vector column ``SCALED``.

    ``SCALED`` holds the coordinates times ``2**-bits``, exactly. ``IS_USABLE`` is false where
    a rule is broken; a column without a value is 0, as MLlib's KMeans stops at a NaN. Centring
    comes before rounding, so that a mean far from 0 takes no digits from the grid; the scaler
    divides.
    """
    coordinates = _coordinates(preparation)
    values = [
        f"{spark_sql(_unscaled(coordinate, column, preparation.bits))} AS {name}"
        for coordinate, column, name in zip(
            coordinates, preparation.columns, _prepared_columns(preparation), strict=True
        )
    ]
    # One flat CASE, and not a chain of ANDs, which is as deep as it is long.
    broken = [condition for _, _, condition in preparation.rules]
    broken += [coordinate.is_null() for coordinate in coordinates]
    cases = " ".join(f"WHEN {spark_sql(condition)} THEN false" for condition in broken)
    statement = (
        f"SELECT *, {', '.join(values)}, "  # noqa: S608 - names are quoted
        f"CASE {cases} ELSE true END AS {IS_USABLE} FROM __THIS__"
    )
    assembler = VectorAssembler(inputCols=_prepared_columns(preparation), outputCol=FEATURES)
    return [SQLTransformer(statement=statement), assembler, _scaler(spark, preparation.columns)]


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


def _coordinates(preparation: Preparation) -> list[Expression]:
    """Every coordinate, null where the row breaks a rule of its feature."""
    layout, entries = preparation.layout, preparation.entries()
    found = dict(zip(layout.numbers, entries, strict=False))
    for table, code in zip(layout.tables, entries[len(layout.numbers) :], strict=True):
        for j, column in enumerate(table.coordinates.T.tolist()):
            cases = tuple((code.equals(float(i)), Literal(each)) for i, each in enumerate(column))
            found[table.first + j] = Case(cases)
    return [found[j] for j in sorted(found)]


def _prepared_columns(preparation: Preparation) -> list[str]:
    return [f"{PREPARED}{j}" for j in range(len(preparation.columns))]


def _unscaled(coordinate: Expression, column: ModelColumn, bits: int) -> Expression:
    """What the scaler makes the coordinate of; 0 for a null."""
    return coalesce(coordinate * Literal(_power(column) / 2.0**bits), 0.0)


def _scaler(spark: SparkSession, columns: Sequence[ModelColumn]) -> Transformer:
    """A StandardScalerModel that divides by each column's power of two, and so exactly.

    It is fitted to the rows ``-power``, 0 and ``power``, whose mean is 0 and whose sample
    deviation is ``power``, without any rounding.
    """
    rows = np.outer([-1, 0, 1], [_power(column) for column in columns])
    scaler = StandardScaler(inputCol=FEATURES, outputCol=SCALED, withMean=True, withStd=True)
    return scaler.fit(vector_table(spark, rows, column=FEATURES))


def _power(column: ModelColumn) -> float:
    """The power of two nearest to a column's unit, as far as squares of it are ordinary doubles.

    By a unit itself the model's vectors would be a bit off the grid, and a customer's distances
    to two centres in another order than in the table.
    """
    exponent = math.frexp(column.unit)[1]
    return float(2.0 ** max(-POWERS, min(POWERS, exponent)))


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
    order = GridPoints.of(found).nearest(centres).tolist()
    if not np.array_equal(centres[order], found) or len(set(order)) < len(centres):
        raise RuntimeError(f"the frozen centres {found.tolist()} are not {centres.tolist()}")
    cases = " ".join(f"WHEN {cluster} THEN {segment}" for cluster, segment in enumerate(order))
    return f"CASE {CLUSTER} {cases} END"
