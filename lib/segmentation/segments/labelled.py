"""The published tables of customers: the labelled and the rejected."""

from collections.abc import Mapping, Sequence

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F
from pyspark.sql import types as T

from segmentation.model.spark_columns import CLUSTER, SECOND_CLUSTER, SECOND_SQUARE, SQUARE
from segmentation.schemas import CUSTOMERS, REJECTED, SEGMENT, Table, published_name, quoted


def labelled_customers(
    assigned: DataFrame,
    *,
    columns: Sequence[str],
    numbers: Mapping[str, Column],
    names: Sequence[str],
    imputed: Column,
    bits: int,
) -> DataFrame:
    """The table ``customers`` of ``schemas``: the input's columns and the label's.

    Parameters
    ----------
    assigned
        One row per usable customer, from :func:`~segmentation.model.spark_columns.with_assignment`.
    columns, numbers
        The input columns to keep; of those in ``numbers`` a text becomes its number.
    names
        The segments' names, in order.
    imputed
        The names of the features whose missing value was imputed, as one text; null if none was.
    bits
        Distances are in steps of ``2**-bits`` scaled units.
    """
    types = {field.name: field.dataType for field in assigned.schema.fields}
    kept = [
        (
            numbers[name]
            if name in numbers and isinstance(types[name], T.StringType)
            else F.col(quoted(name))
        ).alias(published_name(name))
        for name in columns
    ]
    added = {
        "segment_name": F.element_at(F.array(*map(F.lit, names)), F.col(CLUSTER) + 1),
        "distance": F.sqrt(SQUARE) * 2.0**-bits,
        "runner_up": F.col(SECOND_CLUSTER).cast("int"),
        "margin": 1 - F.sqrt(F.col(SQUARE) / F.col(SECOND_SQUARE)),
        "imputed": imputed,
        SEGMENT: F.col(CLUSTER).cast("int"),
    }
    return assigned.select(*kept, *_commented(added, CUSTOMERS))


def rejected_rows(rejected: DataFrame, *, rejection: str) -> DataFrame:
    """The table ``rejected`` of ``schemas``: the input's original columns and the reason."""
    columns = [name for name in rejected.columns if name != rejection]
    kept = [F.col(quoted(name)).alias(published_name(name)) for name in columns]
    why = F.col(rejection)
    added = {"reason": why["reason"], "reason_column": why["reason_column"]}
    return rejected.select(*kept, *_commented(added, REJECTED))


def _commented(columns: Mapping[str, Column], table: Table) -> list[Column]:
    """The columns under their names, each with its meaning for a comment."""
    return [
        column.alias(name, metadata={"comment": table.comments[name]})
        for name, column in columns.items()
    ]
