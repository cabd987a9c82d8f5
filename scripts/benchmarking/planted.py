"""Tables whose true number of groups is known, one for planted mixtures and one for none."""

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]

WELL, MODERATE = 0.005, 0.04
"""Largest overlap of two components: the probabilities that a customer of one is taken for the
other's, added up. Maitra and Melnykov (2010), doi:10.1198/jcgs.2009.08054."""

MIN_SHARE = 0.03
DRAWS = 1_500
LOG_RANGE = (2.5, 8.5)
"""Where the means of raw counts and amounts lie, as logarithms: about 11 to 4,900."""


@dataclass(frozen=True)
class Labelled:
    """Customers, one per row, and their true number of groups; ``is_raw`` asks for a logarithm.

    ``members`` is each customer's group, where it is known.
    """

    name: str
    values: Floats
    groups: int
    is_raw: bool
    members: npt.NDArray[np.int64] | None = None


def mixture(
    *, groups: int, features: int, overlap: float, equal: bool, raw: bool, rows: int, seed: int
) -> Labelled:
    """Gaussian components about random centres, as near as ``overlap`` allows.

    Their standard deviations differ by up to a factor of two. Raw ones are the exponential of
    that, every second feature rounded to a count and the others to cents.
    """
    random = np.random.default_rng([seed, groups, features, int(equal), int(raw)])
    shares = np.full(groups, 1 / groups)
    if not equal:
        free = random.dirichlet(np.full(groups, 1.0))
        shares = MIN_SHARE + (1 - groups * MIN_SHARE) * free
    centres = _apart(random, groups, features)
    spreads = random.uniform(0.7, 1.4, groups)
    centres = centres * _scale(centres, spreads, shares, overlap=overlap, random=random)
    members = random.choice(groups, rows, p=shares)
    values = centres[members] + spreads[members, np.newaxis] * random.standard_normal(
        (rows, features)
    )
    if raw:
        low, high = centres.min(), centres.max()
        logs = LOG_RANGE[0] + (values - low) * (LOG_RANGE[1] - LOG_RANGE[0]) / (high - low)
        values = np.maximum(np.expm1(logs), 0)
        values[:, ::2], values[:, 1::2] = values[:, ::2].round(), values[:, 1::2].round(2)
    kind = f"{'raw' if raw else 'Gaussian'}, {'equal' if equal else 'unequal'}"
    name = f"{kind}, {'well' if overlap == WELL else 'moderate'}"
    return Labelled(name, values, groups, raw, members)


def with_noise(table: Labelled, *, columns: int, seed: int) -> Labelled:
    """The table with that many more columns, which tell no group from another."""
    random = np.random.default_rng([seed, columns])
    size = (len(table.values), columns)
    noise = _lognormal(random, *size) if table.is_raw else _gaussian(random, *size)
    return replace(table, values=np.hstack([table.values, noise]))


def _apart(random: np.random.Generator, groups: int, features: int) -> Floats:
    """Random centres of which no two nearly coincide: each the farthest of a few drawn."""
    centres = random.uniform(size=(1, features))
    while len(centres) < groups:
        drawn = random.uniform(size=(8, features))
        nearest = ((drawn[:, np.newaxis] - centres) ** 2).sum(axis=2).min(axis=1)
        centres = np.vstack([centres, drawn[nearest.argmax()]])
    return centres


def _scale(
    centres: Floats,
    spreads: Floats,
    shares: Floats,
    *,
    overlap: float,
    random: np.random.Generator,
) -> float:
    """The factor to the centres at which the largest overlap of two components is as given."""
    noise = random.standard_normal((DRAWS, centres.shape[1]))
    low, high = 0.5, 500.0
    for _ in range(18):
        middle = float(np.sqrt(low * high))
        too_near = _largest_overlap(centres * middle, spreads, shares, noise) > overlap
        low, high = (middle, high) if too_near else (low, middle)
    return high


def _largest_overlap(centres: Floats, spreads: Floats, shares: Floats, noise: Floats) -> float:
    width = centres.shape[1]
    lost = np.zeros((len(centres), len(centres)))
    for i, (centre, spread) in enumerate(zip(centres, spreads, strict=True)):
        drawn = centre + spread * noise
        squares = ((drawn[:, np.newaxis] - centres) ** 2).sum(axis=2)
        logs = np.log(shares) - width * np.log(spreads) - squares / (2 * spreads**2)
        lost[i] = (logs > logs[:, [i]]).mean(axis=0)
    return float((lost + lost.T).max())


def _gaussian(random: np.random.Generator, rows: int, features: int) -> Floats:
    return random.standard_normal((rows, features))


def _correlated(random: np.random.Generator, rows: int, features: int) -> Floats:
    shape = random.standard_normal((features, features)) + np.eye(features)
    result: Floats = random.standard_normal((rows, features)) @ shape
    return result


def _uniform(random: np.random.Generator, rows: int, features: int) -> Floats:
    return random.uniform(size=(rows, features))


def _lognormal(random: np.random.Generator, rows: int, features: int) -> Floats:
    return np.exp(random.normal(4, random.uniform(0.5, 1.5, features), (rows, features))).round(2)


def _counts(random: np.random.Generator, rows: int, features: int) -> Floats:
    """Counts with a gamma distributed rate: many ties, many zeros."""
    rates = random.gamma(1.5, random.uniform(1, 8, features), (rows, features))
    return random.poisson(rates).astype(np.float64)


NULLS: dict[str, tuple[Callable[[np.random.Generator, int, int], Floats], bool]] = {
    "one Gaussian": (_gaussian, False),
    "one correlated Gaussian": (_correlated, False),
    "uniform": (_uniform, False),
    "one log-normal": (_lognormal, True),
    "counts with ties": (_counts, True),
}
"""Tables without groups, and whether they are raw."""


def null(name: str, *, features: int, rows: int, seed: int) -> Labelled:
    """A table of one group."""
    make, is_raw = NULLS[name]
    random = np.random.default_rng([seed, features, list(NULLS).index(name)])
    return Labelled(name, make(random, rows, features), 1, is_raw=is_raw)
