"""Whitespace-aligned files: fields separated by runs of whitespace."""

import re
from collections.abc import Sequence

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from segmentation.errors import SchemaError, listed
from segmentation.schemas import MALFORMED, quoted
from segmentation.storage.text_files import BLANKS, Text, first_lines, is_blank


def read_aligned(text: Text) -> DataFrame:
    """The rows of whitespace-aligned files; every file's first line is its header."""
    has_header = text.given.get("header", "true").lower() == "true"
    headers = _headers(text)
    if not headers:
        raise SchemaError(f"{text.source.shown}: the file has no header and no rows")
    if not has_header:
        names = [f"_c{place}" for place in range(len(next(iter(headers))))]
        return _fields(text.lines(header=False), names)
    first, *others = headers
    if len(set(first)) < len(first):
        raise SchemaError(
            f"{text.source.shown}: the header {' '.join(first)!r} needs one name per column"
        )
    for other in others:
        if sorted(other) != sorted(first):
            raise SchemaError(
                f"the input files have different headers: {listed(first)} in {headers[first][0]}, "
                f"{listed(other)} in {headers[other][0]}; see {text.source.section}.path"
            )
    lines = text.lines(header=True)
    if not others:
        return _fields(lines, first)
    file = F.col("_metadata.file_path")
    parts = [_fields(lines.where(file.isin(headers[names])), names) for names in headers]
    table = parts[0]
    for part in parts[1:]:
        table = table.unionByName(part)
    return table


def _headers(text: Text) -> dict[tuple[str, ...], list[str]]:
    """The header of every file, split into fields, with its files; reads the files."""
    headers: dict[tuple[str, ...], list[str]] = {}
    for line, files in first_lines(text).items():
        headers.setdefault(
            tuple(re.split(BLANKS, line.strip(" \t\n\r\f\v"), flags=re.ASCII)), []
        ).extend(files)
    return headers


def _fields(lines: DataFrame, names: Sequence[str]) -> DataFrame:
    filled = lines.where(~is_blank("value")).withColumn("__fields", _split("value"))
    is_whole = F.size("__fields") == len(names)
    folders = [name for name in lines.columns if name != "value"]
    return filled.select(
        *[F.get("__fields", F.lit(place)).alias(name) for place, name in enumerate(names)],
        *[F.col(quoted(name)) for name in folders],
        F.when(~is_whole, F.col("value")).alias(MALFORMED),
    )


def _split(name: str) -> Column:
    return F.split(F.trim(F.regexp_replace(name, BLANKS, " ")), " ")
