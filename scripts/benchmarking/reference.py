"""Centres to beat: scikit-learn with many starts, and k - 1 with its costliest cluster split."""

import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from sklearn.cluster import KMeans
from sklearn.exceptions import ConvergenceWarning

from scripts.benchmarking.costs import Floats, costs, in_blocks

HALVING_STARTS = 3


@dataclass(frozen=True)
class Reference:
    """Scaled centres for every k; ``rows`` is how many the many starts were made on."""

    many_starts: Mapping[int, Floats]
    split: Mapping[int, Floats]
    rows: int


def reference(
    points: Floats,
    *,
    ks: Sequence[int],
    starts: int,
    most_rows: int,
    seed: int,
    known: Mapping[int, Sequence[Floats]],
) -> Reference:
    """The reference for all scaled ``points``, one row each; takes minutes for millions.

    Above ``most_rows`` the many starts see a random sample of that many rows, and their best
    is then iterated on all rows. ``known`` are centres of contestants: the cheapest of all
    for k - 1 are what is split for k.
    """
    sample = points
    if len(points) > most_rows:
        random = np.random.default_rng(seed)
        sample = points[random.choice(len(points), size=most_rows, replace=False)]
    many_starts: dict[int, Floats] = {}
    split: dict[int, Floats] = {}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        for k in ks:
            found = KMeans(k, n_init=starts, random_state=seed).fit(sample).cluster_centers_
            many_starts[k] = found if sample is points else _lloyd(points, found)
            if k - 1 in many_starts:
                rivals = [many_starts[k - 1], *known.get(k - 1, ())]
                rivals += [split[k - 1]] if k - 1 in split else []
                best = rivals[int(np.argmin(costs(in_blocks(points), rivals)))]
                split[k] = _lloyd(points, _split(points, best, seed=seed))
    return Reference(many_starts, split, len(sample))


def _lloyd(points: Floats, start: Floats) -> Floats:
    found: Floats = KMeans(len(start), init=start, n_init=1).fit(points).cluster_centers_
    return found


def _split(points: Floats, centres: Floats, *, seed: int) -> Floats:
    """The centres, the one with the costliest cluster replaced by that cluster's halves."""
    squares, labels = np.full(len(points), np.inf), np.zeros(len(points), dtype=np.intp)
    for i, centre in enumerate(centres):
        distances = ((points - centre) ** 2).sum(axis=1)
        labels[distances < squares] = i
        np.minimum(squares, distances, out=squares)
    costliest = int(np.bincount(labels, squares, minlength=len(centres)).argmax())
    members = points[labels == costliest]
    halves = KMeans(2, n_init=HALVING_STARTS, random_state=seed).fit(members).cluster_centers_
    return np.vstack([np.delete(centres, costliest, axis=0), halves])
