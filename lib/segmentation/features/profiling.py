"""The attributes that are reported per segment: features and others, with original values."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from pyspark.sql import DataFrame
from pyspark.sql import types as T

from segmentation.config import Described, Features
from segmentation.errors import DataError
from segmentation.features.encoding import MISSING, OTHER, unused_label
from segmentation.features.frequencies import by_place, frequencies
from segmentation.model.expressions import (
    NULL,
    Case,
    Expression,
    IsNoNumber,
    Lookup,
    Number,
    Text,
    absolute,
    when,
)
from segmentation.model.expressions import Literal as Constant
from segmentation.model.features import LARGEST, Feature, raw_number
from segmentation.model.spark_columns import spark_column
from segmentation.segments.attributes import Attribute

MIN_NUMBERS = 0.95
"""An attribute with many values is numeric if at least this share of its cells are numbers.

Placeholders ("n/a") and typing errors are fewer than one cell in twenty; with more text the
values are codes."""


@dataclass(frozen=True)
class NonNumericCells:
    """A numeric attribute, and how many of its cells are not numbers."""

    attribute: str
    customers: int


@dataclass(frozen=True)
class Profiled:
    """The attributes of the features, those of ``features.describe``, and unread cells."""

    of_features: tuple[Attribute, ...]
    described: tuple[Attribute, ...]
    non_numeric: tuple[NonNumericCells, ...] = ()

    def of_others(self, fitted: Sequence[Feature]) -> "Profiled":
        """The same, with attributes of features that were fitted to other customers."""
        return replace(self, of_features=tuple(map(_of_feature, fitted)))

    def attributes(self, used: Sequence[str], *, value: str | None) -> tuple[Attribute, ...]:
        """What is profiled: the features ``used`` for clustering, then the other attributes.

        A constant feature is dropped, unless it is the ``value`` or in ``features.describe``.
        """
        kept = [each for each in self.of_features if each.column in used]
        kept += [each for each in self.described if each.column not in used]
        columns = {each.column for each in kept}
        kept += [e for e in self.of_features if e.column == value and value not in columns]
        return tuple(kept)


def profiled(
    usable: DataFrame,
    fitted: Sequence[Feature],
    *,
    features: Features,
    value: str | None = None,
) -> Profiled:
    """The attributes to report; one or two scans for all of ``features.describe``.

    The ``value`` feature is numeric, also in ``features.describe`` and with few values.

    Raises
    ------
    DataError
        If the value feature has no numeric value.
    """
    described = _described(usable, features.describe, value=value)
    return Profiled(
        tuple(map(_of_feature, fitted)),
        tuple(each.attribute for each in described),
        tuple(NonNumericCells(each.name, each.texts) for each in described if each.texts),
    )


def _of_feature(feature: Feature) -> Attribute:
    """A feature's original values: its number, or the shares of its bands or categories."""
    if feature.kind == "categorical":
        return _shares(feature.name, feature.categories, other=feature.other, absent=feature.absent)
    bands = feature.bands if feature.kind == "ordered" else ()
    return Attribute(feature.name, feature.kind, raw_number(feature), bands)


@dataclass(frozen=True)
class _Described:
    """One of ``features.describe`` as it is reported, and how many of its cells are not read."""

    name: str
    attribute: Attribute
    texts: int = 0


def _described(
    usable: DataFrame, given: Sequence[Described], *, value: str | None
) -> list[_Described]:
    """The number of each, or the shares of its most frequent values.

    With few values it is profiled as shares, with many unless nearly all are numbers.
    """
    count = max((each.top for each in given), default=0) + 1
    counted = frequencies(usable, [each.name for each in given], count=count)
    values = {each.name: own.values for each, own in zip(given, counted, strict=True)}
    open_ = [each for each in given if each.kind != "categorical"]
    numbers = [each for each in open_ if each.name == value or each.kind == "numeric"]
    likely = [e for e in open_ if e in numbers or len(values[e.name]) > e.top]
    found = _counted_cells(usable, [each.name for each in likely if _may_be_number(usable, each)])
    described = []
    for each in given:
        is_number = each in numbers
        cells = found.get(each.name, _Cells())
        if is_number and each.name not in found:
            type_ = usable.schema[each.name].dataType
            raise DataError(
                f"column {each.name!r} is of type {type_.simpleString()}, which is not numeric: "
                "change features.describe or segments.value"
            )
        enough = 1 if is_number else max(1, MIN_NUMBERS * (cells.numbers + cells.texts))
        if cells.numbers >= enough:
            number = when(_is_known(each.name), Number(each.name))
            attribute = Attribute(each.name, "numeric", number)
            described.append(_Described(each.name, attribute, cells.texts))
        elif each.name == value:
            raise DataError(
                f"column {each.name!r} has no numeric value on any usable row: change "
                "segments.value"
            )
        else:
            described.append(_Described(each.name, _most_frequent(each, values[each.name])))
    return described


def _may_be_number(usable: DataFrame, attribute: Described) -> bool:
    type_ = usable.schema[attribute.name].dataType
    return isinstance(type_, T.NumericType | T.StringType | T.BooleanType)


@dataclass(frozen=True)
class _Cells:
    """How many of a column's cells are numbers, and how many are text that is none."""

    numbers: int = 0
    texts: int = 0


def _counted_cells(usable: DataFrame, columns: Sequence[str]) -> dict[str, _Cells]:
    """The cells of every column, counted in one scan for all."""
    if not columns:
        return {}
    kinds = []
    for name in columns:
        is_text = ~Text(name).is_null() & ~_is_known(name) & ~Number(name).is_nan()
        kind = Case(((_is_known(name), Constant(1.0)), (is_text, Constant(2.0))), Constant(0.0))
        kinds.append(spark_column(kind))
    found = {
        (row.place, row.value): row["count"]
        for row in (by_place(usable, kinds).groupBy("place", "value").count().collect())
    }
    return {
        name: _Cells(found.get((place, 1.0), 0), found.get((place, 2.0), 0))
        for place, name in enumerate(columns)
    }


def _is_known(column: str) -> Expression:
    """Whether a cell holds a number in reach."""
    return ~IsNoNumber(column) & (absolute(Number(column)) <= LARGEST)


def _most_frequent(attribute: Described, values: Sequence[str]) -> Attribute:
    """The shares of an attribute's most frequent values, of the others and of missing ones."""
    top = attribute.top
    values = values[: top + 1]
    other = unused_label(OTHER, values) if len(values) > top else None
    return _shares(attribute.name, values[:top], other=other, absent=unused_label(MISSING, values))


def _shares(
    column: str, values: Sequence[str], *, other: str | None, absent: str | None
) -> Attribute:
    """The shares of values among customers with a value, and of missing ones among all."""
    places = tuple((value, float(place)) for place, value in enumerate(values))
    others = None if other is None else float(len(values))
    text = Text(column)
    place = when(text.is_null(), NULL, Lookup(text, places, others))
    labels = values if other is None else [*values, other]
    return Attribute(column, "categorical", place, tuple(labels), absent)
