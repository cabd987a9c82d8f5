"""Sums of whole numbers in Spark: exact, whatever the order of the rows."""

import statistics

import numpy as np
import pytest
from pyspark.sql import functions as F

from segmentation.features.preparation import moments_task
from segmentation.numerics.fixed_point import GRID_BITS, Grid, joined
from segmentation.numerics.spark_sums import merged
from tests.spark.tables import in_partitions, table


def moments(customers, grid):
    """Sum of the indices and of their squares."""
    task = moments_task([grid], [])
    (total, high, low), _ = merged(customers.select(F.array("a").alias("values")), task)
    return int(total), joined(int(high), int(low))


def test_indices_on_paper(spark):
    grid = Grid.spanning(-2.0, 4.0)
    indices = [0, 2**28, 6 * 2**27]
    found = moments(table(spark, a=[-2.0, 0.0, 4.0]), grid)
    assert found == (sum(indices), sum(i * i for i in indices))


def test_sums_of_squares_beyond_a_bigint_are_exact(spark):
    # 100 squares of 2**30 add up to 2**66.6: above the 2**63 of a bigint
    edge = [0.0] + [1.0 - 2.0**-31] * 100
    grid = Grid(0.0, 2.0**-GRID_BITS)
    total, squares = moments(table(spark, a=edge), grid)
    assert total == 100 * 2**GRID_BITS
    assert squares == 100 * 2 ** (2 * GRID_BITS)


@pytest.mark.parametrize(("low", "high"), [(-3, 5), (1.6e9 - 1, 1.6e9 + 1), (1e-9, 2e-9)])
def test_moments_are_those_of_numpy_whole_numbers(spark, low, high):
    values = np.random.default_rng(7).uniform(low, high, 500)
    grid = Grid.spanning(float(values.min()), float(values.max()))
    indices = [int(i) for i in np.rint((values - grid.low) / grid.step)]
    expected = sum(indices), sum(i * i for i in indices)
    for partitions in (1, 7, 64):
        assert moments(in_partitions(table(spark, a=values), partitions), grid) == expected
    mean = statistics.fmean(values)  # rounds once, where numpy rounds every sum
    assert grid.mean(expected[0], 500) == pytest.approx(mean, rel=2.0**-52, abs=grid.step)
    assert grid.deviation(*expected, 500) == pytest.approx(statistics.stdev(values, mean), rel=1e-7)
