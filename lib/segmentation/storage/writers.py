"""Write the published tables as Parquet: few, well-sized files; small ones without Spark."""

from collections import Counter
from collections.abc import Sequence
from pathlib import PurePosixPath

import pyarrow as pa
import pyarrow.parquet as pq
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F
from pyspark.sql.utils import is_remote

from segmentation import schemas
from segmentation.errors import StorageError, one_line
from segmentation.schemas import ONE_FOLDER, FileLayout, quoted
from segmentation.storage.filesystem import Folder

BYTES = {"binary": 64, "boolean": 1, "int": 4, "float": 4, "smallint": 2, "date": 4}
DEFAULT_BYTES = 8
"""Approximate bytes per value in Parquet, by type: enough to estimate the number of files."""

MEGABYTE = 2**20
SPREAD, SPREAD_ROWS = 4, 100_000
"""Smaller tables are still written by several tasks, so that cores are not idle."""

MIN_TASK_BYTES = 16 * MEGABYTE
"""A task that was added for a free core writes at least this much: files stay few."""

MANY_ROWS = 100_000
"""More than any cluster has cores, so that no default partition is empty."""

COMPRESSION = {"compression": "zstd", "parquet.compression.codec.zstd.level": "1"}
"""At level 1 files are as small as at the default of 3, in 10 % less time."""


def write_table(
    table: DataFrame,
    folder: Folder,
    *,
    rows: int,
    layout: FileLayout = ONE_FOLDER,
    target_file_mb: int,
) -> None:
    """Write a table into a new folder, as one file or as a few per partition value.

    With partitions the rows are not shuffled: every task writes one file per value, so that a
    large segment is not written by a single task; a task writes at most about ``target_file_mb``
    in total, which bounds the number of files. The same tasks compute the rows: there are as many
    as cores where each still has some megabytes to write. Without partitions, few rows of a large
    table are expected; an empty table is not read.
    """
    options = {
        **COMPRESSION,
        **{f"parquet.enable.dictionary#{name}": "false" for name in layout.mostly_unique},
    }
    size = rows * row_bytes(table)
    tasks = -(-size // (target_file_mb * MEGABYTE))
    if layout.partition_by is None:
        few = table.repartition(tasks) if tasks else table.limit(0).coalesce(1)
        few.write.options(**COMPRESSION).mode("error").parquet(folder.uri)
        return
    spread = min(SPREAD, -(-rows // SPREAD_ROWS))
    tasks = max(1, tasks, spread)
    if (most := size // MIN_TASK_BYTES) > tasks:
        tasks = max(tasks, min(most, parallelism(table.sparkSession)))
    order = [F.col(quoted(name)) for name in (layout.partition_by, *layout.sort_by)]
    writer = table.coalesce(tasks).sortWithinPartitions(*order).write.options(**options)
    writer.partitionBy(layout.partition_by).mode("error").parquet(folder.uri)


def parallelism(spark: SparkSession) -> int:
    """The number of tasks to use, by the cores or as configured; a default if remote."""
    if not is_remote():
        return spark.sparkContext.defaultParallelism
    return spark.range(MANY_ROWS).select(F.spark_partition_id()).distinct().count()


def written_rows(folder: Folder) -> dict[str, int]:
    """The number of rows in a table's files, by partition value.

    Reads only the files' footers; without partitions the value is empty.
    """
    rows: Counter[str] = Counter()
    for file in folder.files():
        if file.endswith(".parquet"):
            _, _, value = PurePosixPath(file).parent.name.partition("=")
            with folder.filesystem.open_input_file(file) as opened:
                rows[value] += pq.read_metadata(opened).num_rows
    return dict(rows)


def row_bytes(table: DataFrame) -> int:
    """Approximate bytes per row in Parquet."""
    types = [field.dataType.simpleString() for field in table.schema.fields]
    return sum(BYTES.get(type_, DEFAULT_BYTES) for type_ in types)


def write_rows(
    rows: Sequence[object], folder: Folder, *, columns: Sequence[schemas.Column]
) -> None:
    """Write records, one column per attribute, into a new folder as one file, without Spark.

    Raises
    ------
    StorageError
        If they cannot be written.
    """
    table = pa.table(
        {column.name: [getattr(row, column.name) for row in rows] for column in columns},
        schema=pa.schema(
            [
                pa.field(column.name, _TYPES[column.type], metadata={"comment": column.meaning})
                for column in columns
            ]
        ),
    )
    folder.create()
    path = f"{folder.path}/part-00000.parquet"
    try:
        pq.write_table(table, path, filesystem=folder.filesystem, compression="zstd")
    except OSError as error:
        raise StorageError(
            f"{folder.uri} cannot be written: {error.strerror or one_line(str(error))}; see "
            "output.path"
        ) from None


_TYPES = {
    "int": pa.int32(),
    "bigint": pa.int64(),
    "double": pa.float64(),
    "boolean": pa.bool_(),
    "string": pa.string(),
}
"""Arrow types by Spark's names, for the published columns."""
