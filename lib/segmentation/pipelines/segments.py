"""The segments of a run: the clusters of its model profiled, identified and named."""

from dataclasses import dataclass, replace

from segmentation.clustering.ties import FinalClusters, resolve_ties
from segmentation.config import Config
from segmentation.pipelines.changes import Continuation
from segmentation.pipelines.description import (
    BuiltSegments,
    build_segments,
    value_of,
    with_identities,
)
from segmentation.pipelines.identification import Identities
from segmentation.pipelines.keys import identify_segments
from segmentation.pipelines.refresh import Refreshed
from segmentation.pipelines.steps import Steps
from segmentation.pipelines.warnings import warn_of_ties
from segmentation.results import Choice
from segmentation.segments.profile import order_by_value
from segmentation.selection.validity import rounded


@dataclass(frozen=True)
class DescribedSegments:
    """The final clusters, the segments that they are, and who these are."""

    clusters: FinalClusters
    built: BuiltSegments
    identities: Identities
    choice: Choice


def describe_segments(
    model: Refreshed,
    continued: Continuation,
    config: Config,
    *,
    given: int,
    run: str,
    steps: Steps,
) -> DescribedSegments:
    """The segments of the model; ``given`` is how many keys the output folder has given.

    Costs one pass over all customers, more where centres have to move off ties.
    """
    prepared, value = model.prepared, value_of(config)
    clusters = resolve_ties(
        prepared.customers,
        model.partition,
        model.population,
        attributes=prepared.attributes,
        is_fixed=model.is_kept,
    )
    warn_of_ties(steps, clusters.tied)
    order = order_by_value(clusters.statistics, value=value)
    built = build_segments(
        clusters,
        order,
        preparation=prepared.preparation,
        attributes=prepared.attributes,
        value=value,
        min_group=config.report.min_group,
    )
    identities = identify_segments(model, clusters, continued, order=order, given=given)
    built = with_identities(
        built,
        identities.segments,
        previous=continued.previous,
        is_kept=model.is_kept,
        names=config.segments.names,
        run=run,
    )
    choice = replace(model.choice, silhouette=rounded(clusters.silhouette))
    return DescribedSegments(clusters, built, identities, choice)
