"""The published cost curve: the evidence on every k, and what is known better of the chosen one."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from segmentation.clustering.sweep import with_refined
from segmentation.clustering.ties import FinalClusters
from segmentation.numerics.partition import Partition
from segmentation.pipelines.evaluation import clusters_of
from segmentation.pipelines.fresh import FreshFit
from segmentation.pipelines.previous import PreviousRun
from segmentation.pipelines.refresh import Refreshed
from segmentation.results import CostPoint
from segmentation.selection.evidence import Evidence
from segmentation.selection.validity import calinski_harabasz, davies_bouldin, rounded


def published_curve(
    model: Refreshed,
    fresh: FreshFit | None,
    clusters: FinalClusters,
    previous: PreviousRun | None,
) -> tuple[CostPoint, ...]:
    """The cost curve of a run: today's sweep, or where there was none, the previous run's.

    Where the published centres are others than the sweep's, the indices are of the sweep's.
    """
    if fresh is None:
        if previous is None:
            raise ValueError("a model that is kept has a previous run")
        return previous.reader.cost_curve()
    bits = fresh.bits
    if model.is_fresh:
        sweep = with_refined(fresh.population, fresh.sweep, clusters.partition)
        return cost_curve(fresh.evidence, sweep, clusters, bits=bits)
    return tuple(
        replace(point, cost=partition.scaled_cost(bits), chosen=point.k == model.choice.k)
        for point, partition in zip(fresh.evidence.curve, fresh.sweep, strict=True)
    )


def cost_curve(
    evidence: Evidence, sweep: Sequence[Partition], refined: FinalClusters, *, bits: int
) -> tuple[CostPoint, ...]:
    """The evidence for every k, with what refinement and the last pass found for the chosen one."""
    clusters = clusters_of(refined.partition, bits=bits)
    of_chosen: dict[str, Any] = {
        "chosen": True,
        "silhouette": rounded(refined.silhouette),
        "calinski_harabasz": rounded(calinski_harabasz(clusters)),
        "davies_bouldin": rounded(davies_bouldin(clusters)),
        "smallest_share": clusters.smallest_share,
    }
    return tuple(
        replace(
            point,
            cost=partition.scaled_cost(bits),
            **(of_chosen if partition.k == refined.partition.k else {}),
        )
        for point, partition in zip(evidence.curve, sweep, strict=True)
    )
