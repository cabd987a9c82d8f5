"""Profiles: what the customers of each cluster are like, in original units."""

from collections.abc import Mapping, Sequence

from segmentation.results import FeatureProfile, Segment
from segmentation.segments.facts import Attribute, ClusterFacts
from segmentation.segments.naming import name_segments


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
