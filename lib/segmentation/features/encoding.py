"""The encoding: from features to dimensions, one number a customer each, as the rows suggest.

A measure is one dimension. A categorical feature is one for each of its commonest values: 1 for
the customers that have it and 0 for the others, so that its mean is a share. What is learned of
the rows, medians, commonest values, bounds and transforms, stands in each dimension's SQL.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt
from pyspark.sql import DataFrame
from pyspark.sql import functions as F
from pyspark.sql import types as T
from scipy.stats import skew

from segmentation.config import Categorical, Described, Features
from segmentation.errors import DataError
from segmentation.features.contract import Audit
from segmentation.features.numeric import (
    LARGEST,
    NumericFeature,
    double,
    is_no_number,
    number,
    text,
)
from segmentation.numerics.fixed_point import quantiles
from segmentation.results import Imputed
from segmentation.schemas import string
from segmentation.segments.attributes import Attribute, Key

SKEWNESS_ROWS = 50_000
"""About so many customers, chosen by a hash, tell which transform makes a feature less skew."""

NUMBERS = 0.95
"""An attribute of many values is a number where so many of its cells are numbers.

Placeholders ("n/a") and typing errors are fewer than one cell in twenty; where more hold letters
they are codes."""

OTHER, MISSING = "(other)", "(missing)"
_HASH_VALUES = 1 << 32


@dataclass(frozen=True)
class Dimension:
    """One number a customer: ``sql`` is a double, null where a row breaks the contract.

    ``column`` is the feature's column, and ``value`` the category whose share it is, None for
    a measure. ``low`` and ``high`` bound it over the usable rows. The transform comes after;
    with ``clips`` it makes 0 of negatives. ``fill`` is the value that is imputed. ``kind`` and
    ``bands`` are as in :class:`segmentation.results.PreparedFeature`.
    """

    column: str
    value: str | None
    sql: str
    low: float = 0.0
    high: float = 1.0
    transform: str = "none"
    clips: bool = False
    weight: float = 1.0
    fill: float | None = None
    kind: str = "numeric"
    bands: tuple[str, ...] = ()

    @property
    def key(self) -> Key:
        """The key of the attribute that it is made from."""
        return self.column, self.value

    @property
    def name(self) -> str:
        """What tables and people call it: ``spend``, ``gender = Female``."""
        return self.column if self.value is None else f"{self.column} = {self.value}"


@dataclass(frozen=True)
class Unread:
    """An attribute that is a number, and how many of its cells hold something else."""

    attribute: str
    customers: int


@dataclass(frozen=True)
class Encoding:
    """The dimensions that shape the segments, and what is known of the customers as it came.

    ``attributes`` are those of the features, ``described`` those of ``features.describe``.
    ``imputed`` has, for each feature whose missing values are imputed, the SQL of whether a
    row's is missing; ``imputations`` how many are.
    """

    dimensions: tuple[Dimension, ...]
    attributes: tuple[Attribute, ...]
    described: tuple[Attribute, ...]
    imputed: Mapping[str, str]
    imputations: tuple[Imputed, ...] = ()
    unread: tuple[Unread, ...] = ()

    def profiled(self, shaping: Sequence[str], *, value: str | None) -> tuple[Attribute, ...]:
        """What is profiled: the columns that shape the segments, then those that describe.

        A constant feature is left out, unless it is the ``value`` or described.
        """
        kept = [each for each in self.attributes if each.column in shaping]
        kept += [each for each in self.described if each.column not in shaping]
        columns = {each.column for each in kept}
        kept += [e for e in self.attributes if e.column == value and value not in columns]
        return tuple(kept)


def encode(
    usable: DataFrame,
    measures: Sequence[NumericFeature],
    *,
    features: Features,
    audit: Audit,
    identity: Sequence[str],
    value: str | None = None,
) -> Encoding:
    """The encoding of the usable rows; ``identity`` is the SQL of what tells them apart.

    The ``value`` feature is a number, also where it is described and has few values.

    Starts no Spark job where all is numeric and taken as it is; else a scan for medians and
    bounds, one for transforms, and one or two for each column of categories.

    Raises
    ------
    DataError
        If there is nothing to impute a feature from, or no number in the value feature.
    """
    imputed = {each.name: each.is_missing for each in measures if each.missing == "impute"} | {
        each.name: f"{text(each.name)} IS NULL"
        for each in features.categorical
        if (each.missing or features.missing) == "impute"
    }
    found, imputations = _learned(
        usable, measures, features=features, imputed=imputed, customers=audit.usable
    )
    dimensions = [_of_measure(each, found.get(each.name, ()), audit) for each in measures]
    if any(each.transform == "auto" for each in dimensions):
        share = min(1.0, SKEWNESS_ROWS / audit.usable)
        sample = _sample(usable, dimensions, identity=identity, share=share)
        dimensions = [
            _with_transform(dimension, measure.negative, values)
            for dimension, measure, values in zip(dimensions, measures, sample, strict=True)
        ]
    attributes = [attribute for each in measures for attribute in _known(each)]
    for category in features.categorical:
        missing = category.missing or features.missing
        values = _commonest(usable, category.name, most=category.top + 1)
        dimensions += _of_category(category, values, missing=missing)
        attributes += _shares(category.name, values, top=category.top)
        attributes += [_missing(category.name, values)] if missing == "category" else []
    described, unread = [], []
    for each in features.describe:
        is_value = each.name == value
        found_of, texts = _described(usable, each, is_number=is_value or each.kind == "numeric")
        if is_value and all(attribute.value is not None for attribute in found_of):
            raise DataError(
                f"column {each.name!r} has no number on any usable row: change segments.value"
            )
        described += found_of
        unread += [Unread(each.name, texts)] if texts else []
    return Encoding(
        tuple(dimensions),
        tuple(attributes),
        tuple(described),
        imputed,
        imputations,
        tuple(unread),
    )


def _learned(
    usable: DataFrame,
    measures: Sequence[NumericFeature],
    *,
    features: Features,
    imputed: Mapping[str, str],
    customers: int,
) -> tuple[dict[str, tuple[float, ...]], tuple[Imputed, ...]]:
    """In one scan: medians, bounds if values are winsorised, and how many values are imputed.

    Only of the measures that need a median or bounds, and of the features of whom some are.
    """
    at = [0.5, *(features.winsorise or ())]
    wanted = [each for each in measures if features.winsorise or each.missing == "impute"]
    if not wanted and not imputed:
        return {}, ()
    aggregates = [quantiles(F.expr(each.number), at, rows=customers) for each in wanted]
    counts = [F.count_if(F.expr(sql)).alias(f"n_{j}") for j, sql in enumerate(imputed.values())]
    found = usable.agg(*[q.alias(f"q_{j}") for j, q in enumerate(aggregates)], *counts).collect()[0]
    for j, each in enumerate(wanted):
        if found[f"q_{j}"] is None:
            raise DataError(
                f"column {each.name!r} has no value on any usable row: there is none to impute; "
                "take it out of features"
            )
    imputations = tuple(
        Imputed(name, found[f"n_{j}"], found[f"n_{j}"] / customers)
        for j, name in enumerate(imputed)
        if found[f"n_{j}"]
    )
    return {each.name: tuple(found[f"q_{j}"]) for j, each in enumerate(wanted)}, imputations


def _of_measure(measure: NumericFeature, quantiles: Sequence[float], audit: Audit) -> Dimension:
    """The dimension of a measure; ``quantiles`` are its median, and bounds if there are any."""
    sql = measure.number
    bounds = audit.ranges[measure.name]
    low, high = bounds.low, bounds.high
    fill = None
    if measure.missing == "impute":
        fill = float(np.rint(quantiles[0])) if measure.is_discrete else quantiles[0]
        sql = f"CASE WHEN {measure.is_missing} THEN {double(fill)} ELSE {sql} END"
    if len(quantiles) > 1 and not measure.is_discrete:
        low, high = max(low, quantiles[1]), min(high, quantiles[2])
        sql = (
            f"CASE WHEN ({sql}) < {double(low)} THEN {double(low)} "
            f"WHEN ({sql}) > {double(high)} THEN {double(high)} ELSE {sql} END"
        )
    if sql != measure.number:  # what breaks the contract must not be filled or bounded
        broken = " OR ".join(f"({condition})" for _, condition in measure.rules)
        sql = f"(CASE WHEN {broken} THEN NULL ELSE {sql} END)"
    return Dimension(
        measure.name,
        None,
        sql,
        low,
        high,
        transform=measure.transform,
        clips=measure.transform == "log1p" and measure.negative == "clip",
        weight=measure.weight,
        fill=fill,
        kind=measure.kind,
        bands=measure.bands,
    )


def _known(measure: NumericFeature) -> list[Attribute]:
    """What is known of a measure, as it came: its number, or for each band whether it is that."""
    if measure.kind != "ordered":
        return [Attribute(measure.name, None, measure.kind, measure.number)]
    return [
        Attribute(
            measure.name,
            band,
            measure.kind,
            f"(CASE WHEN {measure.number} IS NULL THEN NULL "
            f"WHEN {measure.number} = {place}D THEN 1D ELSE 0D END)",
        )
        for place, band in enumerate(measure.bands)
    ]


def _sample(
    usable: DataFrame, dimensions: Sequence[Dimension], *, identity: Sequence[str], share: float
) -> list[npt.NDArray[np.float64]]:
    """The values of each dimension over some customers, the same ones always, in order."""
    drawn = F.pmod(F.xxhash64(*map(F.expr, identity)), F.lit(_HASH_VALUES))
    columns = [F.expr(each.sql).alias(f"value_{j}") for j, each in enumerate(dimensions)]
    rows = usable.where(drawn < int(share * _HASH_VALUES)).select(*columns).toPandas()
    return [np.sort(rows[column].to_numpy(np.float64)) for column in rows.columns]


def _with_transform(
    dimension: Dimension, negative: str, values: npt.NDArray[np.float64]
) -> Dimension:
    """The dimension with the transform that leaves its values less skew, if it asks for that.

    Of the values' sample skewness, the third standardised moment. No row is rejected for a
    transform that is not asked for by name: negatives are clipped or signed, or stay.
    """
    if dimension.transform != "auto":
        return dimension
    clips = negative == "clip"
    logarithm = "log1p" if dimension.low >= 0 or clips else "signed"
    if logarithm == "signed" and negative != "signed":
        return replace(dimension, transform="none")
    logged = np.sign(values) * np.log1p(np.abs(values))
    if clips:
        logged = np.maximum(logged, 0)
    if len(values) > 1 and np.ptp(values) > 0 and abs(skew(logged)) < abs(skew(values)):
        return replace(dimension, transform=logarithm, clips=clips and logarithm == "log1p")
    return replace(dimension, transform="none")


def _commonest(usable: DataFrame, column: str, *, most: int) -> list[str]:
    """The commonest values of a column, of equals the first in the alphabet."""
    found = (
        usable.select(F.expr(text(column)).alias("value"))
        .where("value IS NOT NULL")
        .groupBy("value")
        .count()
        .orderBy(F.desc("count"), "value")
        .limit(most)
        .collect()
    )
    return [row.value for row in found]


def _of_category(category: Categorical, values: list[str], *, missing: str) -> list[Dimension]:
    """A dimension for each of the ``top`` values, for the others, and for none at all."""
    value = text(category.name)
    if missing == "impute":
        if not values:
            raise DataError(
                f"column {category.name!r} has no value on any usable row: there is none to "
                "impute; take it out of features.categorical"
            )
        value = f"coalesce({value}, {string(values[0])})"
    otherwise = "NULL" if missing == "reject" else "0D"
    shares = _indicators(category.name, value, values, top=category.top, unknown=otherwise)
    if missing == "category":
        shares.append(_missing(category.name, values))
    return [
        Dimension(each.column, each.value, each.sql, weight=category.weight, kind=each.kind)
        for each in shares
    ]


def _described(
    usable: DataFrame, attribute: Described, *, is_number: bool
) -> tuple[list[Attribute], int]:
    """An attribute's number, or the shares of its commonest values; and how many cells are none.

    Few values are shares, and so are many unless nearly all are numbers.
    """
    name, top = attribute.name, attribute.top
    values = _commonest(usable, name, most=top + 1)
    shares = [*_shares(name, values, top=top), _missing(name, values)]
    type_ = usable.schema[name].dataType
    if attribute.kind == "categorical" or (not is_number and len(values) <= top):
        return shares, 0
    if not isinstance(type_, T.NumericType | T.StringType | T.BooleanType):
        if is_number:
            raise DataError(
                f"column {name!r} is of type {type_.simpleString()}, which is no number: "
                "change features.describe or segments.value"
            )
        return shares, 0
    is_known = f"NOT {is_no_number(name)} AND abs({number(name)}) <= {double(LARGEST)}"
    is_text = f"{text(name)} IS NOT NULL AND NOT ({is_known}) AND NOT isnan({number(name)})"
    found = usable.agg(
        F.count_if(F.expr(is_known)).alias("numbers"), F.count_if(F.expr(is_text)).alias("texts")
    ).collect()[0]
    least = 1 if is_number else max(1, NUMBERS * (found.numbers + found.texts))
    if found.numbers < least:
        return shares, 0
    value = f"(CASE WHEN {is_known} THEN {number(name)} END)"
    return [Attribute(name, None, "numeric", value)], found.texts


def _shares(column: str, values: Sequence[str], *, top: int) -> list[Attribute]:
    """The shares of the first values, and of all others, among those that have any."""
    return _indicators(column, text(column), values, top=top, unknown="NULL")


def _indicators(
    column: str, value: str, values: Sequence[str], *, top: int, unknown: str
) -> list[Attribute]:
    """Whether a customer has each of the first values, or another; ``unknown`` if null."""
    shown = values[:top]
    start = f"(CASE WHEN {value} IS NULL THEN {unknown}"
    found = [
        Attribute(
            column,
            each,
            "categorical",
            f"{start} WHEN {value} = {string(each)} THEN 1D ELSE 0D END)",
        )
        for each in shown
    ]
    if len(values) > top:
        known = ", ".join(string(each) for each in shown)
        sql = f"{start} WHEN {value} IN ({known}) THEN 0D ELSE 1D END)"
        found.append(Attribute(column, _unused(OTHER, values), "categorical", sql))
    return found


def _missing(column: str, values: Sequence[str]) -> Attribute:
    """Whether a customer has no value: a share of all."""
    sql = f"(CASE WHEN {text(column)} IS NULL THEN 1D ELSE 0D END)"
    return Attribute(column, _unused(MISSING, values), "categorical", sql)


def _unused(label: str, values: Sequence[str]) -> str:
    """The label, in more brackets if it is a value."""
    while label in values:
        label = f"({label})"
    return label
