"""Text files as lines: raw or decoded, with or without each file's first line."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from pyspark.sql import Column, DataFrame, SparkSession
from pyspark.sql import functions as F
from pyspark.sql.types import StringType, StructField, StructType

from segmentation.config import Source
from segmentation.config.sources import FILE_FILTERS
from segmentation.storage.dialect import Dialect
from segmentation.storage.quotes import BLOCK, FILE, PLACE, placed

BLANKS = r"\s+"
"""The separator of whitespace-aligned files, as in pandas."""

NEVER_IN_TEXT = {"sep": "\uffff", "quote": "\ufffe", "escape": "\ufffe"}
"""Unicode noncharacters: with these as separator and quote a CSV line is a single field."""

WIDE = ("utf-16", "utf16", "utf-32", "utf32", "ucs-2", "unicodebig", "unicodelittle")
UTF_8 = ("", "utf-8", "utf8")
FILE_OPTIONS = (
    *FILE_FILTERS,
    "timezone",
    "basepath",
    "ignorecorruptfiles",
    "ignoremissingfiles",
)
SPACED = {"\\t": "\t", "\\s": " ", "\\\\": "\\"}


@dataclass(frozen=True)
class Text:
    """The lines of a source, and the options of its reader."""

    spark: SparkSession
    source: Source
    paths: list[str]

    @property
    def given(self) -> dict[str, str]:
        """The reader's options by lower-case name, as Spark looks them up."""
        given = {name.lower(): value for name, value in self.source.reader_options.items()}
        for name in ("encoding", "charset"):
            if given.get(name, "").lower() == "latin-1":  # Python's name for it, not Java's
                given[name] = "ISO-8859-1"
        return given

    @property
    def encoding(self) -> str:
        """The configured encoding in lower case; empty if none is."""
        return self.given.get("encoding", self.given.get("charset", "")).lower()

    @property
    def is_wide(self) -> bool:
        """Whether characters take two or four bytes, so that a line break is not one byte."""
        return self.encoding.startswith(WIDE)

    @property
    def comment(self) -> str:
        """The character that begins a comment; empty if there is none."""
        return self.given.get("comment", "")

    @property
    def dialect(self) -> Dialect:
        """How fields are separated and quoted; whitespace-aligned fields are not quoted."""
        if self.given.get("sep") == BLANKS:
            return Dialect(" ", "", "")
        sep = self.given.get("sep", self.given.get("delimiter", ","))
        quote = self.given.get("quote", '"')
        blanks = [self.given.get(f"ignore{side}whitespace") for side in ("leading", "trailing")]
        return Dialect(
            SPACED.get(sep, sep), quote, self.given.get("escape", quote), "true" in blanks
        )

    def raw(self) -> DataFrame:
        """Every line, including headers and comments; not decoded unless characters are wide."""
        if self.is_wide:
            return self.lines(header=False, comment=False)
        keys = (*FILE_OPTIONS, "linesep")
        return self.spark.read.options(**_some(self.given, keys)).text(self.paths)

    def lines(self, *, header: bool, comment: bool = True) -> DataFrame:
        """Every line, decoded, without each file's header, by position."""
        keys = (*FILE_OPTIONS, "linesep", "encoding", "charset", *["comment"][:comment])
        options = {**_some(self.given, keys), **NEVER_IN_TEXT, "header": str(header).lower()}
        if self.is_wide:
            options["multiLine"] = "true"
        return (
            self.spark.read.options(**options)
            .schema(as_text(["value", *self.folders()]))
            .csv(self.paths)
        )

    def folders(self) -> list[str]:
        """The columns from partition folders such as ``country=UK/``."""
        options = _some(self.given, FILE_OPTIONS)
        return self.spark.read.options(**options).text(self.paths).columns[1:]


def first_lines(text: Text) -> dict[str, list[str]]:
    """The first non-blank line of every file, with the file; reads the files."""
    lines = placed(text.lines(header=False)).where((F.col(BLOCK) == 0) & ~is_blank("value"))
    firsts = lines.groupBy(FILE).agg(F.min_by("value", PLACE).alias("value")).orderBy(FILE)
    found: dict[str, list[str]] = {}
    for first in firsts.collect():
        found.setdefault(first.value, []).append(first[FILE])
    return found


def is_blank(name: str) -> Column:
    """Whether a line is blank."""
    return F.trim(F.regexp_replace(name, BLANKS, " ")) == ""


def _some(options: Mapping[str, str], keys: Sequence[str]) -> dict[str, str]:
    return {name: value for name, value in options.items() if name in keys}


def as_text(names: Sequence[str]) -> StructType:
    """The schema of these columns, all of type string."""
    return StructType([StructField(name, StringType()) for name in names])
