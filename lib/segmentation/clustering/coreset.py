"""Coresets: few weighted points that represent all customers, so that k-means is cheap."""

import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
from pyspark import cloudpickle
from pyspark.sql import Column

from segmentation.model.spark_columns import ENTRIES, PreparedCustomers
from segmentation.numerics import arrow_entries, grid_points
from segmentation.numerics.arrays import Labels, Points
from segmentation.numerics.arrow_entries import entry_blocks, entry_rows
from segmentation.numerics.grid_points import GridPoints, Layout
from segmentation.numerics.partition import Partition
from segmentation.numerics.spark_hash import hash_fraction
from segmentation.numerics.spark_sums import Task

WEIGHT_UNIT = 64
"""Weights of a sample are whole multiples of 1/64, so that weighted sums are exact as well."""

FULL_GROUPING_FACTOR = 2
"""Up to this many times the wanted size all points are used: exact, at little extra time."""

# These modules are pickled with the tasks: workers need numpy and pyarrow, not this package.
for _module in (sys.modules[__name__], arrow_entries, grid_points):
    cloudpickle.register_pickle_by_value(_module)  # type: ignore[no-untyped-call]


@dataclass(frozen=True)
class Coreset:
    """Grid points in the order of their coordinates, and their weights, whole numbers.

    ``is_whole`` is true if these are all distinct points with their counts: then the coreset is
    the whole population, and results on it are exact.
    """

    points: GridPoints
    weights: npt.NDArray[np.int64]
    is_whole: bool

    @property
    def counts(self) -> npt.NDArray[np.float64]:
        """About how many customers each point represents."""
        return self.weights / (1 if self.is_whole else WEIGHT_UNIT)

    def partitions(self, centre_sets: Sequence[Points]) -> list[Partition]:
        """The partition that each set of centres makes of the weighted points, by exact sums."""
        return [self._partition(centres) for centres in centre_sets]

    def farthest(self, centres: Points) -> Points:
        """The point farthest from its nearest centre; of equals, the largest coordinates."""
        squares = self.points.nearest_squares(centres)
        last = np.flatnonzero(squares == squares.max())[-1:]  # sorted: the largest of equals
        found: Points = self.points[last].coordinates[0]
        return found

    def labels(self, centres: Points) -> Labels:
        """The position of every point's nearest centre, the first of equals."""
        return self.points.nearest(centres)

    def _partition(self, centres: Points) -> Partition:
        labels = self.labels(centres)
        members = [labels == i for i in range(len(centres))]
        counts = tuple(int(self.weights[own].sum()) for own in members)
        squares = tuple(sum(self._squares[own].tolist()) for own in members)
        return Partition(centres, counts, self._sums(labels, members), squares)

    def _sums(
        self, labels: Labels, members: Sequence[npt.NDArray[np.bool_]]
    ) -> tuple[tuple[int, ...], ...]:
        """The sums of the weighted coordinates of every cluster; categories by their counts."""
        layout, k = self.points.layout, len(members)
        found = np.empty((k, layout.width), dtype=np.int64)
        for i, own in enumerate(members):
            found[i, layout.numbers] = self._weighted[own].sum(axis=0)
        for table, codes in zip(layout.tables, self._codes, strict=True):
            values = len(table.coordinates)
            # Whole numbers below 2**53, which doubles add up exactly.
            counts = np.bincount(labels * values + codes, self.weights, minlength=k * values)
            by_cluster = counts.reshape(k, values).astype(np.int64)
            found[:, table.positions] = by_cluster @ table.coordinates.astype(np.int64)
        return tuple(map(tuple, found.tolist()))

    @cached_property
    def _weighted(self) -> npt.NDArray[np.int64]:
        """The numbers' coordinates times the weights."""
        numbers = self.points.entries[:, : len(self.points.layout.numbers)]
        return self.weights[:, np.newaxis] * numbers.astype(np.int64)

    @cached_property
    def _codes(self) -> list[Labels]:
        """The codes of every categorical feature."""
        codes = self.points.entries[:, len(self.points.layout.numbers) :]
        return list(codes.T.astype(np.intp))

    @cached_property
    def _squares(self) -> npt.NDArray[np.object_]:
        """The weighted squared norms, as Python's whole numbers: their sum may pass 2**63."""
        norms = self.points.squared_norms().astype(np.int64).astype(object)
        weighted: npt.NDArray[np.object_] = norms * self.weights.astype(object)
        return weighted


def compress(
    customers: PreparedCustomers, *, identity: Sequence[Column], size: int, seed: int
) -> Coreset:
    """Every distinct point with its count if there are few, else a sample; usually one Spark job.

    See :func:`sample` for the parameters.
    """
    most = FULL_GROUPING_FACTOR * size
    if customers.distinct <= 2 * most:  # an estimate, give or take a half
        found = customers.entries.groupBy(ENTRIES).count().limit(most + 1).toArrow()
        if found.num_rows <= most:
            weights = found["count"].to_numpy()
            return _sorted(found, customers.layout, weights, is_whole=True)
    return sample(customers, identity=identity, size=size, seed=seed)


def sample(
    customers: PreparedCustomers, *, identity: Sequence[Column], size: int, seed: int
) -> Coreset:
    """A lightweight coreset: about ``size`` points, sampled by their distance from the mean.

    A row is kept with probability ``min(1, size * (1 / 2n + d**2 / 2 sum(d**2)))``, d being
    its distance from the mean, and weighs the inverse. A hash of the row decides, so the
    same rows are kept whatever the partitioning. Rows that are equal in all of ``identity``
    are kept or dropped together. If fewer than half as many distinct points as wanted remain, more
    rows are sampled, in the end all: with an extreme outlier the grid may be too coarse to
    distinguish customers. Usually one Spark job that reads the table once.

    Bachem, Lucic and Krause (2018), "Scalable k-means clustering via lightweight coresets",
    arXiv:1702.08248, algorithm 1, with Poisson instead of multinomial sampling.

    Parameters
    ----------
    identity
        The values by which two rows differ.
    """
    fraction = hash_fraction(identity, seed=seed)
    drawn = customers.rows.select(ENTRIES, fraction.alias("fraction"))
    wanted = float(size)
    while True:
        task = kept_rows(
            customers.layout,
            wanted=wanted,
            equal=0.5 / customers.count,
            by_square=0.5 / customers.sum_squared_norms,
        )
        kept = (
            drawn.mapInArrow(task, f"{ENTRIES} array<double>, probability double")
            .groupBy(ENTRIES, "probability")
            .count()
            .toArrow()
        )
        counts = kept["count"].to_numpy()
        if 2 * kept.num_rows >= size:
            weights = np.rint(counts / kept["probability"].to_numpy() * WEIGHT_UNIT)
            return _sorted(kept, customers.layout, weights, is_whole=False)
        if wanted >= 2 * customers.count:
            return _sorted(kept, customers.layout, counts, is_whole=True)
        wanted *= size / max(1, kept.num_rows)


def kept_rows(layout: Layout, *, wanted: float, equal: float, by_square: float) -> Task:
    """The function that keeps rows of a Spark task at random: entries, and a number in [0, 1).

    A row is kept where that number is less than ``wanted`` times the sum of ``equal`` and its
    squared norm times ``by_square``, which is its probability.
    """

    def kept(batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        for rows, block in entry_blocks(batches, layout):
            share = equal + layout.squared_norms(block) * by_square
            probability = np.minimum(1.0, wanted * share)
            here = pa.array(rows.column(1).to_numpy() < probability)
            yield pa.record_batch(
                {
                    ENTRIES: rows.column(0).filter(here),
                    "probability": pa.array(probability).filter(here),
                }
            )

    return kept


def _sorted(
    table: pa.Table, layout: Layout, weights: npt.NDArray[Any], *, is_whole: bool
) -> Coreset:
    points = GridPoints(entry_rows(table[ENTRIES].combine_chunks()), layout)
    order = points.order()
    return Coreset(points[order], weights[order].astype(np.int64), is_whole=is_whole)
