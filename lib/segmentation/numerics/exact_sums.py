"""Sums of doubles without rounding, in whatever order: as whole numbers, place by place.

The module is pickled with Spark tasks, so it imports nothing of the package except type aliases.
"""

from collections.abc import Iterator, Sequence
from fractions import Fraction

import numpy as np

from segmentation.numerics.arrays import Floats

PLACE_BITS = 8
"""Doubles are summed in groups by their exponent over this; see :func:`exact_parts`."""

HALF_BITS = 30


def exact_parts(values: Floats) -> Iterator[tuple[int, Floats]]:
    """Doubles as whole numbers that add up exactly: a place, and halves in units of ``2**place``.

    Nothing is rounded: Malcolm (1971), doi:10.1145/362854.362889.
    """
    # A double is m * 2**e, its mantissa m a whole number of 53 bits. With e cut into a multiple of
    # 8 and a rest from 0 to 7, m * 2**rest is a whole number below 2**60; all doubles with the
    # same multiple have it in the same unit, and can be added.
    mantissas, exponents = np.frexp(values)
    places, rests = np.divmod(exponents, PLACE_BITS)
    wholes = np.ldexp(mantissas, 53 + rests)
    # A block of 4,096 such numbers could add up beyond the 2**53 of a double. So each is cut into
    # its higher 30 bits and its lower 30: their sums stay below 2**42 in a block, and below
    # 2**63 over the rows of any table.
    higher = np.floor(np.ldexp(wholes, -HALF_BITS))
    lower = wholes - np.ldexp(higher, HALF_BITS)
    for place in np.unique(places[wholes != 0]):
        here = places == place
        yield (
            int(place) * PLACE_BITS - 53,
            np.vstack([np.where(here, higher, 0.0), np.where(here, lower, 0.0)]),
        )


def halves_joined(totals: Sequence[int], groups: int, *, place: int) -> list[list[Fraction]]:
    """Sums by group and number, from their higher and lower halves in units of ``2**place``."""
    unit = Fraction(2) ** place
    halves = np.array(totals, dtype=object).reshape(groups, 2, -1)
    return [
        [((high << HALF_BITS) + low) * unit for high, low in zip(*of_group, strict=True)]
        for of_group in halves.tolist()
    ]
