"""Ties: centres moved until no customer is equally near to two of them.

A customer as near to two centres would get either label from MLlib.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np
from pyspark.sql import functions as F

from segmentation.clustering.lloyd import Population
from segmentation.model.spark_columns import (
    SECOND_SQUARE,
    SQUARE,
    PreparedCustomers,
    with_nearest,
)
from segmentation.numerics.arrays import Points
from segmentation.numerics.partition import Partition
from segmentation.segments.attributes import Attribute
from segmentation.segments.statistics import ClusterStatistics, cluster_statistics

CLEAR_MARGIN = 1.0
"""Squared grid steps by which a customer's centre must be nearer than the next, so that MLlib
finds it too.

The model's vectors are whole grid steps from an origin, so that all that MLlib computes are whole
numbers, but for the square roots of norms, by which it may measure a distance. Squared norms are at
most ``2**48``, see :class:`~segmentation.model.spark_vectors.VectorStages`: a norm is off by
``2**-53`` of itself, the sum of two squared norms by at most 0.3, and a distance by less than a
half. A margin is a whole number; so only exact ties are in doubt."""

MAX_STEPS = (1, 8, 8, 64, 64, 512, 512, 4096)
"""How many grid steps centres move, at most, in each attempt to get off ties; 4,096 steps are
about a thousandth of a unit."""

MAX_SHARE = 1 / 64
"""Nor do they move by more than this share of the distance between the nearest two."""


@dataclass(frozen=True)
class FinalClusters:
    """The clusters that become segments: their exact partition, and the statistics of each.

    ``tied`` customers are as near to a second centre, so that MLlib may label them otherwise.
    """

    partition: Partition
    statistics: tuple[ClusterStatistics, ...]
    tied: int

    @property
    def silhouette(self) -> float | None:
        """The average silhouette of all customers, None where there is one cluster."""
        if len(self.statistics) == 1:
            return None
        customers = sum(cluster.customers for cluster in self.statistics)
        total = sum(cluster.silhouette * cluster.customers for cluster in self.statistics)
        return total / customers


def resolve_ties(
    customers: PreparedCustomers,
    partition: Partition,
    population: Population,
    *,
    attributes: Sequence[Attribute],
    is_fixed: bool = False,
) -> FinalClusters:
    """The clusters with their centres moved by a few grid steps until no customer is tied.

    If no attempt succeeds, or the centres are ``is_fixed``, they are kept, and the tied customers
    are counted. Costs one pass for the statistics, and two for each attempt.
    """
    statistics = cluster_statistics(customers, partition, attributes=attributes)
    if not _has_ties(statistics):
        return FinalClusters(partition, statistics, tied=0)
    for centres in () if is_fixed else _nudged(partition.centres):
        moved = population.partitions([centres])[0]
        if moved.has_empty:
            continue
        found = cluster_statistics(customers, moved, attributes=attributes)
        if not _has_ties(found):
            return FinalClusters(moved, found, tied=0)
    nearest = with_nearest(customers.entries, customers.layout, partition.centres)
    tied = nearest.where(F.col(SECOND_SQUARE) - F.col(SQUARE) < CLEAR_MARGIN).count()
    return FinalClusters(partition, statistics, tied)


def _has_ties(statistics: Sequence[ClusterStatistics]) -> bool:
    margins = [each.smallest_tie_margin for each in statistics]
    return any(margin is not None and margin < CLEAR_MARGIN for margin in margins)


def _nudged(centres: Points) -> Iterator[Points]:
    """The centres moved a little, at random, further in each attempt."""
    apart = min(np.linalg.norm(one - other) for one, other in combinations(centres, 2))
    bound = max(1, int(apart * MAX_SHARE))
    for attempt, steps in enumerate(MAX_STEPS):
        random = np.random.default_rng(attempt)
        most = min(steps, bound)
        yield centres + random.integers(-most, most + 1, centres.shape)
