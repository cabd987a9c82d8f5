"""Write the published tables as Parquet: few, well-sized files."""

from collections.abc import Sequence

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from segmentation.storage.filesystem import Folder

MAX_ROWS_PER_FILE = 5_000_000


def write_table(
    table: DataFrame,
    folder: Folder,
    *,
    partition_by: str | None = None,
    sort_by: Sequence[Column] = (),
) -> None:
    """Write a table into a new folder, as one file or as a few for each partition value.

    ``partition_by`` rebalances the rows first: Spark then gives a value as many tasks as its
    bytes ask for, so that a large segment does not wait on one task and a small one does not
    become many files. ``sort_by`` orders the rows within a file, so that look-ups prune.
    """
    if partition_by is None:
        arranged = table.coalesce(1)
    else:
        arranged = table.hint("rebalance", F.col(partition_by)).sortWithinPartitions(
            partition_by, *sort_by
        )
    writer = arranged.write.option("maxRecordsPerFile", MAX_ROWS_PER_FILE)
    if partition_by is not None:
        writer = writer.partitionBy(partition_by)
    writer.mode("error").parquet(folder.uri)
