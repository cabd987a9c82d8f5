"""Starts and their local optima on a coreset, by scikit-learn, and the best in exact arithmetic."""

from collections.abc import Sequence

import numpy as np
from sklearn.cluster import KMeans as InMemoryKMeans
from sklearn.metrics import adjusted_rand_score

from segmentation.clustering.coreset import Coreset
from segmentation.clustering.lloyd import lloyd_from_centres
from segmentation.clustering.search import Optimum
from segmentation.numerics.arrays import Points
from segmentation.numerics.partition import Partition

EXACT_STEPS = 10

CANDIDATES, SAME_OPTIMUM_ARI = 2, 0.96
"""Different optima that are measured on all rows, as a sample may rank two that are close the wrong
way round. Two whose labels have at least ``SAME_OPTIMUM_ARI`` as adjusted Rand
index are one, reached by two ways: measured with 12 features, those of one had 0.968, of two at
most 0.955."""


class Search:
    """scikit-learn on one coreset: starts in, optima out, in scaled units."""

    def __init__(self, coreset: Coreset, bits: int) -> None:
        self.coreset = coreset
        self.unit = 2.0**bits
        self.scaled = coreset.points.coordinates / self.unit
        self.weights = coreset.weights / coreset.weights.mean()

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
            farthest = self.coreset.farthest(np.rint(start * self.unit))
            start = np.vstack([start, farthest / self.unit])
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

    def _fitted(self, kmeans: InMemoryKMeans) -> Optimum:
        kmeans.fit(self.scaled, sample_weight=self.weights)
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
