"""The counts and ranges of an audit in numpy, for tables with many columns.

Spark plans and compiles every aggregate for itself: two for each of 300 columns take longer than
reading 20,000 rows.
"""

import sys
from collections.abc import Iterator, Sequence

import numpy as np
import pyarrow as pa
from pyspark import cloudpickle
from pyspark.sql import Column, DataFrame, Row
from pyspark.sql import functions as F

from segmentation.features.examples import REJECTION
from segmentation.numerics.arrays import Floats

# Pickled with the tasks: workers need numpy and pyarrow, not this package.
cloudpickle.register_pickle_by_value(sys.modules[__name__])  # type: ignore[no-untyped-call]

LOW_BITS = 2**32 - 1
_KEYS = ["reason", "reason_column"]
_COUNTS = ["rows", "hash_low", "hash_high"]
_SCHEMA = (
    "reason string, reason_column string, rows bigint, hash_low bigint, hash_high bigint, "
    "low array<double>, high array<double>"
)


def groups_and_ranges(
    judged: DataFrame, numbers: Sequence[Column], *, row_hash: Column
) -> tuple[list[Row], list[tuple[float, float]]]:
    """The rows and sums of hashes by reason, and the range of every number over the usable rows.

    A range is NaN where no usable row has the number. Reads the table once; the driver receives
    two doubles per number and task.
    """
    verdict = F.col(REJECTION)
    rows = judged.select(*[verdict[key].alias(key) for key in _KEYS], row_hash, F.array(*numbers))
    found = rows.mapInArrow(counted, _SCHEMA).toArrow()
    totals = found.group_by(_KEYS).aggregate([(name, "sum") for name in _COUNTS])
    groups = []
    for each in totals.to_pylist():
        why = None if each["reason"] is None else Row(**{key: each[key] for key in _KEYS})
        sums = {name: each[f"{name}_sum"] for name in _COUNTS}
        groups.append(Row(**{REJECTION: why, **sums}))
    ends = found.filter(found["low"].is_valid())
    if not ends.num_rows:
        return groups, []
    low, high = (_matrix(ends[name].combine_chunks(), ends.num_rows) for name in ("low", "high"))
    ranges = np.column_stack([np.fmin.reduce(low, axis=0), np.fmax.reduce(high, axis=0)])
    return groups, [(low, high) for low, high in ranges.tolist()]


def counted(batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
    """What a Spark task returns for its rows: one row per batch and reason.

    The usable rows, whose reason is null, also have the ends of the numbers' ranges.
    """
    for batch in batches:
        hashes = batch.column(2).to_numpy().view(np.uint64)
        if not len(hashes):
            continue
        rows = pa.table(
            {
                **dict(zip(_KEYS, batch.columns, strict=False)),
                "rows": np.ones(len(hashes), dtype=np.int64),
                "hash_low": (hashes & np.uint64(LOW_BITS)).astype(np.int64),
                "hash_high": (hashes >> np.uint64(32)).astype(np.int64),
            }
        )
        totals = rows.group_by(_KEYS).aggregate([(name, "sum") for name in _COUNTS])
        values = _matrix(batch.column(3), len(hashes))
        usable = values[batch.column(0).is_null().to_numpy(zero_copy_only=False)]
        is_usable = [why is None for why in totals["reason"].to_pylist()]
        columns = [totals[key] for key in [*_KEYS, *(f"{name}_sum" for name in _COUNTS)]]
        for end in (np.fmin, np.fmax):
            found = (end.reduce(usable, axis=0) + 0.0).tolist() if len(usable) else None
            ends = [found if own else None for own in is_usable]
            columns.append(pa.chunked_array([ends], pa.list_(pa.float64())))
        combined = [each.combine_chunks() for each in columns]
        yield pa.RecordBatch.from_arrays(combined, [*_KEYS, *_COUNTS, "low", "high"])


def _matrix(lists: pa.ListArray, rows: int) -> Floats:
    """The cells of ``rows`` lists of equal length, NaN for null."""
    found: Floats = lists.flatten().to_numpy(zero_copy_only=False).reshape(rows, -1)
    return found
