"""Aggregates of a table that do not depend on the order of its rows; see ``fixed_point``."""

import sys
from collections.abc import Callable, Iterator, Sequence

import numpy as np
import numpy.typing as npt
import pyarrow as pa
from pyspark import cloudpickle
from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from segmentation.numerics.fixed_point import EXACT_QUANTILES, SPLITTER

Task = Callable[[Iterator[pa.RecordBatch]], Iterator[pa.RecordBatch]]
"""What a Spark task does in Python with its rows."""

Vector = npt.NDArray[np.int64]

# Pickled with the tasks: workers need numpy and pyarrow, not this package.
cloudpickle.register_pickle_by_value(sys.modules[__name__])  # type: ignore[no-untyped-call]


def quantiles(value: Column, at: Sequence[float], *, rows: int) -> Column:
    """An aggregate: the quantiles of a double column with this many rows, interpolated.

    They do not depend on the order of rows; see
    :data:`~segmentation.numerics.fixed_point.EXACT_QUANTILES`.
    """
    return F.percentile(value if rows <= EXACT_QUANTILES else _to_twelve_bits(value), list(at))


def _to_twelve_bits(value: Column) -> Column:
    """A double rounded to 12 significant bits: Veltkamp's splitting, Dekker (1971)."""
    shifted = value * F.lit(SPLITTER)
    return shifted - (shifted - value)


def merged(rows: DataFrame, task: Task) -> tuple[Vector, Vector]:
    """What the Python tasks return, merged: the sums of ``totals``, the minima of ``least``.

    ``task`` maps Arrow batches to batches with these two columns, lists of 64-bit integers that
    are equally long in all tasks. One more task merges what the others return, so that the driver
    receives one row however many tasks there are. Starts a Spark job that reads the table once.
    """
    schema = "totals array<bigint>, least array<bigint>"
    parts = rows.mapInArrow(task, schema).repartition(1)
    found = parts.mapInArrow(_merged_rows, schema).toArrow()
    totals, least = (
        found[name].combine_chunks().flatten().to_numpy() for name in found.schema.names
    )
    return totals, least


def _merged_rows(batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
    """One row with the sums and the minima of all rows."""
    found: tuple[Vector, Vector] | None = None
    for batch in batches:
        for totals, least in zip(*batch.columns, strict=True):
            own = totals.values.to_numpy(), least.values.to_numpy()
            found = own if found is None else (found[0] + own[0], np.minimum(found[1], own[1]))
    if found is not None:
        yield pa.record_batch({"totals": pa.array([found[0]]), "least": pa.array([found[1]])})
