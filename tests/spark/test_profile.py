"""Profiles of clusters: worked by hand, and against pandas on the same rows."""

import numpy as np
import pandas as pd
import pytest
from pyspark.sql import functions as F

from segmentation.exact import EXACT_QUANTILES
from segmentation.segments.profile import (
    QUANTILES,
    Attribute,
    ClusterFacts,
    Facts,
    by_value,
    cluster_facts,
    describe,
)
from tests.spark.tables import in_partitions


def facts(rows, *, features, customers=1, reach=100.0):
    """The facts of a table with the columns ``cluster``, ``distance``, ``lead`` and features."""
    bounds = rows.agg(*[f(n).alias(f"{f.__name__}_{n}") for n in features for f in (F.min, F.max)])
    found = bounds.collect()[0]
    return cluster_facts(
        rows,
        cluster="cluster",
        customers=customers,
        attributes=[
            Attribute(name, name, None, name, found[f"min_{name}"], found[f"max_{name}"])
            for name in features
        ],
        distance=F.col("distance"),
        reach=reach,
        lead=F.col("lead"),
    )


def test_facts_on_paper(spark):
    rows = [(0, 10.0, 1.0, 5.0), (0, 30.0, 3.0, 2.0), (1, 7.0, 0.5, 9.0)]
    first, second = facts(
        spark.createDataFrame(rows, "cluster int, spend double, distance double, lead double"),
        features=["spend"],
    )
    assert (first.cluster, first.customers, first.mean_distance, first.narrowest) == (0, 2, 2, 2)
    # quantiles lie between the two: 10 + 0.1 * 20 and so on
    assert first.attributes == {"spend": Facts(2, 20, 40, (12, 20, 28))}
    assert second.attributes == {"spend": Facts(1, 7, 7, (7, 7, 7))}


@pytest.fixture(scope="module")
def frame():
    random = np.random.default_rng(10)
    return pd.DataFrame(
        {
            "cluster": random.integers(0, 3, 300),
            "spend": random.lognormal(4, 1, 300),
            "since": 1.6e9 + random.uniform(-1, 1, 300),
            "distance": random.uniform(0, 100, 300),
            "lead": random.uniform(0, 10, 300),
        }
    )


def test_facts_are_those_of_pandas(spark, frame):
    found = facts(spark.createDataFrame(frame), features=["spend", "since"])
    for cluster, own in frame.groupby("cluster"):
        fact = found[int(cluster)]
        assert fact.customers == len(own)
        assert fact.narrowest == own["lead"].min()
        assert fact.mean_distance == pytest.approx(own["distance"].mean(), rel=1e-8)
        for name in ("spend", "since"):
            assert fact.attributes[name].mean == pytest.approx(own[name].mean(), rel=1e-8)
            assert fact.attributes[name].total == pytest.approx(own[name].sum(), rel=1e-8)
            assert fact.attributes[name].quantiles == pytest.approx(
                own[name].quantile(list(QUANTILES)).tolist(), rel=1e-12
            )
        offset = own["since"].mean() - 1.6e9
        assert fact.attributes["since"].mean - 1.6e9 == pytest.approx(offset, abs=1e-6)


@pytest.mark.parametrize("partitions", [1, 7])
def test_order_and_partitions_change_no_bit(spark, frame, partitions):
    rows = spark.createDataFrame(frame)
    again = facts(in_partitions(rows, partitions), features=["spend", "since"])
    assert again == facts(rows, features=["spend", "since"])


def test_above_a_million_customers_quantiles_are_right_to_twelve_bits(spark, frame):
    exact = facts(spark.createDataFrame(frame), features=["spend"], customers=EXACT_QUANTILES)
    rounded = facts(spark.createDataFrame(frame), features=["spend"], customers=EXACT_QUANTILES + 1)
    for one, other in zip(exact, rounded, strict=True):
        assert other.attributes["spend"].quantiles != one.attributes["spend"].quantiles
        assert other.attributes["spend"].quantiles == pytest.approx(
            one.attributes["spend"].quantiles, rel=2.0**-12
        )
        assert other.attributes["spend"].mean == one.attributes["spend"].mean


def fact(cluster, *, customers, spend, age):
    """A cluster whose customers are all alike."""
    features = {
        name: Facts(customers, mean, mean * customers, (mean,) * 3)
        for name, mean in (("spend", spend), ("age", age))
    }
    return ClusterFacts(cluster, customers, features, 1.0, None)


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
