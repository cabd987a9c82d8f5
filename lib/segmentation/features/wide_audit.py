"""The counts and ranges of an audit in numpy, for tables with many columns.

Spark plans and compiles every aggregate for itself: two for each of 300 columns take longer than
reading 20,000 rows.
"""

import sys
from collections.abc import Iterator, Sequence

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from pyspark import cloudpickle
from pyspark.sql import Column, DataFrame, Row
from pyspark.sql import functions as F

from segmentation.features.examples import REJECTION
from segmentation.features.rejection import BROKEN
from segmentation.numerics import arrow_entries
from segmentation.numerics.arrow_entries import cell_rows

# Pickled with the tasks: workers need numpy and pyarrow, not this package.
for _module in (sys.modules[__name__], arrow_entries):
    cloudpickle.register_pickle_by_value(_module)  # type: ignore[no-untyped-call]

LOW_BITS = 2**32 - 1
_COUNTS = ["rows", "hash_low", "hash_high"]
_SCHEMA = (
    "broken int, rows bigint, hash_low bigint, hash_high bigint, "
    "low array<double>, high array<double>"
)


def groups_and_ranges(
    judged: DataFrame, numbers: Sequence[Column], *, row_hash: Column
) -> tuple[list[Row], list[tuple[float, float]]]:
    """The rows and sums of hashes by reason, and the range of every number over the usable rows.

    A range is NaN where no usable row has the number. Reads the table once, and again for the
    reasons where a row is rejected: their rules are not even planned where none is. The driver
    receives two doubles per number and batch. The sums of hashes are those of the first group.
    """
    rows = judged.select(BROKEN, row_hash, F.array(*numbers))
    found = rows.mapInArrow(counted, _SCHEMA).toArrow()
    totals = {name: pc.sum(found[name]).as_py() or 0 for name in _COUNTS}
    rejected: list[Row] = []
    if pc.any(found["broken"].is_valid()).as_py():
        reasons = judged.where(F.col(BROKEN).isNotNull()).groupBy(REJECTION)
        for each in reasons.agg(F.count(F.lit(1)).alias("rows")).collect():
            rejected.append(Row(**each.asDict(), hash_low=0, hash_high=0))
    totals["rows"] -= sum(each.rows for each in rejected)
    groups = [Row(**{REJECTION: None}, **totals), *rejected]
    ends = found.filter(found["low"].is_valid())
    if not ends.num_rows:
        return groups, []
    low, high = (cell_rows(ends[name].combine_chunks()) for name in ("low", "high"))
    ranges = np.column_stack([np.fmin.reduce(low, axis=0), np.fmax.reduce(high, axis=0)])
    return groups, [(low, high) for low, high in ranges.tolist()]


def counted(batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
    """What a Spark task returns for its rows: one row per batch and broken check.

    The usable rows, for which that is null, also have the ends of the numbers' ranges.
    """
    for batch in batches:
        hashes = batch.column(1).to_numpy().view(np.uint64)
        if not len(hashes):
            continue
        rows = pa.table(
            {
                "broken": batch.column(0),
                "rows": np.ones(len(hashes), dtype=np.int64),
                "hash_low": (hashes & np.uint64(LOW_BITS)).astype(np.int64),
                "hash_high": (hashes >> np.uint64(32)).astype(np.int64),
            }
        )
        totals = rows.group_by("broken").aggregate([(name, "sum") for name in _COUNTS])
        values = cell_rows(batch.column(2))
        usable = values[batch.column(0).is_null().to_numpy(zero_copy_only=False)]
        is_usable = totals["broken"].is_null().to_pylist()
        columns = [totals[key] for key in ["broken", *(f"{name}_sum" for name in _COUNTS)]]
        for end in (np.fmin, np.fmax):
            found = (end.reduce(usable, axis=0) + 0.0).tolist() if len(usable) else None
            ends = [found if own else None for own in is_usable]
            columns.append(pa.chunked_array([ends], pa.list_(pa.float64())))
        combined = [each.combine_chunks() for each in columns]
        yield pa.RecordBatch.from_arrays(combined, ["broken", *_COUNTS, "low", "high"])
