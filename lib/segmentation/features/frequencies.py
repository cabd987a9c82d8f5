"""How often the values of many columns occur, from one scan of the table for all of them."""

from collections.abc import Sequence
from dataclasses import dataclass

from pyspark.sql import Column, DataFrame, Window
from pyspark.sql import functions as F

from segmentation.model.expressions import Text
from segmentation.model.spark_columns import spark_column


@dataclass(frozen=True)
class Frequencies:
    """A column's most frequent values, the first ones first, and how many rows have none."""

    values: tuple[str, ...] = ()
    missing: int = 0


def frequencies(usable: DataFrame, columns: Sequence[str], *, count: int) -> list[Frequencies]:
    """The ``count`` most frequent values of every column, ties in alphabetical order.

    One scan and two shuffles of distinct values; their number is bounded by Spark's disk only.
    """
    if not columns:
        return []
    order = [F.col("value").isNull().desc(), F.desc("count"), F.asc("value")]
    rank = F.row_number().over(Window.partitionBy("place").orderBy(*order))
    found = (
        by_place(usable, [spark_column(Text(each)) for each in columns])
        .groupBy("place", "value")
        .count()
        .withColumn("rank", rank)
        .where(F.col("rank") <= count + 1)  # missing cells may be one of them
        .collect()
    )
    values: list[list[str]] = [[] for _ in columns]
    missing = [0] * len(columns)
    for row in sorted(found, key=lambda row: int(row.rank)):
        if row.value is None:
            missing[row.place] = row["count"]
        else:
            values[row.place].append(row.value)
    return [
        Frequencies(tuple(own[:count]), none) for own, none in zip(values, missing, strict=True)
    ]


def by_place(rows: DataFrame, cells: Sequence[Column]) -> DataFrame:
    """One row per row and cell: ``place``, the cell's position, and ``value``. Lazy.

    An aggregate of this table by place is one expression however many cells there are.
    """
    return rows.select(F.posexplode(F.array(*cells)).alias("place", "value"))
