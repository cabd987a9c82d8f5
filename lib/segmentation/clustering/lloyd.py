"""Lloyd's algorithm in whole numbers, a pass over the customers at a time.

A pass assigns every customer to its nearest centre, for several sets of centres at once, and
returns the counts and sums of every cluster. Customers and centres are points of one grid
(see ``model.preparation``), so distances and ties are exact (``numerics.nearest``; the first
centre wins), and every sum is the same for any partitioning (``numerics.partition``).

Lloyd (1982), doi:10.1109/TIT.1982.1056489.
"""

from collections.abc import Sequence
from typing import Protocol

import numpy as np

from segmentation.numerics.arrays import Points
from segmentation.numerics.partition import Partition

EXTRAPOLATED_STEPS = 50
"""Steps that a model of the customers takes at once, each in some hundredths of a second."""


class Population(Protocol):
    """All customers as grid points: the rows of a table, or every distinct point with its count."""

    def partitions(self, centre_sets: Sequence[Points]) -> list[Partition]:
        """The partition that each set of centres makes of the customers; one pass for all sets."""

    def farthest(self, centres: Points) -> Points:
        """The customer farthest from its nearest centre; of equals, the largest coordinates."""


def lloyd_from_centres(
    population: Population, centres: Points, *, max_steps: int
) -> tuple[Partition, bool]:
    """Lloyd's algorithm from the given centres, and whether it converged; see :func:`lloyd`."""
    partition = population.partitions([centres])[0]
    if partition.has_empty:
        partition = fill_empty_clusters(population, partition, clusters=len(centres))
    return lloyd(population, partition, max_steps=max_steps)


def lloyd(
    population: Population, partition: Partition, *, max_steps: int
) -> tuple[Partition, bool]:
    """Lloyd's algorithm from a partition without empty clusters, and whether it converged.

    It has converged where no centre moves by a grid step, and so no label changes. A centre that
    loses all its customers is put on one that is far from its own centre, so the partition
    returned has no empty cluster as long as there are as many distinct customers as centres.
    """
    for _ in range(max_steps):
        if _has_converged(partition):
            return partition, True
        partition = fill_empty_clusters(population, partition, clusters=partition.k)
    return partition, _has_converged(partition)


def coreset_accelerated_lloyd(
    population: Population,
    partition: Partition,
    *,
    model: Population,
    max_steps: int,
    tolerance: float,
) -> tuple[Partition, bool]:
    """As :func:`lloyd` with few passes: a sample of the customers extrapolates the steps.

    Lloyd's algorithm takes ever smaller steps, a pass over all customers each. Here ``model``
    takes them, a sample of the customers: the full approximation scheme of Brandt (1977),
    doi:10.1090/S0025-5718-1977-0431719-X. The next pass over all customers checks the result;
    usually one or two passes are enough.

    It has converged where the centres cost at most ``tolerance`` times more than the clusters'
    means.
    """
    for _ in range(max_steps):
        if _has_converged(partition, tolerance):
            return partition, True
        extrapolated = population.partitions([_extrapolate(model, partition)])[0]
        # The model may mislead. Then a plain step is taken instead, which never costs more, so
        # that the cost falls from pass to pass as in Lloyd's algorithm itself.
        if extrapolated.has_empty or extrapolated.cost() >= partition.cost():
            extrapolated = fill_empty_clusters(population, partition, clusters=partition.k)
        partition = extrapolated
    return partition, _has_converged(partition, tolerance)


def _has_converged(partition: Partition, tolerance: float = 0.0) -> bool:
    if np.array_equal(partition.means(), partition.centres):
        return True
    return tolerance > 0 and partition.centre_offset_cost() <= tolerance * partition.cost()


def _extrapolate(model: Population, partition: Partition) -> Points:
    """The centres to which Lloyd steps lead, extrapolated on a sample of the customers."""
    # The first step is exact: the means of all customers. The model, asked about the centres of
    # the last pass, would have gone somewhere else; the difference corrects its later steps.
    means = partition.means()
    correction = means - model.partitions([partition.centres])[0].means()
    for _ in range(EXTRAPOLATED_STEPS):
        # At a fixed point of these steps model and customers move centres alike, by nothing.
        further = model.partitions([means])[0].means() + correction
        if np.array_equal(further, means):
            break
        means = further
    return means


def fill_empty_clusters(
    population: Population, partition: Partition, *, clusters: int
) -> Partition:
    """A partition into this many non-empty clusters that costs no more than the given one.

    The customer that is farthest from its centre becomes a centre, until there are enough. A
    cluster that loses all its customers to them makes room for another one.
    """
    for _ in range(clusters):  # mostly once; ends where there are too few distinct customers
        centres = partition.means()[np.array(partition.counts) > 0]
        while len(centres) < clusters:
            centres = np.vstack([centres, population.farthest(centres)])
        partition = population.partitions([centres])[0]
        if not partition.has_empty:
            break
    return partition
