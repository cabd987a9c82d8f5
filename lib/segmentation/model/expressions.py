"""Expressions over a customer's columns: a small tree that every rendering of the model shares.

Leaves read an input column by what it means (its number, its text, a yes or no, days before a
date), whatever type it comes in; above them is arithmetic with nulls as SQL has them: an operator
on a null is null, a comparison with one is unknown, and a condition that is unknown does not hold.
Booleans, doubles and texts are the only types. Renderings: ``spark_sql``, ``evaluation`` (numpy).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Literal as OneOf

Function = OneOf[
    "+", "-", "*", "=", "<", "<=", "and", "or", "not",
    "abs", "sign", "log1p", "round", "coalesce", "is_null", "is_nan",
]  # fmt: skip
"""``round`` goes to the nearest whole number, halves to the even one; ``coalesce`` is the first
argument that is not null; ``is_null`` and ``is_nan`` are never null."""


class Expression:
    """A value per customer. Operators build trees; ``==`` compares trees, not values."""

    def __add__(self, other: "Expression | float") -> "Expression":
        return Call("+", (self, as_expression(other)))

    def __sub__(self, other: "Expression | float") -> "Expression":
        return Call("-", (self, as_expression(other)))

    def __mul__(self, other: "Expression | float") -> "Expression":
        return Call("*", (self, as_expression(other)))

    def __lt__(self, other: "Expression | float") -> "Expression":
        return Call("<", (self, as_expression(other)))

    def __le__(self, other: "Expression | float") -> "Expression":
        return Call("<=", (self, as_expression(other)))

    def __gt__(self, other: "Expression | float") -> "Expression":
        return Call("<", (as_expression(other), self))

    def __ge__(self, other: "Expression | float") -> "Expression":
        return Call("<=", (as_expression(other), self))

    def __and__(self, other: "Expression") -> "Expression":
        return Call("and", (self, other))

    def __or__(self, other: "Expression") -> "Expression":
        return Call("or", (self, other))

    def __invert__(self) -> "Expression":
        return Call("not", (self,))

    def equals(self, other: "Expression | float | str") -> "Expression":
        """Whether the values are equal; unknown where one is null."""
        return Call("=", (self, as_expression(other)))

    def is_null(self) -> "Expression":
        """Whether there is no value."""
        return Call("is_null", (self,))

    def is_nan(self) -> "Expression":
        """Whether the number is NaN; false for a null."""
        return Call("is_nan", (self,))


@dataclass(frozen=True)
class Literal(Expression):
    """A constant; None is the null double."""

    value: float | str | bool | None


NULL = Literal(None)


@dataclass(frozen=True)
class Column(Expression):
    """A double column of the job's own, such as a coordinate."""

    name: str


@dataclass(frozen=True)
class Number(Expression):
    """An input column as a double: a number, or a text that holds one; else null.

    A text may have blanks around it. NaN and infinities are numbers here.
    """

    column: str


@dataclass(frozen=True)
class Text(Expression):
    """An input column as text without blanks around it; null where nothing is left.

    A whole double is written as the integer that it is: pandas makes doubles of integers where
    one is missing.
    """

    column: str


@dataclass(frozen=True)
class Flag(Expression):
    """An input column's yes or no as 1 or 0, however it is written; else null."""

    column: str


@dataclass(frozen=True)
class DaysBefore(Expression):
    """Days from an input column's calendar day to ``as_of``; null where it names no day.

    A date, a time or a text, ISO 8601 or in Java's pattern ``format``. Instants are of the
    calendar of ``zone``, an IANA name. Without ``as_of`` it is the day of scoring.
    """

    column: str
    as_of: date | None
    format: str | None = None
    zone: str = "UTC"


@dataclass(frozen=True)
class IsBlank(Expression):
    """Whether an input cell is empty: null, or a text of blanks. Never null."""

    column: str


@dataclass(frozen=True)
class IsNoNumber(Expression):
    """Whether an input cell that is not blank holds no number, as people write numbers.

    Java's ``12d`` and ``0x1p3`` are none, nor are booleans and times. Never null.
    """

    column: str


@dataclass(frozen=True)
class Call(Expression):
    """A function of expressions; ``and``, ``or`` and ``coalesce`` take any number of them."""

    function: Function
    arguments: tuple[Expression, ...]


@dataclass(frozen=True)
class Case(Expression):
    """The value of the first branch whose condition holds, else ``otherwise``."""

    branches: tuple[tuple[Expression, Expression], ...]
    otherwise: Expression = NULL


@dataclass(frozen=True)
class Lookup(Expression):
    """The number that a text has in a table; else ``otherwise``, also where there is no text."""

    text: Expression
    table: tuple[tuple[str, float], ...]
    otherwise: float | None = None


def as_expression(value: Expression | float | str) -> Expression:
    """The expression, or a constant."""
    return value if isinstance(value, Expression) else Literal(value)


def when(condition: Expression, value: Expression | float, otherwise: Expression = NULL) -> Case:
    """The value where the condition holds, else another one."""
    return Case(((condition, as_expression(value)),), otherwise)


def absolute(value: Expression) -> Expression:
    """The absolute value."""
    return Call("abs", (value,))


def log1p(value: Expression) -> Expression:
    """The natural logarithm of one plus the value."""
    return Call("log1p", (value,))


def sign(value: Expression) -> Expression:
    """-1, 0 or 1."""
    return Call("sign", (value,))


def nearest_whole(value: Expression) -> Expression:
    """The nearest whole number, halves to the even one."""
    return Call("round", (value,))


def coalesce(*values: Expression | float | str) -> Expression:
    """The first value that is not null."""
    return Call("coalesce", tuple(map(as_expression, values)))


def any_of(conditions: Sequence[Expression]) -> Expression:
    """Whether one of the conditions holds, as one flat list: SQL parses no deep nesting."""
    return Call("or", tuple(conditions)) if len(conditions) > 1 else conditions[0]
