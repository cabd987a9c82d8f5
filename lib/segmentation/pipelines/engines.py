"""The engines of the sweep: k-means on a coreset, or MLlib's KMeans on all rows."""

from collections.abc import Sequence

from segmentation.clustering.coreset import Coreset
from segmentation.clustering.distributed import DistributedPopulation
from segmentation.clustering.kmeans import fit_coreset
from segmentation.clustering.lloyd import Population, coreset_accelerated_lloyd, lloyd
from segmentation.clustering.sweep import fit_all_rows
from segmentation.config.tree import Sweep
from segmentation.model.spark_columns import PreparedCustomers
from segmentation.model.spark_vectors import preparation_stages
from segmentation.numerics.arrays import Points
from segmentation.numerics.partition import Partition
from segmentation.pipelines.preparation import PreparedInput
from segmentation.pipelines.steps import Steps

MAX_REFINEMENTS = 100
NEGLIGIBLE = 1e-6
"""The share of the cost that moving the centres must save to be worth another pass."""


def population_of(customers: PreparedCustomers, coreset: Coreset, sweep: Sweep) -> Population:
    """All customers as the engine passes over them: in memory where the coreset is whole."""
    if coreset.is_whole and sweep.engine == "coreset":
        return coreset
    return DistributedPopulation(customers)


def fit_candidates(
    prepared: PreparedInput, coreset: Coreset, *, ks: Sequence[int], sweep: Sweep
) -> dict[int, list[Points]]:
    """One or more sets of centres for every k, from the configured engine."""
    customers = prepared.customers
    spark = customers.rows.sparkSession
    if sweep.engine == "mllib":
        stages = preparation_stages(spark, prepared.preparation)
        return fit_all_rows(customers, stages=stages, ks=ks, seed=sweep.seed)
    return fit_coreset(spark, coreset, ks=ks, bits=customers.bits, seed=sweep.seed)


def refine(
    population: Population, start: Partition, *, coreset: Coreset, steps: Steps
) -> Partition:
    """The partition after Lloyd's algorithm on all customers, warning if it did not converge."""
    if population is coreset:  # a step in the driver's memory costs nothing, so until convergence
        partition, has_converged = lloyd(population, start, max_steps=MAX_REFINEMENTS)
    else:
        partition, has_converged = coreset_accelerated_lloyd(
            population, start, model=coreset, max_steps=MAX_REFINEMENTS, tolerance=NEGLIGIBLE
        )
    if not has_converged:
        steps.warn(f"k-means did not converge in {MAX_REFINEMENTS} iterations on all rows")
    return partition
