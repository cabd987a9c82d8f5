"""How the previous model and others divide the same customers: one pass counts all overlaps."""

import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
from pyspark import cloudpickle
from pyspark.sql import DataFrame

from segmentation.clustering import distributed
from segmentation.clustering.distributed import (
    ClusterTotals,
    SummedRows,
    partition_of_totals,
    totals_row,
)
from segmentation.model.spark_columns import ENTRIES
from segmentation.numerics import arrow_entries, grid_points
from segmentation.numerics.arrays import Floats, Points
from segmentation.numerics.arrow_entries import cell_rows
from segmentation.numerics.grid_points import BLOCK, Distances, Layout, take_nearest
from segmentation.numerics.partition import Partition
from segmentation.numerics.spark_sums import Task, Vector, merged

BEFORE = "__entries_before"
"""The column with a customer's entries on the previous model's grid."""

FARTHEST = 2.0**25
"""Coordinates beyond are moved here, so that sums stay whole numbers of 64 bits. Customers so far
out are out of the previous model's reach: no customer that it was fitted to was beyond."""

# These modules are pickled with the tasks: workers need numpy and pyarrow, not this package.
for _module in (sys.modules[__name__], distributed, arrow_entries, grid_points):
    cloudpickle.register_pickle_by_value(_module)  # type: ignore[no-untyped-call]


@dataclass(frozen=True)
class Division:
    """Centres, nearest to which customers are put, on the previous grid or on today's."""

    layout: Layout
    centres: Points
    is_of_before: bool


@dataclass(frozen=True)
class Overlap:
    """How one division's clusters overlap with the previous model's segments.

    ``counts`` has a row per previous segment and a last one of customers out of its reach, and a
    column per cluster. ``partition`` has the clusters' moments on the previous model's grid.
    """

    counts: Vector
    partition: Partition


def overlaps(
    rows: DataFrame,
    previous: Division,
    *,
    reaches: Floats,
    others: Mapping[str, Division],
) -> dict[str, Overlap]:
    """The overlaps of the previous model's segments with some divisions: one Spark job.

    Parameters
    ----------
    rows
        One row per customer with ``BEFORE`` and, where a division is on today's grid, ``ENTRIES``.
        A customer with a null in ``BEFORE`` is one that the previous model does not label; it
        counts as one at the origin, out of reach.
    previous
        The previous model's rule.
    reaches
        How far from the centre a customer of each previous segment may be, in grid steps.
    """
    needs_own = not all(each.is_of_before for each in others.values())
    columns = [BEFORE, ENTRIES] if needs_own else [BEFORE]
    task = _overlap_task(previous, reaches, list(others.values()))
    totals, _ = merged(rows.select(*columns), task)
    found, first = {}, 0
    for name, each in others.items():
        k, width = len(each.centres), 3 + previous.layout.width
        middle = first + (len(previous.centres) + 1) * k
        last = middle + k * width
        # Empty clusters on another grid have no centre here: their mean is taken as the origin.
        origin = each.centres if each.is_of_before else np.zeros((k, previous.layout.width))
        found[name] = Overlap(
            totals[first:middle].reshape(-1, k), partition_of_totals(origin, totals[middle:last])
        )
        first = last
    return found


def _overlap_task(previous: Division, reaches: Floats, others: list[Division]) -> Task:
    """The function that a Spark task applies to its rows: the overlaps, then the moments."""
    numbers = len(previous.layout.numbers)
    today = next((each.layout for each in others if not each.is_of_before), None)

    def totals(batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        before = Distances(previous.layout, previous.centres)
        distances = [Distances(each.layout, each.centres) for each in others]
        sizes = [len(each.centres) for each in others]
        counts = [np.zeros((len(previous.centres) + 1, k), dtype=np.int64) for k in sizes]
        sums = [ClusterTotals(previous.layout, k) for k in sizes]
        for batch in batches:
            for first in range(0, batch.num_rows, BLOCK):
                rows = batch.slice(first, BLOCK)
                entries = cell_rows(rows.column(0))
                is_known = np.logical_not(np.isnan(entries).any(axis=1))
                entries = np.where(is_known[:, np.newaxis], entries, 0.0)
                entries[:, :numbers] = np.clip(entries[:, :numbers], -FARTHEST, FARTHEST)
                block = previous.layout.block(entries)
                labels, square = take_nearest(before.squares(block))
                is_far = ~is_known | (square > reaches[labels] ** 2)
                labels = np.where(is_far, len(reaches), labels)
                summed = SummedRows.of(block, previous.layout)
                # Blocks on the previous grid and on today's, which all divisions of it share.
                blocks = {True: block}
                if today is not None:
                    blocks[False] = today.block(cell_rows(rows.column(1)))
                for each, own, count, total in zip(others, distances, counts, sums, strict=True):
                    theirs = own.partial(blocks[each.is_of_before]).argmin(axis=0)
                    k = count.shape[1]
                    pairs = np.bincount(labels * k + theirs, minlength=count.size)
                    count += pairs.reshape(count.shape)
                    members = (theirs == np.arange(k)[:, np.newaxis]).astype(float)
                    total.add(slice(0, k), members, summed)
        parts = [part for both in zip(counts, sums, strict=True) for part in both]
        yield totals_row(
            np.concatenate(
                [p.result() if isinstance(p, ClusterTotals) else p.ravel() for p in parts]
            )
        )

    return totals
