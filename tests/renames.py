"""How often a refit of the same structure gives a segment another key, for nothing."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from tests.histories import SPREAD
from tests.identity_models import compare, fit


def _far_groups(*, sizes: Sequence[int], dimensions: int, apart: float) -> Any:
    """Gaussian groups, the nearest two so many spreads apart."""
    chance = np.random.default_rng([dimensions, *sizes])
    while True:
        centres = chance.uniform(0, 2.2 * apart, (len(sizes), dimensions))
        distances = np.linalg.norm(centres[:, None] - centres, axis=2)
        if distances[np.triu_indices(len(sizes), 1)].min() >= apart:
            break
    return np.repeat(centres, sizes, axis=0) + chance.normal(size=(sum(sizes), dimensions))


def _skewed_groups() -> Any:
    groups = _far_groups(sizes=[400] * 5, dimensions=3, apart=9)
    return groups + np.random.default_rng(3).lognormal(0, 0.7, groups.shape)


CLEAR: dict[str, tuple[Any, int]] = {
    "5 groups, 9 spreads apart": (_far_groups(sizes=[400] * 5, dimensions=2, apart=9), 5),
    "5 groups, 6 spreads apart": (_far_groups(sizes=[400] * 5, dimensions=3, apart=6), 5),
    "4 groups of 1,600 to 60": (_far_groups(sizes=[1600, 400, 120, 60], dimensions=2, apart=9), 4),
    "8 groups, 7 spreads apart": (_far_groups(sizes=[300] * 8, dimensions=4, apart=7), 8),
    "5 skewed groups": (_skewed_groups(), 5),
}
"""Coordinates, and the number of groups."""

NONE: dict[str, Any] = {
    "one Gaussian, 2 features": np.random.default_rng(1).normal(size=(2000, 2)),
    "one Gaussian, 4 features": np.random.default_rng(2).normal(size=(2000, 4)),
    "uniform, 2 features": np.random.default_rng(3).uniform(0, 4, (2000, 2)),
    "uniform, 3 features": np.random.default_rng(4).uniform(0, 4, (2000, 3)),
}


@dataclass(frozen=True)
class Renames:
    """How many segments have another key after refits, and how many refits have any such."""

    segments: int
    with_any: int


def renames(coordinates: Any, *, k: int, refits: int, bootstrap: bool) -> Renames:
    """Refits with another seed and another order of rows; of bootstrapped customers, or of all."""
    spend = np.exp(SPREAD * coordinates[:, 0])
    features = np.column_stack([spend, coordinates[:, 1:]])
    first = fit(features, k=k, seed=0)
    shares = (np.bincount(first.labels(features), minlength=k) / len(features)).tolist()
    first = replace(first, keys=tuple(f"s{at + 1}" for at in range(k)))
    segments = with_any = 0
    for seed in range(1, refits + 1):
        rows = np.random.default_rng(seed).choice(len(features), len(features), replace=bootstrap)
        model = fit(features[rows], k=k, seed=seed)
        identities, _ = compare(first, model, features[rows], shares=shares, given=k)
        renamed = sum(each.event != "survived" for each in identities)
        segments, with_any = segments + renamed, with_any + bool(renamed)
    return Renames(segments, with_any)
