"""Expressions evaluated without Spark, over a pandas DataFrame or an Arrow table.

Agrees with ``spark_sql`` in a session in UTC, value by value. Nulls and NaN are kept apart as
Spark keeps them: NaN is a number, equal to itself and above all others. Of a DataFrame, NaN is
null, which is what it means in pandas and what Spark makes of it.

Arithmetic is to the last bit Spark's but for ``log1p``, which is numpy's here and Java's there:
they differ in the last bit for up to one value in twenty, and so in a coordinate, a whole number
of some 2**25 steps, about once in 10**9.
"""

from collections.abc import Callable, Sequence
from datetime import UTC, date, datetime
from functools import reduce
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.types as types

from segmentation.errors import SchemaError, listed, nearest
from segmentation.model import cells
from segmentation.model.calendar_days import days_before
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

Customers: TypeAlias = "pa.Table | pd.DataFrame"
Values: TypeAlias = "pa.Array | pa.ChunkedArray | pa.Scalar"


_LEAVES = (Column, Number, Text, Flag, DaysBefore, IsBlank, IsNoNumber)


def evaluate(
    expression: Expression, customers: Customers, *, today: date | None = None
) -> pa.Array:
    """The value of an expression per customer: an array of doubles, texts or booleans.

    ``today`` is the day of scoring, of UTC if it is not given.

    Raises
    ------
    SchemaError
        If a column is not there, or of a type that cannot be read.
    ConfigError
        If a date has a format of which a part is read by Spark only.
    """
    return Evaluation(customers, today=today).array(expression)


class Evaluation:
    """Expressions over one table; what several of them share is computed once."""

    def __init__(self, customers: Customers, *, today: date | None = None) -> None:
        self._customers = customers
        self._today = today or datetime.now(UTC).date()
        self._columns: dict[str, cells.Cells] = {}
        self._leaves: dict[Expression, Values] = {}
        # Of one expression only: all values of a model would take gigabytes. By identity, as
        # Literal(1.0) equals Literal(True).
        self._shared: dict[int, Values] = {}

    def array(self, expression: Expression) -> pa.Array:
        """The value per customer; raises what :func:`evaluate` raises."""
        try:
            return self._spread(self._values(expression))
        finally:
            self._shared.clear()

    def _spread(self, values: Values) -> pa.Array:
        """The values as an array: a constant is repeated."""
        if isinstance(values, pa.Scalar):
            return pa.repeat(values, len(self._customers))
        return values.combine_chunks() if isinstance(values, pa.ChunkedArray) else values

    def _values(self, expression: Expression) -> Values:
        if isinstance(expression, _LEAVES):
            if expression not in self._leaves:
                self._leaves[expression] = self._evaluated(expression)
            return self._leaves[expression]
        if id(expression) not in self._shared:
            self._shared[id(expression)] = self._evaluated(expression)
        return self._shared[id(expression)]

    def _evaluated(self, expression: Expression) -> Values:
        match expression:
            case Literal(constant):
                return _scalar(constant)
            case Column(name):
                return self._cells(name).cast(pa.float64())
            case Number(column):
                return cells.numbers(self._cells(column), column=column)
            case Text(column):
                return cells.texts(self._cells(column), column=column)
            case Flag(column):
                return cells.flags(self._cells(column), column=column)
            case DaysBefore(column, as_of, format, zone):
                until = as_of or self._today
                found = self._cells(column)
                return days_before(found, until, column=column, format=format, zone=zone)
            case IsBlank(column):
                return cells.is_blank(self._cells(column))
            case IsNoNumber(column):
                return cells.is_no_number(self._cells(column), column=column)
            case Lookup(text, table, default):
                return _looked_up(self._spread(self._values(text)), table, default)
            case Case(branches, otherwise):
                result = self._values(otherwise)
                for condition, value in reversed(branches):
                    result = _if(self._values(condition), self._values(value), result)
                return result
            case Call(function, arguments):
                return _FUNCTIONS[function](*[self._values(each) for each in arguments])
        raise TypeError(f"cannot evaluate {expression!r}")

    def _cells(self, column: str) -> cells.Cells:
        if column not in self._columns:
            self._columns[column] = _plain(_column(self._customers, column))
        return self._columns[column]


def _column(customers: Customers, name: str) -> cells.Cells:
    is_frame = isinstance(customers, pd.DataFrame)
    names = list(customers.columns if is_frame else customers.column_names)
    if names.count(name) != 1:
        known = [str(each) for each in names]
        found = "is there twice" if name in names else f"is missing{nearest(name, known)}"
        raise SchemaError(f"column {name!r} {found}; the customers have {listed(known)}")
    if not is_frame:
        return customers[name]
    try:
        return pa.Array.from_pandas(customers[name])
    except (pa.ArrowInvalid, pa.ArrowTypeError) as error:
        reason = str(error).splitlines()[0]
        raise SchemaError(f"column {name!r} needs values of one type: {reason}") from error


def _plain(column: cells.Cells) -> cells.Cells:
    """A column in one piece, without dictionaries, its texts of one type."""
    found = column.combine_chunks() if isinstance(column, pa.ChunkedArray) else column
    if types.is_dictionary(found.type):
        found = found.cast(found.type.value_type)
    is_text = types.is_large_string(found.type) or types.is_string_view(found.type)
    return found.cast(pa.string()) if is_text or types.is_null(found.type) else found


def _scalar(value: float | str | bool | None) -> pa.Scalar:
    if value is None or (isinstance(value, int | float) and not isinstance(value, bool)):
        return pa.scalar(value, pa.float64())
    return pa.scalar(value)


def _looked_up(
    texts: pa.Array, table: Sequence[tuple[str, float]], otherwise: float | None
) -> pa.Array:
    first = dict(reversed(table))  # of two entries for a text the first, as in SQL
    places = pc.index_in(texts, value_set=pa.array(list(first), pa.string()))
    found = pa.array(list(first.values()), pa.float64()).take(places)
    return found if otherwise is None else pc.fill_null(found, float(otherwise))


def _if(condition: Values, value: Values, otherwise: Values) -> Values:
    value, otherwise = _of_one_type(value, otherwise)
    return pc.if_else(pc.fill_null(condition, False), value, otherwise)


def _of_one_type(*values: Values) -> Sequence[Values]:
    """The values; a null literal, which is a double, takes the type of the others."""
    kinds = [each.type for each in values if not _is_null_literal(each)]
    return [each.cast(kinds[0]) if kinds and _is_null_literal(each) else each for each in values]


def _is_null_literal(values: Values) -> bool:
    return isinstance(values, pa.Scalar) and not values.is_valid


def _is_double(values: Values) -> bool:
    return bool(types.is_floating(values.type))


def _equal(left: Values, right: Values) -> Values:
    found = pc.equal(left, right)
    if _is_double(left) and _is_double(right):
        return pc.or_(found, pc.and_(pc.is_nan(left), pc.is_nan(right)))
    return found


def _less(left: Values, right: Values) -> Values:
    found = pc.less(left, right)
    if _is_double(left) and _is_double(right):
        return pc.or_(found, pc.and_(pc.is_nan(right), pc.invert(pc.is_nan(left))))
    return found


def _at_most(left: Values, right: Values) -> Values:
    found = pc.less_equal(left, right)
    return pc.or_(found, pc.is_nan(right)) if _is_double(left) and _is_double(right) else found


def _elementwise(
    function: Callable[[npt.NDArray[np.float64]], npt.NDArray[np.float64]], values: Values
) -> Values:
    if isinstance(values, pa.Scalar):
        return _elementwise(function, pa.array([values.as_py()], pa.float64()))[0]
    found = function(pc.fill_null(values, 0.0).to_numpy(zero_copy_only=False))
    return pa.array(found, mask=pc.is_null(values).to_numpy(zero_copy_only=False))


def _log1p(values: Values) -> Values:
    """Null, as Spark has it, where there is no logarithm."""
    is_none = pc.less_equal(values, -1.0)
    return _elementwise(np.log1p, pc.if_else(is_none, pa.scalar(None, pa.float64()), values))


_FUNCTIONS: dict[str, Callable[..., Any]] = {
    "+": lambda *values: reduce(pc.add, values),
    "-": pc.subtract,
    "*": pc.multiply,
    "=": _equal,
    "<": _less,
    "<=": _at_most,
    "and": lambda *values: reduce(pc.and_kleene, values),
    "or": lambda *values: reduce(pc.or_kleene, values),
    "not": pc.invert,
    "abs": pc.abs,
    "sign": pc.sign,
    "log1p": _log1p,
    "round": lambda values: _elementwise(np.rint, values),
    "coalesce": lambda *values: pc.coalesce(*_of_one_type(*values)),
    "is_null": pc.is_null,
    "is_nan": lambda values: pc.fill_null(pc.is_nan(values), False),
}
