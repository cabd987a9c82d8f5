"""Where quoted fields of a text file begin and end: whether every line is a record.

Reading a file line by line is fast, and correct as long as no quoted field contains a line break.
One cheap scan checks that; the grammar is RFC 4180.
"""

import sys
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
from pyspark import cloudpickle
from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from segmentation.storage.dialect import Dialect

WHOLE, OPENS, BROKEN = 0, 1, 2
"""A line that begins outside quotes: a record, ends inside quotes, or has a stray quote."""

CLOSES, INSIDE, REOPENS, STRAY = 0, 1, 2, 3
"""A line that begins inside quotes: they end, do not end, end and begin again, or are stray."""

FILE, BLOCK, PLACE = "__file", "__block", "__place"
MAX_STEPS_BACK = 10_000_000

SPANS = f"{FILE} string, spans bigint, stray bigint, {BLOCK} bigint, {PLACE} bigint"

# The module is pickled with the tasks: workers need numpy and pyarrow, not this package.
cloudpickle.register_pickle_by_value(sys.modules[__name__])  # type: ignore[no-untyped-call]


@dataclass(frozen=True)
class Census:
    """The result of one scan: ``opens`` lines end inside quotes, ``broken`` have a stray quote."""

    opens: int
    broken: int
    comments: int
    undecoded: int


@dataclass(frozen=True)
class Spans:
    """Records that span lines, and lines with a stray quote beside them, of all files.

    ``file``, ``block`` and ``place`` are those of the first stray quote, None if there is none.
    """

    records: int
    stray: int
    file: str | None
    block: int
    place: int


def is_record(line: Column, dialect: Dialect) -> Column:
    """Whether every line is a record."""
    return ~line.contains(dialect.quote) | line.rlike(dialect.record)


def census(lines: DataFrame, dialect: Dialect, *, comment: str, is_utf8: bool) -> Census:
    """How many lines are not records, and why; reads the text once."""
    line = F.col("value")
    is_comment = line.startswith(comment) if comment else F.lit(False)
    is_odd = F.lit(False)
    if dialect.quote:
        is_odd = ~is_comment & ~is_record(line, dialect)
    opens = is_odd & line.rlike(dialect.opening) if dialect.quote else F.lit(False)
    undecoded = ~F.is_valid_utf8(line) if is_utf8 else F.lit(False)
    found = lines.select(
        F.count_if(opens), F.count_if(is_odd), F.count_if(is_comment), F.count_if(undecoded)
    ).collect()[0]
    return Census(found[0], found[1] - found[0], found[2], found[3])


def spans(lines: DataFrame, dialect: Dialect, *, comment: str) -> Spans:
    """Which records span lines; a Spark job that orders the lines with quotes of every file."""
    line = F.col("value")
    outside = F.when(line.rlike(dialect.record), WHOLE).when(line.rlike(dialect.opening), OPENS)
    within = F.when(line.rlike(dialect.closing), CLOSES).when(line.rlike(dialect.inside), INSIDE)
    is_looked_at = line.contains(dialect.quote) | line.contains("\0")
    if comment:
        is_looked_at &= ~line.startswith(comment)
    found = (
        placed(lines)
        .where(is_looked_at)
        .select(
            FILE,
            BLOCK,
            PLACE,
            outside.otherwise(BROKEN).cast("tinyint").alias("outside"),
            within.when(line.rlike(dialect.reopening), REOPENS)
            .otherwise(STRAY)
            .cast("tinyint")
            .alias("within"),
        )
        .groupBy(FILE)
        .applyInArrow(_spans_of_file, SPANS)
        .collect()
    )
    stray = [each for each in found if each.stray]
    first = stray[0] if stray else None
    return Spans(
        sum(each.spans for each in found),
        sum(each.stray for each in found),
        first[FILE] if first else None,
        first[BLOCK] if first else 0,
        first[PLACE] if first else 0,
    )


def placed(lines: DataFrame) -> DataFrame:
    """The lines with their file and place in it: of two, the earlier block or place is first."""
    return lines.select(
        F.col("value"),
        F.col("_metadata.file_path").alias(FILE),
        F.col("_metadata.file_block_start").alias(BLOCK),
        F.monotonically_increasing_id().alias(PLACE),
    )


def line_number(lines: DataFrame, found: Spans) -> int:
    """The number of the first line with a stray quote; reads its file."""
    is_before = (F.col(BLOCK) < found.block) | (
        (F.col(BLOCK) == found.block) & (F.col(PLACE) <= found.place)
    )
    return placed(lines).where((F.col(FILE) == found.file) & is_before).count()


def spanning(outside: Sequence[int], within: Sequence[int]) -> tuple[int, int, int | None]:
    """Records that span the lines of a file, lines with a stray quote, and the first of these.

    The lines are those with quotes, in order, each classified for both cases: that it begins
    outside or inside quotes. A quote without a proper end does not open a field: reading continues
    on the next line, so that it spoils only its own.
    """
    records, stray, first = 0, 0, None
    at, opened, steps_back = 0, None, 0
    while at < len(outside) or opened is not None:
        how = STRAY if at >= len(outside) else within[at]
        if opened is None:
            opened = at if outside[at] == OPENS else None
            if outside[at] == BROKEN:
                stray, first = stray + 1, at if first is None else first
        elif how == STRAY:
            stray += 1
            first = opened if first is None else first
            steps_back += at - opened
            if steps_back > MAX_STEPS_BACK:
                return records, stray, first
            at, opened = opened, None
        elif how == CLOSES:
            records, opened = records + 1, None
        at += 1
    return records, stray, first


def _spans_of_file(lines: pa.Table) -> pa.Table:
    order = np.lexsort([lines[PLACE].to_numpy(), lines[BLOCK].to_numpy()])
    outside, within = (lines[name].to_numpy()[order].tolist() for name in ("outside", "within"))
    records, stray, first = spanning(outside, within)
    row = order[first if first is not None else 0]
    return pa.table(
        {
            FILE: [lines[FILE][row].as_py()],
            "spans": pa.array([records], pa.int64()),
            "stray": pa.array([stray], pa.int64()),
            BLOCK: pa.array([lines[BLOCK][row].as_py()], pa.int64()),
            PLACE: pa.array([lines[PLACE][row].as_py()], pa.int64()),
        }
    )
