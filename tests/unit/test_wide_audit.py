"""What a task of the audit returns for its rows: counts, halves of hashes, and ranges."""

import pyarrow as pa
import pytest

from segmentation.features.wide_audit import counted


def batch(rows) -> pa.RecordBatch:
    broken, hashes, numbers = zip(*rows, strict=True)
    return pa.record_batch(
        {
            "broken": pa.array(broken, pa.int32()),
            "hash": pa.array(hashes, pa.int64()),
            "numbers": pa.array(numbers, pa.list_(pa.float64())),
        }
    )


def test_rows_are_counted_by_broken_check_and_ranges_are_of_the_usable_ones():
    rows = [
        (None, 1, [3.0, None, -0.0]),
        (7, 2**32 + 5, [99.0, 99.0, 99.0]),
        (None, -1, [-2.0, 4.0, -0.0]),  # a hash with all bits set
        (7, 2**32 + 6, [-99.0, float("nan"), None]),
    ]
    (found,) = counted(iter([batch(rows)]))
    by_check = {row["broken"]: row for row in found.to_pylist()}
    assert by_check[None] == {
        "broken": None,
        "rows": 2,
        "hash_low": 1 + 2**32 - 1,
        "hash_high": 2**32 - 1,
        "low": [-2.0, 4.0, 0.0],
        "high": [3.0, 4.0, 0.0],
    }
    rejected = {"broken": 7, "rows": 2, "hash_low": 11, "hash_high": 2, "low": None, "high": None}
    assert by_check[7] == rejected


@pytest.mark.parametrize("rows", [[], [(3, 1, [1.0])]])
def test_a_batch_without_a_usable_row_has_no_range(rows):
    none = pa.record_batch(
        {
            "broken": pa.array([], pa.int32()),
            "hash": pa.array([], pa.int64()),
            "numbers": pa.array([], pa.list_(pa.float64())),
        }
    )
    found = list(counted(iter([none, *([batch(rows)] if rows else [])])))
    assert [each.to_pylist()[0]["low"] for each in found] == [None] * len(rows)
