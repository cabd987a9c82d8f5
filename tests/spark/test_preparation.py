"""The preparation: worked by hand, against scikit-learn, exact at the rim, blind to the order."""

import math
from itertools import product

import numpy as np
import pandas as pd
import pytest
from pyspark.sql import functions as F
from sklearn.preprocessing import StandardScaler

from segmentation.errors import DataError
from segmentation.model.preparation import EXACT_BITS
from segmentation.model.spark_vectors import SCALED
from tests.rotation import rotation
from tests.spark.tables import RAW, in_partitions, prepared, table, with_coordinates


def test_moments_and_coordinates_on_paper(spark):
    # log1p of e**t - 1 is t; 1, 2, 3, 6 have mean 3 and variance 14 / 3
    made = prepared(table(spark, spend=np.expm1([1, 2, 3, 6])))
    (scale,) = made.preparation.columns
    assert (scale.name, made.preparation.feature_of(0).transform) == ("spend", "log1p")
    assert scale.mean == pytest.approx(3, rel=1e-9)
    assert scale.deviation == pytest.approx(math.sqrt(14 / 3), rel=1e-9)
    expected = (np.array([1, 2, 3, 6]) - 3) / math.sqrt(14 / 3)
    assert sorted(made.scaled.ravel()) == pytest.approx(expected, abs=2.0**-made.preparation.bits)


@pytest.fixture(scope="module")
def skewed():
    random = np.random.default_rng(4)
    return pd.DataFrame(
        {
            "id": np.arange(400.0),
            "spend": random.lognormal(5, 2, 400),
            "orders": random.poisson(3, 400).astype(float),
            "balance": random.normal(0, 900, 400),
        }
    )


NUMERIC = ["spend", "orders", {"name": "balance", "transform": "signed"}]  # not by name


def transformed(frame):
    balance = frame["balance"]
    return np.column_stack(
        [
            np.sign(balance) * np.log1p(balance.abs()),
            np.log1p(frame["orders"]),
            np.log1p(frame["spend"]),
        ]
    )


def test_scaling_is_that_of_scikit_learn(spark, skewed):
    made = prepared(spark.createDataFrame(skewed), numeric=NUMERIC)
    found = made.rows.orderBy("id").select(*made.coordinates).toPandas().to_numpy()
    rows = len(skewed)
    # scikit-learn divides by the deviation over n, Spark and we by that over n - 1
    expected = StandardScaler().fit_transform(transformed(skewed)) * math.sqrt((rows - 1) / rows)
    assert found / 2.0**made.preparation.bits == pytest.approx(expected, abs=1e-6)
    assert made.preparation.squares(rows) == pytest.approx((found**2).sum(), rel=1e-5)
    assert (found == np.rint(found)).all()


@pytest.mark.parametrize("partitions", rotation([1, 7]))
def test_order_and_partitions_change_no_bit(spark, skewed, partitions):
    once = prepared(spark.createDataFrame(skewed), numeric=NUMERIC)
    again = prepared(in_partitions(spark.createDataFrame(skewed), partitions), numeric=NUMERIC)
    assert again.preparation == once.preparation
    rows, same = (
        p.rows.orderBy("id").select(*p.coordinates).toPandas().to_numpy() for p in (once, again)
    )
    assert np.array_equal(rows, same)


def test_the_unit_of_a_feature_changes_no_bit(spark, skewed):
    spend = skewed["spend"].to_numpy()
    raw = {"transform": "none"}
    euros = prepared(table(spark, a=spend), features=raw)
    sixteenths = prepared(table(spark, a=spend * 16), features=raw)
    assert np.array_equal(np.sort(euros.scaled, axis=0), np.sort(sixteenths.scaled, axis=0))
    assert sixteenths.preparation.columns[0].mean == euros.preparation.columns[0].mean * 16


@pytest.mark.parametrize(
    ("values", "mean", "deviation"),
    [
        ([1.6e9 - 1, 1.6e9, 1.6e9 + 1], 1.6e9, 1.0),
        ([1e-9, 2e-9, 3e-9], 2e-9, 1e-9),
        ([-1e99, 0.0, 1e99], 0.0, 1e99),
    ],
)
def test_huge_offsets_and_tiny_values_stay_right(spark, values, mean, deviation):
    made = prepared(table(spark, a=values), features={"transform": "none"})
    (scale,) = made.preparation.columns
    assert scale.mean == pytest.approx(mean, rel=1e-12, abs=1e-7 * deviation)
    assert scale.deviation == pytest.approx(deviation, rel=1e-8)
    assert sorted(made.scaled.ravel()) == pytest.approx([-1, 0, 1], abs=1e-6)


@pytest.mark.parametrize(
    ("values", "features"),
    rotation(product(([-3000, 0, 1, 3000], [0, 1e-6, 7], [-1e9, 5, 6]), (1, 3, 12)), daily=3),
)
def test_squared_distances_are_exact_out_to_the_farthest_customer(spark, values, features):
    made = prepared(table(spark, **{f"f{j}": values for j in range(features)}), features=RAW)
    points = made.scaled * 2.0**made.preparation.bits
    assert (points == np.rint(points)).all()
    widest = features * int(points.max() - points.min()) ** 2
    assert widest <= 2**EXACT_BITS
    # as fine as that allows: about the mean, one bit more would go beyond
    reach = int(np.abs(points).max())
    assert 4 * features * (4 * reach) ** 2 > 2**EXACT_BITS
    assert made.preparation.reach * 2.0**made.preparation.bits >= math.sqrt(widest)


@pytest.mark.parametrize(
    ("feature", "values", "expected"),
    [
        ({"name": "a", "negative": "reject"}, [-5, 0, 3], [0, math.log(4)]),
        ({"name": "a", "negative": "clip"}, [-5, 0, 3], [0, 0, math.log(4)]),
        ({"name": "a", "negative": "signed"}, [-5, 0, 3], [-math.log(6), 0, math.log(4)]),
        ({"name": "a", "transform": "signed"}, [-5, 0, 3], [-math.log(6), 0, math.log(4)]),
        ({"name": "a", "transform": "none"}, [-5, 0, 3], [-5, 0, 3]),
    ],
)
def test_transforms_on_paper(spark, feature, values, expected):
    made = prepared(table(spark, a=values), numeric=[feature], features={"scale": "none"})
    (scale,) = made.preparation.columns
    assert sorted(made.scaled.ravel() + scale.mean) == pytest.approx(expected, abs=1e-6)
    assert made.audit.usable == len(expected)


def test_coordinates_go_back_to_original_units(spark):
    values = [-5.0, 0.0, 3.0, 250.0]
    for transform in ("none", "signed"):
        made = prepared(table(spark, a=values), numeric=[{"name": "a", "transform": transform}])
        rows = made.rows.collect()
        for row in rows:
            assert made.preparation.original(0, row["__q0"]) == pytest.approx(row.a, abs=1e-4)
    assert made.preparation.difference(0, 2.0**made.preparation.bits) == pytest.approx(1)


def test_a_constant_feature_is_left_out_and_named(spark):
    made = prepared(
        table(spark, a=[1, 2, 3], b=[7, 7, 7], c=[-1, -2, 0]),
        numeric=[
            "a",
            "b",
            {"name": "c", "negative": "clip"},
        ],
    )  # clipped, c is 0 on every row
    assert made.preparation.constant == ("b", "c")
    assert list(made.preparation.used) == ["a"]
    assert made.scaled.shape == (3, 1)


@pytest.mark.parametrize("rows", [1, 4])
def test_rows_that_nothing_tells_apart_are_an_error_that_names_the_features(spark, rows):
    with pytest.raises(DataError, match=rf"{rows} usable rows \(a, b\)"):
        prepared(table(spark, a=[3] * rows, b=[0] * rows))


@pytest.mark.parametrize(
    ("scale", "spread"),
    rotation(product(("standard", "none"), (5e-324, 1e-300, 1e-150)), daily=2),
)
def test_a_spread_whose_square_is_no_ordinary_double_is_an_error(spark, spread, scale):
    customers = table(spark, a=[0, spread, 2 * spread], b=[1, 2, 3])
    with pytest.raises(DataError, match=r"feature 'a' varies by .* 1e-100"):
        prepared(customers, features={"transform": "none", "scale": scale})


def test_two_customers_lie_on_both_sides_of_their_mean(spark):
    made = prepared(table(spark, a=[1, 3]), features={"transform": "none"})
    assert sorted(made.scaled.ravel()) == pytest.approx([-math.sqrt(0.5), math.sqrt(0.5)])


def test_different_customers_are_estimated_before_rounding(spark):
    # beside 1e15 the grid has no room to tell them apart
    made = prepared(table(spark, a=[*range(3000), 1e15]), features={"transform": "none"})
    assert made.distinct != 3001
    assert made.distinct == pytest.approx(3001, rel=0.75)


def test_the_ml_stages_make_the_coordinates_to_the_last_bit(spark, skewed):
    made = prepared(spark.createDataFrame(skewed), numeric=NUMERIC)
    rows = made.stages.model.transform(made.rows).select(SCALED, *made.coordinates).collect()
    for row in rows:
        coordinates = np.array([row[name] for name in made.coordinates])
        found = made.stages.points(row[SCALED].toArray()[np.newaxis])
        assert (found == coordinates).all()
        assert (made.stages.vectors(found) == row[SCALED].toArray()).all()


@pytest.mark.parametrize(
    "value", rotation([None, float("nan"), float("inf"), -1.0, 1e101], daily=2)
)
def test_what_breaks_the_contract_has_no_coordinate_and_is_not_usable(spark, value):
    made = prepared(table(spark, a=[1, 2, 3]))
    unseen = spark.createDataFrame([(value,), (2.0,)], "a double")
    bad, good = with_coordinates(unseen, made.preparation).collect()
    assert bad["__q0"] is None
    assert good["__q0"] is not None
    staged = (
        made.stages.model.transform(unseen)
        .withColumn("usable", F.expr(made.stages.is_usable))
        .collect()
    )
    assert [(row["usable"], row[SCALED][0]) for row in staged] == [
        (False, 0),
        (True, pytest.approx(good["__q0"] / 2.0**made.preparation.bits)),
    ]
