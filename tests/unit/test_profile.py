"""Profiles of clusters, worked by hand."""

from segmentation.segments.facts import Attribute, ClusterFacts, Facts
from segmentation.segments.profile import by_value, describe


def fact(cluster, *, customers, spend, age):
    """A cluster whose customers are all alike."""
    features = {
        name: Facts(customers, mean, mean * customers, (mean,) * 3)
        for name, mean in (("spend", spend), ("age", age))
    }
    return ClusterFacts(cluster, customers, features, 1.0, None, 0.0)


def test_segments_are_ordered_by_value_then_size_then_the_other_means():
    given = [
        fact(0, customers=5, spend=10, age=1),
        fact(1, customers=5, spend=30, age=1),
        fact(2, customers=9, spend=10, age=1),
        fact(3, customers=5, spend=10, age=2),
    ]
    for numbered in (given, given[::-1]):
        ordered = by_value(numbered, value_feature="spend")
        assert [c.cluster for c in ordered] == [1, 2, 3, 0]
    assert by_value(given, value_feature="age")[0].cluster == 3


def test_segments_and_profiles_on_paper():
    segments, profiles = describe(
        [fact(4, customers=1, spend=90, age=20), fact(2, customers=9, spend=10, age=40)],
        attributes=[Attribute(name, name, None, name, 0, 1) for name in ("spend", "age")],
        value_feature="spend",
        centroids=[{"spend": 88, "age": 21}, {"spend": 9, "age": 39}],
        differences=[{"spend": 2.0, "age": -1.0}, {"spend": -0.2, "age": 0.1}],
    )
    first, second = segments
    assert (first.segment, first.name, first.customers) == (0, "Very high spend, low age", 1)
    assert (first.share, first.value_mean, first.value_sum, first.value_share) == (0.1, 90, 90, 0.5)
    assert (second.share, second.value_share, second.name) == (0.9, 0.5, "Close to average")
    spend = [p for p in profiles if p.feature == "spend"]
    assert [p.overall_mean for p in spend] == [18, 18]  # (90 + 9 * 10) / 10
    assert [(p.segment, p.mean, p.centroid, p.difference) for p in spend] == [
        (0, 90, 88, 2.0),
        (1, 10, 9, -0.2),
    ]


def test_a_share_of_no_value_is_no_number():
    segments, _ = describe(
        [fact(0, customers=2, spend=1, age=1), fact(1, customers=2, spend=-1, age=1)],
        attributes=[Attribute(name, name, None, name, 0, 1) for name in ("spend", "age")],
        value_feature="spend",
        centroids=[{"spend": 1, "age": 1}] * 2,
        differences=[{"spend": 1.0, "age": 0.0}, {"spend": -1.0, "age": 0.0}],
    )
    assert [segment.value_share for segment in segments] == [None, None]
