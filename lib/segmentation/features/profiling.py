"""The attributes that are reported per segment: features and others, with original values."""

from collections.abc import Sequence
from dataclasses import dataclass

from pyspark.sql import DataFrame
from pyspark.sql import functions as F
from pyspark.sql import types as T

from segmentation.config import Described, Features
from segmentation.errors import DataError
from segmentation.features.encoding import MISSING, OTHER, commonest, unused_label
from segmentation.model.expressions import NULL, IsNoNumber, Number, Text, absolute, when
from segmentation.model.expressions import Literal as Constant
from segmentation.model.features import LARGEST, Feature, raw_number, share
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
    """The attributes to report; one or two scans for each of ``features.describe``.

    The ``value`` feature is numeric, also in ``features.describe`` and with few values.

    Raises
    ------
    DataError
        If the value feature has no numeric value.
    """
    described, non_numeric = [], []
    for each in features.describe:
        is_value = each.name == value
        found, texts = _described(usable, each, is_number=is_value or each.kind == "numeric")
        if is_value and all(attribute.value is not None for attribute in found):
            raise DataError(
                f"column {each.name!r} has no numeric value on any usable row: change "
                "segments.value"
            )
        described += found
        non_numeric += [NonNumericCells(each.name, texts)] if texts else []
    of_features = tuple(attribute for each in fitted for attribute in _of_feature(each))
    return Profiled(of_features, tuple(described), tuple(non_numeric))


def _of_feature(feature: Feature) -> list[Attribute]:
    """A feature's original values: its number, or whether it is each band or category."""
    if feature.kind == "categorical":
        return _shares(feature.name, feature.categories, other=feature.other, absent=feature.absent)
    number = raw_number(feature)
    if feature.kind != "ordered":
        return [Attribute(feature.name, None, feature.kind, number)]
    return [
        Attribute(
            feature.name,
            band,
            feature.kind,
            when(
                number.is_null(),
                NULL,
                when(number.equals(float(place)), Constant(1.0), Constant(0.0)),
            ),
        )
        for place, band in enumerate(feature.bands)
    ]


def _described(
    usable: DataFrame, attribute: Described, *, is_number: bool
) -> tuple[list[Attribute], int]:
    """An attribute's number, or the shares of its most frequent values, and its unread cells.

    With few values it is profiled as shares, with many unless nearly all are numbers.
    """
    name, top = attribute.name, attribute.top
    values = commonest(usable, name, count=top + 1)
    other = unused_label(OTHER, values) if len(values) > top else None
    absent = unused_label(MISSING, values)
    shares = _shares(name, values[:top], other=other, absent=absent)
    type_ = usable.schema[name].dataType
    if attribute.kind == "categorical" or (not is_number and len(values) <= top):
        return shares, 0
    if not isinstance(type_, T.NumericType | T.StringType | T.BooleanType):
        if is_number:
            raise DataError(
                f"column {name!r} is of type {type_.simpleString()}, which is not numeric: "
                "change features.describe or segments.value"
            )
        return shares, 0
    number = Number(name)
    is_known = ~IsNoNumber(name) & (absolute(number) <= LARGEST)
    is_text = ~Text(name).is_null() & ~is_known & ~number.is_nan()
    found = usable.agg(
        F.count_if(spark_column(is_known)).alias("numbers"),
        F.count_if(spark_column(is_text)).alias("texts"),
    ).collect()[0]
    enough = 1 if is_number else max(1, MIN_NUMBERS * (found.numbers + found.texts))
    if found.numbers < enough:
        return shares, 0
    return [Attribute(name, None, "numeric", when(is_known, number))], found.texts


def _shares(
    column: str, values: Sequence[str], *, other: str | None, absent: str | None
) -> list[Attribute]:
    """The shares of values among customers with a value, and of missing ones among all."""
    labels = [*values, *(label for label in (other, absent) if label is not None)]
    feature = Feature(column, "categorical", categories=tuple(values), other=other, absent=absent)
    return [Attribute(column, each, "categorical", share(feature, each)) for each in labels]
