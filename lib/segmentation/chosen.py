"""The chosen clusters made segments: moved off ties, profiled, ordered, named; their customers."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from segmentation.attributes import Attribute
from segmentation.clustering import nearest
from segmentation.clustering.lloyd import Partition, Points
from segmentation.clustering.nearest import with_nearest
from segmentation.config import Config
from segmentation.features.measures import number
from segmentation.features.preparation import EXACT_BITS, Preparation
from segmentation.results import FeatureProfile, Segment
from segmentation.segments.facts import ClusterFacts, Moments, cluster_facts
from segmentation.segments.labelled import labelled_customers
from segmentation.segments.profile import Centre, Value, describe, in_order

CLEAR_LEAD = 1e-12 * 2.0**EXACT_BITS
"""Grid squares by which a customer's centre must lead, so that no rounding of MLlib's turns it."""

NUDGES, NUDGE = 8, 8
"""At most so many attempts to move centres off ties, by so many grid steps (some 1e-5 units)."""


@dataclass(frozen=True)
class Chosen:
    """The chosen clusters in the order of their segments; ``centres`` are grid points.

    ``silhouette`` is the average over all customers, None where there is one segment.
    """

    centres: Points
    segments: tuple[Segment, ...]
    profiles: tuple[FeatureProfile, ...]
    silhouette: float | None


def settled(
    rows: DataFrame,
    partition: Partition,
    *,
    preparation: Preparation,
    attributes: Sequence[Attribute],
    value: Value | None,
    min_group: int = 1,
) -> Chosen:
    """The chosen clusters profiled, ordered and named; their centres moved off ties if need be.

    A customer as near to two centres as doubles can tell would get either label from MLlib,
    so centres are nudged by a few grid steps until every customer's lead is clear.
    The ``attributes`` are profiled; ``value`` is one of them. Names state nothing that is true of
    fewer than ``min_group`` customers.
    """
    moments = _moments(partition)

    def facts_of(centres: Points) -> tuple[ClusterFacts, ...]:
        return cluster_facts(
            rows,
            coordinates=preparation.coordinates,
            centres=centres,
            moments=moments,
            attributes=attributes,
            unit=2.0**-preparation.bits,
            reach=preparation.reach,
        )

    centres = partition.centres
    facts = facts_of(centres)
    for attempt in range(NUDGES):
        if all(c.narrowest is None or c.narrowest >= CLEAR_LEAD for c in facts):
            break
        random = np.random.default_rng(attempt)
        centres = partition.centres + random.integers(-NUDGE, NUDGE + 1, centres.shape)
        facts = facts_of(centres)
    ordered = in_order(facts, value=value)
    centres = centres[[cluster.cluster for cluster in ordered]]
    segments, profiles = describe(
        ordered,
        attributes=attributes,
        centres=[
            {
                scale.dimension.key: Centre(
                    preparation.original(j, centre[j]), preparation.difference(j, centre[j])
                )
                for j, scale in enumerate(preparation.scales)
            }
            for centre in centres.tolist()
        ],
        value=value,
        min_group=min_group,
    )
    return Chosen(centres, segments, profiles, _average(facts))


def value_of(config: Config) -> Value | None:
    """What a customer is worth by the configuration, if it says so."""
    feature = config.value_feature
    return None if feature is None else Value(feature, adds_up=config.value_adds_up)


def labelled(
    rows: DataFrame,
    chosen: Chosen,
    *,
    preparation: Preparation,
    columns: Sequence[str],
    numeric: Sequence[str],
    imputed: Mapping[str, str],
) -> DataFrame:
    """The table ``customers``: the input's ``columns`` of every row, and its label.

    Of the ``numeric`` columns a text becomes its number. ``imputed`` has the SQL of whether a
    row's cell is filled, by column.
    """
    filled = [F.when(F.expr(sql), F.lit(name)) for name, sql in imputed.items()]
    names = F.nullif(F.concat_ws(", ", *filled), F.lit("")) if filled else F.lit(None)
    return labelled_customers(
        with_nearest(rows, preparation.coordinates, chosen.centres),
        columns=columns,
        numbers={name: F.expr(f"nanvl({number(name)}, CAST(NULL AS DOUBLE))") for name in numeric},
        names=[segment.name for segment in chosen.segments],
        imputed=names.cast("string"),
        segment=F.col(nearest.CLUSTER),
        runner_up=F.col(nearest.SECOND_CLUSTER),
        square=F.col(nearest.SQUARE),
        runner_up_square=F.col(nearest.SECOND_SQUARE),
        unit=2.0**-preparation.bits,
    )


def _moments(partition: Partition) -> Moments:
    counts = np.array(partition.counts, dtype=np.float64)
    costs = np.array([float(cost) for cost in partition.costs()])
    return Moments(counts, partition.means(), costs / counts)


def _average(facts: Sequence[ClusterFacts]) -> float | None:
    """The average silhouette of all customers, None where there is one cluster."""
    if len(facts) == 1:
        return None
    customers = sum(cluster.customers for cluster in facts)
    return sum(cluster.silhouette * cluster.customers for cluster in facts) / customers
