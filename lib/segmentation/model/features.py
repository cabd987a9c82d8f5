"""A feature: how its column is read, which rows it rejects, and what was learned.

One record serves before and after fitting; expressions follow from it. A numeric, ordered, date or
boolean feature is one number per customer. A categorical one has a share for each of its
``categories``, 1 for the customers that have it and 0 for the others, so that a mean is a share.
"""

from dataclasses import dataclass
from datetime import date
from typing import Literal

from segmentation.model.expressions import (
    NULL,
    Call,
    Case,
    DaysBefore,
    Expression,
    Flag,
    IsBlank,
    IsNoNumber,
    Lookup,
    Number,
    Text,
    absolute,
    any_of,
    as_expression,
    coalesce,
    log1p,
    sign,
    when,
)

Kind = Literal["numeric", "ordered", "date", "boolean", "categorical"]
Rule = tuple[str, str | None, Expression]
"""A reason for rejecting a row, the offending column, and the condition."""

LARGEST = 1e100
"""Beyond this a square overflows a double; no real amount is that large."""

CUSTOMER_RULES: tuple[Rule, ...] = (
    ("no_purchase", "frequency", Number("frequency").equals(0.0)),
    ("no_net_spend", "monetary", Number("monetary") <= 0.0),
)
"""Rules for customers from transactions: no purchase; returns that outweigh purchases."""


@dataclass(frozen=True)
class Feature:
    """One feature of the customers.

    ``type`` is Spark's name of the column's type where the feature was fitted. ``bands`` are those
    of an ordered feature, from the lowest; ``format``, ``zone`` and ``as_of`` of a date, which
    counts in days before ``as_of``, or before the day of scoring where that is None.

    Learned: ``transform`` where it was ``auto``; ``fill``, the value that is imputed; ``bounds``
    to which values are clipped; ``categories``, the commonest first, with the labels ``other`` of
    the rest and ``absent`` of none, None where these have no share of their own.
    """

    name: str
    kind: Kind = "numeric"
    missing: Literal["reject", "impute", "category"] = "reject"
    negative: Literal["reject", "clip", "signed"] = "reject"
    transform: Literal["log1p", "signed", "none", "auto"] = "none"
    weight: float = 1.0
    bands: tuple[str, ...] = ()
    format: str | None = None
    zone: str = "UTC"
    as_of: date | None = None
    type: str = ""
    fill: float | str | None = None
    bounds: tuple[float, float] | None = None
    categories: tuple[str, ...] = ()
    other: str | None = None
    absent: str | None = None

    @property
    def is_discrete(self) -> bool:
        """Whether only whole numbers occur."""
        return self.kind in ("ordered", "boolean")

    @property
    def clips_negatives(self) -> bool:
        """Whether negatives become 0 before the logarithm."""
        return self.transform == "log1p" and self.negative == "clip"


def raw_number(feature: Feature) -> Expression:
    """A feature's original number; null if there is none."""
    match feature.kind:
        case "numeric":
            is_imputed = feature.missing == "impute"
            return known_number(feature.name) if is_imputed else Number(feature.name)
        case "ordered":
            places = tuple((band, float(place)) for place, band in enumerate(feature.bands))
            return Lookup(Text(feature.name), places)
        case "date":
            return DaysBefore(feature.name, feature.as_of, feature.format, feature.zone)
        case "boolean":
            return Flag(feature.name)
        case "categorical":
            raise ValueError(f"{feature.name!r} is categorical, which is not numeric")


def known_number(column: str) -> Expression:
    """A column's number; null for NaN as well, which pandas writes for missing."""
    number = Number(column)
    return when(number.is_nan(), NULL, number)


def is_missing(feature: Feature) -> Expression:
    """Whether a customer has no value."""
    if feature.kind == "categorical":
        return Text(feature.name).is_null()
    blank = IsBlank(feature.name)
    if feature.kind == "numeric" and feature.missing == "impute":
        return blank | Number(feature.name).is_nan()
    return blank


def numeric_rules(name: str, *, largest: float = LARGEST) -> tuple[tuple[str, Expression], ...]:
    """The reasons why a non-blank cell is not a usable number, with their conditions."""
    number = Number(name)
    return (
        ("not_a_number", IsNoNumber(name)),
        ("nan", number.is_nan()),
        ("infinite", absolute(number).equals(float("inf"))),
        ("too_large", absolute(number) > largest),
    )


def rules(feature: Feature) -> tuple[Rule, ...]:
    """The rules for a feature's cell, in the order in which they are checked."""
    broken: tuple[tuple[str, Expression], ...]
    match feature.kind:
        case "numeric":
            broken = numeric_rules(feature.name)
            if feature.transform == "log1p" and feature.negative == "reject":
                broken += (("negative", Number(feature.name) < 0.0),)
        case "ordered":
            broken = (("unknown_band", raw_number(feature).is_null()),)
        case "date":
            days = raw_number(feature)
            broken = (("not_a_date", days.is_null()), ("after_as_of", days < 0.0))
        case "boolean":
            broken = (("not_a_boolean", raw_number(feature).is_null()),)
        case "categorical":
            broken = ()
    if feature.missing == "impute":
        is_there = ~is_missing(feature)
        broken = tuple((reason, is_there & condition) for reason, condition in broken)
    elif feature.missing == "reject":
        broken = (("null", IsBlank(feature.name)), *broken)
    return tuple((reason, feature.name, condition) for reason, condition in broken)


def is_usable(feature: Feature) -> Expression:
    """Whether a feature's cell breaks none of its rules; unknown only where one does."""
    match feature.kind:
        case "numeric":
            number = Number(feature.name)
            # Of Spark's numbers NaN is the largest, so this is false for it.
            conditions = [absolute(number) <= LARGEST, ~IsNoNumber(feature.name)]
            if feature.transform == "log1p" and feature.negative == "reject":
                conditions.append(number >= 0.0)
            found: Expression = Call("and", tuple(conditions))
        case "ordered" | "boolean":
            found = ~raw_number(feature).is_null()
        case "date":
            found = raw_number(feature) >= 0.0
        case "categorical":
            return ~is_missing(feature)
    return is_missing(feature) | found if feature.missing == "impute" else found


def number(feature: Feature, *, of_usable: bool = False) -> Expression:
    """A feature's number, imputed and clipped as fitted; null if the row violates a rule.

    ``of_usable`` rows violate none, so that nothing is checked again.
    """
    raw = value = raw_number(feature)
    if feature.fill is not None:
        value = when(is_missing(feature), as_expression(feature.fill), value)
    if feature.bounds is not None:
        low, high = feature.bounds
        value = Case(
            ((value < low, as_expression(low)), (value > high, as_expression(high))), value
        )
    if value is raw or of_usable:
        return value
    # A value that violates the contract must be neither imputed nor clipped.
    return when(any_of([condition for _, _, condition in rules(feature)]), NULL, value)


def code(feature: Feature) -> Expression:
    """The position of a customer's category or label among :func:`labels`, a whole number.

    It is their number where a customer has none of them; null where the feature rejects that a
    customer has no value.
    """
    places: dict[str | None, float] = {
        label: float(place) for place, label in enumerate(labels(feature))
    }
    none = float(len(places))
    text: Expression = Text(feature.name)
    if feature.fill is not None:
        text = coalesce(text, feature.fill)
    absent = (
        NULL if feature.missing == "reject" else as_expression(places.get(feature.absent, none))
    )
    table = tuple((each, places[each]) for each in feature.categories)
    return when(text.is_null(), absent, Lookup(text, table, places.get(feature.other, none)))


def labels(feature: Feature) -> tuple[str, ...]:
    """The categories of a categorical feature and its labels for others and for none, sorted."""
    named = (feature.other, feature.absent)
    return tuple(sorted((*feature.categories, *(each for each in named if each is not None))))


def transformed(feature: Feature, value: Expression, *, of_usable: bool = False) -> Expression:
    """The feature's transform of a number; null if it is out of range.

    The numbers ``of_usable`` rows are in range.
    """
    zero = ((value < 0.0, as_expression(0.0)),) if feature.clips_negatives else ()
    found = value
    if feature.transform != "none":
        is_signed = feature.transform == "signed"
        found = sign(value) * log1p(absolute(value)) if is_signed else log1p(value)
    if of_usable:
        return Case(zero, found) if zero else found
    if feature.transform != "log1p":
        return when(absolute(value) <= LARGEST, found)
    in_reach = Call("and", (value >= 0.0, value <= LARGEST))
    return Case(((in_reach, found), *zero))
