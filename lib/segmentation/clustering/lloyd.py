"""Lloyd's algorithm in whole numbers, a pass over the customers at a time.

A pass assigns every customer to its nearest centre, for several sets of centres at once, and
returns the counts and sums of every cluster. Customers and centres are points of one grid
(see ``features.preparation``), so that ``|c|**2 - 2 x.c`` is a whole number below ``2**53``:
the matrix product that computes it is exact whatever the order of its additions, ties are
true ties (the first centre wins), and every sum is the same for any partitioning.

Lloyd (1982), doi:10.1109/TIT.1982.1056489.
"""

from collections.abc import Sequence
from typing import Protocol

import numpy as np

from segmentation.numerics.arrays import Points
from segmentation.numerics.partition import Partition

STEPS_AHEAD = 50
"""As many as a model takes at once: each costs it some hundredths of a second."""


class Population(Protocol):
    """All customers as grid points: the rows of a table, or every distinct point with its count."""

    def partitions(self, centre_sets: Sequence[Points]) -> list[Partition]:
        """What every set of centres makes of the customers; one pass for all sets."""

    def farthest(self, centres: Points) -> Points:
        """The customer farthest from its nearest centre; of equals, the largest coordinates."""


def lloyd_from_centres(
    population: Population, centres: Points, *, max_steps: int
) -> tuple[Partition, bool]:
    """Lloyd steps from the given centres, and whether they came to rest; see :func:`lloyd`."""
    partition = population.partitions([centres])[0]
    if partition.has_empty:
        partition = fill_empty_clusters(population, partition, clusters=len(centres))
    return lloyd(population, partition, max_steps=max_steps)


def lloyd(
    population: Population, partition: Partition, *, max_steps: int
) -> tuple[Partition, bool]:
    """Lloyd steps from a partition without empty clusters, and whether they came to rest.

    At rest no centre moves by a grid step, and so no label changes. A centre that loses all
    its customers is put on one that is far from its own centre, so the partition returned
    has no empty cluster as long as there are as many distinct customers as centres.
    """
    for _ in range(max_steps):
        if _is_at_rest(partition):
            return partition, True
        partition = fill_empty_clusters(population, partition, clusters=len(partition.counts))
    return partition, _is_at_rest(partition)


def coreset_accelerated_lloyd(
    population: Population,
    partition: Partition,
    *,
    model: Population,
    max_steps: int,
    tolerance: float,
) -> tuple[Partition, bool]:
    """As :func:`lloyd` with few passes: some customers who stand for all run ahead.

    Lloyd's algorithm takes ever smaller steps, a pass over all customers each. Here ``model``
    takes them, a sample of the customers, with every step corrected by how far its means were off
    those of all customers in the last pass: the full approximation scheme of Brandt (1977),
    doi:10.1090/S0025-5718-1977-0431719-X. Where it comes to rest the next pass looks; mostly
    one or two passes are enough. Where that is no cheaper, a step is taken as it stands.

    At rest the centres cost at most ``tolerance`` times more than the clusters' means.
    """
    for _ in range(max_steps):
        if _is_at_rest(partition, tolerance):
            return partition, True
        ahead = population.partitions([_ahead(model, partition)])[0]
        if ahead.has_empty or ahead.cost() >= partition.cost():
            ahead = fill_empty_clusters(population, partition, clusters=len(partition.counts))
        partition = ahead
    return partition, _is_at_rest(partition, tolerance)


def _is_at_rest(partition: Partition, tolerance: float = 0.0) -> bool:
    if np.array_equal(partition.means(), partition.centres):
        return True
    return tolerance > 0 and partition.centre_offset_cost() <= tolerance * partition.cost()


def _ahead(model: Population, partition: Partition) -> Points:
    """Where the steps from a partition lead, as far as a model of the customers tells."""
    means = partition.means()
    correction = means - model.partitions([partition.centres])[0].means()
    for _ in range(STEPS_AHEAD):
        ahead = model.partitions([means])[0].means() + correction
        if np.array_equal(ahead, means):
            break
        means = ahead
    return means


def fill_empty_clusters(
    population: Population, partition: Partition, *, clusters: int
) -> Partition:
    """A partition into so many clusters, none empty, that costs no more than the given one.

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
