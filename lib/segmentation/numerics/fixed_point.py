"""Sums over rows that do not depend on their order: values become whole numbers, which add exactly.

A float sum changes in its last bits with the partitioning, and a boundary that moves by a bit
moves a customer. Here a value is rounded once, to one of ``2**30`` steps across the range of
its column; everything after that is whole-number arithmetic.
"""

import math
from dataclasses import dataclass
from fractions import Fraction
from typing import Self

EXACT_QUANTILES = 1_000_000
"""Up to this many rows quantiles are exact. Above, values are first rounded to 12 significant
bits, one part in 4,096: an exact quantile keeps every distinct value in memory."""

SPLITTER = 2.0**41 + 1
"""The factor of Veltkamp's splitting after 12 of the 53 bits of a double."""

GRID_BITS = 30


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


def joined(high: int, low: int) -> int:
    """The sum of squares whose halves of ``GRID_BITS`` bits were added up apart."""
    return (high << GRID_BITS) + low
