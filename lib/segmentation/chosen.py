"""The chosen clusters made segments: moved off ties, profiled, ordered, named; their customers."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from segmentation.clustering import nearest
from segmentation.clustering.lloyd import Partition, Points
from segmentation.clustering.nearest import with_nearest
from segmentation.features import contract
from segmentation.features.preparation import EXACT_BITS, Preparation
from segmentation.results import FeatureProfile, Segment
from segmentation.segments.labelled import labelled_customers
from segmentation.segments.profile import ClusterFacts, by_value, cluster_facts, describe

CLEAR_LEAD = 1e-12 * 2.0**EXACT_BITS
"""Grid squares by which a customer's centre must lead, so that no rounding of MLlib's turns it."""

NUDGES, NUDGE = 8, 8
"""At most so many attempts to move centres off ties, by so many grid steps (some 1e-5 units)."""


@dataclass(frozen=True)
class Chosen:
    """The chosen clusters in the order of their segments; ``centres`` are grid points."""

    centres: Points
    segments: tuple[Segment, ...]
    profiles: tuple[FeatureProfile, ...]


def settled(
    rows: DataFrame,
    partition: Partition,
    *,
    preparation: Preparation,
    audit: contract.Audit,
    value_feature: str,
) -> Chosen:
    """The chosen clusters profiled, ordered and named; their centres moved off ties if need be.

    A customer as near to two centres as doubles can tell would get either label from MLlib,
    so centres are nudged by a few grid steps until every customer's lead is clear.
    """
    centres = partition.centres
    facts = _facts(rows, centres, preparation, audit)
    for attempt in range(NUDGES):
        if all(c.narrowest is None or c.narrowest >= CLEAR_LEAD for c in facts):
            break
        random = np.random.default_rng(attempt)
        centres = partition.centres + random.integers(-NUDGE, NUDGE + 1, centres.shape)
        facts = _facts(rows, centres, preparation, audit)
    ordered = by_value(facts, value_feature=value_feature)
    centres = centres[[cluster.cluster for cluster in ordered]]
    names = [feature.name for feature in preparation.features]
    segments, profiles = describe(
        ordered,
        value_feature=value_feature,
        centroids=[
            {name: preparation.original(j, centre[j]) for j, name in enumerate(names)}
            for centre in centres.tolist()
        ],
        differences=[
            {name: preparation.difference(j, centre[j]) for j, name in enumerate(names)}
            for centre in centres.tolist()
        ],
    )
    return Chosen(centres, segments, profiles)


def labelled(
    rows: DataFrame,
    chosen: Chosen,
    *,
    preparation: Preparation,
    columns: Sequence[str],
    features: Sequence[str],
) -> DataFrame:
    """The table ``customers``: the input's ``columns`` of every row, and its label."""
    return labelled_customers(
        with_nearest(rows, preparation.coordinates, chosen.centres),
        columns=columns,
        numbers={name: F.expr(contract.number(name)) for name in features},
        names=[segment.name for segment in chosen.segments],
        segment=F.col(nearest.CLUSTER),
        runner_up=F.col(nearest.SECOND_CLUSTER),
        square=F.col(nearest.SQUARE),
        runner_up_square=F.col(nearest.SECOND_SQUARE),
        unit=2.0**-preparation.bits,
    )


def _facts(
    rows: DataFrame, centres: Points, preparation: Preparation, audit: contract.Audit
) -> tuple[ClusterFacts, ...]:
    names = [feature.name for feature in preparation.features]
    return cluster_facts(
        with_nearest(rows, preparation.coordinates, centres),
        cluster=nearest.CLUSTER,
        customers=audit.usable,
        values={name: F.expr(contract.number(name)) for name in names},
        ranges={name: (audit.ranges[name].low, audit.ranges[name].high) for name in names},
        distance=F.sqrt(nearest.SQUARE) * 2.0**-preparation.bits,
        reach=preparation.reach,
        lead=F.col(nearest.SECOND_SQUARE) - F.col(nearest.SQUARE),
    )
