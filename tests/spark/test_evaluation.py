"""Expressions evaluated without Spark say what their Spark SQL says, for whatever cells hold."""

import math
import random
import string
from datetime import date, datetime, timedelta
from decimal import Decimal

import numpy as np
import pyarrow as pa
import pytest

from segmentation.model.date_patterns import date_pattern
from segmentation.model.evaluation import Evaluation
from segmentation.model.expressions import (
    NULL,
    Call,
    Case,
    Column,
    DaysBefore,
    Flag,
    IsBlank,
    IsNoNumber,
    Literal,
    Lookup,
    Number,
    Text,
    absolute,
    any_of,
    coalesce,
    log1p,
    nearest_whole,
    sign,
    when,
)
from segmentation.model.spark_sql import spark_sql
from tests import rotation
from tests.spark.tables import from_arrow

DAILY, THOROUGH = 200, 5_000
DAY_US = 86_400 * 10**6
AS_OF = date(2026, 6, 30)

NUMBERS = [
    "1", "-1", "+1", " 7 ", "\t7\n", "7\x00", "\u20077", "1.", ".5", "-.5e-3", "1e2", "1E+2",
    "1e", "e1", "1e400", "-1e400", "1e-400", "12d", "12D ", "1f\n", "1.5F", "12d\x00", "0x1p3",
    "-0X1.8P-3d", "0x1", "0x.8p1", "0x.p1", "0x1p99999", "NaN", "nan", "+NaN", "-NaN", "-nan",
    "Infinity", "+infinity", "-INF", "inf", "Inf inity", "1_000", "1,5", "1 2", "\uff11\uff12",
    "\u0661", "", " ", "  ", "\t", "\n", "\xa0", "--1", "+-1", "1d1", "1dd", "12L", "true",
    "9007199254740993", "0.1", "179769313486231580793e289", "4.9e-324", "2.4e-324", "-0", "0x",
    "abc", "it's", "\\", "1\u2028", "1\x85", "\U0001f600", "e\u0301", "\ufb01", "a\x00b",
]  # fmt: skip
FLAGS = [
    "t", "T", "true", " TRUE ", "y", "Yes", "1", "1.0", "1.000", "1.", "1.01", "01", "1.0\n",
    "1.0\r\n", "1.0\n\n", " 1.0 ", "\t1.0", "f", "False", "n", "NO", "0", "0.0", "0.00\r", "yes\n",
    "\tyes", "yes\x7f", "\xa0yes", "on", "off", "2", "2.0", "-0", "-1.0", "maybe", "ye\u017f",
    "\uff59",
]  # fmt: skip
DAYS = [
    "2026-06-30", " 2026-06-30 ", "2026-6-3", "2026-06", "2026", "0001-01-01", "9999-12-31",
    "0000-01-01", "-2026-01-01", "+12026-01-01", "2026-02-30", "2024-02-29", "2026-13-01",
    "2026-00-10", "2026-01-00", "2026-01-31T", "2026-01-31 5", "2026-01-31 23:30",
    "2026-01-31T23:30:59", "2026-01-31 23:30:59.", "2026-01-31 23:30:59.1234567",
    "2026-01-31 24:00", "2026-01-31 23:60", "2026-01-31 23:30:60", "2026-01-31 9:5:7",
    "2026-01-31 23:30:00 UTC", "2026-01-31 23:30 UTC", "2026-01-31 23:30UTC", "2026-01-31T23:30Z",
    "2026-01-31 23:30:UTC", "2026-01-31 23:30.UTC", "2026-01-31 23:30:00.5Z",
    "2026-01-31 23:30:00.Z",
    "2026-01-31 23:30:00z", "2026-01-31 23:30+01", "2026-01-31 23:30-0130",
    "2026-01-31 23:30:00 +1:30", "2026-01-31 23:30:00 +01:5", "2026-01-31 23:30:00+1",
    "2026-01-31 00:30:00 +01:00", "2026-01-31 00:30:00 +01:00:30", "2026-01-31 00:30:00 +010030",
    "2026-01-31 00:30:00 +18:00", "2026-01-31 00:30:00 +18:01", "2026-01-31 00:30:00 +19:00",
    "2026-01-31 23:30:00 UTC+2", "2026-01-31 00:30:00 GMT+02:00", "2026-01-31 00:30:00 UT-3",
    "2026-01-31 00:30:00 UTC+1:30", "2026-01-31 00:30 Europe/Paris", "2026-01-31 00:30 CST",
    "2026-01-31 00:30:00 europe/paris", "2026-01-31 00:30:00 Europe/Nowhere",
    "2026-01-31 00:30:00 EST", "2026-01-31 00:30:00 MST", "2026-01-31 00:30:00 EST5EDT",
    "2026-01-31 00:30:00 CET", "2026-01-31 00:30:00 BST", "2026-01-31 00:30:00 CST\t",
    "2026-01-31 00:30:00 PM",
    "2026-01-31 00:30:00 Etc/GMT+5", "2026-01-31 00:30:00 Etc/GMT+12", "2026-01-31 00:30:00 ROC",
    "2026-01-31 00:30:00 Z Z", "2026-01-31 00:30:00\x00", "2026-01-31\n", "2026-01-31 23:30\n",
    "2026-01-31\t", "\t2026-01-31", "2026-01-31 00:30:00\tUTC", "2026-01-31  00:30",
    "2026-03-29 02:30:00 Europe/Paris", "2026-10-25 02:30:00 Europe/Paris",
    "9999-12-31 23:30:00 -08:00", "0001-01-01 00:30:00 +08:00", "12:30", "40908", "someday", "",
    " ", "\uff12\uff10\uff12\uff16-01-31", "2026-01-31 someday", "2026-01-31Z", "2026/01/31",
]  # fmt: skip
PATTERNS = {
    "yyyyMMdd": ["20260131", "2026131", "020260131", "+020260131", "-20260131", "20260230"],
    "dd/MM/yyyy": ["31/01/2026", "1/1/2026", "31/01/26", "31/01/+02026", "31/01/02026"],
    "d.M.yy": ["31.1.26", "31.01.26", "031.1.26", "31.1.2026", "1.1.99"],
    "M/d/y": ["1/31/2026", "01/31/26", "13/1/2026", "1/31/0", "1/31/99999"],
    "yyy-M-d": ["2026-1-31", "026-1-31", "26-1-31"],
    "MMM d, yyyy": ["Jan 31, 2026", "JAN 31, 2026", "January 31, 2026", "Sept 1, 2026"],
    "d MMMM yyyy": ["31 January 2026", "31 jan 2026", "1 may 2026", "31 February 2026"],
    "LLL yyyy": ["Mar 2026", "may 2026", "march 2026"],
    "yyyy": ["2026", "26", "02026"],
    "yyyy-DDD": ["2026-031", "2026-366", "2024-366", "2026-000", "2026-31"],
    "yyyy-MM-dd DDD": ["2026-01-31 031", "2026-01-31 032"],
    "yyyyDDD": ["2026031", "2026365"],
    "yyyy-MM-dd HH:mm[:ss][.SSS]": [
        "2026-01-31 23:30", "2026-01-31 23:30:59", "2026-01-31 23:30:59.1", "2026-01-31 24:00",
        "2026-01-31 23:30.123", "2026-01-31 23:60", "2026-01-31 23:30:59.1234",
    ],
    "yyyy-MM-dd hh:mm a": [
        "2026-01-31 11:30 pm", "2026-01-31 12:30 AM", "2026-01-31 00:30 AM", "2026-01-31 13:30 PM",
    ],
    "yyyy-MM-dd KK kk HH": ["2026-01-31 11 23 23", "2026-01-31 11 24 00", "2026-01-31 00 24 00"],
    "yyyy-MM-dd HH a": ["2026-01-31 13 PM", "2026-01-31 13 AM", "2026-01-31 1 AM"],
    "yyyy-MM-dd h 'o''clock'": ["2026-01-31 5 o'clock", "2026-01-31 5 O'CLOCK", "2026-01-31 5"],
    "yyyy-MM-dd'T'HH:mm:ss.SSSSSS'Z'": ["2026-01-31T23:30:00.1Z", "2026-01-31T23:30:00.Z"],
    "yyyy-MM-dd HH:mm VV": [
        "2026-01-31 23:30 UTC", "2026-01-31 23:30 Europe/Paris", "2026-01-31 00:30 +02:00",
        "2026-01-31 23:30 Z", "2026-01-31 23:30 Nowhere", "2026-03-29 02:30 Europe/Paris",
    ],
    "yyyyMMdd'T'HHmmssxx": ["20260131T233000+0000", "20260131T003000+0130", "20260131T003000Z"],
    "yyyy-MM-dd HH:mm[ XXX]": ["2026-01-31 23:30 -05:00", "2026-01-31 23:30", "2026-01-31 23:30 Z"],
    "yyyy-MM-dd HH:mm X": ["2026-01-31 23:30 -05", "2026-01-31 23:30 -0530", "2026-01-31 23:30 z"],
    "yyyy-MM-dd HH:mm Z": ["2026-01-31 23:30 -0500", "2026-01-31 23:30 +0000"],
    "yyyy-MM-dd HH:mm ZZZZZ": ["2026-01-31 23:30 -05:00", "2026-01-31 23:30 Z"],
    "yyyy-MM-dd yyyy": ["2026-01-31 2026", "2026-01-31 2025"],
}  # fmt: skip
ZONES = ["UTC", "Europe/Paris", "America/St_Johns", "Pacific/Auckland", "Asia/Kolkata"]


@pytest.fixture(scope="module")
def chance():
    """Other cells every day; more of them with --thorough."""
    return random.Random(rotation.SEED)  # noqa: S311 - a test is no secret


@pytest.fixture(scope="module")
def rows(request):
    return THOROUGH if request.config.getoption("--thorough") else DAILY


def mutated(chance, texts, count):
    """The texts, and so many more with letters dropped, doubled, swapped or put in."""
    found = list(texts)
    letters = string.digits + "-+.:eEdfxTZ /\t\n,_"
    for _ in range(count):
        text = list(chance.choice(texts))
        for _ in range(chance.randint(1, 2)):
            place = chance.randrange(len(text) + 1)
            match chance.randrange(4):
                case 0:
                    text.insert(place, chance.choice(letters))
                case 1 if place < len(text):
                    del text[place]
                case 2 if place < len(text):
                    text[place] = chance.choice(letters)
                case _:
                    other = chance.choice(texts)
                    text[place:] = other[place:]
        found.append("".join(text))
    return found


def with_holes(chance, values):
    return [None if chance.random() < 0.1 else value for value in values] + [None]


def doubles(chance, count):
    """Doubles of every size, whole and not, and the special ones."""
    special = [
        0.0, -0.0, 1.0, 1e-3, 9999999.5, 1e7, 123456789.25, 1e37, 1e38, 2e23, -1e40, 5e-324,
        math.nan, math.inf, -math.inf, 0.1, -2.5, 0.5, 1.5, -1.0, -0.999, 1e100, 1e300,
    ]  # fmt: skip
    found = [math.ldexp(chance.uniform(-2, 2), chance.randint(-1060, 1000)) for _ in range(count)]
    found += [round(chance.uniform(-1e6, 1e6), chance.randint(0, 3)) for _ in range(count)]
    return special + found


def differences(spark, table, expressions):
    """What Spark and the evaluation find differently: expression, row of cells, both values."""
    evaluation = Evaluation(table)
    found = [evaluation.array(each).to_pylist() for each in expressions]
    sql = [f"{spark_sql(each)} AS v{i}" for i, each in enumerate(expressions)]
    expected = from_arrow(spark, table).selectExpr(*sql).toArrow()
    assert table.num_rows == expected.num_rows
    return [
        (expression, table.slice(row, 1).to_string(), value, other)
        for expression, values, others in zip(
            expressions, found, expected.itercolumns(), strict=True
        )
        for row, (value, other) in enumerate(zip(values, others.to_pylist(), strict=True))
        if not is_same(value, other)
    ]


def is_same(value, other):
    if isinstance(value, float) and isinstance(other, float) and math.isnan(value):
        return math.isnan(other)
    return value == other and type(value) is type(other)


CELLS = (Number("c"), Text("c"), Flag("c"), IsBlank("c"), IsNoNumber("c"))


def test_cells_of_text(spark, chance, rows):
    texts = with_holes(chance, mutated(chance, NUMBERS + FLAGS + DAYS, rows))
    table = pa.table({"c": pa.array(texts, pa.string())})
    assert differences(spark, table, CELLS) == []


def typed_columns(chance, rows):
    """A column of every other type that a file may have."""
    whole = [chance.getrandbits(64) - 2**63 >> chance.randint(0, 63) for _ in range(rows)]
    money = [Decimal(chance.getrandbits(40) - 2**39).scaleb(-2) for _ in range(rows)]
    tiny = [Decimal(chance.getrandbits(60)).scaleb(-18) for _ in range(rows)]
    instants = [
        datetime(1970, 1, 1) + timedelta(microseconds=chance.randrange(-(2**51), 2**52))  # noqa: DTZ001
        for _ in range(rows)
    ]
    return {
        "long": pa.array(with_holes(chance, whole), pa.int64()),
        "byte": pa.array(with_holes(chance, [value % 256 - 128 for value in whole]), pa.int8()),
        "money": pa.array(with_holes(chance, money), pa.decimal128(20, 2)),
        "tiny": pa.array(with_holes(chance, tiny), pa.decimal128(38, 18)),
        "flag": pa.array(with_holes(chance, [value % 2 == 0 for value in whole]), pa.bool_()),
        "time": pa.array(with_holes(chance, instants), pa.timestamp("us", "UTC")),
    }


def test_cells_of_other_types(spark, chance, rows):
    columns = typed_columns(chance, rows)
    expressions = [
        kind(name) for name in columns for kind in (Number, Text, Flag, IsBlank, IsNoNumber)
    ]
    assert differences(spark, pa.table(columns), expressions) == []
    calendar = {
        "date": columns["time"].cast(pa.timestamp("us")).cast(pa.date32(), safe=False),
        "local": columns["time"].cast(pa.timestamp("us")),
    }
    expressions = [kind(name) for name in calendar for kind in (Text, Flag, IsBlank)]
    assert differences(spark, pa.table(calendar), expressions) == []


def test_cells_of_floats(spark, chance, rows):
    """Java before 19 writes some numbers with a digit too many, so no text of these is random."""
    values = doubles(chance, rows)
    singles = [float(np.float32(value)) for value in values if not abs(value) > 3e38]
    for kind, cells in ((pa.float64(), values), (pa.float32(), singles)):
        table = pa.table({"c": pa.array(with_holes(chance, cells), kind)})
        assert differences(spark, table, [each for each in CELLS if each != Text("c")]) == []
        short = [round(chance.uniform(-1e5, 1e5), 2) for _ in range(rows)] + [
            0.0, -0.0, 1.0, 1e7, 12345678.5, 1e10, 1e37, 1e38, -1e40, 0.001, 5e-4, 1.5e-7,
            math.nan, math.inf, -math.inf, 16777216.0, 9.5,
        ]  # fmt: skip
        short = [each for each in short if kind == pa.float64() or not 3e38 < abs(each) < math.inf]
        table = pa.table({"c": pa.array(with_holes(chance, short), kind)})
        assert differences(spark, table, [Text("c")]) == []


@pytest.mark.parametrize("zone", ZONES)
def test_days_of_texts_and_times(spark, chance, rows, zone):
    days = pa.array(with_holes(chance, mutated(chance, DAYS, rows)), pa.string())
    expression = DaysBefore("c", AS_OF, None, zone)
    assert differences(spark, pa.table({"c": days}), [expression]) == []
    instants = [chance.randrange(-(2**51), 2**52) for _ in range(rows)]
    instants += [-62135596800000000, 253402300799999999, -62135596800000001, -1, 0]
    table = pa.table(
        {
            "instant": pa.array(with_holes(chance, instants), pa.timestamp("us", "UTC")),
            "local": pa.array([*instants, None], pa.timestamp("us")),
            "date": pa.array([*[each // DAY_US for each in instants], None], pa.int32()).cast(
                pa.date32()
            ),
        }
    )
    expressions = [DaysBefore(each, AS_OF, None, zone) for each in table.column_names]
    assert differences(spark, table, expressions) == []


def has_usual_year(pattern, text):
    """Spark stops with an overflow at years from 294,248, a text's fault or not."""
    read = date_pattern(pattern, column="c")
    match = read.expression.fullmatch(text.strip(" "))
    years = match.groups() if match else ()
    named = zip(read.letters, years, strict=False)
    return all(int(year) < 100_000 for letter, year in named if letter == "y")


def test_days_by_patterns(spark, chance, rows):
    columns = {}
    for i, (pattern, examples) in enumerate(PATTERNS.items()):
        cells = mutated(chance, examples, 2 * rows)
        columns[f"c{i}"] = [text for text in cells if has_usual_year(pattern, text)][:rows]
    expressions = [
        DaysBefore(column, AS_OF, pattern, chance.choice(ZONES))
        for column, pattern in zip(columns, PATTERNS, strict=True)
    ]
    assert differences(spark, pa.table(columns), expressions) == []


def operators():
    x, y = Column("x"), Column("y")
    yes, no = x < y, x.equals(y)
    known = Number("c")
    return [
        x + y, x - y, x * y, x + 0.1, x < y, x <= y, x > y, x >= y, x.equals(y), x.equals(1.0),
        yes & no, yes | no, ~yes, any_of([yes, no, x <= 0.0]), yes.is_null(),
        absolute(x), sign(x), nearest_whole(x), nearest_whole(x * 0.5), x.is_null(), x.is_nan(),
        coalesce(x, y), coalesce(NULL, x, 3.0), coalesce(Text("c"), "none"),
        when(yes, x), when(yes, x, y), when(x.is_nan(), NULL, x),
        Case(((yes, Literal(1.0)), (no, Literal(2.0)), (x.is_null(), y)), Literal(0.0)),
        Case(((yes, Literal(False)), (no, NULL.is_null())), Literal(True)),
        Case(((yes, Literal("a")), (no, Text("c"))), Literal("it's")),
        Lookup(Text("c"), (("1", 10.0), ("it's", 20.0), ("1", 30.0))),
        Lookup(Text("c"), (("1", 10.0), ("true", 0.5)), 7.0),
        Lookup(Text("c"), (), 7.0), Lookup(Text("c"), ()),
        Call("+", (x,)), Call("+", (x, y, x)), Text("c").equals("1"),
        Text("c").equals(Text("c")), Literal("a").equals("b"),
        Case(((known.is_null(), NULL), (known < 0.0, Literal(0.0))), nearest_whole(known)),
    ]  # fmt: skip


def test_operators(spark, chance, rows):
    special = [None, math.nan, math.inf, -math.inf, 0.0, -0.0, 1.0, 0.5, 1.5, 2.5, -2.5]
    pairs = [(x, y) for x in special for y in special]
    values = doubles(chance, rows)
    pairs += [(chance.choice(values), chance.choice(values)) for _ in range(rows)]
    texts = [chance.choice([*NUMBERS, None]) for _ in pairs]
    table = pa.table(
        {
            "x": pa.array([x for x, _ in pairs], pa.float64()),
            "y": pa.array([y for _, y in pairs], pa.float64()),
            "c": pa.array(texts, pa.string()),
        }
    )
    assert differences(spark, table, operators()) == []


def test_the_logarithm_is_javas_but_for_the_last_bit(spark, chance, rows):
    table = pa.table({"x": pa.array([*doubles(chance, rows), None], pa.float64())})
    for _, cells, found, expected in differences(spark, table, [log1p(Column("x"))]):
        assert abs(found - expected) <= math.ulp(expected), cells
