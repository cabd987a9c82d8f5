"""The evaluation of the sweep: partitions become evidence on k."""

from collections.abc import Sequence

import numpy as np

from segmentation.clustering.coreset import Coreset
from segmentation.clustering.refit import refit_kmeans
from segmentation.numerics.partition import Partition
from segmentation.pipelines.preparation import PreparedInput
from segmentation.selection.degeneracy import degeneracies
from segmentation.selection.evidence import Evidence, evidence_on_k
from segmentation.selection.imputation import Spike
from segmentation.selection.validity import (
    Clusters,
)


def evaluate_sweep(
    coreset: Coreset, sweep: Sequence[Partition], *, prepared: PreparedInput, seed: int
) -> Evidence:
    """The evidence on k from a coreset, and from the exact partitions of all customers."""
    bits = prepared.customers.bits
    return evidence_on_k(
        coreset.points.in_units(2.0**bits),
        coreset.counts,
        clusters={partition.k: clusters_of(partition, bits=bits) for partition in sweep},
        refit=refit_kmeans,
        seed=seed,
        spikes=imputation_spikes(prepared),
    )


def imputation_spikes(prepared: PreparedInput) -> tuple[Spike, ...]:
    """Where imputed numbers are among the prepared customers, and how many."""
    preparation = prepared.preparation
    shares = {each.feature: each.share for each in prepared.encoding.imputations}
    return tuple(
        Spike(j, preparation.scaled(j, fill), 2.0 ** (1 - preparation.bits), shares[column.feature])
        for j, column in enumerate(preparation.columns)
        for fill in [preparation.feature_of(j).fill]
        if isinstance(fill, float) and column.feature in shares
    )


def clusters_of(partition: Partition, *, bits: int) -> Clusters:
    """A partition's moments and cost in scaled units; it has no empty cluster."""
    unit = 2.0**bits
    counts = np.array(partition.counts, dtype=np.float64)
    return Clusters(
        counts=counts,
        means=np.array(partition.sums, dtype=np.float64) / unit / counts[:, np.newaxis],
        squares=np.array([float(square) for square in partition.squares]) / unit**2,
        cost=partition.scaled_cost(bits),
    )


def segment_degeneracies(
    partition: Partition, *, prepared: PreparedInput, min_share: float
) -> list[str]:
    """What is degenerate about the refined clusters, one sentence each; usually none."""
    return degeneracies(
        clusters_of(partition, bits=prepared.customers.bits),
        features=[column.name for column in prepared.preparation.columns],
        min_share=min_share,
    )
