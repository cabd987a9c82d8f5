"""Lloyd's pass in plain Python, customer by customer: what the fast ones must equal."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from segmentation.numerics.arrays import Points
from segmentation.numerics.partition import Partition


@dataclass(frozen=True)
class Listed:
    """A population of grid points that are listed one by one."""

    points: Sequence[Sequence[int]]

    def partitions(self, centre_sets: Sequence[Points]) -> list[Partition]:
        return [self._partition(centres) for centres in centre_sets]

    def farthest(self, centres: Points) -> Points:
        found = max(self.points, key=lambda point: (min(squares(point, centres)), tuple(point)))
        return np.array(found, dtype=np.float64)

    def _partition(self, centres: Points) -> Partition:
        width = centres.shape[1]
        counts, norms = [0] * len(centres), [0] * len(centres)
        sums = [[0] * width for _ in centres]
        for point in self.points:
            nearest = label(point, centres)
            counts[nearest] += 1
            norms[nearest] += sum(x * x for x in point)
            for j in range(width):
                sums[nearest][j] += point[j]
        return Partition(
            centres,
            tuple(counts),
            tuple(map(tuple, sums)),
            tuple(norms),
        )


def squares(point: Sequence[int], centres: Points) -> list[int]:
    """The squared distances of a point to every centre, as Python's whole numbers."""
    return [
        sum((x - int(c)) ** 2 for x, c in zip(point, centre, strict=True)) for centre in centres
    ]


def label(point: Sequence[int], centres: Points) -> int:
    """The position of the nearest centre, the first of equals."""
    found = squares(point, centres)
    return found.index(min(found))


def totals(partition: Partition) -> tuple:
    """All of a partition that can be compared with ``==``."""
    return partition.centres.tolist(), partition.counts, partition.sums, partition.squares
