"""Expressions as Spark SQL: for columns of a table, and for the statement of a SQLTransformer.

The text goes into the saved model, so it is built of literals and quoted names only, and it fits
every type that a column may come in: where a type matters it asks ``typeof``, which Spark folds
before a row is read. No result depends on the session's time zone.
"""

import math
from collections.abc import Sequence
from datetime import date

from segmentation.model.expressions import (
    Call,
    Case,
    Column,
    DaysBefore,
    Expression,
    Flag,
    IsBlank,
    IsNoNumber,
    Literal,
    Lookup,
    Number,
    Text,
)
from segmentation.model.spark_dates import any_day, is_text
from segmentation.schemas import quoted, string

TODAY = "current_date()"

JAVA_ONLY_NUMBERS = r"(?i)x|[0-9.][df]\\s*$"
"""Texts that Java reads as numbers and nobody else does: ``12d``, ``1f``, ``0x1p3``; as SQL."""

_NAMES = {"round": "rint", "sign": "signum", "is_nan": "isnan"}


def spark_sql(expression: Expression) -> str:
    """The expression as Spark SQL, in brackets where it needs any."""
    match expression:
        case Literal(value):
            return _literal(value)
        case Column(name):
            return quoted(name)
        case Number(column):
            return f"try_cast({quoted(column)} AS DOUBLE)"
        case Text(column):
            return _text(column)
        case Flag(column):
            return _flag(column)
        case DaysBefore(column, as_of, format, zone):
            until = TODAY if as_of is None else date_literal(as_of)
            day = any_day(column, format=format, zone=zone)
            return f"CAST(datediff({until}, {day}) AS DOUBLE)"
        case IsBlank(column):
            return _is_blank(column)
        case IsNoNumber(column):
            return _is_no_number(column)
        case Lookup(text, table, otherwise):
            return _lookup(spark_sql(text), table, otherwise)
        case Case(branches, otherwise):
            cases = " ".join(f"WHEN {spark_sql(c)} THEN {spark_sql(v)}" for c, v in branches)
            ending = "" if otherwise == Literal(None) else f" ELSE {spark_sql(otherwise)}"
            return f"(CASE {cases}{ending} END)"
        case Call(function, arguments):
            return _call(function, [spark_sql(each) for each in arguments])
    raise TypeError(f"no Spark SQL for {expression!r}")


def date_literal(day: date) -> str:
    """A day as SQL."""
    return f"DATE'{day.isoformat()}'"


def _literal(value: float | str | bool | None) -> str:
    """A constant that reads back to the same value, to the last bit."""
    match value:
        case None:
            return "CAST(NULL AS DOUBLE)"
        case bool():
            return str(value).lower()
        case str():
            return string(value)
        case int() | float():
            return "double('infinity')" if math.isinf(value) else f"({float(value)!r}D)"


def _lookup(text: str, table: Sequence[tuple[str, float]], otherwise: float | None) -> str:
    """A search in a constant map; ``CASE text WHEN`` computes the text again for every branch."""
    if not table:
        return _literal(otherwise)
    numbers: dict[str, float] = {}
    for each, number in table:
        numbers.setdefault(each, number)  # a map with the same key twice is an error
    entries = ", ".join(f"{string(each)}, {_literal(to)}" for each, to in numbers.items())
    found = f"try_element_at(map({entries}), {text})"
    return found if otherwise is None else f"coalesce({found}, {_literal(otherwise)})"


def _call(function: str, arguments: list[str]) -> str:
    match function:
        case "is_null":
            return f"({arguments[0]} IS NULL)"
        case "not":
            return f"(NOT {arguments[0]})"
        case "and" | "or" | "+" | "-" | "*" | "=" | "<" | "<=":
            return f"({f' {function.upper()} '.join(arguments)})"
        case _:
            return f"{_NAMES.get(function, function)}({', '.join(arguments)})"


def _text(column: str) -> str:
    written = f"CAST({quoted(column)} AS STRING)"
    whole = f"try_cast({written} AS DECIMAL(38, 0))"
    # compared as doubles: Spark compares decimals of 38 digits after rounding both to whole ones
    value = f"try_cast({written} AS DOUBLE)"
    is_whole = f"{value} = rint({value}) AND {whole} IS NOT NULL"
    text = (
        f"CASE WHEN typeof({quoted(column)}) IN ('double', 'float') AND {is_whole} "
        f"THEN CAST({whole} AS STRING) ELSE {written} END"
    )
    return f"nullif(trim({text}), '')"


def _flag(column: str) -> str:
    """A yes or no as 1 or 0; a number is 1 or 0, however it is written."""
    text = _text(column)
    plain = f"regexp_replace({text}, '(?<=^[01])[.]0+$', '')"
    is_plain = f"typeof({quoted(column)}) = 'boolean'"
    return f"CAST(try_cast(if({is_plain}, {text}, {plain}) AS BOOLEAN) AS DOUBLE)"


def _is_blank(column: str) -> str:
    name = quoted(column)
    return f"({name} IS NULL OR ({is_text(column)} AND trim(CAST({name} AS STRING)) = ''))"


def _is_no_number(column: str) -> str:
    name = quoted(column)
    is_javas = f"{is_text(column)} AND CAST({name} AS STRING) RLIKE '{JAVA_ONLY_NUMBERS}'"
    is_moment = f"typeof({name}) RLIKE '^(boolean|timestamp)'"  # which Spark would cast
    return f"({spark_sql(Number(column))} IS NULL OR ({is_javas}) OR {is_moment})"
