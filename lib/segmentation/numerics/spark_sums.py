"""Aggregates of a table that do not depend on the order of its rows; see ``fixed_point``."""

from collections.abc import Sequence

from pyspark.sql import Column
from pyspark.sql import functions as F

from segmentation.numerics.fixed_point import EXACT_QUANTILES, GRID_BITS, SPLITTER, Grid

_LOW_BITS = (1 << GRID_BITS) - 1


def grid_index(column: Column, grid: Grid) -> Column:
    """The nearest step of a grid to a double column, a bigint from 0 to ``2**30``."""
    return F.rint((column - F.lit(grid.low)) / F.lit(grid.step)).cast("bigint")


def square_sums(index: Column) -> tuple[Column, Column]:
    """Aggregates of the squared indices' high and low halves, as a whole sum would overflow."""
    square = index * index
    high = F.sum(F.shiftright(square, GRID_BITS))
    return high, F.sum(square.bitwiseAND(_LOW_BITS))


def quantiles(value: Column, at: Sequence[float], *, rows: int) -> Column:
    """An aggregate: the quantiles of a double column with this many rows, interpolated.

    They do not depend on the order of rows; see
    :data:`~segmentation.numerics.fixed_point.EXACT_QUANTILES`.
    """
    return F.percentile(value if rows <= EXACT_QUANTILES else _to_twelve_bits(value), list(at))


def _to_twelve_bits(value: Column) -> Column:
    """A double rounded to 12 significant bits: Veltkamp's splitting, Dekker (1971)."""
    shifted = value * F.lit(SPLITTER)
    return shifted - (shifted - value)
