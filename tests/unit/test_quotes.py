"""Which records span lines, given what each line would be within quotes and outside."""

import csv
import io
import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from segmentation.storage.dialect import Dialect
from segmentation.storage.quotes import (
    BROKEN,
    CLOSES,
    INSIDE,
    OPENS,
    REOPENS,
    STRAY,
    WHOLE,
    spanning,
)


@pytest.mark.parametrize(
    ("outside", "within", "expected"),
    [
        ([], [], (0, 0, None)),
        ([WHOLE, WHOLE], [STRAY, STRAY], (0, 0, None)),
        ([OPENS, WHOLE], [STRAY, CLOSES], (1, 0, None)),  # "a / b",c
        ([OPENS, OPENS, WHOLE], [STRAY, REOPENS, CLOSES], (1, 0, None)),
        ([OPENS, WHOLE, WHOLE], [STRAY, INSIDE, CLOSES], (1, 0, None)),
        ([OPENS], [STRAY], (0, 1, 0)),  # never closed: the file ends
        ([OPENS, WHOLE], [STRAY, STRAY], (0, 1, 0)),  # the next line has quotes of its own
        ([OPENS, OPENS, WHOLE], [STRAY, STRAY, CLOSES], (1, 1, 0)),  # and the next does span
        ([OPENS, WHOLE, OPENS], [STRAY, INSIDE, STRAY], (0, 2, 0)),
        ([BROKEN, OPENS, WHOLE], [STRAY, STRAY, CLOSES], (1, 1, 0)),
        ([OPENS, BROKEN, WHOLE], [STRAY, CLOSES, STRAY], (1, 0, None)),
    ],
)
def test_a_quote_that_comes_to_no_end_spoils_its_own_line_only(outside, within, expected):
    assert spanning(outside, within) == expected


def told(line):
    """What a line is, by a reading of its own: all fields quoted, or none."""
    outside = OPENS if line.count('"') % 2 else WHOLE
    within = CLOSES if line.count('"') % 2 else INSIDE
    return outside, within


@given(st.lists(st.lists(st.sampled_from(["a", "b\nc", "d\n\ne", "f"]), min_size=1), max_size=8))
def test_of_a_file_without_fault_every_record_with_breaks_is_found(rows):
    """As many as Python's own reader finds, where a row has at most one field with breaks."""
    rows = [[*sorted(row), f"{place}"][-2:] for place, row in enumerate(rows)]
    rows = [[row[0].split("\n")[0], *row] for row in rows]
    written = io.StringIO()
    csv.writer(written, lineterminator="\n").writerows(rows)
    lines = [line for line in written.getvalue().split("\n") if '"' in line]
    found = spanning(*zip(*map(told, lines), strict=True)) if lines else spanning([], [])
    read = list(csv.reader(io.StringIO(written.getvalue(), newline=""), strict=True))
    assert found == (sum(any("\n" in cell for cell in row) for row in read), 0, None)


# --- a line's patterns, in Python's words for what Java calls them: held against Python's reader

DIALECT = Dialect(",", '"', '"')


def matches(pattern, line):
    return bool(re.match(re.sub(r"\\x\{(\w+)\}", in_python, pattern).replace(r"\z", r"\Z"), line))


def in_python(code):
    return f"\\x{int(code[1], 16):02x}"


def is_one_record(text):
    """Whether Python's reader, where it is strict, makes one record of a text."""
    try:
        return len(list(csv.reader(io.StringIO(text, newline=""), strict=True))) == 1
    except csv.Error:
        return False


LINES = st.text(alphabet='a," ', min_size=1, max_size=9).filter(lambda line: '" ' not in line)


@settings(max_examples=500)
@given(LINES)
def test_a_line_is_a_record_or_opens_one_as_python_reads_it(line):
    assert matches(DIALECT.record, line) == is_one_record(line)
    opens = not is_one_record(line) and is_one_record(f'{line}\n"')
    assert matches(DIALECT.opening, line) == opens


@settings(max_examples=500)
@given(LINES)
def test_a_line_within_quotes_ends_them_or_does_not_as_python_reads_it(line):
    ends = is_one_record(f'"\n{line}')
    goes_on = not ends and is_one_record(f'"\n{line}\n"')
    assert matches(DIALECT.closing, line) == ends
    stays, reopens = matches(DIALECT.inside, line), matches(DIALECT.reopening, line)
    assert (stays or reopens) == goes_on
    assert not (stays and reopens)


def test_a_long_line_neither_backtracks_nor_recurses():
    line = ",".join(['"a""b"'] * 50_000)
    assert matches(DIALECT.record, line)
    assert not matches(DIALECT.record, line + 'x"')


@pytest.mark.parametrize(
    ("line", "expected"),
    [(r'1::"a\"b::c"::2', True), (r'1::"a"b"::2', False), ('1::"a""b"', False), ("1:2::'", True)],
)
def test_other_separators_and_escapes(line, expected):
    assert matches(Dialect("::", '"', "\\").record, line) == expected
