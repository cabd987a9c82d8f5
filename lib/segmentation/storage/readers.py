"""Read the input as it is: any Spark source, any column names, no row dropped."""

from pyspark.errors import PySparkException
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql.types import StringType

from segmentation.config import Input
from segmentation.errors import SchemaError, StorageError, one_line
from segmentation.schemas import MALFORMED
from segmentation.storage.demo import generate
from segmentation.storage.filesystem import escaped


def read_customers(spark: SparkSession, input: Input, *, seed: int) -> DataFrame:
    """The input table, lazily; rows that the parser cannot read have ``MALFORMED`` set.

    CSV columns are read as text: nothing is guessed, ids keep their zeros. The header of
    every file is held against the first one's.

    Raises
    ------
    StorageError
        If a path leads to nothing, or to what the format cannot read.
    """
    if input.generate is not None and input.format == "csv":
        generate(input.paths[0], customers=input.generate, seed=seed)
    try:
        return _READERS.get(input.format, _columnar)(spark, input)
    except PySparkException as error:
        raise StorageError(f"input.path = {_shown(input)}: {_reason(error)}") from None


def _csv(spark: SparkSession, input: Input) -> DataFrame:
    options = {"header": "true", "mode": "PERMISSIVE", "escape": '"', **input.options}
    reader = spark.read.options(**options)
    schema = reader.csv([escaped(path) for path in input.paths]).schema
    if not schema.fields:
        raise SchemaError(f"input.path = {_shown(input)}: the file has no header and no rows")
    if "inferschema" in (key.lower() for key in options):
        reader = reader.option("inferSchema", "false")
    return (
        reader.option("enforceSchema", "false")
        .option("columnNameOfCorruptRecord", MALFORMED)
        .schema(schema.add(MALFORMED, StringType()))
        .csv([escaped(path) for path in input.paths])
    )


def _json(spark: SparkSession, input: Input) -> DataFrame:
    options = {"columnNameOfCorruptRecord": MALFORMED, **input.options}
    return spark.read.options(**options).json([escaped(path) for path in input.paths])


def _columnar(spark: SparkSession, input: Input) -> DataFrame:
    reader = spark.read.format(input.format).options(**input.options)
    return reader.load([escaped(path) for path in input.paths])


def _table(spark: SparkSession, input: Input) -> DataFrame:
    if len(input.paths) > 1:
        raise SchemaError(f"input.path = {_shown(input)}: format 'table' takes one table name")
    return spark.read.options(**input.options).table(input.paths[0])


_READERS = {"csv": _csv, "json": _json, "table": _table}


def _shown(input: Input) -> str:
    return ", ".join(map(repr, input.paths))


def _reason(error: PySparkException) -> str:
    """The first sentence of Spark's message, without its code and without a plan."""
    text = one_line(str(error).split("JVM stacktrace")[0].split("\n\n")[0])
    return text.split(" SQLSTATE")[0]
