"""Read the input as it is: any Spark source, any column names, no row dropped."""

from collections.abc import Sequence

from pyspark.errors import PySparkException
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql.types import StringType, StructField, StructType

from segmentation.config import Input
from segmentation.errors import SchemaError, StorageError
from segmentation.schemas import MALFORMED
from segmentation.storage.demo import generate
from segmentation.storage.failures import in_short, mendable
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
        try:
            generate(input.paths[0], customers=input.generate, seed=seed)
        except OSError as error:
            raise StorageError(f"{_shown(input)} cannot be made: {error.strerror}") from None
    try:
        return _READERS.get(input.format, _columnar)(spark, input)
    except PySparkException as error:
        told = StorageError(f"{_shown(input)}: {in_short(str(error))}")
        raise mendable(error) or told from None


def _csv(spark: SparkSession, input: Input) -> DataFrame:
    options = {"header": "true", "mode": "PERMISSIVE", "escape": '"', **input.options}
    reader = spark.read.options(**options).option("inferSchema", "false")
    paths = [escaped(path) for path in input.paths]
    first = reader.csv(paths)
    if not first.columns:
        raise SchemaError(f"{_shown(input)}: the file has no header and no rows")
    # Spark names what has no name, or another's: such a header never equals what Spark made of it.
    is_one_file = len(first.inputFiles()) == 1
    return (
        reader.option("enforceSchema", str(is_one_file).lower())
        # A short row shows only in its missing columns: every pass is to see all of them.
        .option("columnPruning", "false")
        .option("columnNameOfCorruptRecord", MALFORMED)
        .schema(_as_text(first.columns).add(MALFORMED, StringType()))
        .csv(paths)
    )


def _as_text(names: Sequence[str]) -> StructType:
    return StructType([StructField(name, StringType()) for name in names])


def _json(spark: SparkSession, input: Input) -> DataFrame:
    reader = spark.read.options(**input.options).option("columnNameOfCorruptRecord", MALFORMED)
    table = reader.json([escaped(path) for path in input.paths])
    if table.columns == [MALFORMED]:
        raise SchemaError(
            f"{_shown(input)}: no line is a JSON object; one that spans lines needs "
            "input.options.multiLine = true"
        )
    return table


def _columnar(spark: SparkSession, input: Input) -> DataFrame:
    reader = spark.read.format(input.format).options(**input.options)
    return reader.load([escaped(path) for path in input.paths])


def _table(spark: SparkSession, input: Input) -> DataFrame:
    if len(input.paths) > 1:
        raise SchemaError(f"{_shown(input)}: format 'table' takes one table name")
    return spark.read.options(**input.options).table(input.paths[0])


_READERS = {"csv": _csv, "json": _json, "table": _table}


def _shown(input: Input) -> str:
    options = f", input.options = {input.options}" if input.options else ""
    return f"input.path = {', '.join(map(repr, input.paths))}{options}"
