"""The coreset drawn from a table: all distinct rows, or a sample that is right on average."""

import numpy as np
import pandas as pd
import pytest
from pyspark.sql import functions as F

from segmentation.clustering.coreset import FULL_GROUPING_FACTOR, WEIGHT_UNIT, compress, sample
from tests.spark.tables import on_grid, points_of


def lognormal(rows, *, seed):
    """Skewed points on a grid, with their mean at 0 up to rounding."""
    points = np.random.default_rng(seed).lognormal(0, 1, (rows, 2)) * 2**14
    return np.rint(points - points.mean(axis=0))


def drawn(rows, points, *, size, seed=42, identity=("q0", "q1")):
    """A sample of a table that holds these points."""
    customers = points_of(rows, ["q0", "q1"], points=points)
    return sample(customers, identity=[F.col(name) for name in identity], size=size, seed=seed)


def compressed(rows, points, *, size=50, distinct_points=None):
    """What is made of a table that holds these points."""
    customers = points_of(rows, ["q0", "q1"], points=points, distinct=distinct_points)
    return compress(customers, identity=[F.col("q0"), F.col("q1")], size=size, seed=1)


def test_few_points_are_all_taken_with_their_counts(spark):
    points = np.array([(3, 1), (0, 0), (3, 1), (-2, 5), (0, 0), (3, 1)], float)
    found = compressed(on_grid(spark, points), points)
    assert found.points.entries.tolist() == [[-2, 5], [0, 0], [3, 1]]
    assert found.weights.tolist() == [1, 2, 3]
    assert found.is_whole


def test_their_counts_are_those_of_pandas(spark):
    points = np.random.default_rng(1).integers(-3, 4, (300, 2))
    found = compressed(on_grid(spark, points), points, distinct_points=49)
    expected = pd.DataFrame(points).value_counts().sort_index()
    assert found.points.entries.tolist() == [list(point) for point in expected.index]
    assert found.weights.tolist() == expected.tolist()


@pytest.mark.parametrize(
    ("points", "distinct_points", "is_whole"),
    [
        (FULL_GROUPING_FACTOR * 50, 150, True),
        (FULL_GROUPING_FACTOR * 50 + 1, 150, False),
        (FULL_GROUPING_FACTOR * 50, 10**6, False),
    ],
    ids=["few", "more than was estimated", "estimated to be many"],
)
def test_few_points_are_taken_whole_and_many_are_sampled(spark, points, distinct_points, is_whole):
    several = lognormal(points, seed=2)
    found = compressed(on_grid(spark, several), several, distinct_points=distinct_points)
    assert found.is_whole == is_whole
    assert (len(found.points) == points) == is_whole


def test_customers_that_an_outlier_pushes_onto_few_grid_points_are_taken_whole(spark):
    # two thousand different customers before rounding, three after
    points = np.repeat([(0.0, 0), (1, 0), (2**24, 0)], [1500, 499, 1], axis=0)
    found = compressed(on_grid(spark, points), points, distinct_points=2000)
    assert found.points.entries.tolist() == [[0, 0], [1, 0], [2**24, 0]]
    assert found.weights.tolist() == [1500, 499, 1]
    assert found.is_whole


def test_weights_are_the_inverse_of_the_probability(spark):
    points = lognormal(1000, seed=3)
    found = drawn(on_grid(spark, points), points, size=100)
    squares = (found.points.entries**2).sum(axis=1)
    kept = np.minimum(1, 100 * (0.5 / 1000 + 0.5 * squares / (points**2).sum()))
    assert found.weights.tolist() == np.rint(WEIGHT_UNIT / kept).tolist()
    assert {tuple(p) for p in found.points.entries} <= {tuple(p) for p in points}
    assert found.points.entries.tolist() == sorted(found.points.entries.tolist())


def test_a_far_outlier_is_always_kept_with_weight_one(spark):
    points = np.vstack([lognormal(500, seed=4), [(2**22, 2**22)]])
    for seed in range(3):
        found = drawn(on_grid(spark, points), points, size=50, seed=seed)
        assert found.points.entries[-1].tolist() == [2**22, 2**22]
        assert found.weights[-1] == WEIGHT_UNIT


SEEDS = range(-4, 8)
CENTRES = np.array([(0.0, 0.0), (2.0**15, 2.0**14)])


@pytest.mark.parametrize(
    ("distinct", "copies", "with_id"),
    [(2000, 1, False), (100, 20, False), (100, 20, True)],
    ids=["rows that differ", "whole rows repeated", "points repeated under other ids"],
)
def test_a_sample_is_right_on_average(spark, distinct, copies, with_id):
    points = np.repeat(lognormal(distinct, seed=5), copies, axis=0)
    columns = np.column_stack([points, np.arange(len(points))])
    rows = on_grid(spark, columns).repartition(2).cache()
    own = np.array(((points[:, np.newaxis] - CENTRES) ** 2).sum(axis=2).argmin(axis=1))
    customers, costs, shares = [], [], []
    for seed in SEEDS:
        found = drawn(
            rows,
            points,
            size=100,
            seed=seed,
            identity=("q0", "q1", "q2") if with_id else ("q0", "q1"),
        )
        customers.append(found.weights.sum() / WEIGHT_UNIT)
        partition = found.partitions([CENTRES])[0]
        costs.append(sum(partition.squares) / WEIGHT_UNIT)
        shares.append(partition.counts[1] / WEIGHT_UNIT)
    rows.unpersist()
    # each bound is three standard errors of the mean over the seeds
    for found_on_average, expected in (
        (customers, len(points)),
        (costs, (points**2).sum()),
        (shares, (own == 1).sum()),
    ):
        error = 3 * np.std(found_on_average, ddof=1) / np.sqrt(len(SEEDS))
        assert np.mean(found_on_average) == pytest.approx(expected, abs=error)
        assert error < 0.25 * expected


def test_a_sample_has_about_the_size_asked_for_in_different_points(spark):
    for copies in (1, 20):
        points = np.repeat(lognormal(2000, seed=6), copies, axis=0)
        found = drawn(on_grid(spark, points), points, size=300)
        assert len(found.points) == pytest.approx(300, rel=0.25)


def test_another_seed_draws_other_rows_and_the_same_seed_the_same(spark):
    points = lognormal(1000, seed=7)
    rows = on_grid(spark, points)
    first, again, other = (drawn(rows, points, size=100, seed=s) for s in (1, 1, 2))
    assert np.array_equal(first.points.entries, again.points.entries)
    assert np.array_equal(first.weights, again.weights)
    assert first.points.entries.tolist() != other.points.entries.tolist()
