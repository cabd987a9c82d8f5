"""The pass over all customers that finds the statistics of clusters: numpy on Arrow batches.

A task returns a few rows of numbers; a second kind of task merges those of all. The module is
pickled with the tasks, so what they call is in it or in modules that are pickled too: workers need
numpy and pyarrow only.
"""

import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
from pyspark import cloudpickle

from segmentation.numerics import arrow_entries, exact_sums, grid_points
from segmentation.numerics.arrays import Floats, Labels
from segmentation.numerics.arrow_entries import cell_rows, entry_blocks
from segmentation.numerics.exact_sums import exact_parts
from segmentation.numerics.fixed_point import SPLITTER
from segmentation.numerics.grid_points import (
    Block,
    Distances,
    Layout,
    count_codes,
    take_nearest,
)
from segmentation.numerics.partition import Partition
from segmentation.numerics.spark_sums import Task, Vector
from segmentation.segments.facts import SUMS, TOTALS, VALUES, fact_rows

for _module in (sys.modules[__name__], arrow_entries, exact_sums, grid_points):
    cloudpickle.register_pickle_by_value(_module)  # type: ignore[no-untyped-call]

SILHOUETTE_STEPS = 2**30

MAX_BUFFERED_VALUES = 2**21
"""A task holds this many values, 16 MiB, before it counts the equal ones."""

CUSTOMERS, DISTANCES, SILHOUETTES, OF_ATTRIBUTES = 0, 1, 2, 3
"""Positions in the totals of a cluster. How many customers know each number follow, then how many
have each code of the attributes with values, the last of which is of those without."""


@dataclass(frozen=True)
class Measured:
    """What the pass measures beside distances: numbers, then codes.

    ``sizes`` has the number of values of each attribute with values. Numbers are rounded to 12
    significant bits if ``rounds``.
    """

    numbers: int
    sizes: tuple[int, ...]
    rounds: bool

    @property
    def totals(self) -> int:
        """The number of totals of a cluster."""
        return OF_ATTRIBUTES + self.numbers + sum(self.sizes) + len(self.sizes)


def statistics_pass(
    partition: Partition, layout: Layout, measured: Measured, *, distance_step: float
) -> Task:
    """The function that a Spark task applies to its rows: entries, and the measured attributes.

    It returns rows of ``FACTS``. Totals are the customers, their distances in steps of
    ``distance_step`` grid units, their silhouettes in ``SILHOUETTE_STEPS``, and those of the
    attributes. Of the numbers the values follow with their frequencies; last the distances, in
    grid units, always rounded to 12 bits.
    """
    centres, k = partition.centres, partition.k
    silhouettes_of = _silhouette_function(partition, layout)

    def facts(batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        distances = Distances(layout, centres)
        totals = np.zeros((k, measured.totals), dtype=np.int64)
        by_place: dict[int, Vector] = {}
        margins = np.full(k, np.inf)
        held: list[tuple[Labels, Floats]] = []
        for rows, block in entry_blocks(batches, layout):
            values = np.ascontiguousarray(cell_rows(rows.column(1)).T)
            squares = distances.squares(block)
            labels, square = take_nearest(squares)
            margin = squares.min(axis=0) - square  # the nearest is infinite by now
            is_member = labels == np.arange(k)[:, np.newaxis]
            margins = np.minimum(margins, np.where(is_member, margin, np.inf).min(axis=1))
            distance, numbers = np.sqrt(square), values[: measured.numbers]
            is_known = ~np.isnan(numbers)
            # One row per total: 1, the distance and the silhouette in whole steps, known or not.
            summed = np.vstack(
                [
                    np.ones_like(square),
                    np.rint(distance / distance_step),
                    np.rint(silhouettes_of(block, labels) * SILHOUETTE_STEPS),
                    is_known,
                ]
            )
            # A product with the memberships adds each row up by cluster. All are whole numbers
            # of at most 30 bits, so the sums of a block, of 42 bits, are exact in doubles; over
            # blocks, tasks and rows they add up as 64-bit integers.
            members = is_member.astype(np.float64)
            totals[:, : len(summed)] += (members @ summed.T).astype(np.int64)
            totals[:, len(summed) :] += _codes_counted(
                values[measured.numbers :], labels, k, measured
            )
            _add_parts(by_place, members, np.where(is_known, numbers, 0.0))
            held.append((labels, np.vstack([numbers, distance])))
            if sum(some.size for _, some in held) > MAX_BUFFERED_VALUES:
                yield from _frequencies(held, k, rounds=measured.rounds)
                held = []
        yield from _frequencies(held, k, rounds=measured.rounds)
        yield fact_rows([(TOTALS, 0, 0, totals.ravel(), margins)])
        yield fact_rows([(SUMS, place, 0, sums.ravel(), ()) for place, sums in by_place.items()])

    return facts


def _codes_counted(codes: Floats, labels: Labels, clusters: int, measured: Measured) -> Vector:
    """How many customers of every cluster have each value, and none, attribute by attribute."""
    found = [np.empty((clusters, 0), dtype=np.int64)]
    for own, size in zip(codes, measured.sizes, strict=True):
        places = np.where(np.isnan(own), size, own).astype(np.intp)
        found.append(count_codes(labels, places, clusters=clusters, values=size + 1))
    return np.hstack(found)


def _silhouette_function(partition: Partition, layout: Layout) -> Callable[[Block, Labels], Floats]:
    """The silhouettes of points with these labels, from the moments of the clusters.

    The mean squared distance of a point to a cluster is its squared distance to the cluster's
    mean plus the mean squared distance of the members from that mean.
    """
    distances = Distances(layout, partition.means())
    counts = np.array(partition.counts, dtype=np.float64)
    costs = np.array([float(cost) for cost in partition.costs()])
    spreads = (costs / np.maximum(counts, 1))[:, np.newaxis]
    # The mean over the others of the own cluster, one fewer; 0 for a customer alone.
    others = np.where(counts > 1, counts / np.maximum(counts - 1, 1), 0.0)

    def silhouettes(block: Block, labels: Labels) -> Floats:
        return _silhouettes(distances.squares(block) + spreads, labels, others)

    return silhouettes


def _frequencies(
    held: Sequence[tuple[Labels, Floats]], clusters: int, *, rounds: bool
) -> Iterator[pa.RecordBatch]:
    """The values of every cluster, counted: a row per number and cluster."""
    if not held:
        return
    labels = np.concatenate([own for own, _ in held])
    order = np.argsort(labels, kind="stable")
    bounds = np.searchsorted(labels[order], np.arange(1, clusters))
    last = len(held[0][1]) - 1
    for number in range(last + 1):
        values = np.concatenate([own[number] for _, own in held])[order]
        rows = []
        for cluster, own in enumerate(np.split(values, bounds)):
            known = own[~np.isnan(own)] + 0.0  # -0.0 becomes 0.0: which of them stays is chance
            if rounds or number == last:  # to 12 significant bits, as spark_sums.quantiles() does
                shifted = known * SPLITTER
                known = shifted - (shifted - known)
            if len(known):
                value, frequency = np.unique(known, return_counts=True)
                rows.append((VALUES, number, cluster, frequency, value))
        yield fact_rows(rows)


def _add_parts(by_place: dict[int, Vector], members: Floats, values: Floats) -> None:
    """Add the values of a block's members to the sums of their clusters, place by place."""
    for place, parts in exact_parts(values):
        halves = (members @ parts.T).astype(np.int64)
        by_place[place] = by_place.get(place, 0) + halves


def _silhouettes(away: Floats, labels: Labels, others: Floats) -> Floats:
    """Each point's value from its mean squared distances to all clusters; modifies its input."""
    if len(away) == 1:
        return np.zeros(len(labels))
    places = np.arange(len(labels))
    own = away[labels, places] * others[labels]
    away[labels, places] = np.inf
    other = away.min(axis=0)
    larger = np.maximum(own, other)
    has_value = (larger > 0) & (others[labels] > 0)
    silhouettes: Floats = np.where(has_value, other - own, 0) / np.where(has_value, larger, 1)
    return silhouettes
