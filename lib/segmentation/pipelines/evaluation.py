"""Between the sweep and the choice: partitions become evidence on k, and the published curve."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from segmentation.clustering.coreset import Coreset
from segmentation.clustering.lloyd import Partition
from segmentation.clustering.refit import refit_kmeans
from segmentation.clustering.sweep import SweepPoint
from segmentation.model.preparation import Preparation
from segmentation.results import Choice, CostPoint, Imputed
from segmentation.selection.evidence import Evidence, evidence_on_k
from segmentation.selection.imputation import Spike
from segmentation.selection.validity import (
    Clusters,
    calinski_harabasz,
    davies_bouldin,
    rounded,
)


def weigh(
    coreset: Coreset,
    swept: Sequence[SweepPoint],
    *,
    bits: int,
    seed: int,
    spikes: Sequence[Spike] = (),
) -> Evidence:
    """The evidence on k from a coreset, and from the exact partitions of all customers."""
    return evidence_on_k(
        coreset.points / 2.0**bits,
        coreset.counts,
        clusters={s.k: clusters_of(s.partition, bits=bits) for s in swept},
        refit=refit_kmeans,
        seed=seed,
        spikes=spikes,
    )


def spikes_of(preparation: Preparation, imputations: Sequence[Imputed]) -> tuple[Spike, ...]:
    """Where imputed numbers are among the prepared customers, and how many."""
    shares = {each.feature: each.share for each in imputations}
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
        cost=float(partition.cost() / 4**bits),
    )


def published_curve(
    evidence: Evidence, swept: Sequence[SweepPoint], *, choice: Choice, chosen: Clusters
) -> tuple[CostPoint, ...]:
    """The evidence for every k, with what refinement and the last pass found of the chosen."""
    refined: dict[str, Any] = {
        "chosen": True,
        "silhouette": choice.silhouette,
        "calinski_harabasz": rounded(calinski_harabasz(chosen)),
        "davies_bouldin": rounded(davies_bouldin(chosen)),
        "smallest_share": chosen.smallest_share,
    }
    return tuple(
        replace(point, cost=s.cost, **(refined if s.k == choice.k else {}))
        for point, s in zip(evidence.curve, swept, strict=True)
    )
