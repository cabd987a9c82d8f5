"""The published tables of customers: the labelled and the rejected."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F
from pyspark.sql import types as T

from segmentation.model.spark_columns import CLUSTER, SECOND_CLUSTER, SECOND_SQUARE, SQUARE
from segmentation.schemas import CUSTOMERS, KEY, REJECTED, SEGMENT, Table, published_name, quoted

PREVIOUS_KEY, PREVIOUS_VALUE = "__previous_key", "__previous_value"
PREVIOUS_MODEL_KEY, FRESH_SEGMENT = "__previous_model_key", "__fresh_segment"


@dataclass(frozen=True)
class Label:
    """What a customer's label says of its segment: name, key, and from which distance it is far.

    ``outlier_distance`` is in scaled units.
    """

    name: str
    key: str
    outlier_distance: float


def labelled_customers(
    assigned: DataFrame,
    *,
    columns: Sequence[str],
    numbers: Mapping[str, Column],
    labels: Sequence[Label],
    imputed: Column,
    bits: int,
) -> DataFrame:
    """The table ``customers`` of ``schemas``: the input's columns and the label's.

    Parameters
    ----------
    assigned
        One row per usable customer, from :func:`~segmentation.model.spark_columns.with_assignment`,
        with its ``PREVIOUS_KEY``, ``PREVIOUS_VALUE``, ``PREVIOUS_MODEL_KEY`` and
        ``FRESH_SEGMENT``.
    columns, numbers
        The input columns to keep; of those in ``numbers`` a text becomes its number.
    labels
        Those of the segments, in order.
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
    distance = F.sqrt(SQUARE) * 2.0**-bits
    added = {
        "segment_name": _of_segment([each.name for each in labels]),
        "distance": distance,
        "runner_up": F.col(SECOND_CLUSTER).cast("int"),
        "margin": 1 - F.sqrt(F.col(SQUARE) / F.col(SECOND_SQUARE)),
        "imputed": imputed,
        KEY: _of_segment([each.key for each in labels]),
        "previous_segment_key": F.col(PREVIOUS_KEY),
        "previous_model_key": F.col(PREVIOUS_MODEL_KEY),
        "previous_value": F.col(PREVIOUS_VALUE),
        "is_outlier": distance > _of_segment([each.outlier_distance for each in labels]),
        "fresh_segment": F.col(FRESH_SEGMENT).cast("int"),
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


def _of_segment(values: Sequence[str] | Sequence[float]) -> Column:
    """The value of the row's segment."""
    return F.element_at(F.array(*map(F.lit, values)), F.col(CLUSTER) + 1)


def _commented(columns: Mapping[str, Column], table: Table) -> list[Column]:
    """The columns under their names, each with its meaning for a comment."""
    return [
        column.alias(name, metadata={"comment": table.comments[name]})
        for name, column in columns.items()
    ]
