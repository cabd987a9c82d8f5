"""Memory of the driver and of a task: what bounds it is not rows times clusters."""

import tracemalloc
from collections.abc import Callable

import numpy as np
import pyarrow as pa

from segmentation.clustering.coreset import Coreset
from segmentation.numerics.grid_points import GridPoints, Layout
from segmentation.numerics.partition import Partition
from segmentation.segments.statistics_pass import Measured, statistics_pass
from segmentation.selection.validity import silhouette

MEGABYTE = 2**20
POINTS, CLUSTERS = 200_000, 100
"""A matrix of one number for each point and cluster takes 160 MB."""


def peak_of(work: Callable[[], object]) -> int:
    """The most bytes that were allocated at any time while it ran."""
    tracemalloc.start()
    try:
        work()
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


def test_a_task_holds_no_whole_batch_of_attributes():
    """50 attributes in one batch, as long as spark.sql.execution.arrow allows it to be."""
    rows, width = 40_000, 50
    numbers = np.arange(rows, dtype=np.float64) % 97
    columns = [
        pa.FixedSizeListArray.from_arrays(pa.array(np.repeat(numbers, each)), each).cast(
            pa.list_(pa.float64())
        )
        for each in (1, width)
    ]
    batch = pa.RecordBatch.from_arrays(columns, names=["entries", "values"])
    centres = np.arange(12.0)[:, np.newaxis] * 8
    sums = tuple((8 * i,) for i in range(12))
    alone = Partition(centres, (1,) * 12, sums, tuple(total * total for (total,) in sums))
    measured = Measured(0, (97,) * width, rounds=False)
    task = statistics_pass(alone, Layout.of_numbers(1), measured, distance_step=0.01)
    assert peak_of(lambda: list(task(iter([batch])))) < 20 * MEGABYTE  # 77 at once


def test_the_coreset_is_compared_with_many_centres_in_blocks():
    points = np.sort(np.random.default_rng(1).integers(0, 2**20, (POINTS, 2)), axis=0)
    grid = GridPoints.of(points.astype(np.float64))
    coreset = Coreset(grid, np.ones(POINTS, dtype=np.int64), is_whole=True)
    centres = grid.entries[:: POINTS // CLUSTERS]
    labels = coreset.labels(centres)
    some = np.arange(0, POINTS, 999)
    squares = ((grid.entries[some, np.newaxis] - centres) ** 2).sum(axis=2)
    assert (labels[some] == squares.argmin(axis=1)).all()
    assert peak_of(lambda: coreset.labels(centres)) < 60 * MEGABYTE
    assert peak_of(lambda: coreset.farthest(centres)) < 60 * MEGABYTE


def test_the_silhouette_holds_no_table_of_points_and_clusters():
    points = GridPoints.of(np.random.default_rng(2).normal(size=(POINTS, 2)))
    labels = np.arange(POINTS) % CLUSTERS
    weights = np.ones(POINTS)
    assert peak_of(lambda: silhouette(points, weights, labels, k=CLUSTERS)) < 60 * MEGABYTE
