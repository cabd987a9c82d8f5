"""Breathing k-means: leave a local optimum by adding centres where it errs and dropping idle ones.

Fritzke (2020), "The breathing k-means algorithm", arXiv:2006.15666.
"""

from collections.abc import Callable

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
Fit = Callable[[Floats], tuple[Floats, float]]
"""Lloyd's algorithm from some centres: the centres at rest and their cost."""

DEPTH = 5
"""Centres added and dropped at first; one less after every breath in vain. The paper's value."""

OFFSET = 0.5
"""How far a new centre lies from the one that errs, in root mean square distances a feature."""

MOST_BREATHS = 30


def breathed(
    points: Floats, weights: Floats, centres: Floats, *, fit: Fit, random: np.random.Generator
) -> Floats:
    """Centres that cost no more than the given ones at rest, and mostly less.

    Parameters
    ----------
    points, weights
        One row and one weight a point; no fewer points than centres.
    centres
        Two at least.
    fit
        Is called twice a breath.
    """
    best, cost = fit(centres)
    depth = min(DEPTH, len(centres), len(points) - len(centres))
    for _ in range(MOST_BREATHS):
        if depth == 0:
            break
        errors, _ = _errors_and_utilities(points, weights, best)
        worst = np.argsort(-errors, kind="stable")[:depth]
        spread = OFFSET * np.sqrt(cost / weights.sum() / points.shape[1])
        added = best[worst] + spread * random.standard_normal((depth, points.shape[1]))
        inhaled, _ = fit(np.vstack([best, added]))
        _, utilities = _errors_and_utilities(points, weights, inhaled)
        exhaled, new_cost = fit(np.delete(inhaled, _dispensable(inhaled, utilities, depth), axis=0))
        if new_cost < cost:
            best, cost = exhaled, new_cost
        else:
            depth -= 1
    return best


def _errors_and_utilities(
    points: Floats, weights: Floats, centres: Floats
) -> tuple[Floats, Floats]:
    """Each centre's share of the cost, and what the cost would rise by without it."""
    squares = (centres**2).sum(axis=1) - points @ (2 * centres.T)
    squares += (points**2).sum(axis=1)[:, np.newaxis]
    labels = squares.argmin(axis=1)
    nearest, second = np.partition(squares, 1, axis=1)[:, :2].T
    errors, utilities = np.zeros((2, len(centres)))
    np.add.at(errors, labels, weights * nearest)
    np.add.at(utilities, labels, weights * (second - nearest))
    return errors, utilities


def _dispensable(centres: Floats, utilities: Floats, count: int) -> list[int]:
    """The least useful centres, none of them the nearest of another as long as that goes.

    Two near centres stand in for one another, so each alone seems useless and both are not.
    """
    between = ((centres[:, np.newaxis, :] - centres) ** 2).sum(axis=2)
    np.fill_diagonal(between, np.inf)
    neighbours = between.argmin(axis=1)
    dropped: list[int] = []
    kept: set[int] = set()
    order = np.argsort(utilities, kind="stable").tolist()
    for i in order:
        if len(dropped) < count and i not in kept:
            dropped.append(i)
            kept.add(int(neighbours[i]))
    return (dropped + [i for i in order if i not in dropped])[:count]
