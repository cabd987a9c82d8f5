"""All rows of a table as the population of Lloyd's algorithm: numpy on Arrow batches, in Spark."""

import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import pyarrow as pa
from pyspark import cloudpickle

from segmentation.model.spark_columns import PreparedCustomers
from segmentation.numerics import arrow_entries, grid_points
from segmentation.numerics.arrays import Floats, Labels, Points
from segmentation.numerics.arrow_entries import entry_blocks, entry_rows
from segmentation.numerics.grid_points import Block, Distances, Layout, count_codes, memberships
from segmentation.numerics.partition import Partition
from segmentation.numerics.spark_sums import Task, Vector, merged

HALF = 26
"""Squared norms are summed as high and low halves of this many bits."""

# These modules are pickled with the tasks: workers need numpy and pyarrow, not this package.
for _module in (sys.modules[__name__], arrow_entries, grid_points):
    cloudpickle.register_pickle_by_value(_module)  # type: ignore[no-untyped-call]


@dataclass(frozen=True)
class DistributedPopulation:
    """All customers, as a table that Spark passes over."""

    customers: PreparedCustomers

    def partitions(self, centre_sets: Sequence[Points]) -> list[Partition]:
        """The partition that each set of centres makes of the rows: one Spark job for all sets.

        What reaches the driver has the size of the centres, not of the rows.
        """
        layout, sizes = self.customers.layout, [len(centres) for centres in centre_sets]
        task = pass_over(np.vstack(centre_sets), sizes, layout=layout)
        totals, _ = merged(self.customers.entries, task)
        found = np.split(totals, np.cumsum(sizes)[:-1] * (3 + layout.width))
        return [
            partition_of_totals(centres, own)
            for centres, own in zip(centre_sets, found, strict=True)
        ]

    def farthest(self, centres: Points) -> Points:
        """The row farthest from its nearest centre; a Spark job that reads the table once."""
        layout = self.customers.layout
        task = farthest_of_task(centres, layout)
        found = self.customers.entries.mapInArrow(task, "square double, point array<double>")
        farthest = max((row.square, row.point) for row in found.collect())
        return np.array(farthest[1])


def pass_over(centres: Points, sizes: Sequence[int], *, layout: Layout) -> Task:
    """The function that a Spark task applies to its rows: one vector of totals, centre by centre.

    ``centres`` has the sets one below the other; ``sizes`` are their numbers of centres. The
    totals of a centre are its customers, their squared norms' high and low halves, and the sums
    of their coordinates.
    """
    bounds = np.concatenate([[0], np.cumsum(sizes)]).tolist()

    def totals(batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        distances, found = Distances(layout, centres), ClusterTotals(layout, len(centres))
        for _, block in entry_blocks(batches, layout):
            rows = SummedRows.of(block, layout)
            partial = distances.partial(block)
            for first, last in pairwise(bounds):
                found.add(slice(first, last), memberships(partial[first:last]), rows)
        yield totals_row(found.result())

    return totals


@dataclass(frozen=True)
class SummedRows:
    """What a cluster adds up of a block: 1, the numbers, and its squared norms' two halves."""

    values: Floats
    codes: tuple[Labels, ...]

    @classmethod
    def of(cls, block: Block, layout: Layout) -> "SummedRows":
        """The rows of a block."""
        # A squared norm can reach 2**48. A block of them could add up beyond the 2**53 that a
        # double holds exactly, so each is cut into a high and a low half.
        square = layout.squared_norms(block)
        high = np.floor(square / 2**HALF)
        return cls(np.vstack([block.rows, high, square - high * 2**HALF]), block.codes)


class ClusterTotals:
    """A task's sums by cluster: of customers, squared norms and coordinates, as whole numbers."""

    def __init__(self, layout: Layout, clusters: int) -> None:
        self._layout = layout
        self._numbers = [3 + position for position in layout.numbers]
        self._sums = np.zeros((clusters, 3 + layout.width), dtype=np.int64)
        self._codes_of = [np.zeros((clusters, len(t.coordinates)), np.int64) for t in layout.tables]

    def add(self, clusters: slice, members: Floats, rows: SummedRows) -> None:
        """Add rows to some clusters: 1 in ``members`` where a row is in a cluster, else 0."""
        # A coordinate is at most 2**24 and a half below 2**26, so the sums of a block
        # stay below 2**38 and are exact; over blocks they add up as int64.
        own = (members @ rows.values.T).astype(np.int64)
        self._sums[clusters, 0] += own[:, 0]
        self._sums[clusters, self._numbers] += own[:, 1:-2]
        self._sums[clusters, 1:3] += own[:, -2:]
        if rows.codes:
            labels = (np.arange(len(members)) @ members).astype(np.intp)
            for codes, found in zip(rows.codes, self._codes_of, strict=True):
                found[clusters] += count_codes(
                    labels, codes, clusters=len(members), values=found.shape[1]
                )

    def result(self) -> Vector:
        """The totals, cluster by cluster; see :func:`partition_of_totals`."""
        for table, found in zip(self._layout.tables, self._codes_of, strict=True):
            positions = slice(3 + table.positions.start, 3 + table.positions.stop)
            self._sums[:, positions] = found @ table.coordinates.astype(np.int64)
        flat: Vector = self._sums.ravel()
        return flat


def totals_row(totals: Vector) -> pa.RecordBatch:
    """What a task of :func:`~segmentation.numerics.spark_sums.merged` returns."""
    none: list[int] = []
    return pa.record_batch(
        {"totals": pa.array([totals]), "least": pa.array([none], pa.list_(pa.int64()))}
    )


def partition_of_totals(centres: Points, totals: Vector) -> Partition:
    """The partition whose clusters have these totals, one after the other."""
    own = totals.reshape(len(centres), -1)
    counts, high, low = own[:, :3].T.tolist()
    squares = tuple((h << HALF) + rest for h, rest in zip(high, low, strict=True))
    return Partition(centres, tuple(counts), tuple(map(tuple, own[:, 3:].tolist())), squares)


def farthest_of_task(centres: Points, layout: Layout) -> Task:
    """The function that finds a task's farthest row: its squared distance and its coordinates.

    Of rows that are equally far, the one with the largest coordinates.
    """

    def farthest(batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        distances, found = Distances(layout, centres), []
        for rows, block in entry_blocks(batches, layout):
            squares = distances.squares(block).min(axis=0)
            largest = squares.max()
            entries = entry_rows(rows.column(0))[squares == largest]
            found.append((largest, max(layout.coordinates(entries).tolist())))
            found = [max(found)]
        for square, point in found:
            yield pa.record_batch({"square": pa.array([square]), "point": pa.array([point])})

    return farthest
