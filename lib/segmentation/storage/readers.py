"""Read the input: any Spark source, any column names, no row dropped."""

from collections.abc import Callable

from pyspark.errors import PySparkException
from pyspark.sql import DataFrame, SparkSession

from segmentation.config import Input, Source
from segmentation.errors import SchemaError, StorageError
from segmentation.runtime.spark_errors import in_short, operator_error
from segmentation.storage.addresses import escaped
from segmentation.storage.csv_files import read_csv
from segmentation.storage.demo import generate
from segmentation.storage.json_files import read_json
from segmentation.storage.parquet_files import read_parquet
from segmentation.storage.signatures import check_files

FINDING = ("recursiveFileLookup",)


def read_table(
    spark: SparkSession,
    source: Source,
    *,
    seed: int,
    warn: Callable[[str], None] = lambda _: None,
) -> DataFrame:
    """A table of the input, lazily; rows that the parser cannot read have ``MALFORMED`` set.

    CSV columns are read as text: no type is inferred, ids keep leading zeros. The header of every
    file is compared with the first one. ``warn`` is called with anything that is read in an
    unexpected way. CSV and JSON text is scanned once, by a Spark job.

    Raises
    ------
    StorageError, SchemaError, DataError
        If a path leads to nothing or to what the format cannot read, or if it is
        ambiguous where its rows begin and end.
    """
    if isinstance(source, Input) and source.generate is not None and source.format == "csv":
        try:
            generate(source.paths[0], customers=source.generate, seed=seed)
        except OSError as error:
            raise StorageError(f"{source.shown} cannot be written: {error.strerror}") from None
    if warning := check_files(source):
        warn(warning)
    try:
        _warn_of_filters(spark, source, warn)
        if source.format == "csv":
            return read_csv(spark, source, warn=warn)
        if source.format == "json":
            return read_json(spark, source, warn=warn)
        if source.format == "parquet":
            return read_parquet(spark, source)
        return (_table if source.format == "table" else _orc)(spark, source)
    except PySparkException as error:
        otherwise = StorageError(f"{source.shown}: {in_short(str(error))}")
        raise operator_error(error) or otherwise from None


def _warn_of_filters(spark: SparkSession, source: Source, warn: Callable[[str], None]) -> None:
    """Warn of files that the options exclude: their rows are not counted."""
    filters = {name: v for name, v in source.file_filters.items() if name not in FINDING}
    if not filters or source.format == "table":
        return
    paths = [escaped(path) for path in source.paths]
    finding = {name: v for name, v in source.file_filters.items() if name in FINDING}
    there = len(spark.read.options(**finding).text(paths).inputFiles())
    read = len(spark.read.options(**source.file_filters).text(paths).inputFiles())
    if read < there:
        warn(
            f"{source.section}.options has {' and '.join(filters)}: {read:,} of {there:,} files "
            "are read"
        )


def _orc(spark: SparkSession, source: Source) -> DataFrame:
    reader = spark.read.options(**{"mergeSchema": "true", **source.reader_options})
    return reader.orc([escaped(path) for path in source.paths])


def _table(spark: SparkSession, source: Source) -> DataFrame:
    if len(source.paths) > 1:
        raise SchemaError(f"{source.shown}: format 'table' takes one table name")
    return spark.read.options(**source.options).table(source.paths[0])
