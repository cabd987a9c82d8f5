"""All rows of a table as the population of Lloyd's algorithm: numpy on Arrow batches, in Spark."""

import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import numpy.typing as npt
import pyarrow as pa
from pyspark import cloudpickle
from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from segmentation.clustering.lloyd import Partition, Points
from segmentation.clustering.nearest import CLUSTER, farthest_point, squared_norm, with_cluster

NATIVE_TERMS = 64
"""Up to so many coordinates of centres the generated code stays small enough to be compiled."""

HALF = 26
"""Squared norms are summed as high and low halves of this many bits."""

# Tasks carry this module along: workers need numpy and pyarrow, not this package.
cloudpickle.register_pickle_by_value(sys.modules[__name__])  # type: ignore[no-untyped-call]


@dataclass(frozen=True)
class AllRows:
    """A table with one row a customer and the coordinate columns named."""

    rows: DataFrame
    coordinates: Sequence[str]

    def partitions(self, centre_sets: Sequence[Points]) -> list[Partition]:
        """What every set of centres makes of the rows: one Spark job, one pass, for all sets.

        What reaches the driver has the size of the centres, not of the rows. A single small
        set is measured by Spark's own expressions: that spares the way to Python and back,
        and being exact as well it finds the same.
        """
        if len(centre_sets) == 1 and centre_sets[0].size <= NATIVE_TERMS:
            return [self._native(centre_sets[0])]
        width, sizes = len(self.coordinates), [len(centres) for centres in centre_sets]
        sums = [f"sum_{j}" for j in range(width)]
        totals = ["customers", "squares_high", "squares_low", *sums]
        schema = ", ".join(["position int", *[f"{name} bigint" for name in totals]])
        found = (
            self.rows.select(*self.coordinates)
            .mapInArrow(pass_over(np.vstack(centre_sets), sizes), schema)
            .groupBy("position")
            .agg(*[F.sum(name).alias(name) for name in totals])
            .orderBy("position")
            .collect()
        )
        partitions, clusters = [], iter(found)
        for centres in centre_sets:
            own = [next(clusters) for _ in centres]
            counts = tuple(cluster.customers for cluster in own)
            by_feature = tuple(tuple(cluster[name] for name in sums) for cluster in own)
            squares = tuple((c.squares_high << HALF) + c.squares_low for c in own)
            partitions.append(Partition(centres, counts, by_feature, squares))
        return partitions

    def _native(self, centres: Points) -> Partition:
        norm = squared_norm(self.coordinates).cast("bigint")
        found = (
            with_cluster(self.rows.select(*self.coordinates), self.coordinates, centres)
            .groupBy(CLUSTER)
            .agg(
                F.count(F.lit(1)).alias("customers"),
                F.sum(F.shiftright(norm, HALF)).alias("squares_high"),
                F.sum(norm.bitwiseAND((1 << HALF) - 1)).alias("squares_low"),
                *[F.sum(F.col(name).cast("bigint")).alias(name) for name in self.coordinates],
            )
            .collect()
        )
        by_cluster = {row[CLUSTER]: row for row in found}
        own = [by_cluster.get(i) for i in range(len(centres))]
        counts = tuple(row.customers if row else 0 for row in own)
        sums = tuple(tuple(row[name] if row else 0 for name in self.coordinates) for row in own)
        squares = tuple((row.squares_high << HALF) + row.squares_low if row else 0 for row in own)
        return Partition(centres, counts, sums, squares)

    def farthest(self, centres: Points) -> Points:
        """The row farthest from its nearest centre; a Spark job that reads the table once."""
        return farthest_point(self.rows, self.coordinates, centres)


def pass_over(
    centres: Points, sizes: Sequence[int]
) -> Callable[[Iterator[pa.RecordBatch]], Iterator[pa.RecordBatch]]:
    """What a Spark task runs on its rows: their counts and sums, a row a centre.

    ``centres`` holds the sets one below the other; ``sizes`` says how many each has.
    """
    bounds = np.concatenate([[0], np.cumsum(sizes)]).tolist()
    width = centres.shape[1]

    def totals(batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        sums = np.zeros((len(centres), 3 + width), dtype=np.int64)
        for batch in batches:
            points = np.vstack([_array(column) for column in batch.columns])
            square = (points**2).sum(axis=0)
            high = np.floor(square / 2**HALF)
            summed = np.vstack([np.ones(batch.num_rows), high, square - high * 2**HALF, points])
            for first, last in pairwise(bounds):
                # a set at a time: what is compared fits the processor's cache
                members = _memberships(_nearness(centres[first:last], points))
                in_batch = members @ summed.T
                sums[first:last] += in_batch.astype(np.int64)
        positions = np.arange(len(centres), dtype=np.int32)
        names = ["position", "customers", "squares_high", "squares_low"]
        yield pa.RecordBatch.from_arrays(
            [pa.array(np.ascontiguousarray(column)) for column in [positions, *sums.T]],
            names=names + [f"sum_{j}" for j in range(width)],
        )

    return totals


def _nearness(centres: Points, points: Points) -> Points:
    """Squared distances, less the points' own squared norms: a row a centre; exact."""
    nearness: Points = (centres**2).sum(axis=1)[:, np.newaxis] - (2 * centres) @ points
    return nearness


def _array(column: pa.Array) -> npt.NDArray[np.float64]:
    return np.asarray(column, dtype=np.float64)


def _memberships(nearness: Points) -> Points:
    """One row a centre, one column a point: 1 where the centre is the point's nearest, else 0."""
    members: Points = (nearness == nearness.min(axis=0)).astype(np.float64)
    if members.sum() > nearness.shape[1]:  # ties: the first of equals
        members[members.cumsum(axis=0) > 1] = 0
    return members
