"""Profiles: what the customers of each cluster are like, in original units."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from segmentation.exact import Grid
from segmentation.results import FeatureProfile, Segment
from segmentation.segments.naming import name_segments

QUANTILES = (0.1, 0.5, 0.9)

EXACT_QUANTILES = 1_000_000
"""Up to so many customers quantiles are exact. Above, values are first rounded to 12
significant bits, one part in 4,096: an exact quantile keeps every distinct value in memory."""

_SPLITTER = 2.0**41 + 1


@dataclass(frozen=True)
class FeatureFacts:
    """One feature over the customers of one cluster; ``quantiles`` as :data:`QUANTILES`."""

    mean: float
    total: float
    quantiles: tuple[float, ...]


@dataclass(frozen=True)
class ClusterFacts:
    """What one pass over the rows finds of a cluster.

    ``narrowest`` is the least lead that a customer's centre has over the second nearest, in
    squared units of ``distance``; None where there is no second.
    """

    cluster: int
    customers: int
    features: Mapping[str, FeatureFacts]
    mean_distance: float
    narrowest: float | None


def cluster_facts(
    rows: DataFrame,
    *,
    cluster: str,
    customers: int,
    values: Mapping[str, Column],
    ranges: Mapping[str, tuple[float, float]],
    distance: Column,
    reach: float,
    lead: Column,
) -> tuple[ClusterFacts, ...]:
    """The facts of every cluster, by its number; one pass over the rows, an aggregate each.

    Parameters
    ----------
    rows
        One row per customer, with the integer column ``cluster``; ``customers`` in all.
    values, ranges
        For every feature its value in original units, and the least and largest of them.
    distance, reach
        Distance to the own centre, and a bound on it.
    lead
        What :attr:`ClusterFacts.narrowest` is the least of.
    """
    grids = {name: Grid.spanning(*bounds) for name, bounds in ranges.items()}
    distances = Grid.spanning(0.0, reach)
    aggregates = [
        F.count(F.lit(1)).alias("customers"),
        F.sum(distances.index(distance)).alias("distance"),
        F.min(lead).alias("narrowest"),
    ]
    for j, (name, value) in enumerate(values.items()):
        aggregates.append(F.sum(grids[name].index(value)).alias(f"sum_{j}"))
        rounded = value if customers <= EXACT_QUANTILES else _to_twelve_bits(value)
        aggregates.append(F.percentile(rounded, list(QUANTILES)).alias(f"quantiles_{j}"))
    found = rows.groupBy(cluster).agg(*aggregates).collect()
    return tuple(
        ClusterFacts(
            row[cluster],
            row.customers,
            {
                name: FeatureFacts(
                    grids[name].mean(row[f"sum_{j}"], row.customers),
                    grids[name].total(row[f"sum_{j}"], row.customers),
                    tuple(row[f"quantiles_{j}"]),
                )
                for j, name in enumerate(values)
            },
            distances.mean(row.distance, row.customers),
            row.narrowest,
        )
        for row in sorted(found, key=lambda row: row[cluster])
    )


def by_value(facts: Sequence[ClusterFacts], *, value_feature: str) -> tuple[ClusterFacts, ...]:
    """The clusters in the order of their segments: highest mean value first.

    Equal means are ordered by size, then by the other features' means, so that the order
    does not depend on how the clusters were numbered.
    """
    return tuple(
        sorted(
            facts,
            key=lambda c: (
                -c.features[value_feature].mean,
                -c.customers,
                [-feature.mean for feature in c.features.values()],
            ),
        )
    )


def describe(
    facts: Sequence[ClusterFacts],
    *,
    value_feature: str,
    centroids: Sequence[Mapping[str, float]],
    differences: Sequence[Mapping[str, float]],
) -> tuple[tuple[Segment, ...], tuple[FeatureProfile, ...]]:
    """The tables ``segments`` and ``segment_profile`` from facts in the order of segments.

    ``centroids`` are in original units, ``differences`` from the average in standard
    deviations; both one entry a segment.
    """
    customers = sum(cluster.customers for cluster in facts)
    totals = {
        name: sum(cluster.features[name].total for cluster in facts) for name in facts[0].features
    }
    names = name_segments(differences)
    segments = tuple(
        Segment(
            segment=i,
            name=names[i],
            customers=cluster.customers,
            share=cluster.customers / customers,
            value_mean=cluster.features[value_feature].mean,
            value_sum=cluster.features[value_feature].total,
            value_share=_share(cluster.features[value_feature].total, totals[value_feature]),
            mean_distance=cluster.mean_distance,
        )
        for i, cluster in enumerate(facts)
    )
    profiles = tuple(
        FeatureProfile(
            segment=i,
            feature=name,
            mean=feature.mean,
            p10=feature.quantiles[0],
            median=feature.quantiles[1],
            p90=feature.quantiles[2],
            centroid=centroids[i][name],
            overall_mean=totals[name] / customers,
            difference=differences[i][name],
        )
        for i, cluster in enumerate(facts)
        for name, feature in cluster.features.items()
    )
    return segments, profiles


def _to_twelve_bits(value: Column) -> Column:
    """A double rounded to 12 significant bits: Veltkamp's splitting, Dekker (1971)."""
    shifted = value * F.lit(_SPLITTER)
    return shifted - (shifted - value)


def _share(part: float, whole: float) -> float | None:
    return part / whole if whole > 0 else None
