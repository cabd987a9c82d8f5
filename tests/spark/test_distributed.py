"""All rows of a table as a population: the same totals as plain Python, whatever the partitions."""

import numpy as np
import pytest

from segmentation.clustering.distributed import DistributedPopulation
from segmentation.clustering.lloyd import lloyd_from_centres
from tests.brute_force import Listed, totals
from tests.rotation import rotation
from tests.spark.tables import in_partitions, on_grid, points_of


@pytest.fixture(scope="module")
def points():
    random = np.random.default_rng(8)
    far = random.integers(-(2**23), 2**23, (150, 3))
    return np.vstack([far, random.integers(-2, 3, (50, 3)), far[:20]])


def population(rows):
    return DistributedPopulation(points_of(rows, rows.columns))


def centre_sets(points):
    return [points[:k].astype(float) for k in (1, 2, 5)]


@pytest.mark.parametrize("partitions", rotation([1, 7]))
def test_totals_are_those_of_plain_python(spark, points, partitions):
    rows = in_partitions(on_grid(spark, points), partitions)
    found = population(rows).partitions(centre_sets(points))
    expected = Listed(points.tolist()).partitions(centre_sets(points))
    assert [totals(p) for p in found] == [totals(p) for p in expected]


def test_of_equally_near_centres_the_first_has_the_customer(spark, points):
    # ties among the small points, and an empty cluster far away
    centres = np.vstack([points[150:171], [(2**24, 0, 0)]]).astype(float)
    (found,) = population(on_grid(spark, points)).partitions([centres])
    assert totals(found) == totals(Listed(points.tolist()).partitions([centres])[0])
    assert found.counts[-1] == 0


def test_other_columns_do_not_matter(spark):
    rows = on_grid(spark, [(1, 7), (9, 7), (2, 7)])
    found = DistributedPopulation(points_of(rows, ["q0"])).partitions([np.array([[0.0], [10.0]])])[
        0
    ]
    assert (found.counts, found.sums, found.squares) == ((2, 1), ((3,), (9,)), (5, 81))


def test_lloyd_converges_where_it_does_on_listed_customers(spark, points):
    rows, start = on_grid(spark, points), points[:4].astype(float)
    found, has_converged = lloyd_from_centres(population(rows), start, max_steps=5)
    expected, same = lloyd_from_centres(Listed(points.tolist()), start, max_steps=5)
    assert totals(found) == totals(expected)
    assert has_converged == same


def test_the_farthest_row_is_found_in_one_partition_or_many(spark, points):
    around = points[:3].astype(float)
    rows = in_partitions(on_grid(spark, points), 7)
    expected = Listed(points.tolist()).farthest(around)
    assert population(rows).farthest(around).tolist() == expected.tolist()
