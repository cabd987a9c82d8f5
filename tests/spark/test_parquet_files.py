"""Parquet as pandas leaves it: files of one table that differ, held against pandas itself."""

from datetime import date

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from segmentation.config import Input
from segmentation.errors import SegmentationError
from segmentation.storage.readers import read_table


def read(spark, path, **options):
    return read_table(spark, Input(path=str(path), format="parquet", options=options), seed=0)


def folder_of(tmp_path, *tables):
    for place, table in enumerate(tables):
        pq.write_table(pa.table(table), tmp_path / f"{place}.parquet")
    return tmp_path


def test_times_to_the_nanosecond_are_read_to_the_microsecond(spark, tmp_path):
    """Compared with pandas; before 1970 too, where a division would round up."""
    times = ["2024-02-29 12:34:56.789012345", None, "1969-12-31 23:59:59.999999999"]
    table = pd.DataFrame({"id": ["a", "b", "c"], "seen": pd.to_datetime(pd.Series(times))})
    table["zoned"] = table["seen"].dt.tz_localize("Europe/Paris")
    table.to_parquet(tmp_path / "t.parquet")
    found = read(spark, tmp_path / "t.parquet")
    assert dict(found.dtypes) == {"id": "string", "seen": "timestamp_ntz", "zoned": "timestamp"}
    rows = found.selectExpr("id", "string(seen) seen", "string(zoned) zoned").orderBy("id")
    expected = table.assign(
        seen=table["seen"].dt.floor("us"),
        zoned=table["zoned"].dt.tz_convert("UTC").dt.tz_localize(None).dt.floor("us"),
    )
    for row, known in zip(rows.collect(), expected.itertuples(), strict=True):
        for ours, theirs in ((row.seen, known.seen), (row.zoned, known.zoned)):
            assert ours is None if pd.isna(theirs) else pd.Timestamp(ours) == theirs


@pytest.mark.parametrize(
    ("one", "other", "expected"),
    [
        (pa.array([1, 2], pa.int32()), pa.array([3], pa.int64()), "bigint"),
        (pa.array([1, 2], pa.int64()), pa.array([3.5, None], pa.float64()), "double"),
        (pa.array([1.5], pa.float64()), pa.array([3, None], pa.int16()), "double"),
        (pa.array([1], pa.uint8()), pa.array([300], pa.int32()), "int"),
        (pa.array([0.5], pa.float32()), pa.array([0.25], pa.float64()), "double"),
        (pa.array([date(2024, 1, 2)]), pa.array([np.datetime64("2024-01-03T04", "us")]),
         "timestamp_ntz"),
        (pa.array(["x"]).dictionary_encode(), pa.array(["y"]), "string"),
        (pa.array([None, None], pa.null()), pa.array(["y"]), "string"),
        (pa.array([7], pa.int64()), pa.array([], pa.null()), "bigint"),
        (pa.array([], pa.int64()), pa.array([0.5]), "double"),
        (pa.array([None], pa.null()), pa.array([None], pa.null()), "string"),
        (pa.array([pd.Timestamp("2024-01-02").to_datetime64()]), pa.array([None], pa.null()),
         "timestamp_ntz"),
    ],
)  # fmt: skip
def test_types_that_differ_are_widened(spark, tmp_path, one, other, expected):
    folder_of(tmp_path, {"n": one}, {"n": other})
    found = read(spark, tmp_path)
    assert found.dtypes == [("n", expected)]
    values = [row.n for row in found.collect()]
    wanted = [*one.to_pylist(), *other.to_pylist()]
    known = [pd.Timestamp(w) if expected.startswith("time") and w else w for w in wanted]
    assert sorted(map(str, values)) == sorted(
        str(w.to_pydatetime() if isinstance(w, pd.Timestamp) else w)
        if expected != "double" or w is None
        else str(float(w))
        for w in known
    )


def test_columns_of_later_files_an_empty_file_and_another_order_are_one_table(spark, tmp_path):
    """As pandas concatenates them."""
    frames = [
        pd.DataFrame({"id": pd.Series([], dtype=object), "n": pd.Series([], dtype=object)}),
        pd.DataFrame({"id": ["a", "b"], "n": [1, 2]}),
        pd.DataFrame({"n": [3.5, np.nan], "id": ["c", "d"], "late": ["x", "y"]}),
    ]
    for place, frame in enumerate(frames):
        frame.to_parquet(tmp_path / f"{place}.parquet")
    found = read(spark, tmp_path)
    assert found.dtypes == [("id", "string"), ("n", "double"), ("late", "string")]
    rows = {row.id: (row.n, row.late) for row in found.collect()}
    assert rows == {"a": (1.0, None), "b": (2.0, None), "c": (3.5, "x"), "d": (None, "y")}


def test_folders_of_partitions_keep_their_column(spark, tmp_path):
    for country, ids in (("UK", [1, 2]), ("DE", [3.0])):
        (tmp_path / f"country={country}").mkdir()
        pq.write_table(pa.table({"id": ids}), tmp_path / f"country={country}" / "0.parquet")
    found = {(row.id, row.country) for row in read(spark, tmp_path).collect()}
    assert found == {(1.0, "UK"), (2.0, "UK"), (3.0, "DE")}


@pytest.mark.parametrize(
    ("tables", "told"),
    [
        ([{"n": np.array([1, 2], np.float16)}], r"'n' of .*0.parquet is of the type Float16"),
        ([{"n": [1]}, {"n": ["1"]}], r"'n' is of type bigint in .*0.parquet and string in .*1.par"),
        ([{"n": [True]}, {"n": [1]}], r"'n' is of type boolean"),
        ([{"n": [2**53 + 1]}, {"n": [0.5]}], r"'n' is a double in some files, and .*0.parquet may"),
    ],
)
def test_what_cannot_be_one_column_is_refused_by_name(spark, tmp_path, tables, told):
    folder_of(tmp_path, *tables)
    with pytest.raises(SegmentationError, match=told):
        read(spark, tmp_path)
