"""The chosen clusters made segments: moved off ties, profiled, ordered, named; their customers."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np
from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from segmentation.clustering.lloyd import Partition, Population
from segmentation.config import Config
from segmentation.model import spark_columns as nearest
from segmentation.model.expressions import NULL, Number, when
from segmentation.model.features import Feature, is_missing
from segmentation.model.preparation import Preparation
from segmentation.model.spark_columns import spark_column, with_nearest
from segmentation.numerics.arrays import Points
from segmentation.results import FeatureProfile, Segment
from segmentation.segments.attributes import Attribute
from segmentation.segments.labelled import labelled_customers
from segmentation.segments.profile import Centre, Value, describe, in_order
from segmentation.segments.statistics import ClusterStatistics, Moments, cluster_statistics

CLEAR_LEAD = 1.0
"""Grid squares by which a customer's centre must lead, so that MLlib finds it too.

The model's vectors are points of the grid, so that all that MLlib computes are whole numbers, but
for the squares of norms, by which it may measure a distance. Squared norms are at most ``2**48``:
a norm is off by ``2**-53`` of itself, the sum of two squared norms by at most 0.3, and a distance
by less than a half. A lead is a whole number; so only true ties are in doubt."""

NUDGES = (1, 8, 8, 64, 64, 512, 512, 4096)
"""How many grid steps centres move, at most, in each attempt to get off ties; 4,096 steps are
about a thousandth of a unit."""

NUDGE_SHARE = 1 / 64
"""Nor do they move by more than this share of the way between the nearest two."""


@dataclass(frozen=True)
class Chosen:
    """The chosen clusters in the order of their segments; ``centres`` are grid points.

    ``silhouette`` is the average over all customers, None where there is one segment. The
    ``partition`` is what the centres make of all customers, in an order of its own; ``tied``
    customers are as near to a second centre, so that the model may label them otherwise.
    """

    centres: Points
    partition: Partition
    tied: int
    segments: tuple[Segment, ...]
    profiles: tuple[FeatureProfile, ...]
    silhouette: float | None


def settled(
    rows: DataFrame,
    partition: Partition,
    *,
    population: Population,
    preparation: Preparation,
    attributes: Sequence[Attribute],
    value: Value | None,
    min_group: int = 1,
) -> Chosen:
    """The chosen clusters profiled, ordered and named; their centres moved off ties if need be.

    A customer as near to two centres would get either label from MLlib, so centres are nudged by
    a few grid steps until every customer's lead is clear. Where no attempt gets there they stay
    where they are. The ``attributes`` are profiled; ``value`` is one of them. Names state nothing
    that is true of fewer than ``min_group`` customers. One pass over the rows, and two for each
    attempt.
    """

    def facts_of(partition: Partition) -> tuple[ClusterStatistics, ...]:
        return cluster_statistics(
            rows,
            coordinates=preparation.coordinates,
            centres=partition.centres,
            moments=_moments(partition),
            attributes=attributes,
            unit=2.0**-preparation.bits,
            reach=preparation.reach,
        )

    partition, facts = _off_ties(partition, population, facts_of)
    tied = 0
    if _has_ties(facts):
        measured = with_nearest(rows, preparation.coordinates, partition.centres)
        lead = F.col(nearest.SECOND_SQUARE) - F.col(nearest.SQUARE)
        tied = measured.where(lead < CLEAR_LEAD).count()
    ordered = in_order(facts, value=value)
    centres = partition.centres[[cluster.cluster for cluster in ordered]]
    segments, profiles = describe(
        ordered,
        attributes=attributes,
        centres=[
            {
                column.key: Centre(
                    preparation.original(j, centre[j]), preparation.difference(j, centre[j])
                )
                for j, column in enumerate(preparation.columns)
            }
            for centre in centres.tolist()
        ],
        value=value,
        min_group=min_group,
    )
    return Chosen(centres, partition, tied, segments, profiles, _average(facts))


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
    features: Sequence[Feature],
) -> DataFrame:
    """The table ``customers``: the input's ``columns`` of every row, and its label.

    Of the numeric ``features`` a text becomes its number.
    """
    imputed = [each for each in features if each.missing == "impute"]
    filled = [F.when(spark_column(is_missing(each)), F.lit(each.name)) for each in imputed]
    names = F.nullif(F.concat_ws(", ", *filled), F.lit("")) if filled else F.lit(None)
    return labelled_customers(
        with_nearest(rows, preparation.coordinates, chosen.centres),
        columns=columns,
        numbers={
            each.name: spark_column(when(Number(each.name).is_nan(), NULL, Number(each.name)))
            for each in features
            if each.kind == "numeric"
        },
        names=[segment.name for segment in chosen.segments],
        imputed=names.cast("string"),
        segment=F.col(nearest.CLUSTER),
        runner_up=F.col(nearest.SECOND_CLUSTER),
        square=F.col(nearest.SQUARE),
        runner_up_square=F.col(nearest.SECOND_SQUARE),
        unit=2.0**-preparation.bits,
    )


def _has_ties(facts: Sequence[ClusterStatistics]) -> bool:
    return any(
        c.smallest_tie_margin is not None and c.smallest_tie_margin < CLEAR_LEAD for c in facts
    )


def _off_ties(
    partition: Partition,
    population: Population,
    facts_of: Callable[[Partition], tuple[ClusterStatistics, ...]],
) -> tuple[Partition, tuple[ClusterStatistics, ...]]:
    """The partition with its centres nudged until nobody is tied, or as it is; and its facts."""
    facts = facts_of(partition)
    if _has_ties(facts):
        for centres in _nudged(partition.centres):
            moved = population.partitions([centres])[0]
            if not moved.has_empty and not _has_ties(found := facts_of(moved)):
                return moved, found
    return partition, facts


def _nudged(centres: Points) -> Iterator[Points]:
    """The centres moved a little, at random, in each attempt by more."""
    apart = min(np.linalg.norm(one - other) for one, other in combinations(centres, 2))
    bound = max(1, int(apart * NUDGE_SHARE))
    for attempt, steps in enumerate(NUDGES):
        random = np.random.default_rng(attempt)
        most = min(steps, bound)
        yield centres + random.integers(-most, most + 1, centres.shape)


def _moments(partition: Partition) -> Moments:
    counts = np.array(partition.counts, dtype=np.float64)
    costs = np.array([float(cost) for cost in partition.costs()])
    return Moments(counts, partition.means(), costs / counts)


def _average(facts: Sequence[ClusterStatistics]) -> float | None:
    """The average silhouette of all customers, None where there is one cluster."""
    if len(facts) == 1:
        return None
    customers = sum(cluster.customers for cluster in facts)
    return sum(cluster.silhouette * cluster.customers for cluster in facts) / customers
