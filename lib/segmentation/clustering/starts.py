"""Starts and their local optima on a coreset, by scikit-learn, and the best in exact arithmetic."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from sklearn.cluster import KMeans as InMemoryKMeans
from sklearn.metrics import adjusted_rand_score

from segmentation.clustering.coreset import Coreset
from segmentation.clustering.lloyd import lloyd_from_centres
from segmentation.clustering.search import Optimum
from segmentation.numerics.arrays import Floats, Points
from segmentation.numerics.grid_points import GridPoints
from segmentation.numerics.partition import Partition
from segmentation.numerics.projection import WIDE, Matrix, leading_components
from segmentation.selection.samples import equal_rows

EXACT_STEPS = 10

CANDIDATES, SAME_OPTIMUM_ARI = 2, 0.96
"""Different optima that are measured on all rows, as a sample may rank two that are close the wrong
way round. Two whose labels have at least ``SAME_OPTIMUM_ARI`` as adjusted Rand
index are one, reached by two ways: measured with 12 features, those of one had 0.968, of two at
most 0.955."""

WIDE_NUMBERS = 240_000
"""Numbers that starts of a wide coreset are iterated on, those of 20,000 points of 12 dimensions:
7,500 points by 32 components, or fewer points by more of them."""

MAX_COMPONENTS = 3 * WIDE

FINALIST_TOL = 1e-3
"""Tolerance at which the finalists of a wide coreset are compared; the cheapest converges."""


class Search:
    """scikit-learn on one coreset: starts in, optima out, in scaled units."""

    def __init__(self, coreset: Coreset, bits: int) -> None:
        self.coreset = coreset
        self.unit = 2.0**bits
        self.scaled, self.weights = self._points()

    def restarted(self, clusters: int, *, starts: int, seed: int) -> list[Optimum]:
        """The local optima that this many k-means++ starts converge to."""
        seeds = np.random.SeedSequence(seed).generate_state(starts if clusters > 1 else 1)
        return [
            self._fitted(InMemoryKMeans(clusters, n_init=1, random_state=one))
            for one in seeds.tolist()
        ]

    def converged(self, start: Points, *, tol: float = 1e-4) -> Optimum:
        """The local optimum that a start converges to; ``tol`` is scikit-learn's."""
        return self._fitted(InMemoryKMeans(len(start), init=start, n_init=1, tol=tol))

    def filled_up(self, start: Points, clusters: int) -> Optimum:
        """The local optimum of a start filled up to k centres: MLlib leaves out equal ones."""
        while len(start) < clusters:
            start = np.vstack([start, self._farthest(start)])
        return self.converged(start)

    def exact(self, optima: Sequence[Optimum]) -> list[Partition]:
        """The different ones after Lloyd steps on the grid, the cheapest first."""
        partitions = [
            lloyd_from_centres(
                self.coreset,
                np.rint(self.converged(optimum.centres, tol=1e-6).centres * self.unit),
                max_steps=EXACT_STEPS,
            )[0]
            for optimum in different(optima)
        ]
        return sorted(partitions, key=Partition.cost)

    def _points(self) -> tuple[Floats, Floats]:
        """The points that are searched, and their weights."""
        points = self.coreset.points.coordinates / self.unit
        return points, self.coreset.weights / self.coreset.weights.mean()

    def _farthest(self, start: Floats) -> Floats:
        """The searched point that is farthest from its nearest centre."""
        return self.coreset.farthest(np.rint(start * self.unit)) / self.unit

    def _fitted(self, kmeans: InMemoryKMeans) -> Optimum:
        return _optimum(kmeans, self.scaled, self.weights)


class WideSearch(Search):
    """The search of a wide coreset, on the leading principal components of at most so many points.

    So a start costs the same whatever the number of dimensions. Only the finalists of every k are
    iterated in all dimensions, on the whole coreset.
    """

    def exact(self, optima: Sequence[Optimum]) -> list[Partition]:
        """The partition that the cheapest finalist makes after iterations in all dimensions."""
        finalists = [
            self._whole(
                self.projection.back(optimum.centres) - self.matrix.offset, tol=FINALIST_TOL
            )
            for optimum in different(optima)
        ]
        finalist = min(finalists, key=lambda optimum: optimum.cost)
        centres = self._whole(finalist.centres).centres + self.matrix.offset
        return [lloyd_from_centres(self.coreset, np.rint(centres * self.unit), max_steps=0)[0]]

    def _points(self) -> tuple[Floats, Floats]:
        points, weights = self.coreset.points.in_units(self.unit), self.coreset.counts
        most = min(MAX_COMPONENTS, max(WIDE, WIDE_NUMBERS // len(points)))
        self.matrix = Matrix.of(points)
        self.projection = leading_components(self.matrix, weights, most=most)
        seen = self.projection.of(self.matrix)
        if len(seen) <= WIDE_NUMBERS // WIDE:
            return seen, weights / weights.mean()
        rows = equal_rows(weights, most=WIDE_NUMBERS // WIDE)
        return seen[rows], np.ones(len(rows))

    def _farthest(self, start: Floats) -> Floats:
        found: Floats = self.scaled[GridPoints.of(self.scaled).nearest_squares(start).argmax()]
        return found

    def _whole(self, start: Floats, *, tol: float = 1e-4) -> Optimum:
        """The local optimum of a start in all dimensions, less the offset of the matrix."""
        kmeans = InMemoryKMeans(len(start), init=start, n_init=1, tol=tol)
        return _optimum(kmeans, self.matrix.values, self.coreset.counts)


def search_of(coreset: Coreset, bits: int) -> Search:
    """The search of a coreset."""
    is_wide = coreset.points.layout.width > WIDE
    return (WideSearch if is_wide else Search)(coreset, bits)


def _optimum(kmeans: InMemoryKMeans, points: Any, weights: Floats) -> Optimum:
    kmeans.fit(points, sample_weight=weights)
    return Optimum(kmeans.cluster_centers_, kmeans.inertia_, kmeans.labels_)


def different(optima: Sequence[Optimum]) -> list[Optimum]:
    """The first different local optima, at most ``CANDIDATES``."""
    kept: list[Optimum] = []
    for one in optima:
        if all(adjusted_rand_score(one.labels, other.labels) < SAME_OPTIMUM_ARI for other in kept):
            kept.append(one)
        if len(kept) == CANDIDATES:
            break
    return kept
