"""Tables as files: how many, in which order, and small ones without Spark."""

from dataclasses import dataclass

import pyarrow.parquet as pq
import pytest
from pyspark.sql import functions as F

from segmentation.errors import StorageError
from segmentation.schemas import Column, FileLayout
from segmentation.storage import writers
from segmentation.storage.filesystem import Folder
from segmentation.storage.writers import row_bytes, write_rows, write_table, written_rows

ROWS = 100_000


@pytest.fixture(scope="module")
def customers(spark):
    """Rows of 24 bytes in eight partitions, of two segments."""
    rows = spark.range(0, ROWS, 1, 8).withColumn("spend", F.rand(1))
    return rows.withColumn("segment", F.col("id") % 2)


@pytest.mark.parametrize(("target_file_mb", "tasks"), [(1, 3), (128, 1)])
def test_the_number_of_files_is_bounded(customers, tmp_path, target_file_mb, tasks):
    assert row_bytes(customers) == 24
    folder = Folder.at(str(tmp_path / "customers"))
    layout = FileLayout("segment", sort_by=("spend",))
    write_table(customers, folder, rows=ROWS, layout=layout, target_file_mb=target_file_mb)
    for segment in (0, 1):
        files = list((tmp_path / "customers" / f"segment={segment}").glob("*.parquet"))
        assert len(files) == tasks  # 2.4 MB in all
        for file in files:
            spend = pq.read_table(file)["spend"].to_pylist()
            assert spend == sorted(spend)


@pytest.mark.parametrize(("cores", "tasks"), [(None, 2), (5, 5), (100, 6)])
def test_every_core_labels_as_long_as_files_stay_of_some_size(
    customers, tmp_path, monkeypatch, cores, tasks
):
    """2.4 MB, at least 0.4 MB for a task; None is what this session has."""
    monkeypatch.setattr(writers, "MIN_TASK_BYTES", 400_000)
    if cores is not None:
        monkeypatch.setattr(writers, "parallelism", lambda _: cores)
    folder = Folder.at(str(tmp_path / "customers"))
    layout = FileLayout("segment")
    write_table(customers, folder, rows=ROWS, layout=layout, target_file_mb=128)
    for segment in (0, 1):
        assert len(list((tmp_path / "customers" / f"segment={segment}").glob("*.parquet"))) == tasks
    assert written_rows(folder) == {"0": ROWS // 2, "1": ROWS // 2}


def test_a_client_counts_the_cores_as_a_driver_does(spark, monkeypatch):
    assert writers.parallelism(spark) == 2
    monkeypatch.setattr(writers, "is_remote", lambda: True)
    assert writers.parallelism(spark) == 2


@dataclass(frozen=True)
class Row:
    k: int
    name: str | None


def test_small_tables_have_the_types_of_their_columns(spark, tmp_path):
    columns = (Column("k", "int", ""), Column("name", "string", ""))
    write_rows([Row(1, "a"), Row(2, None)], Folder.at(str(tmp_path / "t")), columns=columns)
    read = spark.read.parquet(str(tmp_path / "t"))
    assert read.schema.simpleString() == "struct<k:int,name:string>"
    assert [tuple(row) for row in read.orderBy("k").collect()] == [(1, "a"), (2, None)]
    (tmp_path / "file").write_text("")
    with pytest.raises(StorageError, match=r"output\.path"):
        write_rows([], Folder.at(str(tmp_path / "file" / "t")), columns=columns)
