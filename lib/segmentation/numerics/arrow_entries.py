"""Entries of grid points in Arrow's lists, as Spark hands them to Python.

The module is pickled with Spark tasks, so it imports nothing of the package except modules that
are pickled too.
"""

from collections.abc import Iterable, Iterator

import pyarrow as pa

from segmentation.numerics.arrays import Floats
from segmentation.numerics.grid_points import BLOCK, Block, Entries, Layout


def entry_rows(column: pa.ListArray) -> Entries:
    """The entries in a column of lists, all equally long: one row per point."""
    values: Floats = column.flatten().to_numpy()
    return values.reshape(len(column), -1)


def cell_rows(column: pa.ListArray) -> Floats:
    """The cells in a column of lists, all equally long, NaN for null: one row per list."""
    cells: Floats = column.flatten().to_numpy(zero_copy_only=False)
    return cells.reshape(len(column), -1)


def entry_slices(batches: Iterable[pa.RecordBatch]) -> Iterator[Entries]:
    """Some thousand rows of lists at a time, from the first column of the batches."""
    for rows in _slices(batches):
        yield entry_rows(rows.column(0))


def entry_blocks(
    batches: Iterable[pa.RecordBatch], layout: Layout
) -> Iterator[tuple[pa.RecordBatch, Block]]:
    """Some thousand rows of the batches at a time; their first column holds the entries."""
    for rows in _slices(batches):
        yield rows, layout.block(entry_rows(rows.column(0)))


def _slices(batches: Iterable[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
    for batch in batches:
        for first in range(0, batch.num_rows, BLOCK):
            yield batch.slice(first, BLOCK)
