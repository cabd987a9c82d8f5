"""Two samples of one population: by how much they differ by chance.

The population is that of both samples together: Efron and Tibshirani (1993), An Introduction to the
Bootstrap, algorithm 16.1. One sample alone does not know of values that are rare in it.

It is resampled through its ranks: a customer drawn at random has a uniform rank, and the value at
a rank is looked up in whatever is measured. So the ranks of two samples are drawn once for all
features, and a feature costs one product.
"""

from dataclasses import dataclass
from functools import cached_property
from typing import Self

import numpy as np

from segmentation.numerics.arrays import Floats

PAIRS = 1000
"""Pairs of samples: two of one population differ by more than all of them once in a thousand."""

_TAIL = 2.0 ** (np.arange(-60, -12) / 2)  # from 2**-30 to nearly 2**-6, two for every halving

KNOTS: Floats = np.concatenate([_TAIL, np.arange(1, 64) / 64, 1 - _TAIL[::-1]])
"""The ranks between 0 and 1 at which the customers of a sample are counted."""


@dataclass(frozen=True)
class Weighted:
    """Values in ascending order, and the share of customers up to and including each."""

    values: Floats
    cumulative: Floats

    @classmethod
    def of(cls, values: Floats, counts: Floats) -> Self:
        """Values of points that represent some ``counts`` of customers."""
        order = values.argsort(kind="stable")
        return cls(values[order], _shares_up_to(counts[order]))

    @property
    def mean(self) -> float:
        """The mean over customers."""
        return float(self.values @ np.diff(self.cumulative, prepend=0.0))

    def at(self, ranks: Floats | float) -> Floats:
        """The smallest value that at least a share ``ranks`` of the customers do not exceed."""
        places = np.searchsorted(self.cumulative, ranks)
        found: Floats = self.values[np.minimum(places, len(self.values) - 1)]
        return found


def together(samples: tuple[Weighted, Weighted], sizes: tuple[float, float]) -> Weighted:
    """The population of two samples, each weighted by the number of its customers."""
    values = np.concatenate([each.values for each in samples])
    shares = [
        np.diff(each.cumulative, prepend=0.0) * size
        for each, size in zip(samples, sizes, strict=True)
    ]
    return Weighted.of(values, np.concatenate(shares))


def wasserstein(one: Weighted, other: Weighted) -> float:
    """The Wasserstein-1 distance: the area between the two distribution functions."""
    values = np.concatenate([one.values, other.values])
    order = values.argsort(kind="stable")
    passed = (order < len(one.values)).cumsum()[:-1]
    own, others = (np.concatenate([[0.0], each.cumulative]) for each in (one, other))
    between = own[passed] - others[np.arange(1, len(order)) - passed]
    return float(np.abs(between) @ np.diff(values[order]))


@dataclass(frozen=True)
class Pairs:
    """Pairs of samples of ``sizes`` customers, in counts of the ranks that were drawn.

    ``counts`` have, for each of the two sizes, one row per pair and one column per interval
    between :data:`KNOTS`.
    """

    sizes: tuple[int, int]
    counts: tuple[Floats, Floats]

    @classmethod
    def draw(cls, sizes: tuple[float, float], rng: np.random.Generator) -> Self:
        """:data:`PAIRS` pairs of samples of about these sizes."""
        one, other = (max(1, round(size)) for size in sizes)
        widths = np.diff(KNOTS, prepend=0.0, append=1.0)
        first, second = (
            rng.multinomial(size, widths, size=PAIRS).astype(float) for size in (one, other)
        )
        return cls((one, other), (first, second))

    def wasserstein(self, population: Weighted) -> Floats:
        """The Wasserstein-1 distance of each pair of samples of a population."""
        # A gap lies between two knots, where its rank is. At both it counts in part.
        rank = np.interp(population.cumulative[:-1], KNOTS, np.arange(len(KNOTS)))
        lower, part = np.floor(rank).astype(np.intp), rank % 1
        widths = np.diff(population.values)
        gaps = np.bincount(lower, widths * (1 - part), minlength=len(KNOTS) + 1)
        gaps[1:] += np.bincount(lower, widths * part, minlength=len(KNOTS))
        return self._between @ gaps[:-1]

    def means(self, population: Weighted) -> tuple[Floats, Floats]:
        """The means of both samples of each pair."""
        ends = np.concatenate([[0.0], KNOTS, [1.0]])
        shares = np.diff(population.cumulative, prepend=0.0)
        sums = np.concatenate([[0.0], (population.values * shares).cumsum()])
        up_to = np.interp(ends, np.concatenate([[0.0], population.cumulative]), sums)
        means = np.diff(up_to) / np.diff(ends)
        one, other = (c @ means / n for c, n in zip(self.counts, self.sizes, strict=True))
        return one, other

    @cached_property
    def _between(self) -> Floats:
        """By how much the distribution functions of a pair differ at each knot."""
        one, other = (
            counts[:, :-1].cumsum(axis=1) / size
            for counts, size in zip(self.counts, self.sizes, strict=True)
        )
        found: Floats = np.abs(one - other)
        return found


def quantiles(
    population: Weighted, rank: float, *, size: float, rng: np.random.Generator
) -> Floats:
    """A quantile of each of :data:`PAIRS` samples of about ``size`` customers.

    The j-th smallest of n uniform ranks has the beta distribution with j and n + 1 - j: David and
    Nagaraja (2003), Order Statistics, 2.3.
    """
    drawn = max(1, round(size))
    j = max(1, int(np.ceil(rank * drawn)))
    return population.at(rng.beta(j, drawn + 1 - j, size=PAIRS))


def _shares_up_to(counts: Floats) -> Floats:
    up_to = counts.cumsum()
    found: Floats = up_to / up_to[-1]
    return found
