"""Profiles: what the customers of each cluster are like, in original units."""

import math
from collections.abc import Mapping, Sequence, Set
from dataclasses import dataclass
from fractions import Fraction

from segmentation.model.preparation import Key
from segmentation.results import FeatureProfile, Segment
from segmentation.segments.attributes import Attribute
from segmentation.segments.naming import name_segments
from segmentation.segments.statistics import ClusterStatistics, Facts
from segmentation.segments.traits import traits


@dataclass(frozen=True)
class Value:
    """What a customer is worth: a feature or attribute, and whether sums of it mean something."""

    feature: str
    adds_up: bool


@dataclass(frozen=True)
class Centre:
    """A cluster's centre along one dimension: in original units, and its ``difference``.

    The difference is from the mean of all customers, in standard deviations of the prepared
    dimension.
    """

    original: float
    difference: float


def in_order(
    facts: Sequence[ClusterStatistics], *, value: Value | None
) -> tuple[ClusterStatistics, ...]:
    """The clusters in the order of their segments: highest mean value first.

    Equal means, and all clusters without a value, are ordered by size, then by the means of
    all attributes, so that the order does not depend on how the clusters were numbered.
    """
    key = None if value is None else (value.feature, None)
    return tuple(
        sorted(
            facts,
            key=lambda c: (
                0.0 if key is None else _descending(c, key),
                -c.customers,
                [_descending(c, attribute) for attribute in c.attributes],
            ),
        )
    )


def describe(
    facts: Sequence[ClusterStatistics],
    *,
    attributes: Sequence[Attribute],
    centres: Sequence[Mapping[Key, Centre]],
    value: Value | None,
    min_group: int = 1,
) -> tuple[tuple[Segment, ...], tuple[FeatureProfile, ...]]:
    """The tables ``segments`` and ``segment_profile`` from facts in the order of segments.

    ``centres`` has one entry per segment, with the dimensions that shape the segments only. A
    name states nothing that is true of fewer than ``min_group`` customers.
    """
    customers = sum(cluster.customers for cluster in facts)
    overall = {each.key: _overall(facts, each.key) for each in attributes}
    names = name_segments(
        [
            traits(
                cluster,
                {key: each.difference for key, each in centre.items()},
                attributes=attributes,
                overall=overall,
            )
            for cluster, centre in zip(facts, centres, strict=True)
        ],
        sizes=[cluster.customers for cluster in facts],
        min_group=min_group,
    )
    sums = [_sum(cluster, value) for cluster in facts]
    whole = sum((each for each in sums if each is not None), Fraction())
    segments = tuple(
        Segment(
            segment=i,
            name=names[i],
            customers=cluster.customers,
            share=cluster.customers / customers,
            value_mean=None if value is None else cluster.attributes[value.feature, None].mean,
            value_sum=None if total is None else float(total),
            value_share=None if total is None or whole <= 0 else float(total / whole),
            mean_distance=cluster.mean_distance,
        )
        for i, (cluster, total) in enumerate(zip(facts, sums, strict=True))
    )
    shaping = {column for column, _ in centres[0]}
    profiles = tuple(
        FeatureProfile(
            segment=i,
            feature=each.column,
            kind=each.kind,
            value=each.value,
            used_for_clustering=each.column in shaping,
            known=found.known,
            mean=found.mean,
            p10=found.quantiles[0],
            median=found.quantiles[1],
            p90=found.quantiles[2],
            centroid=centre.original if (centre := centres[i].get(each.key)) else None,
            overall_mean=mean,
            difference=_difference(each, found.mean, mean, centre, shaping),
        )
        for i, cluster in enumerate(facts)
        for each in attributes
        for found in [cluster.attributes[each.key]]
        for mean in [overall[each.key].mean or 0.0]
        if mean or each.value is None
    )
    return segments, profiles


def _difference(
    attribute: Attribute,
    mean: float | None,
    overall: float,
    centre: Centre | None,
    shaping: Set[str],
) -> float | None:
    """That of the centre; a band has none of its own, so that of its share."""
    if centre is not None:
        return centre.difference
    if attribute.column not in shaping or attribute.kind != "ordered" or mean is None:
        return None
    deviation = math.sqrt(overall * (1 - overall))
    return (mean - overall) / deviation if deviation else 0.0


def _sum(cluster: ClusterStatistics, value: Value | None) -> Fraction | None:
    if value is None or not value.adds_up:
        return None
    return cluster.attributes[value.feature, None].total


def _overall(facts: Sequence[ClusterStatistics], key: Key) -> Facts:
    """The facts of all customers, without quantiles."""
    of_clusters = [cluster.attributes[key] for cluster in facts]
    known = sum(each.known for each in of_clusters)
    return Facts(known, sum((each.total for each in of_clusters), Fraction()), ())


def _descending(cluster: ClusterStatistics, key: Key) -> tuple[bool, float]:
    """What sorts the highest mean first, and last where no customer's value is known."""
    mean = cluster.attributes[key].mean
    return mean is None, -(mean or 0.0)
