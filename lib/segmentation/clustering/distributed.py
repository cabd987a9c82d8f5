"""All rows of a table as the population of Lloyd's algorithm: numpy on Arrow batches, in Spark."""

import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import pyarrow as pa
from pyspark import cloudpickle
from pyspark.sql import functions as F

from segmentation.model.spark_columns import PreparedCustomers, farthest_point
from segmentation.numerics import nearest
from segmentation.numerics.arrays import Points
from segmentation.numerics.nearest import BLOCK, distance_terms, memberships
from segmentation.numerics.partition import Partition

HALF = 26
"""Squared norms are summed as high and low halves of this many bits."""

# These modules are pickled with the tasks: workers need numpy and pyarrow, not this package.
for _module in (sys.modules[__name__], nearest):
    cloudpickle.register_pickle_by_value(_module)  # type: ignore[no-untyped-call]


@dataclass(frozen=True)
class DistributedPopulation:
    """All customers, as a table that Spark passes over."""

    customers: PreparedCustomers

    def partitions(self, centre_sets: Sequence[Points]) -> list[Partition]:
        """The partition that each set of centres makes of the rows: one Spark job for all sets.

        What reaches the driver has the size of the centres, not of the rows.
        """
        width, sizes = len(self.customers.coordinates), [len(centres) for centres in centre_sets]
        sums = [f"sum_{j}" for j in range(width)]
        totals = ["customers", *sums, "squares_high", "squares_low"]
        schema = ", ".join(["position int", *[f"{name} bigint" for name in totals]])
        found = (
            self.customers.rows.select(*self.customers.coordinates)
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

    def farthest(self, centres: Points) -> Points:
        """The row farthest from its nearest centre; a Spark job that reads the table once."""
        return farthest_point(self.customers.rows, self.customers.coordinates, centres)


def pass_over(
    centres: Points, sizes: Sequence[int]
) -> Callable[[Iterator[pa.RecordBatch]], Iterator[pa.RecordBatch]]:
    """The function that a Spark task applies to its rows: counts and sums, one row per centre.

    ``centres`` has the sets one below the other; ``sizes`` are their numbers of centres.
    """
    bounds = np.concatenate([[0], np.cumsum(sizes)]).tolist()
    width = centres.shape[1]
    terms = distance_terms(centres)

    def totals(batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        sums = np.zeros((len(centres), 3 + width), dtype=np.int64)
        for batch in batches:
            columns = np.vstack([np.asarray(each, dtype=np.float64) for each in batch.columns])
            for start in range(0, batch.num_rows, BLOCK):
                points = columns[:, start : start + BLOCK]
                # A squared norm can reach 2**48. A block of them could add up beyond the 2**53
                # that a double holds exactly, so each is cut into a high and a low half.
                square = (points**2).sum(axis=0)
                high = np.floor(square / 2**HALF)
                # The rows are 1, the point, and the two halves: what a cluster adds up.
                summed = np.vstack([np.ones_like(square), points, high, square - high * 2**HALF])
                for first, last in pairwise(bounds):
                    # One product with (1, point) compares the block with a set of centres,
                    # another one adds up the rows of each cluster's members.
                    members = memberships(terms[first:last] @ summed[: 1 + width])
                    # A coordinate is at most 2**24 and a half below 2**26, so the sums of a
                    # block stay below 2**38 and are exact; over blocks they add up as int64.
                    sums[first:last] += (members @ summed.T).astype(np.int64)
        positions = np.arange(len(centres), dtype=np.int32)
        names = ["position", "customers", *[f"sum_{j}" for j in range(width)]]
        yield pa.RecordBatch.from_arrays(
            [pa.array(np.ascontiguousarray(column)) for column in [positions, *sums.T]],
            names=[*names, "squares_high", "squares_low"],
        )

    return totals
