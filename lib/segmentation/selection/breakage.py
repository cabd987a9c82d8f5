"""Broken data: what a model should not be fitted to, as opposed to customers who have changed."""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from segmentation.model.features import Feature, labels
from segmentation.model.preparation import Preparation, transformed_value
from segmentation.model.reference import Reference
from segmentation.numerics.arrays import Floats

GONE = 0.5
"""The share of the previous run's customers below which some are missing."""

EMPTIED, CLIPPED = 0.01, 0.15
"""A feature is constant where at most this share of those who differed is left: of the customers
with another value than the commonest, or, where that is a bound, than what is clipped to it."""

MIN_EXPECTED = 20
"""Customers who would differ if nothing had changed: by chance, none of so many does once in
5e8 features."""

QUANTILES = (np.arange(200) + 0.5) / 200
CANDIDATES = slice(9, None, 10)
"""Quantiles that stand for the amounts, and those whose ratios are tried as the factor."""

MIN_AMOUNTS = 50

MIN_FACTOR = 3.0
"""Seasons and prices change amounts by less."""

MIN_SHIFT = 1.25
"""In standard deviations of the amounts' logarithms, of which drift is taken to be one at most."""

MAX_DRIFT = 60.0
"""A factor that is no drift, however much the amounts differ."""

MARGIN = 0.01

MAX_DISTANCE = 0.15
"""Kolmogorov and Smirnov's distance up to which the amounts are the same times a factor."""


@dataclass(frozen=True)
class _Values:
    """A feature's values in one reference: transformed numbers or codes, and their customers.

    Numbers are rounded to multiples of ``step``.
    """

    values: Floats
    counts: Floats
    step: float


def breakages(
    today: Reference, reference: Reference, *, preparation: Preparation, customers_before: int
) -> tuple[str, ...]:
    """What looks broken about today's customers, one clause each; usually nothing.

    Parameters
    ----------
    today, reference
        Today's customers and those that the model was fitted to, both on the grid of its
        ``preparation``. Today's may lie anywhere outside its range.
    customers_before
        How many customers the previous run had, which may have kept an older model.
    """
    found = []
    if today.customers < GONE * customers_before:
        found.append(
            f"{today.customers:,} customers are left of {customers_before:,} in the previous run: "
            "is part of the input missing?"
        )
    for feature, before, now in _features(today, reference, preparation):
        clause = _constant(feature, before, now, customers=today.customers)
        if clause is None and feature.kind == "numeric":
            clause = _unit(feature, before, now)
        if clause is not None:
            found.append(clause)
    return tuple(found)


def refusal(breakages: Sequence[str]) -> str:
    """The one line for a DataError: what is broken, and how to go on nevertheless."""
    return f"the data look broken: {'; '.join(breakages)} --accept goes on anyway"


def _features(
    today: Reference, reference: Reference, preparation: Preparation
) -> Iterator[tuple[Feature, _Values, _Values]]:
    """The features with a column: the reference's values, and today's."""
    numbers = [preparation.columns[j] for j in preparation.layout.numbers]
    steps = {each.feature: each.unit / 2.0**preparation.bits for each in numbers}
    means = {each.feature: each.mean for each in numbers}
    names = [*steps, *(name for name in preparation.used if name not in steps)]
    for place, name in enumerate(names):
        step, mean = steps.get(name, 1.0), means.get(name, 0.0)
        before, now = (
            _Values(mean + each.points.entries[:, place] * step, each.counts, step)
            for each in (reference, today)
        )
        yield preparation.by_name[name], before, now


def _constant(feature: Feature, before: _Values, now: _Values, *, customers: int) -> str | None:
    """The clause where (nearly) all customers have one value now, which they had not."""
    values, places = np.unique(now.values, return_inverse=True)
    totals = np.bincount(places.ravel(), now.counts)
    commonest = float(values[totals.argmax()])
    others = 1 - float(totals.max() / totals.sum())
    had = float(before.counts[before.values != commonest].sum() / before.counts.sum())
    is_bound = _is_bound(feature, commonest, step=now.step)
    if had * customers < MIN_EXPECTED or others > (CLIPPED if is_bound else EMPTIED) * had:
        return None
    clause = (
        f"feature {feature.name!r} is {_shown(feature, commonest)} for {1 - others:.1%} of the "
        f"customers, and was for {1 - had:.1%} when the model was fitted"
    )
    if is_bound:
        return f"{clause}, the bound to which it is clipped: was its unit changed?"
    return f"{clause}: is it filled as before?"


def _unit(feature: Feature, before: _Values, now: _Values) -> str | None:
    """The clause where all amounts have become so many times as large, or as small."""
    old, new = (_amounts(feature, each) for each in (before, now))
    if min(len(old.values), len(new.values)) < MIN_AMOUNTS:
        return None
    # Logarithms, of which a factor moves all by as much: today's are those of before, moved, and
    # clipped where the model clips.
    logs, moved = (_quantiles(each) for each in (old, new))
    least = min(max(math.log(MIN_FACTOR), MIN_SHIFT * float(logs.std())), math.log(MAX_DRIFT))
    shifts = (moved - logs)[CANDIDATES]
    if np.abs(shifts).max() < least:
        return None
    bounds = _log_bounds(feature)
    clipped = np.clip(moved, *bounds)
    distances = [_distance(np.clip(logs + shift, *bounds), clipped) for shift in shifts]
    shift = float(shifts[int(np.argmin(distances))])
    if abs(shift) < least or min(distances) > MAX_DISTANCE:
        return None
    factor = f"{float(f'{math.exp(abs(shift)):.2g}'):,g}"
    size = f"{factor} times as large as" if shift > 0 else f"a {factor}th of what it was"
    return (
        f"feature {feature.name!r} is about {size} when the model was fitted: was its unit changed?"
    )


def _amounts(feature: Feature, found: _Values) -> _Values:
    """The logarithms of the absolute original values, without zeros and imputed values."""
    size = np.abs(found.values)
    is_amount = size > found.step
    if isinstance(feature.fill, float):
        is_amount &= np.abs(found.values - transformed_value(feature.fill, feature)) > found.step
    size = size[is_amount]
    # log(expm1(t)) without expm1, which overflows
    logs = np.log(size) if feature.transform == "none" else size + np.log(-np.expm1(-size))
    return _Values(logs, found.counts[is_amount], found.step)


def _quantiles(found: _Values) -> Floats:
    """Weighted quantiles at :data:`QUANTILES`: values that occur."""
    order = np.argsort(found.values, kind="stable")
    below = np.cumsum(found.counts[order])
    places = np.searchsorted(below, QUANTILES * below[-1])
    quantiles: Floats = found.values[order][np.minimum(places, len(order) - 1)]
    return quantiles


def _distance(one: Floats, other: Floats) -> float:
    """Kolmogorov and Smirnov's distance of two sorted samples."""
    both = np.concatenate([one, other])
    shares = [np.searchsorted(each, both, side="right") / len(each) for each in (one, other)]
    return float(np.abs(shares[0] - shares[1]).max())


def _log_bounds(feature: Feature) -> tuple[float, float]:
    """The logarithms between which clipped amounts differ, a little inside the bounds.

    At a bound itself, amounts would differ by the rounding to the grid.
    """
    low, high = (-math.inf, math.inf) if feature.bounds is None else feature.bounds
    return (
        math.log(low) + MARGIN if low > 0 else -math.inf,
        math.log(high) - MARGIN if high > 0 else math.inf,
    )


def _is_bound(feature: Feature, value: float, *, step: float) -> bool:
    """Whether a transformed value is one to which values are clipped."""
    if feature.kind == "categorical" or feature.bounds is None:
        return False
    return any(abs(value - transformed_value(bound, feature)) <= step for bound in feature.bounds)


def _shown(feature: Feature, value: float) -> str:
    """A transformed value or a code, for people."""
    match feature.kind:
        case "categorical":
            named = labels(feature)
            return repr(named[int(value)]) if value < len(named) else "none of its known values"
        case "boolean":
            return "yes" if value > 0.5 else "no"
        case "ordered":
            return repr(feature.bands[min(max(round(value), 0), len(feature.bands) - 1)])
    if feature.transform != "none":
        value = math.copysign(math.expm1(min(abs(value), math.log(1e100))), value)
    return f"{value:.4g}"
