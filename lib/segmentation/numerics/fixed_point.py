"""Sums over rows that do not depend on their order: values become whole numbers, which add exactly.

A float sum changes in its last bits with the partitioning, and a boundary that moves by a bit
moves a customer. Here a value is rounded once, to one of ``2**30`` steps across the range of
its column; everything after that is whole-number arithmetic.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Self

from pyspark.sql import Column
from pyspark.sql import functions as F

EXACT_QUANTILES = 1_000_000
"""Up to this many rows quantiles are exact. Above, values are first rounded to 12 significant
bits, one part in 4,096: an exact quantile keeps every distinct value in memory."""

SPLITTER = 2.0**41 + 1
"""The factor of Veltkamp's splitting after 12 of the 53 bits of a double."""

GRID_BITS = 30
_LOW_BITS = (1 << GRID_BITS) - 1


@dataclass(frozen=True)
class Grid:
    """Steps from ``low`` upwards; ``step`` is a power of two, so that scaling is exact."""

    low: float
    step: float

    @classmethod
    def spanning(cls, low: float, high: float) -> Self:
        """The grid with at most ``2**30`` steps from ``low`` to ``high``."""
        _, exponent = math.frexp(high - low)
        return cls(low, 2.0 ** (exponent - GRID_BITS))

    def index(self, column: Column) -> Column:
        """The nearest step of a double column, a bigint from 0 to ``2**30``."""
        return F.rint((column - F.lit(self.low)) / F.lit(self.step)).cast("bigint")

    def mean(self, index_sum: int, rows: int) -> float:
        """The mean of the values whose indices add up to ``index_sum``."""
        return float(Fraction(self.low) + Fraction(self.step) * Fraction(index_sum, rows))

    def total(self, index_sum: int, rows: int) -> float:
        """Their sum."""
        return float(Fraction(self.low) * rows + Fraction(self.step) * index_sum)

    def deviation(self, index_sum: int, square_sum: int, rows: int) -> float:
        """Their sample standard deviation (n - 1), as StandardScaler has it; 0 for one row."""
        if rows == 1:
            return 0.0
        spread = Fraction(rows * square_sum - index_sum**2, rows * (rows - 1))
        return math.sqrt(spread) * self.step


def square_sums(index: Column) -> tuple[Column, Column]:
    """Aggregates of the squared indices' high and low halves, as a whole sum would overflow."""
    square = index * index
    high = F.sum(F.shiftright(square, GRID_BITS))
    return high, F.sum(square.bitwiseAND(_LOW_BITS))


def joined(high: int, low: int) -> int:
    """The sum whose halves :func:`square_sums` returns."""
    return (high << GRID_BITS) + low


def quantiles(value: Column, at: Sequence[float], *, rows: int) -> Column:
    """An aggregate: the quantiles of a double column with this many rows, interpolated.

    They do not depend on the order of rows; see :data:`EXACT_QUANTILES`.
    """
    return F.percentile(value if rows <= EXACT_QUANTILES else _to_twelve_bits(value), list(at))


def _to_twelve_bits(value: Column) -> Column:
    """A double rounded to 12 significant bits: Veltkamp's splitting, Dekker (1971)."""
    shifted = value * F.lit(SPLITTER)
    return shifted - (shifted - value)
