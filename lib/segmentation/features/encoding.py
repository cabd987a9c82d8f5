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
from scipy.stats import skew

from segmentation.config import Categorical, Described, Features
from segmentation.errors import DataError
from segmentation.exact import quantiles
from segmentation.features.contract import Audit
from segmentation.features.measures import LARGEST, Measure, double, number, text
from segmentation.schemas import string

SKEWNESS_ROWS = 50_000
"""About so many customers, chosen by a hash, tell which transform makes a feature less skew."""

OTHER, MISSING = "(other)", "(missing)"
_HASH_VALUES = 1 << 32


@dataclass(frozen=True)
class Dimension:
    """One number a customer: ``sql`` is a double, null where a row breaks the contract.

    ``column`` is the feature's column, and ``value`` the category whose share it is, None for
    a measure. ``low`` and ``high`` bound it over the usable rows. The transform comes after;
    with ``clips`` it makes 0 of negatives.
    """

    column: str
    value: str | None
    sql: str
    low: float = 0.0
    high: float = 1.0
    transform: str = "none"
    clips: bool = False
    weight: float = 1.0

    @property
    def name(self) -> str:
        """What tables and people call it: ``spend``, ``gender = Female``."""
        return self.column if self.value is None else f"{self.column} = {self.value}"


@dataclass(frozen=True)
class Encoding:
    """The dimensions that shape the segments, and those that only describe them.

    ``imputed`` has, for each feature whose empty cells are filled, the SQL of whether a row's
    is empty.
    """

    dimensions: tuple[Dimension, ...]
    described: tuple[Dimension, ...]
    imputed: Mapping[str, str]


def encode(
    usable: DataFrame,
    measures: Sequence[Measure],
    *,
    features: Features,
    audit: Audit,
    identity: Sequence[str],
) -> Encoding:
    """The encoding of the usable rows; ``identity`` are columns, quoted, that tell them apart.

    Starts no Spark job where all is numeric and taken as it is; else a scan for medians and
    bounds, one for transforms, and one or two for each column of categories.

    Raises
    ------
    DataError
        If there is nothing to impute a feature from.
    """
    found = _medians_and_bounds(usable, measures, features=features, customers=audit.usable)
    dimensions = [_of_measure(each, found.get(each.name, ()), audit) for each in measures]
    if any(each.transform == "auto" for each in dimensions):
        share = min(1.0, SKEWNESS_ROWS / audit.usable)
        sample = _sample(usable, dimensions, identity=identity, share=share)
        dimensions = [
            _with_transform(dimension, measure.negative, values)
            for dimension, measure, values in zip(dimensions, measures, sample, strict=True)
        ]
    imputed = {each.name: each.is_missing for each in measures if each.missing == "impute"}
    for category in features.categorical:
        missing = category.missing or features.missing
        values = _commonest(usable, category.name, most=category.top + 1)
        if missing == "impute":
            imputed[category.name] = f"{text(category.name)} IS NULL"
        dimensions += _of_category(category, values, missing=missing)
    described = [dimension for each in features.describe for dimension in _described(usable, each)]
    return Encoding(tuple(dimensions), tuple(described), imputed)


def _medians_and_bounds(
    usable: DataFrame, measures: Sequence[Measure], *, features: Features, customers: int
) -> dict[str, tuple[float, ...]]:
    """For every measure that needs it the median, and the bounds if values are winsorised."""
    at = [0.5, *(features.winsorise or ())]
    wanted = [each for each in measures if features.winsorise or each.missing == "impute"]
    if not wanted:
        return {}
    aggregates = [quantiles(F.expr(each.number), at, rows=customers) for each in wanted]
    found = usable.agg(*[q.alias(f"q_{j}") for j, q in enumerate(aggregates)]).collect()[0]
    for j, each in enumerate(wanted):
        if found[j] is None:
            raise DataError(
                f"column {each.name!r} has no value on any usable row: there is none to impute; "
                "take it out of features"
            )
    return {each.name: tuple(found[j]) for j, each in enumerate(wanted)}


def _of_measure(measure: Measure, quantiles: Sequence[float], audit: Audit) -> Dimension:
    """The dimension of a measure; ``quantiles`` are its median, and bounds if there are any."""
    sql = measure.number
    bounds = audit.ranges[measure.name]
    low, high = bounds.low, bounds.high
    if measure.missing == "impute":
        median = float(np.rint(quantiles[0])) if measure.is_step else quantiles[0]
        sql = f"CASE WHEN {measure.is_missing} THEN {double(median)} ELSE {sql} END"
    if len(quantiles) > 1 and not measure.is_step:
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
    )


def _sample(
    usable: DataFrame, dimensions: Sequence[Dimension], *, identity: Sequence[str], share: float
) -> list[npt.NDArray[np.float64]]:
    """The values of each dimension over some customers, the same ones always, in order."""
    drawn = F.pmod(F.xxhash64(*identity), F.lit(_HASH_VALUES))
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
    dimensions = _indicators(category.name, value, values, top=category.top, nothing=otherwise)
    if missing == "category":
        dimensions.append(_missing(category.name, value, values))
    return [replace(each, weight=category.weight) for each in dimensions]


def _described(usable: DataFrame, attribute: Described) -> list[Dimension]:
    """The dimensions of an attribute: its number, or the shares of its commonest values."""
    name, kind = attribute.name, attribute.kind
    values = _commonest(usable, name, most=attribute.top + 1)
    if kind == "categorical" or (kind == "auto" and len(values) <= attribute.top):
        indicators = _indicators(name, text(name), values, top=attribute.top, nothing="0D")
        return [*indicators, _missing(name, text(name), values)]
    value = f"(CASE WHEN abs({number(name)}) <= {double(LARGEST)} THEN {number(name)} END)"
    is_text_only = F.expr(f"{text(name)} IS NOT NULL AND {value} IS NULL")
    found = usable.agg(
        F.expr(f"min({value})").alias("low"),
        F.expr(f"max({value})").alias("high"),
        F.count_if(is_text_only).alias("texts"),
    ).collect()[0]
    if kind == "auto" and found.texts:
        return _described(usable, attribute.model_copy(update={"kind": "categorical"}))
    return [] if found.low is None else [Dimension(name, None, value, found.low, found.high)]


def _indicators(
    column: str, value: str, values: Sequence[str], *, top: int, nothing: str
) -> list[Dimension]:
    """A dimension for each of the first values and one for all others; ``nothing`` if null."""
    shown = values[:top]
    start = f"(CASE WHEN {value} IS NULL THEN {nothing}"
    found = [
        Dimension(column, each, f"{start} WHEN {value} = {string(each)} THEN 1D ELSE 0D END)")
        for each in shown
    ]
    if len(values) > top:
        known = ", ".join(string(each) for each in shown)
        sql = f"{start} WHEN {value} IN ({known}) THEN 0D ELSE 1D END)"
        found.append(Dimension(column, _unused(OTHER, values), sql))
    return found


def _missing(column: str, value: str, values: Sequence[str]) -> Dimension:
    sql = f"(CASE WHEN {value} IS NULL THEN 1D ELSE 0D END)"
    return Dimension(column, _unused(MISSING, values), sql)


def _unused(label: str, values: Sequence[str]) -> str:
    """The label, in more brackets if it is a value."""
    while label in values:
        label = f"({label})"
    return label
