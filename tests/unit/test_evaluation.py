"""Expressions evaluated without Spark: values worked out by hand, and what it refuses."""

import math
from datetime import UTC, date, datetime
from decimal import Decimal

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

from segmentation.errors import ConfigError, SchemaError
from segmentation.model.evaluation import Evaluation, evaluate
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
    coalesce,
    log1p,
    nearest_whole,
    when,
)

AS_OF = date(2026, 6, 30)


def values(expression, cells, kind=None, **options):
    """The expression's values over a column ``c`` of these cells."""
    return evaluate(expression, pa.table({"c": pa.array(cells, kind)}), **options).to_pylist()


def test_a_number_is_one_however_it_is_written():
    texts = {" 7 ": 7.0, "\t1e2\n": 100.0, "12d": 12.0, "0x1p3": 8.0, "-inf": -math.inf,
             "1e400": math.inf, "1_000": None, "1,5": None, "": None, "abc": None, "\uff11": None,
    }  # fmt: skip
    assert values(Number("c"), [*texts, None]) == [*texts.values(), None]
    assert math.isnan(values(Number("c"), ["NaN"])[0])
    assert values(Number("c"), [3, None]) == [3.0, None]
    assert values(Number("c"), [True, False]) == [1.0, 0.0]
    # Arrow's own cast of decimals is a bit off here
    assert values(Number("c"), [Decimal("0.07"), Decimal("1234567.89")]) == [0.07, 1234567.89]
    assert values(Number("c"), [datetime(1970, 1, 1, 0, 0, 1, 500_000, tzinfo=UTC)]) == [1.5]


def test_no_number_is_what_people_do_not_write():
    texts = {"7": False, "1e2": False, "12d": True, "0x1p3": True, "1f ": True, "": True, "x": True}
    assert values(IsNoNumber("c"), [*texts, None]) == [*texts.values(), True]
    assert values(IsNoNumber("c"), [True, None]) == [True, True]
    assert values(IsNoNumber("c"), [1.5, math.nan, None], pa.float64()) == [False, False, True]


def test_a_text_is_what_spark_writes_and_a_whole_double_an_integer():
    assert values(Text("c"), [" a ", "\ta", " ", "", None]) == ["a", "\ta", None, None, None]
    doubles = {2.0: "2", -3.0: "-3", 1e10: "10000000000", 1e38: "1.0E38", 0.001: "0.001",
               0.00015: "1.5E-4", 12345678.5: "1.23456785E7", 5e-324: "4.9E-324",
               math.inf: "Infinity", -0.0: "0"}  # fmt: skip
    assert values(Text("c"), [*doubles, math.nan]) == [*doubles.values(), "NaN"]
    assert values(Text("c"), [np.float32(0.1), np.float32(16777216)], pa.float32()) == [
        "0.1", "16777216",
    ]  # fmt: skip
    assert values(Text("c"), [Decimal("1.50"), Decimal("0.00")]) == ["1.50", "0.00"]
    assert values(Text("c"), [True, False, None]) == ["true", "false", None]
    assert values(Text("c"), [date(2026, 1, 31)]) == ["2026-01-31"]
    assert values(Text("c"), [datetime(2026, 1, 31, 5, 0, 0, 250_000)]) == [  # noqa: DTZ001
        "2026-01-31 05:00:00.25"
    ]


def test_flags():
    texts = {"t": 1.0, " YES ": 1.0, "1": 1.0, "1.0": 1.0, "\tn": 0.0, "0.00": 0.0, "F": 0.0,
             "1.5": None, "2": None, "on": None, "": None}  # fmt: skip
    assert values(Flag("c"), [*texts, None]) == [*texts.values(), None]
    assert values(Flag("c"), [1.0, 0.0, 2.0, None]) == [1.0, 0.0, None, None]
    assert values(Flag("c"), [True, False, None]) == [1.0, 0.0, None]


def test_blank_is_null_or_spaces():
    assert values(IsBlank("c"), ["", "  ", "\t", "a", None]) == [True, True, False, False, True]
    assert values(IsBlank("c"), [math.nan, None]) == [False, True]
    assert values(IsBlank("c"), [None, None]) == [True, True]


def test_days_before():
    days = DaysBefore("c", AS_OF, None, "Europe/Paris")
    texts = {"2026-06-29": 1.0, "2026-07-01": -1.0, "2026-06": 29.0, "2026-06-29 23:30": 1.0,
             "2026-06-29 22:30:00 UTC": 0.0, "2026-06-29T21:30Z": 1.0, "2026-02-30": None,
             "12:30": None, "40908": None, "2026-06-29 23:30 CST": None, "": None}  # fmt: skip
    assert values(days, [*texts, None]) == [*texts.values(), None]
    instant = datetime(2026, 6, 29, 22, 30, tzinfo=UTC)
    assert values(days, [instant, None]) == [0.0, None]
    assert values(days, [instant.replace(tzinfo=None)]) == [1.0]
    assert values(days, [date(2026, 6, 1), None]) == [29.0, None]
    assert values(DaysBefore("c", None), ["2026-06-29"], today=AS_OF) == [1.0]


@pytest.mark.parametrize(
    ("pattern", "text", "day"),
    [
        ("dd/MM/yyyy", "31/01/2026", date(2026, 1, 31)),
        ("dd/MM/yyyy", "1/1/2026", None),
        ("d.M.yy", "1.2.26", date(2026, 2, 1)),
        ("yyyyMMdd", "20260131", date(2026, 1, 31)),
        ("MMM d, yyyy", "jan 31, 2026", date(2026, 1, 31)),
        ("yyyy-DDD", "2026-032", date(2026, 2, 1)),
        ("yyyy-MM-dd hh:mm a", "2026-01-31 12:30 AM", date(2026, 1, 31)),
        ("yyyy-MM-dd HH:mm", "2026-01-31 24:00", None),
        ("yyyy-MM-dd'T'HH[:mm]", "2026-01-31T23", date(2026, 1, 31)),
        ("yyyy-MM-dd HH:mm XXX", "2026-01-31 23:30 -01:00", date(2026, 2, 1)),
        ("yyyy-MM-dd HH:mm VV", "2026-02-01 00:30 Europe/Paris", date(2026, 1, 31)),
    ],
)
def test_days_by_a_pattern(pattern, text, day):
    expected = None if day is None else float((AS_OF - day).days)
    assert values(DaysBefore("c", AS_OF, pattern), [text]) == [expected]


@pytest.mark.parametrize("pattern", ["yyyy-MM-dd z", "yyyy-MM-dd G", "MMMMM yyyy", "yyyy QQ"])
def test_a_pattern_that_only_spark_reads_is_refused_by_the_features_name(pattern):
    with pytest.raises(ConfigError, match=r"^the date 'c' has the format .* only Spark reads"):
        values(DaysBefore("c", AS_OF, pattern), ["2026"])


def test_a_day_on_which_clocks_change_has_two_offsets():
    """New York's change at 2:00, which is 07:00 UTC in March and 06:00 UTC in November."""
    days = DaysBefore("c", AS_OF, None, "America/New_York")
    before, after = (
        datetime(2026, 3, 8, 4, 30, tzinfo=UTC),
        datetime(2026, 11, 1, 4, 30, tzinfo=UTC),
    )
    assert values(days, [before]) == [float((AS_OF - date(2026, 3, 7)).days)]
    assert values(days, [after]) == [float((AS_OF - date(2026, 11, 1)).days)]


def over(expression, **columns):
    table = pa.table({name: pa.array(cells) for name, cells in columns.items()})
    return evaluate(expression, table).to_pylist()


def test_nulls_are_as_sql_has_them():
    x, y = Column("x"), Column("y")
    columns = {"x": [1.0, 1.0, None, None], "y": [2.0, None, 2.0, None]}
    assert over(x + y, **columns) == [3.0, None, None, None]
    assert over(x < y, **columns) == [True, None, None, None]
    assert over((x < y) & (y < 0.0), **columns) == [False, None, False, None]
    assert over((x < y) | x.equals(1.0), **columns) == [True, True, None, None]
    assert over(~(x < y), **columns) == [False, None, None, None]
    assert over(when(x < y, 1.0, Literal(0.0)), **columns) == [1.0, 0.0, 0.0, 0.0]
    assert over(coalesce(x, y, 9.0), **columns) == [1.0, 1.0, 2.0, 9.0]
    assert over(x.is_null(), **columns) == [False, False, True, True]


def test_nan_is_a_number_above_all_others():
    x, nan = Column("x"), math.nan
    columns = {"x": [nan, math.inf, 1.0, None]}
    assert over(x.is_nan(), **columns) == [True, False, False, False]
    assert over(x.equals(x), **columns) == [True, True, True, None]
    assert over(x > 1.0, **columns) == [True, True, False, None]
    assert over(x < nan, **columns) == [False, True, True, None]
    assert over(x <= nan, **columns) == [True, True, True, None]


def test_functions():
    x = Column("x")
    assert over(nearest_whole(x), x=[0.5, 1.5, 2.5, -0.6, None]) == [0.0, 2.0, 2.0, -1.0, None]
    assert over(Call("+", (x, x, Literal(1.0))), x=[1.0, None]) == [3.0, None]
    assert over(Call("+", (x,)), x=[1.0, None]) == [1.0, None]
    assert over(log1p(x), x=[0.0, -1.0, -2.0, None]) == [0.0, None, None, None]
    table = (("a", 1.0), ("b", 2.0), ("a", 3.0))
    assert over(Lookup(Text("c"), table), c=["a", " b", "d", None]) == [1.0, 2.0, None, None]
    assert over(Lookup(Text("c"), table, 0.0), c=["a", "d", None]) == [1.0, 0.0, 0.0]
    names = Case(((x < 1.0, Literal("low")), (x < 2.0, NULL)), Literal("high"))
    assert over(names, x=[0.0, 1.0, 2.0, None]) == ["low", None, "high", "high"]
    assert over(Literal(2.5), x=[1.0, 2.0]) == [2.5, 2.5]


def test_a_frame_is_read_as_spark_reads_it():
    frame = pd.DataFrame(
        {
            "visits": [1.0, math.nan],
            "plan": pd.Categorical(["a", None]),
            "since": pd.to_datetime(["2026-06-29", ""]),
            "mixed": [1, "a"],
            7: [1, 2],
        }
    )
    evaluation = Evaluation(frame)
    assert evaluation.array(Text("visits")).to_pylist() == ["1", None]  # NaN is none in pandas
    assert evaluation.array(IsBlank("visits")).to_pylist() == [False, True]
    assert evaluation.array(Text("plan")).to_pylist() == ["a", None]
    assert evaluation.array(DaysBefore("since", AS_OF)).to_pylist() == [1.0, None]
    with pytest.raises(SchemaError, match=r"^column 'mixed' needs values of one type: "):
        evaluation.array(Number("mixed"))


def test_a_column_that_is_not_there_or_of_no_use_is_named():
    table = pa.table({"spend": [1.0], "day": [date(2026, 1, 1)], "list": [[1]]})
    with pytest.raises(SchemaError, match=r"^column 'spent' is missing, did you mean 'spend'\?"):
        evaluate(Number("spent"), table)
    with pytest.raises(SchemaError, match=r"^column 'day' is of type date32\[day\], needs numbers"):
        evaluate(Number("day"), table)
    with pytest.raises(SchemaError, match=r"^column 'spend' is of type double, needs dates"):
        evaluate(DaysBefore("spend", AS_OF), table)
    with pytest.raises(SchemaError, match=r"^column 'list' is of type list"):
        evaluate(Text("list"), table)
