"""The keys of a run's segments: which of them are those of the previous run."""

from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np

from segmentation.clustering.ties import FinalClusters
from segmentation.model.rules import NearestPrototype
from segmentation.model.spark_columns import with_assignment
from segmentation.numerics.arrays import Points
from segmentation.pipelines.as_before import AsBefore
from segmentation.pipelines.changes import Continuation
from segmentation.pipelines.comparison import FRESH
from segmentation.pipelines.identification import Identities, identities_of
from segmentation.pipelines.refresh import Refreshed
from segmentation.segments.overlaps import Counts


def identify_segments(
    model: Refreshed,
    clusters: FinalClusters,
    continued: Continuation,
    *,
    order: Sequence[int],
    given: int,
) -> Identities:
    """Who the segments are; ``order`` has the number of a cluster for every segment.

    ``given`` is how many keys the output folder has given. Starts Spark jobs only where ties moved
    the centres, or where a segment seems new and customers can be followed by id.
    """
    previous, before, counts = continued.previous, continued.before, model.counts
    if model.is_kept:  # clusters are in the order of the previous model's segments
        found = identities_of(previous, counts, clusters=len(order), given=given, is_kept=True)
        return replace(found, segments=tuple(found.segments[cluster] for cluster in order))
    moved = not np.array_equal(clusters.partition.centres, model.partition.centres)
    if before is not None and moved:
        counts = _counted_again(model, clusters.partition.centres, before)
    return identities_of(
        previous,
        None if counts is None else counts[:, list(order)],
        clusters=len(order),
        given=given,
        is_kept=False,
        followed=_by_id(model, clusters.partition.centres[list(order)], continued),
    )


def _counted_again(model: Refreshed, centres: Points, before: AsBefore) -> Counts:
    """The customers by previous segment and cluster, after ties moved the centres a little."""
    of_before, of_today = ({}, {FRESH: centres}) if model.is_fresh else ({FRESH: centres}, {})
    own = model.prepared.customers
    return before.overlap(of_before=of_before, of_today=of_today, own=own)[FRESH].counts


def _by_id(
    model: Refreshed, centres: Points, continued: Continuation
) -> Callable[[], Counts] | None:
    """What counts the previous run's customers by id: by their key then, and segment now."""
    previous, followed = continued.previous, continued.followed
    if previous is None or followed is None:
        return None
    customers = model.prepared.customers
    assigned = with_assignment(customers.rows, customers.layout, NearestPrototype.of(centres))
    keys = previous.keys
    return lambda: followed.counts(assigned, keys=keys, clusters=len(centres))
