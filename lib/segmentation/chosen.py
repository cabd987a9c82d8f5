"""The chosen clusters made segments: moved off ties, profiled, ordered, named; their customers."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from segmentation.clustering import nearest
from segmentation.clustering.lloyd import Partition, Points
from segmentation.clustering.nearest import with_nearest
from segmentation.features.encoding import Dimension
from segmentation.features.measures import number
from segmentation.features.preparation import EXACT_BITS, Preparation
from segmentation.results import FeatureProfile, Segment
from segmentation.segments.facts import Attribute, ClusterFacts, Moments, cluster_facts
from segmentation.segments.labelled import labelled_customers
from segmentation.segments.profile import by_value, describe

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
    described: Sequence[Dimension],
    value_feature: str,
) -> Chosen:
    """The chosen clusters profiled, ordered and named; their centres moved off ties if need be.

    A customer as near to two centres as doubles can tell would get either label from MLlib,
    so centres are nudged by a few grid steps until every customer's lead is clear.
    ``described`` are profiled beside the dimensions that shape the segments.
    """
    shaping = [scale.dimension for scale in preparation.scales]
    attributes = [*map(_attribute, shaping), *_apart_from(shaping, described)]
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
    ordered = by_value(facts, value_feature=value_feature)
    centres = centres[[cluster.cluster for cluster in ordered]]
    names = [dimension.name for dimension in shaping]
    segments, profiles = describe(
        ordered,
        attributes=attributes,
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
    return Chosen(centres, segments, profiles, _average(facts))


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
        numbers={name: F.expr(number(name)) for name in numeric},
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


def _attribute(each: Dimension) -> Attribute:
    return Attribute(each.name, each.column, each.value, each.sql, each.low, each.high)


def _apart_from(shaping: Sequence[Dimension], described: Sequence[Dimension]) -> list[Attribute]:
    """The attributes that only describe: a feature that shapes the segments is told once."""
    columns = {each.column for each in shaping}
    return [_attribute(each) for each in described if each.column not in columns]
