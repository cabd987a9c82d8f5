"""Segments built from clusters: their order comes from outside."""

from fractions import Fraction

import numpy as np
import pytest

from segmentation.clustering.ties import FinalClusters
from segmentation.model.expressions import Number
from segmentation.model.features import Feature
from segmentation.model.preparation import ModelColumn, Preparation
from segmentation.numerics.partition import Partition
from segmentation.pipelines.description import build_segments
from segmentation.segments.attributes import Attribute
from segmentation.segments.profile import Value, order_by_value
from segmentation.segments.statistics import ClusterStatistics, Facts

BITS = 10
SPEND = Attribute("spend", "numeric", Number("spend"))
PREPARATION = Preparation(
    (Feature("spend", "numeric"),),
    (ModelColumn("spend", None, mean=50.0, deviation=10.0, unit=10.0),),
    BITS,
)
CENTRES = np.array([[-3.0], [4.0], [0.0]]) * 2**BITS
"""At 20, 90 and 50 in original units."""

SIZES, MEANS = (5, 2, 9), (20, 90, 50)


def clusters(*, tied=0):
    """Three clusters whose customers are all at the centres, numbered as the centres are."""
    statistics = tuple(
        ClusterStatistics(
            i,
            size,
            {SPEND.keys[0]: Facts(size, Fraction(size * mean), (mean,) * 5)},
            0.0,
            (i,),
            1.0,
            0.5 + i,
        )
        for i, (size, mean) in enumerate(zip(SIZES, MEANS, strict=True))
    )
    points = [int(centre) for (centre,) in CENTRES.tolist()]
    sums = tuple((size * point,) for size, point in zip(SIZES, points, strict=True))
    squares = tuple(size * point**2 for size, point in zip(SIZES, points, strict=True))
    return FinalClusters(Partition(CENTRES, SIZES, sums, squares), statistics, tied)


def built(order, *, tied=0):
    return build_segments(
        clusters(tied=tied),
        order,
        preparation=PREPARATION,
        attributes=[SPEND],
        value=Value("spend", adds_up=True),
    )


@pytest.mark.parametrize("order", [(1, 2, 0), (0, 1, 2), (2, 0, 1)])
def test_prototypes_sizes_and_profiles_follow_the_given_order(order):
    found = built(order)
    assert found.rule.points.tolist() == CENTRES[list(order)].tolist()
    assert [segment.segment for segment in found.segments] == [0, 1, 2]
    assert [each.distance_quantiles for each in found.of_model] == [(i,) for i in order]
    assert [each.name for each in found.of_model] == [each.name for each in found.segments]
    assert [segment.customers for segment in found.segments] == [SIZES[i] for i in order]
    assert [segment.value_mean for segment in found.segments] == [MEANS[i] for i in order]
    assert [profile.centroid for profile in found.profiles] == [MEANS[i] for i in order]
    assert [profile.difference for profile in found.profiles] == [
        (MEANS[i] - 50) / 10 for i in order
    ]
    assert [profile.segment for profile in found.profiles] == [0, 1, 2]


def test_the_usual_order_is_by_value():
    statistics = clusters().statistics
    assert order_by_value(statistics, value=Value("spend", adds_up=True)) == (1, 2, 0)


def test_the_silhouette_is_that_of_all_customers():
    # 5 customers at 0.5, 2 at 1.5, 9 at 2.5
    assert clusters().silhouette == pytest.approx((2.5 + 3 + 22.5) / 16)


def test_customers_who_stay_tied_are_known_of_the_segments():
    assert built((0, 1, 2), tied=7).tied == 7
