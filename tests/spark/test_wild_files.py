"""Generated CSV and JSON files, each held against Python's own readers of them.

A file comes out as Python reads it, or its damage is counted as malformed or refused: no
customer is invented, and none is missing without a word. Every day tries some, by the date;
``--thorough`` all.
"""

import csv
import io
import json
import random
from collections import Counter
from dataclasses import dataclass, field

import pytest

from segmentation.config import Input
from segmentation.errors import SegmentationError
from segmentation.schemas import MALFORMED
from segmentation.storage.readers import read_table
from tests.rotation import SEED

EVERYDAY = 6
CSV_FILES, JSON_FILES = 140, 60

PIECES = [
    "a", "b7", "Zoë", "客户", "😀", " ", "  x", "y  ", ",", ";", "|", "#", "'", "\\", "\\n", "NULL",
    "NaN", "-1.5", "1e3", "\u2028", "\u0085", "\ufeff", "=1+1", "//", "{", "}", "[", "\x1c",
]  # fmt: skip
BREAKS = ["\n", "\r\n", "\n\n", "\r", "\n,", '\n"', '"\n"', "\n9,9,9\n"]
QUOTES = ['"', '""', '" "', '","', '"x"']


@dataclass(frozen=True)
class Wild:
    """A file's bytes, how it is read, and the rows that it holds whatever happened to it.

    ``damaged`` says how many of its rows cannot be read, None where all can.
    """

    content: bytes
    options: dict[str, str]
    rows: list[tuple[str, ...]]
    damaged: int | None = None
    width: int = 0
    told: list[str] = field(default_factory=list)


def seeds(count):
    """All seeds with --thorough, else some that change with the day."""
    chosen = random.Random(SEED).sample(range(count), EVERYDAY)  # noqa: S311 - not a secret
    return [
        pytest.param(seed, marks=() if seed in chosen else pytest.mark.thorough)
        for seed in range(count)
    ]


def a_cell(rng, breaks, quotes, nulls):
    pieces = PIECES + (BREAKS if breaks else []) + (QUOTES if quotes else []) + ["\0"] * nulls
    return "".join(rng.choices(pieces, k=rng.choice([0, 1, 1, 2, 3, 5])))


def wild_csv(seed):
    rng = random.Random(seed)  # noqa: S311
    kind = ["plain", "breaks", "ragged", "open", "stray", "huge", "encoded", "mixed"][seed % 8]
    sep = rng.choice([",", ",", ";", "\t", "|", "::"])
    end = rng.choice(["\n", "\n", "\r\n"])
    quoting = rng.choice([csv.QUOTE_MINIMAL, csv.QUOTE_ALL])
    width = rng.randint(2, 5)
    has_nulls = rng.random() < 0.2
    has_breaks = kind in ("breaks", "mixed")
    encoding = rng.choice(["latin-1", "utf-16", "cp1252", "gbk"]) if kind == "encoded" else "utf-8"
    names = ["id", *(f"c{j} x" for j in range(1, width))]
    if has_breaks and rng.random() < 0.3:
        names[1] = "two\nlines"
    rows = [
        (
            f"{i:03d}",
            *(
                a_cell(rng, breaks=has_breaks, quotes=True, nulls=has_nulls)
                for _ in range(width - 1)
            ),
        )
        for i in range(rng.randint(1, 12))
    ]
    if kind == "huge":
        rows[0] = (
            rows[0][0],
            "long " * 40_000 + ("\n" if rng.random() < 0.5 else ""),
            *rows[0][2:],
        )
    rows = [tuple(c.encode(encoding, "ignore").decode(encoding) for c in row) for row in rows]
    lines = [as_line(names, sep, quoting), *(as_line(row, sep, quoting) for row in rows)]
    damaged = None
    if kind in ("ragged", "open", "stray"):
        damaged, lines = damage(rng, kind, lines, sep)
        at = {place for place in range(len(rows)) if lines[place + 1] is None}
        rows = [row for place, row in enumerate(rows) if place not in at]
        lines = [line if line is not None else damaged.pop(0) for line in lines]
        damaged = len(at)
    ends = [rng.choice(["\n", "\r\n"]) if kind == "mixed" else end for _ in lines]
    if rng.random() < 0.3:
        ends[-1] = ""
    text = "".join(line + each for line, each in zip(lines, ends, strict=True))
    if rng.random() < 0.2 and encoding == "utf-8":
        text = "\ufeff" + text
    if rng.random() < 0.2 and not has_breaks and kind != "huge":
        text = text.replace(end, end * 2)
    options = {} if sep == "," else {"sep": sep}
    if encoding != "utf-8":
        options["encoding"] = encoding
    return Wild(text.encode(encoding), options, rows, damaged, width)


def as_line(cells, sep, quoting):
    """The cells as Python's writer has them; it takes separators of one character only."""
    written = io.StringIO()
    one = sep if len(sep) == 1 else "\x1f"
    if any("\r" in cell for cell in cells):  # which Python 3.11 leaves unquoted
        quoting = csv.QUOTE_ALL
    csv.writer(written, delimiter=one, quoting=quoting, lineterminator="\n").writerow(cells)
    return written.getvalue()[:-1].replace("\x1f", sep)


def damage(rng, kind, lines, sep):
    """Lines in the place of others, and the others, None where one was replaced."""
    places = rng.sample(range(1, len(lines)), rng.randint(1, min(3, len(lines) - 1)))
    spoilt = []
    for place in sorted(places):
        line = lines[place]
        if kind == "ragged":
            spoilt.append(line + sep + "more" if rng.random() < 0.5 else line.split(sep)[0] + "x")
        elif kind == "open":
            spoilt.append(f'9{place}{sep}"never closed' + sep * rng.randint(0, 2))
        else:
            spoilt.append(f'9{place}{sep}"ab"cd' + (sep + '"e" f') * rng.randint(0, 2))
        lines[place] = None
    return spoilt, lines


def is_readable(row):
    return row.get(MALFORMED) is None


def what_is_read(spark, tmp_path, wild, form):
    path = tmp_path / f"customers.{form}"
    path.write_bytes(wild.content)
    found = read_table(
        spark,
        Input(path=str(path), format=form, options=wild.options),
        seed=0,
        warn=wild.told.append,
    )
    return [row.asDict() for row in found.collect()]


@pytest.mark.parametrize("seed", seeds(CSV_FILES))
def test_csv_is_read_as_python_reads_it_or_its_damage_is_counted(spark, tmp_path, seed):
    wild = wild_csv(seed)
    expected, damaged = wild.rows, wild.damaged or 0
    oracle = python_reads(wild)
    if oracle is not None:  # else its reader finds a stray quote
        expected = [row for row in oracle if len(row) == wild.width]
        damaged = len(oracle) - len(expected)
        assert wild.damaged is not None or expected == wild.rows
    refused = ""
    try:
        rows = what_is_read(spark, tmp_path, wild, "csv")
    except SegmentationError as error:
        refused = str(error)
    if refused:
        assert "never closed" in refused
        assert wild.damaged or b"\0" in wild.content
        return
    read = Counter(
        as_compared([value or "" for name, value in row.items() if name != MALFORMED])
        for row in filter(is_readable, rows)
    )
    expected = [as_compared(row) for row in expected]
    # A NUL within quotes is more than Spark's parser takes: such a row is malformed.
    lost = Counter(expected) - read
    assert not read - Counter(expected)
    assert all("\0" in "".join(row) for row in lost)
    assert len(rows) - read.total() == damaged + lost.total()


def as_compared(row):
    """The cells, but for a carriage return that ends a row's last: it may be the line's."""
    return (*row[:-1], row[-1].rstrip("\r"))


def python_reads(wild):
    """The rows below the header, None where there is a stray quote or the separator is too long."""
    sep = wild.options.get("sep", ",")
    text = wild.content.decode(wild.options.get("encoding", "utf-8-sig"))
    csv.field_size_limit(2**31 - 1)
    try:
        reader = csv.reader(io.StringIO(text, newline=""), delimiter=sep, strict=True)
        return [tuple(row) for row in reader if row][1:]
    except (csv.Error, TypeError):
        return None


def wild_json(seed):
    rng = random.Random(seed)  # noqa: S311
    kind = ["lines", "damaged", "array", "pretty"][seed % 4]
    objects = [
        {
            "id": f"{i:03d}",
            **{
                name: a_cell(rng, True, True, False)
                for name in ("a", "b c", "é")
                if rng.random() < 0.9
            },
        }
        for i in range(rng.randint(2, 10))
    ]
    lines = [json.dumps(each, ensure_ascii=rng.random() < 0.5) for each in objects]
    rows, damaged, options = [in_order(each) for each in objects], None, {}
    if kind == "damaged":
        place = rng.randrange(len(lines))
        lines[place] = rng.choice(
            [
                lines[place] + '{"id": "x"}',
                lines[place] + ' {"id": "x"}',
                lines[place] + ', {"id": "x"}',
                lines[place] + " rubbish",
                lines[place] + "}",
                lines[place][:-1],
                lines[place][: len(lines[place]) // 2],
                "rubbish",
                '"a text"',
                "[1, 2]",
            ]
        )
        damaged = 1
        del rows[place]
    text = "".join(line + rng.choice(["\n", "\n", "\r\n", "\n\n"]) for line in lines)
    if kind == "array":
        text = f"[{', '.join(lines)}]"
    if kind == "pretty":
        text, options = json.dumps(objects, indent=1), {"multiLine": "true"}
    return Wild(text.encode(), options, rows, damaged)


def in_order(row):
    return tuple(row.get(name) for name in ("id", "a", "b c", "é"))


@pytest.mark.parametrize("seed", seeds(JSON_FILES))
def test_json_is_read_as_python_reads_it_or_its_damage_is_counted(spark, tmp_path, seed):
    wild = wild_json(seed)
    rows = what_is_read(spark, tmp_path, wild, "json")
    read = [in_order(row) for row in filter(is_readable, rows)]
    assert Counter(read) == Counter(wild.rows)
    assert len(rows) - len(read) == (wild.damaged or 0)
