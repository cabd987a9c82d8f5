"""Coresets: few weighted points that represent all customers, so that k-means is cheap."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property, reduce
from operator import add
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
from pyspark.sql import Column
from pyspark.sql import functions as F

from segmentation.model.spark_columns import PreparedCustomers
from segmentation.numerics.arrays import Labels, Points
from segmentation.numerics.nearest import nearest, nearest_squares
from segmentation.numerics.partition import Partition

WEIGHT_UNIT = 64
"""Weights of a sample are whole multiples of 1/64, so that weighted sums are exact as well."""

FULL_GROUPING_FACTOR = 2
"""Up to this many times the wanted size all points are used: exact, at little extra time."""

_HASH_VALUES = 2**52


@dataclass(frozen=True)
class Coreset:
    """Grid points in sorted order and their weights, whole numbers.

    ``is_whole`` is true if these are all distinct points with their counts: then the coreset is
    the whole population, and results on it are exact.
    """

    points: Points
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
        squares = nearest_squares(self.points, centres)
        last = int(np.flatnonzero(squares == squares.max())[-1])  # sorted: the largest of equals
        return np.array(self.points[last])

    def labels(self, centres: Points) -> Labels:
        """The position of every point's nearest centre, the first of equals."""
        return nearest(self.points, centres)

    def _partition(self, centres: Points) -> Partition:
        labels = self.labels(centres)
        members = [labels == i for i in range(len(centres))]
        counts = tuple(int(self.weights[own].sum()) for own in members)
        sums = tuple(tuple(map(int, self._weighted[own].sum(axis=0))) for own in members)
        squares = tuple(sum(self._squares[own].tolist()) for own in members)
        return Partition(centres, counts, sums, squares)

    @cached_property
    def _weighted(self) -> npt.NDArray[np.int64]:
        return self.weights[:, np.newaxis] * self.points.astype(np.int64)

    @cached_property
    def _squares(self) -> npt.NDArray[np.object_]:
        """The weighted squared norms, as Python's whole numbers: their sum may pass 2**63."""
        norms = (self.points**2).sum(axis=1).astype(np.int64)
        weighted: npt.NDArray[np.object_] = norms.astype(object) * self.weights
        return weighted


def compress(
    customers: PreparedCustomers, *, identity: Sequence[Column], size: int, seed: int
) -> Coreset:
    """Every distinct point with its count if there are few, else a sample; usually one Spark job.

    See :func:`sample` for the parameters.
    """
    most = FULL_GROUPING_FACTOR * size
    if customers.distinct <= 2 * most:  # an estimate, give or take a half
        points = customers.rows.groupBy(*customers.coordinates).count().limit(most + 1).toArrow()
        if points.num_rows <= most:
            weights = points["count"].to_numpy()
            return _sorted(points, customers.coordinates, weights, is_whole=True)
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
    fraction = F.pmod(F.xxhash64(F.lit(seed), *identity), F.lit(_HASH_VALUES)) / F.lit(_HASH_VALUES)
    share = F.lit(0.5 / customers.count) + _squared_norm(customers.coordinates) * F.lit(
        0.5 / customers.sum_squared_norms
    )
    wanted = float(size)
    while True:
        probability = F.least(F.lit(1.0), F.lit(wanted) * share).alias("__probability")
        kept = (
            customers.rows.select(*customers.coordinates, probability, fraction.alias("__fraction"))
            .where("__fraction < __probability")
            .groupBy(*customers.coordinates, "__probability")
            .count()
            .toArrow()
        )
        counts = kept["count"].to_numpy()
        if 2 * kept.num_rows >= size:
            weights = np.rint(counts / kept["__probability"].to_numpy() * WEIGHT_UNIT)
            return _sorted(kept, customers.coordinates, weights, is_whole=False)
        if wanted >= 2 * customers.count:
            return _sorted(kept, customers.coordinates, counts, is_whole=True)
        wanted *= size / max(1, kept.num_rows)


def _squared_norm(coordinates: Sequence[str]) -> Column:
    """The squared distance of a row from the origin, a whole number in a double."""
    return reduce(add, [F.col(name) * F.col(name) for name in coordinates])


def _sorted(
    table: pa.Table, coordinates: Sequence[str], weights: npt.NDArray[Any], *, is_whole: bool
) -> Coreset:
    points = np.column_stack([table[name].to_numpy() for name in coordinates])
    order = np.lexsort(points.T[::-1])
    return Coreset(
        np.ascontiguousarray(points[order], dtype=np.float64),
        weights[order].astype(np.int64),
        is_whole=is_whole,
    )
