"""Profiles of the customers of each cluster, in original units."""

import math
from collections.abc import Iterator, Mapping, Sequence, Set
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
    """Customer value: a feature or attribute, and whether it can be added up over customers."""

    feature: str
    adds_up: bool


@dataclass(frozen=True)
class Centre:
    """A cluster's centre along one model column: in original units, and its ``difference``.

    The difference is from the mean of all customers, in standard deviations of the prepared
    column.
    """

    original: float
    difference: float


def order_by_value(
    statistics: Sequence[ClusterStatistics], *, value: Value | None
) -> tuple[int, ...]:
    """The numbers of the clusters in the order of their segments: highest mean value first.

    Equal means, and all clusters without a value, are ordered by size, then by the means of
    all attributes, so that the order does not depend on how the clusters were numbered.
    """
    key = None if value is None else (value.feature, None)
    ordered = sorted(
        statistics,
        key=lambda c: (
            0.0 if key is None else _descending(c, key),
            -c.customers,
            [_descending(c, attribute) for attribute in c.attributes],
        ),
    )
    return tuple(each.cluster for each in ordered)


def describe(
    statistics: Sequence[ClusterStatistics],
    *,
    attributes: Sequence[Attribute],
    centres: Sequence[Mapping[Key, Centre]],
    value: Value | None,
    min_group: int = 1,
) -> tuple[tuple[Segment, ...], tuple[FeatureProfile, ...]]:
    """The tables ``segments`` and ``segment_profile`` of clusters in the order of the segments.

    ``centres`` has one entry per segment, with the model columns only. A name states nothing
    that is true of fewer than ``min_group`` customers.
    """
    overall = {key: _overall(statistics, key) for each in attributes for key in each.keys}
    names = name_segments(
        [
            traits(
                cluster,
                {key: each.difference for key, each in centre.items()},
                attributes=attributes,
                overall=overall,
            )
            for cluster, centre in zip(statistics, centres, strict=True)
        ],
        sizes=[cluster.customers for cluster in statistics],
        min_group=min_group,
    )
    profiles = [
        profile
        for segment, (cluster, centre) in enumerate(zip(statistics, centres, strict=True))
        for profile in _profiles(segment, cluster, centre, attributes=attributes, overall=overall)
    ]
    return _segments(statistics, names, value=value), tuple(profiles)


def _segments(
    statistics: Sequence[ClusterStatistics], names: Sequence[str], *, value: Value | None
) -> tuple[Segment, ...]:
    """The table ``segments``: sizes and shares of customers and of value."""
    customers = sum(cluster.customers for cluster in statistics)
    sums = [_sum(cluster, value) for cluster in statistics]
    whole = sum((each for each in sums if each is not None), Fraction())
    return tuple(
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
        for i, (cluster, total) in enumerate(zip(statistics, sums, strict=True))
    )


def _profiles(
    segment: int,
    cluster: ClusterStatistics,
    centre: Mapping[Key, Centre],
    *,
    attributes: Sequence[Attribute],
    overall: Mapping[Key, Facts],
) -> Iterator[FeatureProfile]:
    """The rows of one segment, without values that no customer at all has."""
    used = {column for column, _ in centre}
    for attribute, key in ((each, key) for each in attributes for key in each.keys):
        mean, value = overall[key].mean or 0.0, key[1]
        if not mean and value is not None:
            continue
        found, own = cluster.attributes[key], centre.get(key)
        yield FeatureProfile(
            segment=segment,
            feature=attribute.column,
            kind=attribute.kind,
            value=value,
            used_for_clustering=attribute.column in used,
            known=found.known,
            mean=found.mean,
            p10=found.quantiles[0],
            median=found.quantiles[1],
            p90=found.quantiles[2],
            centroid=None if own is None else own.original,
            overall_mean=mean,
            difference=_difference(attribute, found.mean, mean, own, used),
        )


def _difference(
    attribute: Attribute,
    mean: float | None,
    overall: float,
    centre: Centre | None,
    used: Set[str],
) -> float | None:
    """The difference of the centre; for a band, which has none, that of its share."""
    if centre is not None:
        return centre.difference
    if attribute.column not in used or attribute.kind != "ordered" or mean is None:
        return None
    deviation = math.sqrt(overall * (1 - overall))
    return (mean - overall) / deviation if deviation else 0.0


def _sum(cluster: ClusterStatistics, value: Value | None) -> Fraction | None:
    if value is None or not value.adds_up:
        return None
    return cluster.attributes[value.feature, None].total


def _overall(statistics: Sequence[ClusterStatistics], key: Key) -> Facts:
    """The statistics of all customers, without quantiles."""
    of_clusters = [cluster.attributes[key] for cluster in statistics]
    known = sum(each.known for each in of_clusters)
    return Facts(known, sum((each.total for each in of_clusters), Fraction()), ())


def _descending(cluster: ClusterStatistics, key: Key) -> tuple[bool, float]:
    """Sort key: highest mean first, clusters without a known value last."""
    mean = cluster.attributes[key].mean
    return mean is None, -(mean or 0.0)
