"""The points of the report's scatter plot: groups of similar customers, or customers if asked."""

import math
from collections.abc import Sequence
from itertools import islice

import numpy as np

from segmentation.clustering.coreset import Coreset
from segmentation.clustering.microaggregation import groups
from segmentation.model.preparation import Preparation
from segmentation.model.rules import LabellingRule
from segmentation.numerics.arrays import Points
from segmentation.numerics.projection import WIDE
from segmentation.reporting.charts.scatter import MAX_AXES, MAX_POINTS, WIDE_POINTS
from segmentation.results import CustomerSample

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
    ranked: Sequence[str],
) -> CustomerSample:
    """The points of the plot: ``customers`` if asked for, else groups of ``min_group`` or more.

    ``ranked`` are the names of all features, the most wanted first: a wide table is drawn by the
    first 32 that can be, and with fewer points.
    """
    if points == "customers":
        return customer_sample(coreset, rule, preparation=preparation, ranked=ranked)
    return group_sample(coreset, rule, preparation=preparation, min_group=min_group, ranked=ranked)


def group_sample(
    coreset: Coreset,
    rule: LabellingRule,
    *,
    preparation: Preparation,
    min_group: int,
    ranked: Sequence[str] = (),
) -> CustomerSample:
    """Groups of at least ``min_group`` similar customers of a segment, drawn at their average.

    In a sampled coreset each point represents at least one customer, so a group has at least that
    many points; a segment with fewer is not drawn. Averages are of the transformed features.
    Yes/no and categorical features are not drawn: their average would reveal counts of few.
    """
    dimensions = _axes(coreset, preparation, at_least=3, ranked=ranked)
    axes = coreset.points.entries[:, [coreset.points.layout.numbers.index(j) for j in dimensions]]
    known = coreset.weights if coreset.is_whole else np.ones_like(coreset.weights)
    size = max(min_group, -(-int(known.sum()) // _max_points(preparation)))
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
    coreset: Coreset, rule: LabellingRule, *, preparation: Preparation, ranked: Sequence[str] = ()
) -> CustomerSample:
    """At most 5,000 different customers, to be drawn by the features that are numbers.

    They are points of the coreset, every n-th of the customers that it represents; their values
    are those of the grid in original units, to ``CUSTOMER_DIGITS``.
    """
    order, most = np.cumsum(coreset.counts), _max_points(preparation)
    places = np.searchsorted(order, (np.arange(most) + 0.5) * order[-1] / most)
    few = len(coreset.points) <= most
    points = coreset.points if few else coreset.points[np.unique(places)]
    coordinates = points.coordinates
    values = {
        preparation.columns[j].name: tuple(
            float(f"{preparation.original(j, coordinate):.{CUSTOMER_DIGITS}g}")
            for coordinate in coordinates[:, j].tolist()
        )
        for j in _axes(coreset, preparation, at_least=1, ranked=ranked)
        or _wanted(preparation, ranked)[:MAX_AXES]
    }
    return CustomerSample(values, tuple(rule.assign(points).segment.tolist()))


def _axes(
    coreset: Coreset, preparation: Preparation, *, at_least: int, ranked: Sequence[str]
) -> list[int]:
    """Which coordinates to draw: numbers with at least this many distinct values, at most 32."""
    points = coreset.points
    columns = dict(zip(points.layout.numbers, points.entries.T, strict=False))  # codes come last
    drawable = (
        j
        for j in _wanted(preparation, ranked)
        if j in columns and len(np.unique(columns[j])) >= at_least
    )
    return sorted(islice(drawable, MAX_AXES))


def _wanted(preparation: Preparation, ranked: Sequence[str]) -> list[int]:
    """The model columns, of a wide table in the order of ``ranked``."""
    places = {column.name: j for j, column in enumerate(preparation.columns)}
    return [places[name] for name in ranked] if len(places) > WIDE else list(places.values())


def _max_points(preparation: Preparation) -> int:
    return WIDE_POINTS if len(preparation.columns) > WIDE else MAX_POINTS


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
