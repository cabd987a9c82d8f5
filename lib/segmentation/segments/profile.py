"""Profiles: what the customers of each cluster are like, in original units."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from pyspark.sql import Column, DataFrame, Row
from pyspark.sql import functions as F

from segmentation.exact import Grid, quantiles
from segmentation.results import FeatureProfile, Segment
from segmentation.segments.naming import name_segments

QUANTILES = (0.1, 0.5, 0.9)


@dataclass(frozen=True)
class Attribute:
    """What is profiled of customers: a number, or whether they have the ``value`` of a column.

    ``sql`` is a double from ``low`` to ``high``, null where it is not known; with a ``value``
    it is 1 or 0. ``name`` is its own alone.
    """

    name: str
    column: str
    value: str | None
    sql: str
    low: float
    high: float


@dataclass(frozen=True)
class Facts:
    """One attribute over the customers of one cluster; ``known`` are those with a number.

    ``quantiles`` are as :data:`QUANTILES`; of a value there are none.
    """

    known: int
    mean: float | None
    total: float
    quantiles: tuple[float | None, ...]


@dataclass(frozen=True)
class ClusterFacts:
    """What one pass over the rows finds of a cluster.

    ``narrowest`` is the least lead that a customer's centre has over the second nearest, in
    squared units of ``distance``; None where there is no second.
    """

    cluster: int
    customers: int
    attributes: Mapping[str, Facts]
    mean_distance: float
    narrowest: float | None


def cluster_facts(
    rows: DataFrame,
    *,
    cluster: str,
    customers: int,
    attributes: Sequence[Attribute],
    distance: Column,
    reach: float,
    lead: Column,
) -> tuple[ClusterFacts, ...]:
    """The facts of every cluster, by its number; one pass over the rows, an aggregate each.

    Parameters
    ----------
    rows
        One row per customer, with the integer column ``cluster``; ``customers`` in all.
    distance, reach
        Distance to the own centre, and a bound on it.
    lead
        What :attr:`ClusterFacts.narrowest` is the least of.
    """
    grids = {each.name: Grid.spanning(each.low, each.high) for each in attributes}
    distances = Grid.spanning(0.0, reach)
    aggregates = [
        F.count(F.lit(1)).alias("customers"),
        F.sum(distances.index(distance)).alias("distance"),
        F.min(lead).alias("narrowest"),
    ]
    for j, each in enumerate(attributes):
        value = F.expr(each.sql)
        aggregates.append(F.sum(grids[each.name].index(value)).alias(f"sum_{j}"))
        aggregates.append(F.count(value).alias(f"known_{j}"))
        if each.value is None:
            aggregates.append(quantiles(value, QUANTILES, rows=customers).alias(f"quantiles_{j}"))
    found = rows.groupBy(cluster).agg(*aggregates).collect()
    return tuple(
        ClusterFacts(
            row[cluster],
            row.customers,
            {
                each.name: _facts(row, j, each, grids[each.name])
                for j, each in enumerate(attributes)
            },
            distances.mean(row.distance, row.customers),
            row.narrowest,
        )
        for row in sorted(found, key=lambda row: row[cluster])
    )


def _facts(row: Row, j: int, attribute: Attribute, grid: Grid) -> Facts:
    known, total = row[f"known_{j}"], row[f"sum_{j}"]
    if not known:
        return Facts(0, None, 0.0, (None, None, None))
    at = tuple(row[f"quantiles_{j}"]) if attribute.value is None else (None, None, None)
    return Facts(known, grid.mean(total, known), grid.total(total, known), at)


def by_value(facts: Sequence[ClusterFacts], *, value_feature: str) -> tuple[ClusterFacts, ...]:
    """The clusters in the order of their segments: highest mean value first.

    Equal means are ordered by size, then by the other features' means, so that the order
    does not depend on how the clusters were numbered.
    """
    return tuple(
        sorted(
            facts,
            key=lambda c: (
                -_mean(c, value_feature),
                -c.customers,
                [-_mean(c, name) for name in c.attributes],
            ),
        )
    )


def describe(
    facts: Sequence[ClusterFacts],
    *,
    attributes: Sequence[Attribute],
    value_feature: str,
    centroids: Sequence[Mapping[str, float]],
    differences: Sequence[Mapping[str, float]],
) -> tuple[tuple[Segment, ...], tuple[FeatureProfile, ...]]:
    """The tables ``segments`` and ``segment_profile`` from facts in the order of segments.

    ``centroids`` are in original units, ``differences`` from the average in standard
    deviations; both one entry a segment, and of the attributes that shape the segments only.
    """
    customers = sum(cluster.customers for cluster in facts)
    shaping = [each for each in attributes if each.name in differences[0]]
    names = name_segments(
        differences, values={e.name: (e.column, e.value) for e in shaping if e.value is not None}
    )
    whole = sum(cluster.attributes[value_feature].total for cluster in facts)
    segments = tuple(
        Segment(
            segment=i,
            name=names[i],
            customers=cluster.customers,
            share=cluster.customers / customers,
            value_mean=_mean(cluster, value_feature),
            value_sum=cluster.attributes[value_feature].total,
            value_share=_share(cluster.attributes[value_feature].total, whole),
            mean_distance=cluster.mean_distance,
        )
        for i, cluster in enumerate(facts)
    )
    profiles = tuple(
        FeatureProfile(
            segment=i,
            feature=each.column,
            mean=found.mean,
            p10=found.quantiles[0],
            median=found.quantiles[1],
            p90=found.quantiles[2],
            centroid=centroids[i].get(each.name),
            overall_mean=overall,
            difference=differences[i].get(each.name),
            value=each.value,
            shapes=each in shaping,
        )
        for i, cluster in enumerate(facts)
        for each in attributes
        for found in [cluster.attributes[each.name]]
        for overall in [_overall_mean(facts, each.name)]
        if each in shaping or overall or each.value is None
    )
    return segments, profiles


def _overall_mean(facts: Sequence[ClusterFacts], name: str) -> float:
    of_clusters = [cluster.attributes[name] for cluster in facts]
    return sum(each.total for each in of_clusters) / sum(each.known for each in of_clusters)


def _mean(cluster: ClusterFacts, name: str) -> float:
    """The mean of an attribute, 0 where no customer has a number."""
    return cluster.attributes[name].mean or 0.0


def _share(part: float, whole: float) -> float | None:
    return part / whole if whole > 0 else None
