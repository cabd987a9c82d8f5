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
from segmentation.features.frequencies import Frequencies, by_place, frequencies
from segmentation.model.features import Feature, is_missing, labels, number, raw_number
from segmentation.model.spark_columns import spark_column
from segmentation.numerics.spark_sums import quantiles
from segmentation.results import Imputed

SKEWNESS_ROWS = 50_000
"""About how many customers, sampled by a hash, decide which transform reduces the skewness."""

MAX_DIMENSIONS = 2_500
"""The driver holds the coreset, and a model a centre per segment, with so many coordinates."""

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
    one scan for medians and bounds, one for transforms, and one for all categorical features.

    Raises
    ------
    DataError
        If a feature to impute has no value at all, or the features have more than
        :data:`MAX_DIMENSIONS` dimensions.
    """
    types = {field.name: field.dataType.simpleString() for field in usable.schema.fields}
    typed = [replace(feature, type=types[feature.name]) for feature in defined]
    numbers = [each for each in typed if each.kind != "categorical"]
    categorical = [each for each in typed if each.kind == "categorical"]
    found = _quantiles(usable, numbers, winsorise=features.winsorise, customers=audit.usable)
    learned = [
        _with_quantiles(feature, found.get(feature.name, _Quantiles()).at, audit)
        for feature in numbers
    ]
    if any(feature.transform == "auto" for feature in learned):
        share = min(1.0, SKEWNESS_ROWS / audit.usable)
        sample = _sample(usable, learned, identity=identity, share=share)
        learned = [
            _with_transform(feature, values, lowest=feature_range(feature, audit)[0])
            for feature, values in zip(learned, sample, strict=True)
        ]
    tops = {each.name: each.top for each in features.categorical}
    count = max(tops.values(), default=0) + 1
    counted = frequencies(usable, [each.name for each in categorical], count=count)
    learned += [
        _with_categories(feature, own, top=tops[feature.name])
        for feature, own in zip(categorical, counted, strict=True)
    ]
    check_dimensions(learned)
    missing = {name: own.missing for name, own in found.items()}
    missing |= {each.name: own.missing for each, own in zip(categorical, counted, strict=True)}
    imputations = tuple(
        Imputed(each.name, missing[each.name], missing[each.name] / audit.usable)
        for each in typed
        if each.missing == "impute" and missing[each.name]
    )
    return Encoding(tuple(learned), imputations)


def encoded_before(usable: DataFrame, fitted: Sequence[Feature], *, audit: Audit) -> Encoding:
    """The encoding of features that were fitted to other customers: only imputations are counted.

    Starts a Spark job where some feature is imputed.
    """
    imputed = [each for each in fitted if each.missing == "impute"]
    if not imputed:
        return Encoding(tuple(fitted))
    counts = usable.agg(
        *[
            F.count(F.when(spark_column(is_missing(each)), 1)).alias(f"missing_{i}")
            for i, each in enumerate(imputed)
        ]
    ).collect()[0]
    found = zip(imputed, counts, strict=True)
    return Encoding(
        tuple(fitted),
        tuple(Imputed(each.name, n, n / audit.usable) for each, n in found if n),
    )


def check_dimensions(features: Sequence[Feature]) -> None:
    """Check that fitted features have at most :data:`MAX_DIMENSIONS` dimensions.

    Raises
    ------
    DataError
        If they have more.
    """
    dimensions = sum(len(labels(e)) if e.kind == "categorical" else 1 for e in features)
    if dimensions > MAX_DIMENSIONS:
        raise DataError(
            f"the features have {dimensions:,} dimensions, one per number and category, at most "
            f"{MAX_DIMENSIONS:,} are possible: lower top in features.categorical, or list fewer"
        )


def unused_label(label: str, values: Sequence[str]) -> str:
    """The label, in extra brackets while it is also a value."""
    while label in values:
        label = f"({label})"
    return label


@dataclass(frozen=True)
class _Quantiles:
    """A feature's median, and its bounds if values are winsorised; how many have no value."""

    at: tuple[float, ...] = ()
    missing: int = 0


def _quantiles(
    usable: DataFrame,
    numbers: Sequence[Feature],
    *,
    winsorise: tuple[float, float] | None,
    customers: int,
) -> Mapping[str, _Quantiles]:
    """In one scan: medians, and bounds if values are winsorised, of the features that need them."""
    at = [0.5, *(winsorise or ())]
    wanted = [each for each in numbers if winsorise or each.missing == "impute"]
    if not wanted:
        return {}
    value = F.col("value")
    found = (
        by_place(usable, [spark_column(raw_number(each)) for each in wanted])
        .groupBy("place")
        .agg(quantiles(value, at, rows=customers).alias("at"), F.count(value).alias("known"))
        .orderBy("place")
        .collect()
    )
    for each, row in zip(wanted, found, strict=True):
        if row["at"] is None:
            raise _nothing_to_impute(each, "features")
    return {
        each.name: _Quantiles(tuple(row["at"]), customers - row.known)
        for each, row in zip(wanted, found, strict=True)
    }


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
        low, high = feature_range(feature, audit)
        feature = replace(feature, bounds=(max(low, quantiles[1]), min(high, quantiles[2])))
    return feature


def feature_range(feature: Feature, audit: Audit) -> tuple[float, float]:
    """The smallest and largest number of a feature over the usable rows, clipped as fitted."""
    if feature.bounds is not None:
        return feature.bounds
    found = audit.ranges[feature.name]
    return found.low, found.high


def _sample(
    usable: DataFrame, features: Sequence[Feature], *, identity: Sequence[Column], share: float
) -> list[npt.NDArray[np.float64]]:
    """The values of each feature for a deterministic sample of customers, in order."""
    drawn = F.pmod(F.xxhash64(*identity), F.lit(_HASH_VALUES))
    values = F.array(*[spark_column(number(each, of_usable=True)) for each in features])
    kept = usable.where(drawn < int(share * _HASH_VALUES)).select(values.alias("values")).toArrow()
    cells = kept["values"].combine_chunks().flatten().to_numpy(zero_copy_only=False)
    return list(np.sort(cells.reshape(-1, len(features)).T))


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


def _with_categories(feature: Feature, counted: Frequencies, *, top: int) -> Feature:
    """The feature with the ``top`` values that have a share each, and the labels of the rest."""
    values = counted.values[: top + 1]
    if feature.missing == "impute" and not values:
        raise _nothing_to_impute(feature, "features.categorical")
    return replace(
        feature,
        fill=values[0] if feature.missing == "impute" else None,
        categories=values[:top],
        other=unused_label(OTHER, values) if len(values) > top else None,
        absent=unused_label(MISSING, values) if feature.missing == "category" else None,
    )
