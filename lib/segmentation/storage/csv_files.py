"""CSV: every record is read as it was written, or counted as malformed."""

import codecs
import logging
from collections.abc import Callable, Mapping, Sequence

from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F
from pyspark.sql.types import StringType

from segmentation.config import Source
from segmentation.errors import DataError, SchemaError
from segmentation.schemas import MALFORMED, quoted
from segmentation.storage.addresses import escaped
from segmentation.storage.aligned_files import read_aligned
from segmentation.storage.quotes import Census, census, is_record, line_number, spans
from segmentation.storage.text_files import BLANKS, UTF_8, Text, as_text, first_lines

LOG = logging.getLogger("segment")

ANY_ENCODING = "spark.sql.legacy.javaCharsets"
"""Without it Spark reads only Latin-1 and Unicode, and nothing that Excel saves on Windows."""


def read_csv(spark: SparkSession, source: Source, *, warn: Callable[[str], None]) -> DataFrame:
    """The rows of CSV files, all columns text, with ``MALFORMED`` set where one cannot be read.

    One scan of the text looks for quoted fields that contain line breaks and for stray quotes,
    and decides how the files are read: by lines; each as a whole; or, with a stray quote,
    by lines of which those are malformed.
    """
    text = Text(spark, source, [escaped(path) for path in source.paths])
    if _is_encoding(text.encoding):
        spark.conf.set(ANY_ENCODING, "true")
    if text.given.get("sep") == BLANKS:
        _census(text, warn)
        return read_aligned(text)
    quote = text.given.get("quote", '"')
    options = {"header": "true", "mode": "PERMISSIVE", "escape": quote or '"', **text.given}
    reader = spark.read.options(**options).option("inferSchema", "false")
    first = reader.csv(text.paths)
    if not first.columns:
        raise SchemaError(f"{source.shown}: the file has no header and no rows")
    found = _census(text, warn)
    is_by_lines = True
    if found.opens:
        is_by_lines = not _spans_lines(text)
    if is_by_lines and (found.opens or found.broken):
        if options["mode"].upper() == "FAILFAST":
            raise DataError(
                f"{source.shown}: {found.opens + found.broken:,} rows have a stray quote; see "
                f"{source.section}.options.mode = FAILFAST"
            )
        return _by_lines(text, first.columns, options)
    # columnPruning is off, as a short row shows only in its missing columns; and enforceSchema,
    # so that headers are compared. A missing or repeated name never equals the name Spark gives.
    is_one_file = len(first.inputFiles()) == 1
    options |= {
        "enforceSchema": str(is_one_file).lower(),
        "columnPruning": "false",
        "columnNameOfCorruptRecord": MALFORMED,
    }
    if not is_by_lines or text.is_wide or text.given.get("multiline", "").lower() == "true":
        return _as_wholes(text, options)
    names = as_text(first.columns).add(MALFORMED, StringType())
    return spark.read.options(**options).schema(names).csv(text.paths)


def _is_encoding(name: str) -> bool:
    """Whether Java knows the encoding; Spark refuses others, with its own list."""
    try:
        codecs.lookup(name)
    except LookupError:
        return False
    return True


def _census(text: Text, warn: Callable[[str], None]) -> Census:
    """Scan the text once, and warn of what it finds."""
    found = census(text.raw(), text.dialect, comment=text.comment, is_utf8=text.encoding in UTF_8)
    _check_encoding(text, found, warn)
    if found.comments:
        warn(
            f"{text.source.section}.options.comment = {text.comment!r}: {found.comments:,} lines "
            "that begin with it are skipped"
        )
    return found


def _spans_lines(text: Text) -> bool:
    """Whether quoted fields span lines; refused where others beside them are never closed.

    In that case records cannot be distinguished from lines.
    """
    source = text.source
    across = spans(text.raw(), text.dialect, comment=text.comment)
    if not across.records:
        return False
    if across.stray:
        number = line_number(text.raw(), across)
        raise DataError(
            f"{source.shown}: line {number:,} of {across.file} has a quote that is never closed, "
            f"or text after one, and {across.records:,} other rows span lines: fix that line, or "
            f"see {source.section}.options.quote"
        )
    if text.given.get("multiline", "").lower() == "false":
        raise DataError(
            f"{source.shown}: {across.records:,} rows span lines, as quoted fields hold line "
            f"breaks: take {source.section}.options.multiLine = false out"
        )
    LOG.info(
        "%s.path: %s rows span lines, as quoted fields hold line breaks: every file is read by "
        "one task (multiLine)",
        source.section,
        f"{across.records:,}",
    )
    return True


def _as_wholes(text: Text, options: Mapping[str, str]) -> DataFrame:
    """The rows of files of which each is read by one task.

    Lines end at the line feed. Left to guess, the parser takes the first line end of a file, and
    would join rows in a file with both kinds, such as one into which lines were pasted.
    """
    reader = text.spark.read.options(**{**options, "multiLine": "true"})
    ended = reader if "linesep" in text.given else reader.option("lineSep", "\n")
    columns = ended.option("inferSchema", "false").csv(text.paths).columns
    if any("\r" in name.rstrip("\r") for name in columns):  # line ends of old Macs
        ended, columns = reader, reader.csv(text.paths).columns
    table = ended.schema(as_text(columns).add(MALFORMED, StringType())).csv(text.paths)
    own = [name for name in columns if name not in text.folders()]
    last = F.regexp_replace(F.col(quoted(own[-1])), r"\r\z", "").alias(own[-1].rstrip("\r"))
    return table.select(*[last if name == own[-1] else quoted(name) for name in table.columns])


def _by_lines(text: Text, names: Sequence[str], options: Mapping[str, str]) -> DataFrame:
    """The rows of files with stray quotes: a line with one is malformed, and no other."""
    headers = first_lines(text)
    has_header = options["header"].lower() == "true"
    if has_header and len(headers) > 1:
        one, other = list(headers.values())[:2]
        raise SchemaError(
            f"the input files have different headers: those of {one[0]} and {other[0]}; see "
            f"{text.source.section}.path"
        )
    folders = text.folders()
    own = [name for name in names if name not in folders]
    schema = ", ".join(f"{quoted(name)} STRING" for name in [*own, MALFORMED])
    lines = text.lines(header=has_header)
    parsing = {**options, "columnNameOfCorruptRecord": MALFORMED}
    line = F.col("value")
    record = F.from_csv(line, schema, parsing)
    rows = lines.select(
        record.alias("__record"), (~is_record(line, text.dialect)).alias("__odd"), *lines.columns
    )
    return rows.select(
        *[F.col("__record").getField(name).alias(name) for name in own],
        *[F.col(quoted(name)) for name in folders],
        F.when(F.col("__odd"), line)
        .otherwise(F.col("__record").getField(MALFORMED))
        .alias(MALFORMED),
    )


def _check_encoding(text: Text, found: Census, warn: Callable[[str], None]) -> None:
    """Refuse bytes that are not UTF-8; where an encoding is configured, warn."""
    if not found.undecoded:
        return
    said = f"{found.undecoded:,} lines hold bytes that are not UTF-8"
    if text.encoding:
        warn(f"{text.source.section}.path: {said}, and are read as U+FFFD")
        return
    line = F.col("value")
    bad = text.raw().where(~F.is_valid_utf8(line)).select(line.cast("binary")).first()
    start = bytes(bad[0]) if bad is not None else b""
    guess = "windows-1252" if any(0x80 <= byte < 0xA0 for byte in start) else "ISO-8859-1"
    if start.startswith((b"\xff\xfe", b"\xfe\xff")):
        guess = "UTF-16"
    raise DataError(
        f"{text.source.shown}: {said}: set {text.source.section}.options.encoding, "
        f"perhaps to {guess!r}; 'UTF-8' reads them anyway"
    )
