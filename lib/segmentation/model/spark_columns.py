"""The model in Spark's own columns: expressions, and every row's nearest and second nearest centre.

Coordinates and centres are whole numbers, so squared distances and ties are exact.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import reduce
from operator import add

import numpy as np
import numpy.typing as npt
from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from segmentation.model.expressions import Expression
from segmentation.model.rules import LabellingRule, NearestPrototype
from segmentation.model.spark_sql import spark_sql

CLUSTER, SQUARE = "__cluster", "__square"
SECOND_CLUSTER, SECOND_SQUARE = "__second_cluster", "__second_square"


@dataclass(frozen=True)
class PreparedCustomers:
    """The usable customers as points of the grid: a table, and the bounds of what is in it.

    Attributes
    ----------
    rows
        One row per customer: the input's columns, and the ``coordinates``, whole numbers in
        doubles, their mean at 0 up to rounding.
    coordinates
        The names of the coordinate columns.
    bits
        A grid step is ``2**-bits`` scaled units.
    count
        The number of rows.
    distinct
        About how many rows differ before they are rounded to the grid.
    sum_squared_norms
        The sum of the squared norms of all points, in grid units.
    max_distance
        A bound on the distance between two customers, in scaled units.
    """

    rows: DataFrame
    coordinates: tuple[str, ...]
    bits: int
    count: int
    distinct: int
    sum_squared_norms: float
    max_distance: float


def spark_column(expression: Expression) -> Column:
    """The expression as a column of a table."""
    return F.expr(spark_sql(expression))


def with_assignment(rows: DataFrame, coordinates: Sequence[str], rule: LabellingRule) -> DataFrame:
    """The table plus each row's segment and the next best one, as ``rule`` assigns them. Lazy.

    See :func:`with_nearest` for the columns.
    """
    match rule:
        case NearestPrototype():
            return with_nearest(rows, coordinates, rule.points)
        case _:
            raise TypeError(f"no Spark columns for {rule!r}")


def with_nearest(
    rows: DataFrame, coordinates: Sequence[str], centres: npt.NDArray[np.float64]
) -> DataFrame:
    """The table plus each row's nearest centre and its squared distance, in grid units.

    Adds ``CLUSTER`` (position of the centre, the first of equals) and ``SQUARE``, and the
    same for the second nearest, null where there is a single centre. Replaces no column.
    """
    names = [f"__square_{i}" for i in range(len(centres))]
    squares = [
        _square(coordinates, centre).alias(name)
        for name, centre in zip(names, centres, strict=True)
    ]
    measured = rows.select("*", *squares).withColumn(SQUARE, _least([F.col(n) for n in names]))
    nearest = measured.withColumn(CLUSTER, _position(names, F.col(SQUARE)))
    others = [
        F.when(F.col(CLUSTER) != i, F.col(name)) for i, name in enumerate(names)
    ]  # null for the nearest itself, which least() passes over
    second = nearest.withColumn(SECOND_SQUARE, _least(others))
    is_other = [(F.col(CLUSTER) != i) for i in range(len(names))]
    position = F.coalesce(
        *[
            F.when(other & (F.col(name) == F.col(SECOND_SQUARE)), F.lit(i))
            for i, (name, other) in enumerate(zip(names, is_other, strict=True))
        ]
    )
    return second.withColumn(SECOND_CLUSTER, position).drop(*names)


def farthest_point(
    rows: DataFrame, coordinates: Sequence[str], centres: npt.NDArray[np.float64]
) -> npt.NDArray[np.float64]:
    """The row that is farthest from its nearest centre; of equals, the largest coordinates.

    Starts a Spark job that reads the table once.
    """
    square = _least([_square(coordinates, centre) for centre in centres])
    candidate = F.struct(square.alias("square"), *[F.col(name) for name in coordinates])
    found = rows.agg(F.max(candidate).alias("farthest")).collect()[0].farthest
    return np.array([found[name] for name in coordinates], dtype=np.float64)


def _square(coordinates: Sequence[str], centre: npt.NDArray[np.float64]) -> Column:
    terms = [F.col(name) - F.lit(float(c)) for name, c in zip(coordinates, centre, strict=True)]
    return reduce(add, [term * term for term in terms])


def _least(columns: Sequence[Column]) -> Column:
    return F.least(*columns) if len(columns) > 1 else columns[0]


def _position(names: Sequence[str], square: Column) -> Column:
    return F.coalesce(*[F.when(F.col(name) == square, F.lit(i)) for i, name in enumerate(names)])
