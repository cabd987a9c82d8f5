"""Read the input as it is: any Spark source, any column names, no row dropped."""

from collections.abc import Sequence

from pyspark.errors import PySparkException
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F
from pyspark.sql.types import StringType, StructField, StructType

from segmentation.config import Input, Source
from segmentation.errors import SchemaError, StorageError
from segmentation.redaction import redacted_tree
from segmentation.schemas import MALFORMED
from segmentation.storage.addresses import escaped
from segmentation.storage.demo import generate
from segmentation.storage.failures import in_short, mendable

BLANKS = r"\s+"
"""The separator, as pandas has it, of files whose columns are lined up with blanks."""


def read_table(spark: SparkSession, source: Source, *, seed: int) -> DataFrame:
    """A table of the input, lazily; rows that the parser cannot read have ``MALFORMED`` set.

    CSV columns are read as text: nothing is guessed, ids keep their zeros. The header of
    every file is held against the first one's.

    Raises
    ------
    StorageError
        If a path leads to nothing, or to what the format cannot read.
    """
    if isinstance(source, Input) and source.generate is not None and source.format == "csv":
        try:
            generate(source.paths[0], customers=source.generate, seed=seed)
        except OSError as error:
            raise StorageError(f"{_shown(source)} cannot be made: {error.strerror}") from None
    try:
        return _READERS.get(source.format, _columnar)(spark, source)
    except PySparkException as error:
        told = StorageError(f"{_shown(source)}: {in_short(str(error))}")
        raise mendable(error) or told from None


def _csv(spark: SparkSession, source: Source) -> DataFrame:
    if source.options.get("sep") == BLANKS:
        return _between_blanks(spark, source)
    options = {"header": "true", "mode": "PERMISSIVE", "escape": '"', **source.options}
    reader = spark.read.options(**options).option("inferSchema", "false")
    paths = [escaped(path) for path in source.paths]
    first = reader.csv(paths)
    if not first.columns:
        raise SchemaError(f"{_shown(source)}: the file has no header and no rows")
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


def _between_blanks(spark: SparkSession, source: Source) -> DataFrame:
    """Fields between runs of blanks, blanks around them; every line like the first is a header."""
    lines = spark.read.text([escaped(path) for path in source.paths])
    fields = F.split(F.trim(F.regexp_replace("value", BLANKS, " ")), " ")
    filled = lines.select("value", fields.alias("fields")).where(F.trim("value") != "")
    first = filled.first()
    if first is None:
        raise SchemaError(f"{_shown(source)}: the file has no header and no rows")
    names = list(first.fields)
    if source.options.get("header", "true").lower() == "true":
        filled = filled.where(F.col("fields") != F.lit(names))
    else:
        names = [f"_c{place}" for place in range(len(names))]
    if len(set(names)) < len(names) or "" in names:
        raise SchemaError(f"{_shown(source)}: the header {first.value!r} needs a name a column")
    is_whole = F.size("fields") == len(names)
    return filled.select(
        *[F.get("fields", F.lit(place)).alias(name) for place, name in enumerate(names)],
        F.when(~is_whole, F.col("value")).alias(MALFORMED),
    )


def _as_text(names: Sequence[str]) -> StructType:
    return StructType([StructField(name, StringType()) for name in names])


def _json(spark: SparkSession, source: Source) -> DataFrame:
    reader = spark.read.options(**source.options).option("columnNameOfCorruptRecord", MALFORMED)
    table = reader.json([escaped(path) for path in source.paths])
    if table.columns == [MALFORMED]:
        raise SchemaError(
            f"{_shown(source)}: no line is a JSON object; one that spans lines needs "
            f"{source.section}.options.multiLine = true"
        )
    return table


def _columnar(spark: SparkSession, source: Source) -> DataFrame:
    reader = spark.read.format(source.format).options(**source.options)
    return reader.load([escaped(path) for path in source.paths])


def _table(spark: SparkSession, source: Source) -> DataFrame:
    if len(source.paths) > 1:
        raise SchemaError(f"{_shown(source)}: format 'table' takes one table name")
    return spark.read.options(**source.options).table(source.paths[0])


_READERS = {"csv": _csv, "json": _json, "table": _table}


def _shown(source: Source) -> str:
    options = redacted_tree(dict(source.options))
    told = f", {source.section}.options = {options}" if options else ""
    return f"{source.section}.path = {', '.join(map(repr, source.paths))}{told}"
