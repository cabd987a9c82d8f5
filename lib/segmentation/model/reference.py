"""The customers that a model was fitted to, in few points: what later data are compared with."""

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np

from segmentation.model.fitted import FittedModel
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


@dataclass(frozen=True)
class ModelFiles:
    """A fitted model with what later runs compare it with.

    ``anchors`` are the models of the runs that gave its segments' keys, where they are others.
    ``reference`` is None where the model's run kept none.
    """

    fitted: FittedModel
    reference: Reference | None = None
    anchors: Mapping[str, FittedModel] = field(default_factory=dict)
