"""Facts of clusters: worked by hand, and against pandas and Spark's evaluator on the same rows."""

import math
from fractions import Fraction

import numpy as np
import pandas as pd
import pytest
from pyspark.ml.evaluation import ClusteringEvaluator
from pyspark.ml.feature import VectorAssembler
from pyspark.sql import functions as F

from segmentation.model.expressions import Column
from segmentation.model.fitted import DISTANCE_QUANTILES
from segmentation.model.spark_columns import (
    CLUSTER,
    ENTRIES,
    SECOND_SQUARE,
    SQUARE,
    with_nearest,
)
from segmentation.numerics.fixed_point import EXACT_QUANTILES
from segmentation.numerics.grid_points import Layout
from segmentation.numerics.partition import Partition
from segmentation.segments import statistics_pass as module
from segmentation.segments.attributes import Attribute
from segmentation.segments.statistics import QUANTILES, Facts, cluster_statistics
from tests.brute_force import Listed
from tests.rotation import rotation
from tests.spark.tables import in_partitions, on_grid, points_of

BITS = 20
UNIT = 2.0**-BITS


def facts(rows, points, centres, *, attributes=(), times=1):
    """The facts of a table with the columns ``q0``, ``q1``..., the ``points``, and attributes.

    The clusters are said to have ``times`` as many customers.
    """
    centres = np.asarray(centres, dtype=np.float64)
    points = np.asarray(points, dtype=np.int64)
    (once,) = Listed(points.tolist()).partitions([centres])
    partition = Partition(
        centres,
        tuple(times * count for count in once.counts),
        tuple(tuple(times * total for total in sums) for sums in once.sums),
        tuple(times * square for square in once.squares),
    )
    coordinates = [f"q{j}" for j in range(points.shape[1])]
    customers = points_of(rows, coordinates, bits=BITS, points=points)
    return cluster_statistics(customers, partition, attributes=attributes)


def number(name):
    return Attribute(name, "numeric", Column(name))


def test_facts_on_paper(spark):
    schema = "q0 double, q1 double, spend double, is_vip double"
    points = [(0, 0), (0, 4), (9, 0)]
    rows = [(0.0, 0.0, 10.0, 1.0), (0.0, 4.0, 30.0, 0.0), (9.0, 0.0, None, 1.0)]
    first, second = facts(
        spark.createDataFrame(rows, schema),
        points,
        [(0, 1), (9, 0)],
        attributes=[
            number("spend"),
            Attribute("is", "categorical", Column("is_vip"), ("no", "vip")),
        ],
    )
    assert (first.cluster, first.customers) == (0, 2)
    assert first.mean_distance == pytest.approx(2 * UNIT)  # (1 + 3) / 2
    between = [1 + 2 * at for at in DISTANCE_QUANTILES]  # customers are 1 and 3 away
    assert first.distance_quantiles == pytest.approx([each * UNIT for each in between])
    assert second.distance_quantiles == (0,) * len(DISTANCE_QUANTILES)
    assert first.smallest_tie_margin == 80  # of (0, 0): 81 to the other centre, 1 to its own
    # quantiles lie between the two: 10 + 0.1 * 20 and so on
    assert first.attributes["spend", None] == Facts(2, Fraction(40), (12, 20, 28, 19, 21))
    assert first.attributes["spend", None].mean == 20
    assert first.attributes["is", "vip"] == Facts(2, Fraction(1), (None,) * 5)
    assert second.attributes["spend", None] == Facts(0, Fraction(0), (None,) * 5)
    assert second.attributes["spend", None].mean is None
    assert second.attributes["is", "vip"] == Facts(1, Fraction(1), (None,) * 5)
    # squares to the one other: 16; to the other cluster: 81, and 81 + 16
    assert first.silhouette == pytest.approx(((1 - 16 / 81) + (1 - 16 / 97)) / 2)
    assert second.silhouette == 0  # a customer alone


@pytest.fixture(scope="module")
def frame():
    random = np.random.default_rng(10)
    coordinates = random.integers(-(2**20), 2**20, (300, 2)).astype(float)
    values = {
        "spend": random.lognormal(4, 1, 300),
        "since": 1.6e9 + random.uniform(-1, 1, 300),
        "seen": np.where(random.random(300) < 0.2, np.nan, random.normal(0, 1, 300)),
    }
    return pd.DataFrame({"q0": coordinates[:, 0], "q1": coordinates[:, 1], **values})


VALUES = ("spend", "since", "seen")


def of_frame(rows, frame, **options):
    points = frame[["q0", "q1"]].to_numpy()
    return facts(rows, points, points[:3], attributes=[number(n) for n in VALUES], **options)


def test_facts_are_those_of_pandas(spark, frame):
    rows = spark.createDataFrame(frame)
    found = of_frame(rows, frame)
    centres = frame[["q0", "q1"]].to_numpy()[:3]
    labelled = with_nearest(
        rows.withColumn(ENTRIES, F.array("q0", "q1")), Layout.of_numbers(2), centres
    ).toPandas()
    for cluster, fact in enumerate(found):
        own = labelled[labelled[CLUSTER] == cluster]
        assert fact.customers == len(own)
        assert fact.smallest_tie_margin == (own[SECOND_SQUARE] - own[SQUARE]).min()
        distances = np.sqrt(own[SQUARE]) * UNIT
        assert fact.mean_distance == pytest.approx(distances.mean(), rel=1e-8)
        expected = distances.quantile(DISTANCE_QUANTILES)
        assert fact.distance_quantiles == pytest.approx(expected, rel=1 / 4096)
        for name in VALUES:
            known = own[name].dropna()
            assert fact.attributes[name, None].known == len(known)
            assert float(fact.attributes[name, None].total) == math.fsum(known)
            assert fact.attributes[name, None].mean == pytest.approx(known.mean(), rel=1e-12)
            assert fact.attributes[name, None].quantiles == pytest.approx(
                known.quantile(list(QUANTILES)).tolist(), rel=1e-12
            )


def test_sums_are_exact_whatever_their_sizes(spark):
    """As ``math.fsum``, which rounds the true sum once: Shewchuk (1997)."""
    random = np.random.default_rng(3)
    values = np.ldexp(random.uniform(-1, 1, 6000), random.integers(-1074, 330, 6000))
    values[:3] = [5e-324, -5e-324, 1e100]
    rows = spark.createDataFrame(pd.DataFrame({"q0": np.zeros(6000), "spend": values}))
    for table in (rows.coalesce(1), rows.repartition(5)):
        (only,) = facts(table, [[0.0], [0.0]], [[0.0]], attributes=[number("spend")], times=3000)
        assert float(only.attributes["spend", None].total) == math.fsum(values)
        assert only.attributes["spend", None].known == 6000


@pytest.mark.parametrize("partitions", rotation([1, 7]))
def test_order_and_partitions_change_no_bit(spark, frame, partitions):
    rows = spark.createDataFrame(frame)
    again = of_frame(in_partitions(rows, partitions), frame)
    assert again == of_frame(rows, frame)


def test_a_task_that_counts_its_values_in_parts_finds_the_same(spark, frame, monkeypatch):
    rows = spark.createDataFrame(frame).coalesce(1)
    expected = of_frame(rows, frame)
    batch = "spark.sql.execution.arrow.maxRecordsPerBatch"
    before = spark.conf.get(batch)
    monkeypatch.setattr(module, "MAX_BUFFERED_VALUES", 20)
    spark.conf.set(batch, "16")
    try:
        assert of_frame(rows, frame) == expected
    finally:
        spark.conf.set(batch, before)


def test_a_zero_has_no_sign(spark):
    schema = "q0 double, spend double"
    for zeros in ((-0.0, 0.0), (0.0, -0.0)):
        rows = spark.createDataFrame([(0.0, zero) for zero in zeros], schema)
        (only,) = facts(rows, [(0,), (0,)], [(0,)], attributes=[number("spend")])
        assert str(only.attributes["spend", None].quantiles) == "(0.0, 0.0, 0.0, 0.0, 0.0)"


def test_above_a_million_customers_quantiles_are_right_to_twelve_bits(spark, frame):
    rows = spark.createDataFrame(frame)
    exact = of_frame(rows, frame)
    rounded = of_frame(rows, frame, times=EXACT_QUANTILES)
    for one, other in zip(exact, rounded, strict=True):
        assert other.attributes["spend", None].quantiles != one.attributes["spend", None].quantiles
        assert other.attributes["spend", None].quantiles == pytest.approx(
            one.attributes["spend", None].quantiles, rel=2.0**-12
        )
        assert other.attributes["spend", None].mean == one.attributes["spend", None].mean


@pytest.mark.parametrize("k", [2, 4])
@pytest.mark.parametrize("partitions", [1, 5])
def test_the_average_silhouette_is_that_of_sparks_evaluator(spark, k, partitions):
    random = np.random.default_rng(k)
    points = random.integers(-(2**20), 2**20, (400, 3))
    rows = on_grid(spark, points).repartition(partitions)
    centres = np.array(random.integers(-(2**20), 2**20, (k, 3)), dtype=np.float64)
    found = facts(rows, points, centres, attributes=[number("q0")])
    labelled = with_nearest(rows, Layout.of_numbers(3), centres)
    vectors = VectorAssembler(inputCols=["q0", "q1", "q2"], outputCol="point").transform(labelled)
    evaluator = ClusteringEvaluator(
        featuresCol="point", predictionCol=CLUSTER, distanceMeasure="squaredEuclidean"
    )
    average = sum(each.silhouette * each.customers for each in found) / len(points)
    assert average == pytest.approx(evaluator.evaluate(vectors), abs=1e-6)


def test_twins_are_at_no_distance_and_a_single_cluster_has_no_silhouette(spark):
    points = [(0, 0), (0, 0), (9, 0)]
    rows = on_grid(spark, points)
    attributes = [number("q0")]
    twins, alone = facts(rows, points, [(0, 0), (9, 0)], attributes=attributes)
    assert (twins.silhouette, alone.silhouette) == (1, 0)
    (everyone,) = facts(rows, points, [(3, 0)], attributes=attributes)
    assert (everyone.silhouette, everyone.smallest_tie_margin) == (0, None)
