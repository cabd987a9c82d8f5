"""Profiles of clusters, worked by hand."""

import math
from fractions import Fraction

import pytest

from segmentation.model.expressions import Column
from segmentation.segments.attributes import Attribute
from segmentation.segments.profile import Centre, Value, describe, order_by_value
from segmentation.segments.statistics import ClusterStatistics, Facts

SPEND = Value("spend", adds_up=True)
NUMBERS = [Attribute(name, "numeric", Column(name)) for name in ("spend", "age")]


def of(known, total, *, quantiles=(None,) * 5):
    return Facts(known, Fraction(total), quantiles)


def fact(cluster, *, customers, spend, age):
    """A cluster whose customers are all alike."""
    attributes = {
        (name, None): of(customers, mean * customers, quantiles=(mean,) * 5)
        for name, mean in (("spend", spend), ("age", age))
    }
    return cluster_of(cluster, customers, attributes)


def cluster_of(cluster, customers, attributes):
    return ClusterStatistics(cluster, customers, attributes, 1.0, (), None, 0.0)


def centre(**differences):
    return {(name, None): Centre(0.0, difference) for name, difference in differences.items()}


def test_segments_are_ordered_by_value_then_size_then_the_other_means():
    given = [
        fact(0, customers=5, spend=10, age=1),
        fact(1, customers=5, spend=30, age=1),
        fact(2, customers=9, spend=10, age=1),
        fact(3, customers=5, spend=10, age=2),
    ]
    for numbered in (given, given[::-1]):
        assert order_by_value(numbered, value=SPEND) == (1, 2, 3, 0)
    assert order_by_value(given, value=Value("age", adds_up=False))[0] == 3


def test_without_a_value_the_largest_segment_comes_first():
    given = [fact(0, customers=5, spend=90, age=1), fact(1, customers=9, spend=1, age=1)]
    assert order_by_value(given, value=None) == (1, 0)


def test_a_segment_whose_value_nobody_knows_comes_last():
    negative = fact(0, customers=5, spend=-10, age=1)
    unknown = cluster_of(1, 9, {**negative.attributes, ("spend", None): of(0, 0)})
    assert order_by_value([unknown, negative], value=SPEND) == (0, 1)
    segments, _ = describe(
        [negative, unknown], attributes=NUMBERS, centres=[centre(age=1.0)] * 2, value=SPEND
    )
    assert [each.value_mean for each in segments] == [-10, None]


def test_segments_and_profiles_on_paper():
    segments, profiles = describe(
        [fact(4, customers=1, spend=90, age=20), fact(2, customers=9, spend=10, age=40)],
        attributes=NUMBERS,
        value=SPEND,
        centres=[
            {("spend", None): Centre(88, 2.0), ("age", None): Centre(21, -1.0)},
            {("spend", None): Centre(9, -0.2), ("age", None): Centre(39, 0.1)},
        ],
    )
    first, second = segments
    assert (first.segment, first.name, first.customers) == (0, "Very high spend, low age", 1)
    assert (first.share, first.value_mean, first.value_sum, first.value_share) == (0.1, 90, 90, 0.5)
    assert (second.share, second.value_share, second.name) == (0.9, 0.5, "Close to average")
    spend = [p for p in profiles if p.feature == "spend"]
    assert [p.overall_mean for p in spend] == [18, 18]  # (90 + 9 * 10) / 10
    assert [(p.segment, p.known, p.mean, p.centroid, p.difference) for p in spend] == [
        (0, 1, 90, 88, 2.0),
        (1, 9, 10, 9, -0.2),
    ]


@pytest.mark.parametrize(
    ("value", "told"),
    [
        (SPEND, [(1, 2, None), (-1, -2, None)]),  # a share of nothing is no number
        (Value("spend", adds_up=False), [(1, None, None), (-1, None, None)]),
        (None, [(None, None, None)] * 2),
    ],
)
def test_what_is_said_of_the_value(value, told):
    segments, _ = describe(
        [fact(0, customers=2, spend=1, age=1), fact(1, customers=2, spend=-1, age=1)],
        attributes=NUMBERS,
        value=value,
        centres=[centre(spend=1.0), centre(spend=-1.0)],
    )
    assert [(s.value_mean, s.value_sum, s.value_share) for s in segments] == told


def test_a_band_has_its_share_of_those_who_name_one():
    bands = [Attribute("age", "ordered", Column("age"), ("young", "old", "ancient"))]
    first = {("age", "young"): of(4, 3), ("age", "old"): of(4, 1), ("age", "ancient"): of(4, 0)}
    second = {("age", "young"): of(1, 0), ("age", "old"): of(1, 1), ("age", "ancient"): of(1, 0)}
    _, profiles = describe(
        [cluster_of(0, 6, first), cluster_of(1, 5, second)],
        attributes=bands,
        value=None,
        centres=[centre(age=-1.0), centre(age=1.5)],
    )
    told = [
        (p.value, p.known, p.mean, p.overall_mean, p.centroid, p.used_for_clustering)
        for p in profiles
    ]
    assert told == [
        ("young", 4, 0.75, 0.6, None, True),
        ("old", 4, 0.25, 0.4, None, True),
        ("young", 1, 0, 0.6, None, True),
        ("old", 1, 1, 0.4, None, True),
    ]  # nobody is ancient
    deviation = math.sqrt(0.6 * 0.4)
    assert [p.difference for p in profiles] == pytest.approx(
        [each / deviation for each in (0.15, -0.15, -0.6, 0.6)]
    )
