"""An algorithm fitted again to other points: what resampling and reference sets ask for."""

from dataclasses import dataclass
from typing import Protocol

import numpy as np
import numpy.typing as npt

from segmentation.numerics.arrays import Floats


@dataclass(frozen=True)
class Refitted:
    """The cluster of every point, from 0, and the within-cluster sum of squares."""

    labels: npt.NDArray[np.intp]
    cost: float


class Refit(Protocol):
    """Fits the algorithm that is judged to other points than the customers themselves."""

    def __call__(
        self, points: Floats, k: int, *, seed: int, starts: int, weights: Floats | None = None
    ) -> Refitted:
        """``k`` clusters of some points in scaled units, from ``starts`` random starts.

        Single-threaded calls of one seed return the same bits. An algorithm without random
        starts ignores ``seed`` and ``starts``. Without ``weights`` every point has weight one.
        """
        ...
