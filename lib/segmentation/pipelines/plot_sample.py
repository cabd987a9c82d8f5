"""The points of the report's scatter plot: groups of similar customers, or customers if asked."""

import math
from collections.abc import Sequence

import numpy as np

from segmentation.clustering.coreset import Coreset
from segmentation.clustering.microaggregation import groups
from segmentation.model.preparation import Preparation
from segmentation.model.rules import LabellingRule
from segmentation.numerics.arrays import Points
from segmentation.results import CustomerSample

MAX_POINTS = 5_000

CUSTOMER_DIGITS = 6
"""Significant digits of a customer's values: the precision of the grid."""

GROUP_DIGITS, GROUP_STEPS = 3, 500
"""Averages are rounded to visible precision: significant digits on a logarithmic scale, else
at least this part of the range."""

NOTHING = 1e-6
"""What is a smaller part of the range than this is 0."""


def plot_sample(
    coreset: Coreset,
    rule: LabellingRule,
    *,
    preparation: Preparation,
    points: str,
    min_group: int,
) -> CustomerSample:
    """The points of the plot: ``customers`` if asked for, else groups of ``min_group`` or more."""
    if points == "customers":
        return customer_sample(coreset, rule, preparation=preparation)
    return group_sample(coreset, rule, preparation=preparation, min_group=min_group)


def group_sample(
    coreset: Coreset, rule: LabellingRule, *, preparation: Preparation, min_group: int
) -> CustomerSample:
    """Groups of at least ``min_group`` similar customers of a segment, drawn at their average.

    In a sampled coreset each point represents at least one customer, so a group has at least that
    many points; a segment with fewer is not drawn. Averages are of the transformed features.
    Yes/no and categorical features are not drawn: their average would reveal counts of few.
    """
    dimensions = _axes(coreset, at_least=3)
    axes = coreset.points.entries[:, [coreset.points.layout.numbers.index(j) for j in dimensions]]
    known = coreset.weights if coreset.is_whole else np.ones_like(coreset.weights)
    size = max(min_group, -(-int(known.sum()) // MAX_POINTS))
    labels = rule.assign(coreset.points).segment
    averages: list[Points] = []
    segments: list[int] = []
    customers: list[int] = []
    for segment in np.unique(labels) if dimensions else ():
        own = np.flatnonzero(labels == segment)
        places = axes[own]
        found = groups(places, known[own], size=size)
        shown = np.bincount(found, weights=known[own]) >= min_group
        counts = coreset.counts[own]
        totals = np.bincount(found, weights=counts)
        sums = [np.bincount(found, weights=counts * column) for column in places.T]
        averages.append((np.array(sums) / totals).T[shown])
        segments += [int(segment)] * int(shown.sum())
        customers += [round(total) for total in totals[shown].tolist()]
    drawn = np.vstack(averages) if averages else np.empty((0, len(dimensions)))
    return CustomerSample(
        {
            preparation.columns[j].name: _rounded(
                [preparation.original(j, place) for place in drawn[:, at].tolist()],
                is_log=preparation.feature_of(j).transform != "none",
            )
            for at, j in enumerate(dimensions)
        },
        tuple(segments),
        tuple(customers),
    )


def customer_sample(
    coreset: Coreset, rule: LabellingRule, *, preparation: Preparation
) -> CustomerSample:
    """At most ``MAX_POINTS`` different customers, to be drawn by the features that are numbers.

    They are points of the coreset, every n-th of the customers that it represents; their values
    are those of the grid in original units, to ``CUSTOMER_DIGITS``.
    """
    order = np.cumsum(coreset.counts)
    places = np.searchsorted(order, (np.arange(MAX_POINTS) + 0.5) * order[-1] / MAX_POINTS)
    few = len(coreset.points) <= MAX_POINTS
    points = coreset.points if few else coreset.points[np.unique(places)]
    coordinates = points.coordinates
    values = {
        preparation.columns[j].name: tuple(
            float(f"{preparation.original(j, coordinate):.{CUSTOMER_DIGITS}g}")
            for coordinate in coordinates[:, j].tolist()
        )
        for j in _axes(coreset, at_least=1) or range(len(preparation.columns))
    }
    return CustomerSample(values, tuple(rule.assign(points).segment.tolist()))


def _axes(coreset: Coreset, *, at_least: int) -> list[int]:
    """Which coordinates to draw: numbers with at least this many distinct values."""
    points = coreset.points
    columns = zip(points.layout.numbers, points.entries.T, strict=False)  # codes come last
    return [j for j, column in columns if len(np.unique(column)) >= at_least]


def _rounded(values: Sequence[float], *, is_log: bool) -> tuple[float, ...]:
    """The values to three digits on a logarithmic scale, else to a part of their range."""
    spread = max(values, default=0.0) - min(values, default=0.0)
    # a 0 that was rounded to the grid comes back as nearly 0
    values = [0.0 if abs(value) < NOTHING * spread else value for value in values]
    if is_log or not spread > 0:
        digits = GROUP_DIGITS if is_log else CUSTOMER_DIGITS
        return tuple(float(f"{value:.{digits}g}") for value in values)
    decimals = -math.floor(math.log10(spread / GROUP_STEPS))
    return tuple(float(f"{round(value, decimals):.15g}") for value in values)
