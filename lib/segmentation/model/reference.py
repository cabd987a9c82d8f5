"""The customers that a model was fitted to, in few points: what later data are compared with."""

from dataclasses import dataclass

import numpy as np

from segmentation.numerics.arrays import Floats
from segmentation.numerics.grid_points import GridPoints


@dataclass(frozen=True)
class Reference:
    """A coreset on the grid of a model's preparation.

    ``counts`` are about how many customers each point represents, ``customers`` how many there
    were in all. ``is_whole`` is true where the points are all distinct customers.
    """

    points: GridPoints
    counts: Floats
    customers: int
    is_whole: bool

    @property
    def effective_size(self) -> float:
        """How many customers drawn at random say as much: Kish (1965), Survey Sampling, 11.7."""
        if self.is_whole:
            return float(self.customers)
        kish = float(self.counts.sum() ** 2 / np.square(self.counts).sum())
        return min(float(self.customers), kish)
