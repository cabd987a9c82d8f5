"""Grid points as entries, one per feature, and exact arithmetic on them in numpy.

The entry of a number is its coordinate. The entry of a category is a code: its coordinates are
looked up where they are needed, so that a feature with 50 categories costs one look-up per centre
and not 50 multiplications. The numbers come first, then the codes.

Points and centres are whole numbers, and squared distances stay below ``2**53``, so that every
result is exact: each product and each partial sum is a whole number that a double holds, in
whatever order a matrix product adds them up. So equal distances are equal numbers, and a tie goes
to the first centre on every machine.

The module is pickled with Spark tasks, so it imports nothing of the package except type aliases.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Self

import numpy as np
import numpy.typing as npt

from segmentation.numerics.arrays import Floats, Labels, Points

BLOCK = 4096
"""Points compared with the centres at once, so that the matrix fits the processor's cache."""

NO_CENTRE = -1
"""The second nearest centre where there is only one."""

Entries = npt.NDArray[np.float64]
"""One row per point and one column per feature: numbers, then codes."""


@dataclass(frozen=True)
class CodeTable:
    """The coordinates of a categorical feature: one row per code, from position ``first`` on."""

    first: int
    coordinates: Points

    @property
    def positions(self) -> slice:
        """Where its coordinates are among those of a point."""
        return slice(self.first, self.first + self.coordinates.shape[1])


@dataclass(frozen=True)
class Block:
    """Some thousand points, transposed for matrix products.

    ``rows`` has a row of ones, then one per number; ``codes`` one array per categorical feature.
    """

    rows: Floats
    codes: tuple[Labels, ...]

    @property
    def numbers(self) -> Floats:
        """The coordinates of the numbers: one row per number, one column per point."""
        return self.rows[1:]


@dataclass(frozen=True)
class Layout:
    """How entries map to coordinates.

    ``numbers`` are the positions of the numbers' coordinates, in the order of their entries; the
    entries of the ``tables`` follow.
    """

    numbers: tuple[int, ...]
    tables: tuple[CodeTable, ...] = ()

    @classmethod
    def of_numbers(cls, width: int) -> Self:
        """The layout of points whose entries are their coordinates."""
        return cls(tuple(range(width)))

    @property
    def width(self) -> int:
        """The number of coordinates."""
        widths = [int(table.coordinates.shape[1]) for table in self.tables]
        return len(self.numbers) + sum(widths)

    def block(self, entries: Entries) -> Block:
        """The entries of some points as a block."""
        rows = np.empty((1 + len(self.numbers), len(entries)))
        rows[0] = 1
        rows[1:] = entries[:, : len(self.numbers)].T
        return Block(rows, tuple(entries[:, len(self.numbers) :].T.astype(np.intp)))

    def coordinates(self, entries: Entries) -> Points:
        """All coordinates of the points, one row per point."""
        found = np.empty((len(entries), self.width))
        found[:, self.numbers] = entries[:, : len(self.numbers)]
        codes = entries[:, len(self.numbers) :].T.astype(np.intp)
        for table, own in zip(self.tables, codes, strict=True):
            found[:, table.positions] = table.coordinates[own]
        return found

    def squared_norms(self, block: Block) -> Floats:
        """The squared distance of every point from the origin."""
        found: Floats = (block.numbers**2).sum(axis=0)
        for table, codes in zip(self.tables, block.codes, strict=True):
            found += (table.coordinates**2).sum(axis=1)[codes]
        return found


class Distances:
    """Squared distances to a set of centres: what a point adds is looked up or multiplied."""

    def __init__(self, layout: Layout, centres: Points) -> None:
        own = centres[:, layout.numbers]
        # Since |x - c|**2 = |c|**2 - 2 c.x + |x|**2, the product of (|c|**2, -2c) with (1, x) is
        # the squared distance less |x|**2. That is the same for all centres.
        self._terms = np.column_stack([(own**2).sum(axis=1), -2 * own])
        self._tables = [
            ((centres[:, np.newaxis, table.positions] - table.coordinates) ** 2).sum(axis=2)
            for table in layout.tables
        ]

    def partial(self, block: Block) -> Floats:
        """Squared distances less the squared norms of the numbers, which nearness does not need.

        One row per centre and one column per point.
        """
        found: Floats = self._terms @ block.rows
        for table, codes in zip(self._tables, block.codes, strict=True):
            found += table[:, codes]
        return found

    def squares(self, block: Block) -> Floats:
        """Squared distances: one row per centre and one column per point."""
        found = self.partial(block)
        found += (block.numbers**2).sum(axis=0)
        return found


@dataclass(frozen=True)
class GridPoints:
    """Points of the grid, one row of entries per point."""

    entries: Entries
    layout: Layout

    @classmethod
    def of(cls, coordinates: Points) -> Self:
        """Points whose features are all numbers, from their coordinates."""
        return cls(coordinates, Layout.of_numbers(coordinates.shape[1]))

    def __len__(self) -> int:
        return len(self.entries)

    def __getitem__(self, rows: slice | Labels | npt.NDArray[np.bool_]) -> Self:
        return type(self)(self.entries[rows], self.layout)

    @property
    def coordinates(self) -> Points:
        """All coordinates, one row per point."""
        return self.layout.coordinates(self.entries)

    def in_units(self, unit: float) -> Self:
        """The points with all coordinates divided by ``unit``; codes stay codes."""
        a = len(self.layout.numbers)
        tables = tuple(CodeTable(t.first, t.coordinates / unit) for t in self.layout.tables)
        entries = np.hstack([self.entries[:, :a] / unit, self.entries[:, a:]])
        return type(self)(entries, Layout(self.layout.numbers, tables))

    def order(self) -> Labels:
        """The positions of the points in the order of their coordinates."""
        layout, a = self.layout, len(self.layout.numbers)
        keys = dict(zip(layout.numbers, self.entries.T, strict=False))
        for table, codes in zip(layout.tables, self.entries[:, a:].T.astype(np.intp), strict=True):
            rows = np.lexsort(table.coordinates.T[::-1])
            ranks = np.empty(len(rows), dtype=np.intp)
            ranks[rows] = np.arange(len(rows))
            keys[table.first] = ranks[codes]
        return np.lexsort([keys[first] for first in sorted(keys, reverse=True)])

    def blocks(self) -> Iterator[tuple[slice, Block]]:
        """The points block by block, and where each is."""
        for first in range(0, len(self.entries), BLOCK):
            rows = slice(first, first + BLOCK)
            yield rows, self.layout.block(self.entries[rows])

    def squared_norms(self) -> Floats:
        """The squared distance of every point from the origin."""
        found = np.empty(len(self))
        for rows, block in self.blocks():
            found[rows] = self.layout.squared_norms(block)
        return found

    def nearest(self, centres: Points) -> Labels:
        """The position of every point's nearest centre, the first of equals."""
        found, distances = np.empty(len(self), dtype=np.intp), Distances(self.layout, centres)
        for rows, block in self.blocks():
            found[rows] = distances.partial(block).argmin(axis=0)
        return found

    def nearest_two(self, centres: Points) -> tuple[Labels, Floats, Labels, Floats]:
        """The nearest centre of every point, its squared distance, and the same for the second.

        The first of equals is the nearest. Where there is one centre the second is
        :data:`NO_CENTRE` and its square NaN.
        """
        first, square = np.empty(len(self), dtype=np.intp), np.empty(len(self))
        second, second_square = np.full(len(self), NO_CENTRE), np.full(len(self), np.nan)
        distances = Distances(self.layout, centres)
        for rows, block in self.blocks():
            squares = distances.squares(block)
            first[rows], square[rows] = take_nearest(squares)
            if len(centres) > 1:
                second[rows], second_square[rows] = take_nearest(squares)
        return first, square, second, second_square

    def nearest_squares(self, centres: Points) -> Floats:
        """The squared distance of every point to its nearest centre."""
        found, distances = np.empty(len(self)), Distances(self.layout, centres)
        for rows, block in self.blocks():
            found[rows] = distances.squares(block).min(axis=0)
        return found


def take_nearest(squares: Floats) -> tuple[Labels, Floats]:
    """Every point's nearest centre, the first of equals, and its entry in ``squares``.

    The entry is replaced by infinity, so that a second call finds the second nearest.
    """
    labels, points = squares.argmin(axis=0), np.arange(squares.shape[1])
    least = squares[labels, points]
    squares[labels, points] = np.inf
    return labels, least


def memberships(squares: Floats) -> Floats:
    """1 where the centre is the point's nearest, the first of equals, else 0.

    Its product with rows of values adds the values up for each cluster.
    """
    is_nearest = squares == squares.min(axis=0)
    if np.count_nonzero(is_nearest) > squares.shape[1]:  # some column has a tie: keep its first
        is_nearest &= is_nearest.cumsum(axis=0) == 1
    members: Floats = is_nearest.astype(np.float64)
    return members


def count_codes(
    labels: Labels, codes: Labels, *, clusters: int, values: int
) -> npt.NDArray[np.int64]:
    """How many points of every cluster have every code: one row per cluster."""
    found = np.bincount(labels * values + codes, minlength=clusters * values)
    return found.reshape(clusters, values)
