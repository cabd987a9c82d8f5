"""A partition of grid points into clusters, by exact sums.

All that a pass over the points returns are whole numbers. Everything else, means and costs among
it, follows from them in rational arithmetic, and is rounded once at the end or not at all. So it
is the same whatever the order of the points.
"""

from dataclasses import dataclass
from fractions import Fraction

import numpy as np

from segmentation.numerics.arrays import Points


@dataclass(frozen=True)
class Partition:
    """The clusters that one set of centres makes of all points, in grid units.

    ``counts`` and ``squares``, the sums of the squared norms, have one entry per cluster;
    ``sums`` has one row per cluster and one column per coordinate.
    """

    centres: Points
    counts: tuple[int, ...]
    sums: tuple[tuple[int, ...], ...]
    squares: tuple[int, ...]

    @property
    def k(self) -> int:
        """How many clusters there are, empty ones included."""
        return len(self.counts)

    @property
    def has_empty(self) -> bool:
        """Whether a centre is nearest to no point."""
        return 0 in self.counts

    def means(self) -> Points:
        """The clusters' means, rounded to the grid; an empty cluster keeps its centre."""
        return np.array(
            [
                [_rounded(total, count) for total in sums] if count else centre
                for centre, count, sums in zip(self.centres, self.counts, self.sums, strict=True)
            ],
            dtype=np.float64,
        )

    def cost(self) -> Fraction:
        """The within-cluster sum of squares about the clusters' means, exact."""
        return sum(self.costs(), start=Fraction(0))

    def scaled_cost(self, bits: int) -> float:
        """The cost in squared scaled units, of which a grid step is ``2**-bits``."""
        return float(self.cost() / 4**bits)

    def costs(self) -> tuple[Fraction, ...]:
        """Every cluster's part of the cost; an empty one's is 0."""
        return tuple(
            square - Fraction(sum(total * total for total in sums), count) if count else Fraction(0)
            for count, sums, square in zip(self.counts, self.sums, self.squares, strict=True)
        )

    def centre_offset_cost(self) -> Fraction:
        """What the centres cost above the clusters' means, exact."""
        return sum(
            (
                Fraction(
                    sum((count * int(c) - total) ** 2 for c, total in zip(own, sums, strict=True)),
                    count,
                )
                for own, count, sums in zip(self.centres, self.counts, self.sums, strict=True)
                if count
            ),
            start=Fraction(0),
        )


def _rounded(total: int, count: int) -> int:
    """``total / count`` to the nearest whole number, exactly, halves upwards."""
    return (2 * total + count) // (2 * count)
