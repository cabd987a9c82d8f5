"""JSON: every object is a row, and a line that is not one object or one array is malformed."""

from collections.abc import Callable

from pyspark.sql import Column, DataFrame, SparkSession
from pyspark.sql import functions as F
from pyspark.sql import types as T

from segmentation.config import Source
from segmentation.errors import DataError, SchemaError
from segmentation.schemas import MALFORMED, quoted
from segmentation.storage.addresses import escaped

FLAT = r"\A\s*+\{[^{}]*+\}\s*+\z"
"""An object without nested objects: Spark reads all of it, or finds it malformed itself."""


def read_json(spark: SparkSession, source: Source, *, warn: Callable[[str], None]) -> DataFrame:
    """The objects of JSON files; a line with text after its object has ``MALFORMED`` set.

    Spark reads a line up to the end of its first object. One scan of the text therefore counts
    lines that continue after it; if there are any, they are excluded from the table.
    """
    paths = [escaped(path) for path in source.paths]
    given = {name.lower(): value for name, value in source.options.items()}
    is_whole_file = given.get("multiline", "").lower() == "true"
    reader = spark.read.options(**source.reader_options).option(
        "columnNameOfCorruptRecord", MALFORMED
    )
    table = reader.json(paths)
    if table.columns == [MALFORMED]:
        raise SchemaError(
            f"{source.shown}: no line is a JSON object; one that spans lines needs "
            f"{source.section}.options.multiLine = true"
        )
    choice = dict(source.file_filters)
    if "linesep" in given and not is_whole_file:
        choice["lineSep"] = given["linesep"]
    lines = spark.read.options(**choice).text(paths, wholetext=is_whole_file)
    line = F.col("value")
    is_odd = F.when(line.rlike(FLAT), False).otherwise((F.trim(line) != "") & ~_is_one(line))
    if "encoding" in given or "charset" in given:
        return table  # other encodings must not be parsed as text
    odd = lines.select(F.count_if(is_odd)).collect()[0][0]
    if not odd:
        return table
    if is_whole_file:
        raise DataError(
            f"{source.shown}: {odd:,} files hold more than one JSON value, or text after it, of "
            f"which multiLine reads the first only: remove {source.section}.options.multiLine "
            "if each line is an object"
        )
    if given.get("mode", "").upper() == "FAILFAST":
        raise DataError(
            f"{source.shown}: {odd:,} lines are not one JSON object each; see "
            f"{source.section}.options.mode = FAILFAST"
        )
    warn(
        f"{source.section}.path: {odd:,} lines are not one JSON object each, and are malformed: "
        "put every object on a line of its own"
    )
    return _less_odd_lines(lines, table, is_odd, given)


def _is_one(line: Column) -> Column:
    """Whether a text is exactly one JSON value: in brackets it is then a list of one."""
    values = F.from_json(F.concat(F.lit("["), line, F.lit("]")), "array<string>")
    return F.coalesce(F.size(values) == 1, F.lit(False))


def _less_odd_lines(
    lines: DataFrame, table: DataFrame, is_odd: Column, options: dict[str, str]
) -> DataFrame:
    folders = [name for name in lines.columns if name != "value"]
    fields = [field for field in table.schema.fields if field.name not in (*folders, MALFORMED)]
    object_ = T.StructType(fields)
    line = F.col("value")
    nothing = F.array(F.lit(None).cast(object_))
    objects = F.when(~is_odd, F.from_json(line, T.ArrayType(object_), options))
    rows = lines.where(F.trim(line) != "").select(
        line, F.explode(F.coalesce(objects, nothing)).alias("__object"), *map(quoted, folders)
    )
    return rows.select(
        *[F.col("__object").getField(field.name).alias(field.name) for field in fields],
        *map(quoted, folders),
        F.when(F.col("__object").isNull(), line).alias(MALFORMED),
    )
