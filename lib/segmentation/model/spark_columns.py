"""The model in Spark: expressions as columns, and every row's nearest and second nearest centre."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import reduce
from operator import add

import numpy as np
import pandas as pd
from pyspark import cloudpickle
from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F
from pyspark.sql.pandas.functions import pandas_udf

from segmentation.model.expressions import Expression
from segmentation.model.preparation import Preparation
from segmentation.model.rules import LabellingRule, NearestPrototype
from segmentation.model.spark_sql import spark_sql
from segmentation.numerics import grid_points
from segmentation.numerics.arrays import Points
from segmentation.numerics.grid_points import GridPoints, Layout

ENTRIES = "__entries"
"""The column with a customer's entries, a list of doubles; see ``numerics.grid_points``."""

CLUSTER, SQUARE = "__cluster", "__square"
SECOND_CLUSTER, SECOND_SQUARE = "__second_cluster", "__second_square"
ASSIGNMENT = (CLUSTER, SQUARE, SECOND_CLUSTER, SECOND_SQUARE)
"""The columns of :func:`with_assignment`."""

MAX_TERMS = 256
"""Up to so many terms, entries times centres, distances are code that Spark generates: about three
times as fast as in Python with 3 features. More is more than the JVM compiles."""

# Pickled with the tasks: workers need numpy, pandas and pyarrow, not this package.
cloudpickle.register_pickle_by_value(grid_points)  # type: ignore[no-untyped-call]


@dataclass(frozen=True)
class PreparedCustomers:
    """The usable customers as points of the grid: a table, and the bounds of what is in it.

    Attributes
    ----------
    rows
        One row per customer: the input's columns, and the list ``ENTRIES``.
    layout
        How entries map to coordinates, whose mean is at 0 up to rounding.
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
    layout: Layout
    bits: int
    count: int
    distinct: int
    sum_squared_norms: float
    max_distance: float

    @property
    def entries(self) -> DataFrame:
        """The column ``ENTRIES`` alone."""
        return self.rows.select(ENTRIES)


def spark_column(expression: Expression) -> Column:
    """The expression as a column of a table."""
    return F.expr(spark_sql(expression))


def with_entries(
    rows: DataFrame, preparation: Preparation, *, name: str = ENTRIES, of_usable: bool = True
) -> DataFrame:
    """The table plus a list of entries, in which nothing is null if the rows break no rule. Lazy.

    ``of_usable`` says that they break none, which takes less code.
    """
    entries = [spark_column(each) for each in preparation.entries(of_usable=of_usable)]
    return rows.select("*", F.array(*entries).alias(name))


def with_assignment(rows: DataFrame, layout: Layout, rule: LabellingRule) -> DataFrame:
    """The table plus each row's segment and the next best one, as ``rule`` assigns them. Lazy.

    See :func:`with_nearest` for the columns.
    """
    match rule:
        case NearestPrototype():
            return with_nearest(rows, layout, rule.points)
        case _:
            raise TypeError(f"no Spark columns for {rule!r}")


def with_nearest(rows: DataFrame, layout: Layout, centres: Points) -> DataFrame:
    """The table plus each row's nearest centre and its squared distance, in grid units. Lazy.

    Adds ``CLUSTER`` (position of the centre, the first of equals) and ``SQUARE``, and the
    same for the second nearest, null where there is a single centre. Replaces no column.
    """
    terms = len(centres) * (len(layout.numbers) + len(layout.tables))
    return (_compiled if terms <= MAX_TERMS else _in_python)(rows, layout, centres)


def _in_python(rows: DataFrame, layout: Layout, centres: Points) -> DataFrame:
    """:func:`with_nearest` in Python workers, which are sent the entries only."""
    schema = f"{CLUSTER} int, {SQUARE} double, {SECOND_CLUSTER} int, {SECOND_SQUARE} double"

    def assigned(batches: Iterator[pd.Series]) -> Iterator[pd.DataFrame]:
        for entries in batches:
            points = GridPoints(np.vstack(list(entries)), layout)
            found = pd.DataFrame(dict(zip(ASSIGNMENT, points.nearest_two(centres), strict=True)))
            if len(centres) == 1:
                found[SECOND_CLUSTER] = None
            yield found

    nearest = pandas_udf(assigned, schema)(F.col(ENTRIES))  # type: ignore[call-overload]
    found = rows.withColumn("__assigned", nearest)
    return found.select("*", "__assigned.*").drop("__assigned")


def _compiled(rows: DataFrame, layout: Layout, centres: Points) -> DataFrame:
    """:func:`with_nearest` in code that Spark generates."""
    names = [f"__square_{i}" for i in range(len(centres))]
    squares = [
        _square(layout, centre).alias(name) for name, centre in zip(names, centres, strict=True)
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


def _square(layout: Layout, centre: Points) -> Column:
    """The squared distance to a centre: what each number adds, and what each code is looked up."""
    entry = F.col(ENTRIES)
    terms = []
    for i, j in enumerate(layout.numbers):
        offset = entry[i] - F.lit(float(centre[j]))
        terms.append(offset * offset)
    for i, table in enumerate(layout.tables, start=len(layout.numbers)):
        parts = ((table.coordinates - centre[table.positions]) ** 2).sum(axis=1)
        looked_up = F.array(*map(F.lit, parts.tolist()))
        terms.append(F.get(looked_up, entry[i].cast("int")))
    return reduce(add, terms)


def _least(columns: Sequence[Column]) -> Column:
    return F.least(*columns) if len(columns) > 1 else columns[0]


def _position(names: Sequence[str], square: Column) -> Column:
    return F.coalesce(*[F.when(F.col(name) == square, F.lit(i)) for i, name in enumerate(names)])
