"""Histories of customers with planted events: twelve months, and what happens to each group.

A customer has a spend that is log-normal within its group and up to three other features; the unit
of every coordinate is the spread within a group. Customers turn over: each month some leave and
others take their place. What a month should be called follows from how it was made.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from tests.scenarios import APART, SCENARIOS, Month, Space, jump

SPREAD = 0.27
"""Standard deviation of the logarithm of spend within a group; a season's 30 % are one of it."""

TURNOVERS = (0.1, 0.25, 0.5, 0.75, 1.0)


@dataclass(frozen=True)
class Customers:
    """A month's customers: ``part`` is the letter each belongs to, ``features`` has a row each."""

    ids: Any
    part: Any
    features: Any


def turnover_of(seed: int) -> float:
    """The share of customers who are others every month, in the histories with this seed."""
    return TURNOVERS[seed % len(TURNOVERS)]


def history(
    name: str, seed: int, *, scale: float = 1.0, apart: float = APART
) -> Iterator[tuple[Month, Customers]]:
    """The months of a scenario, and the customers of each; ``scale`` is of all sizes."""
    chance = np.random.default_rng([seed, *name.encode()])
    dimensions, turnover = 2 + seed % 3, turnover_of(seed)
    make, facts = SCENARIOS[name]
    if make is jump:
        facts = {"turnover": turnover}
    space = Space(chance, dimensions, scale=scale, apart=apart)
    months = make(space, int(chance.integers(3, 8)), **facts)
    is_skewed = bool(seed // 2 % 2)
    people = People(chance, turnover=turnover, dimensions=dimensions, is_skewed=is_skewed)
    for month in months:
        yield month, people.of(month)


class People:
    """The customers month by month: who leaves, who is new, and how each differs from its group."""

    def __init__(
        self, chance: np.random.Generator, *, turnover: float, dimensions: int, is_skewed: bool
    ) -> None:
        self.chance, self.turnover, self.dimensions = chance, turnover, dimensions
        self.is_skewed = is_skewed
        self.members: dict[str, tuple[Any, Any]] = {}
        self.known = 0

    def of(self, month: Month) -> Customers:
        """The customers of the next month."""
        self.members = {part: self._members(part, size) for part, size in month.sizes.items()}
        features = []
        for part, (_, latent) in self.members.items():
            wobble = self.chance.normal(0, 0.1, self.dimensions)
            coordinates = month.centres[part] + wobble + self._noise(latent)
            spend = np.exp(SPREAD * coordinates[:, 0]) * month.spend
            features.append(np.column_stack([spend, coordinates[:, 1:]]))
        sizes = [len(ids) for ids, _ in self.members.values()]
        return Customers(
            np.concatenate([ids for ids, _ in self.members.values()]),
            np.repeat(list(self.members), sizes),
            np.concatenate(features),
        )

    def _members(self, part: str, size: int) -> tuple[Any, Any]:
        """Ids and how each customer differs: most of that is the same every month."""
        chance, width = self.chance, self.dimensions
        size = int(size * chance.uniform(0.92, 1.08))
        ids, latent = self.members.get(part, (np.empty(0, np.int64), np.empty((0, width))))
        kept = chance.permutation(len(ids))[: round((1 - self.turnover) * min(size, len(ids)))]
        new = np.arange(self.known, self.known + size - len(kept))
        self.known += len(new)
        same = np.sqrt(0.8) * latent[kept] + np.sqrt(0.2) * chance.normal(size=(len(kept), width))
        return (
            np.concatenate([ids[kept], new]),
            np.concatenate([same, chance.normal(size=(len(new), width))]),
        )

    def _noise(self, latent: Any) -> Any:
        """Standard normal, or log-normal of the same spread but for spend, which always is."""
        if not self.is_skewed:
            return latent
        sigma = 0.4
        skewed = (np.exp(sigma * latent) - np.exp(sigma**2 / 2)) / np.sqrt(
            (np.exp(sigma**2) - 1) * np.exp(sigma**2)
        )
        return np.column_stack([latent[:, 0], skewed[:, 1:]])
