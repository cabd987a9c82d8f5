"""Time against width: comparisons of tables that differ in their number of features only."""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

import numpy as np

from scripts.benchmarking.records import Comparison, Spread


@dataclass(frozen=True)
class Widths:
    """Of each contestant the seconds by dimensions, the narrowest table first.

    Without runs that failed or were cut off, which ``failures`` names in their place.
    """

    rows: int
    dimensions: tuple[int, ...]
    seconds: dict[str, dict[int, Spread]]
    failures: dict[str, dict[int, str]]

    def exponent(self, contestant: str) -> float | None:
        """The power of the dimensions with which the time grows, by least squares of logarithms."""
        points = self.seconds[contestant]
        return exponent(list(points), [spread.median for spread in points.values()])

    def steepest(self, contestant: str) -> float | None:
        """The largest exponent between two neighbouring widths: a cliff shows here."""
        points = [(width, spread.median) for width, spread in self.seconds[contestant].items()]
        steps = [
            math.log(after[1] / before[1]) / math.log(after[0] / before[0])
            for before, after in pairwise(points)
        ]
        return max(steps, default=None)


def exponent(sizes: Sequence[int], seconds: Sequence[float]) -> float | None:
    """By least squares, the slope of log time on log size; None for a single size."""
    if len(set(sizes)) < 2:
        return None
    fitted = np.polyfit(np.log(sizes), np.log(seconds), deg=1)
    return round(float(fitted[0]), 4)


def widths(comparisons: Sequence[Comparison]) -> list[Widths]:
    """The series of at least two tables with as many rows that differ in ``features`` only."""
    series: dict[tuple[object, ...], list[Comparison]] = {}
    for found in comparisons:
        kind = (found.rows, replace(found.conditions.shape, features=0))
        series.setdefault(kind, []).append(found)
    return [_series(some) for some in series.values() if len(some) > 1]


def _series(comparisons: Sequence[Comparison]) -> Widths:
    some = sorted(comparisons, key=lambda found: found.conditions.shape.dimensions)
    seconds: dict[str, dict[int, Spread]] = {}
    failures: dict[str, dict[int, str]] = {}
    for found in some:
        for name, spread in found.seconds.items():
            seconds.setdefault(name, {})
            width, failure = found.conditions.shape.dimensions, found.failure(name)
            if failure is None:
                seconds[name][width] = spread
            else:
                failures.setdefault(name, {})[width] = failure
    every = tuple(found.conditions.shape.dimensions for found in some)
    return Widths(some[0].rows, every, seconds, failures)
