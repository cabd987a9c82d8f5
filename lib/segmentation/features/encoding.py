"""The encoding: what features learn from the usable rows before they are scaled.

Medians to impute, bounds to clip to, the transform that reduces the skewness, and the most
frequent values of a categorical feature.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt
from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F
from scipy.stats import skew

from segmentation.config import Features
from segmentation.errors import DataError
from segmentation.features.contract import Audit
from segmentation.model.expressions import Text
from segmentation.model.features import Feature, is_missing, number, raw_number
from segmentation.model.spark_columns import spark_column
from segmentation.numerics.spark_sums import quantiles
from segmentation.results import Imputed

SKEWNESS_ROWS = 50_000
"""About how many customers, sampled by a hash, decide which transform reduces the skewness."""

OTHER, MISSING = "(other)", "(missing)"
_HASH_VALUES = 1 << 32


@dataclass(frozen=True)
class Encoding:
    """The fitted features, and how many values are imputed."""

    features: tuple[Feature, ...]
    imputations: tuple[Imputed, ...] = ()


def encode(
    usable: DataFrame,
    defined: Sequence[Feature],
    *,
    features: Features,
    audit: Audit,
    identity: Sequence[Column],
) -> Encoding:
    """The encoding of the usable rows; ``identity`` are the values that distinguish them.

    Starts no Spark job for numeric features without imputation, clipping and ``auto``; otherwise
    one scan for medians and bounds, one for transforms, and one per categorical feature.

    Raises
    ------
    DataError
        If a feature to impute has no value at all.
    """
    types = {field.name: field.dataType.simpleString() for field in usable.schema.fields}
    typed = [replace(feature, type=types[feature.name]) for feature in defined]
    found, imputations = _medians_and_bounds(
        usable, typed, winsorise=features.winsorise, customers=audit.usable
    )
    learned = [
        _with_quantiles(feature, found.get(feature.name, ()), audit)
        for feature in typed
        if feature.kind != "categorical"
    ]
    if any(feature.transform == "auto" for feature in learned):
        share = min(1.0, SKEWNESS_ROWS / audit.usable)
        sample = _sample(usable, learned, identity=identity, share=share)
        learned = [
            _with_transform(feature, values, lowest=_bounds(feature, audit)[0])
            for feature, values in zip(learned, sample, strict=True)
        ]
    tops = {each.name: each.top for each in features.categorical}
    learned += [
        _with_categories(usable, feature, top=tops[feature.name])
        for feature in typed
        if feature.kind == "categorical"
    ]
    return Encoding(tuple(learned), imputations)


def feature_range(feature: Feature, audit: Audit) -> tuple[float, float]:
    """The smallest and largest value of a feature or share over the usable rows."""
    return (0.0, 1.0) if feature.kind == "categorical" else _bounds(feature, audit)


def commonest(usable: DataFrame, column: str, *, count: int) -> list[str]:
    """The most frequent values of a column, ties in alphabetical order; a grouped scan."""
    found = (
        usable.select(spark_column(Text(column)).alias("value"))
        .where(F.col("value").isNotNull())
        .groupBy("value")
        .count()
        .orderBy(F.desc("count"), "value")
        .limit(count)
        .collect()
    )
    return [row.value for row in found]


def unused_label(label: str, values: Sequence[str]) -> str:
    """The label, in extra brackets while it is also a value."""
    while label in values:
        label = f"({label})"
    return label


def _medians_and_bounds(
    usable: DataFrame,
    features: Sequence[Feature],
    *,
    winsorise: tuple[float, float] | None,
    customers: int,
) -> tuple[Mapping[str, tuple[float, ...]], tuple[Imputed, ...]]:
    """In one scan: medians, bounds if values are winsorised, and how many values are imputed.

    Only for features that need a median or bounds, or have values to impute.
    """
    at = [0.5, *(winsorise or ())]
    imputed = [each for each in features if each.missing == "impute"]
    numbers = [each for each in features if each.kind != "categorical"]
    wanted = [each for each in numbers if winsorise or each.missing == "impute"]
    if not wanted and not imputed:
        return {}, ()
    aggregates = [quantiles(spark_column(raw_number(e)), at, rows=customers) for e in wanted]
    counts = [F.count_if(spark_column(is_missing(each))) for each in imputed]
    found = usable.agg(
        *[each.alias(f"q_{j}") for j, each in enumerate(aggregates)],
        *[each.alias(f"n_{j}") for j, each in enumerate(counts)],
    ).collect()[0]
    for j, each in enumerate(wanted):
        if found[f"q_{j}"] is None:
            raise _nothing_to_impute(each, "features")
    imputations = tuple(
        Imputed(each.name, found[f"n_{j}"], found[f"n_{j}"] / customers)
        for j, each in enumerate(imputed)
        if found[f"n_{j}"]
    )
    return {each.name: tuple(found[f"q_{j}"]) for j, each in enumerate(wanted)}, imputations


def _nothing_to_impute(feature: Feature, section: str) -> DataError:
    return DataError(
        f"column {feature.name!r} has no value on any usable row, so none can be imputed: "
        f"remove it from {section}"
    )


def _with_quantiles(feature: Feature, quantiles: Sequence[float], audit: Audit) -> Feature:
    """The feature with its fill and bounds; ``quantiles`` are its median, and the bounds if any."""
    if feature.missing == "impute":
        median = float(np.rint(quantiles[0])) if feature.is_discrete else quantiles[0]
        feature = replace(feature, fill=median)
    if len(quantiles) > 1 and not feature.is_discrete:
        low, high = _bounds(feature, audit)
        feature = replace(feature, bounds=(max(low, quantiles[1]), min(high, quantiles[2])))
    return feature


def _bounds(feature: Feature, audit: Audit) -> tuple[float, float]:
    if feature.bounds is not None:
        return feature.bounds
    found = audit.ranges[feature.name]
    return found.low, found.high


def _sample(
    usable: DataFrame, features: Sequence[Feature], *, identity: Sequence[Column], share: float
) -> list[npt.NDArray[np.float64]]:
    """The values of each feature for a deterministic sample of customers, in order."""
    drawn = F.pmod(F.xxhash64(*identity), F.lit(_HASH_VALUES))
    columns = [spark_column(number(each)).alias(f"value_{j}") for j, each in enumerate(features)]
    rows = usable.where(drawn < int(share * _HASH_VALUES)).select(*columns).toPandas()
    return [np.sort(rows[column].to_numpy(np.float64)) for column in rows.columns]


def _with_transform(feature: Feature, values: npt.NDArray[np.float64], *, lowest: float) -> Feature:
    """The feature with the transform that reduces the skewness of its values, if it is ``auto``.

    Judged by sample skewness, the third standardised moment. ``auto`` rejects no row: negatives
    are clipped or signed, or kept.
    """
    if feature.transform != "auto":
        return feature
    clips = feature.negative == "clip"
    as_is = replace(feature, transform="none")
    if lowest < 0 and not clips and feature.negative != "signed":
        return as_is
    logged = np.sign(values) * np.log1p(np.abs(values))
    if clips:
        logged = np.maximum(logged, 0)
    if len(values) > 1 and np.ptp(values) > 0 and abs(skew(logged)) < abs(skew(values)):
        # A usable row may be negative here, where its value is clipped to a bound: only a
        # logarithm that is asked for by name rejects negatives.
        return replace(
            feature,
            transform="log1p" if lowest >= 0 or clips else "signed",
            negative="signed" if feature.negative == "reject" else feature.negative,
        )
    return as_is


def _with_categories(usable: DataFrame, feature: Feature, *, top: int) -> Feature:
    """The feature with the ``top`` values that have a share each, and the labels of the rest."""
    values = commonest(usable, feature.name, count=top + 1)
    if feature.missing == "impute" and not values:
        raise _nothing_to_impute(feature, "features.categorical")
    return replace(
        feature,
        fill=values[0] if feature.missing == "impute" else None,
        categories=tuple(values[:top]),
        other=unused_label(OTHER, values) if len(values) > top else None,
        absent=unused_label(MISSING, values) if feature.missing == "category" else None,
    )
