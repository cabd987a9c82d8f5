"""A coreset in memory: weighted points are the customers that they stand for."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from segmentation.clustering.coreset import Coreset
from segmentation.numerics.grid_points import GridPoints
from tests.brute_force import Listed, totals

point = st.tuples(st.integers(-(2**22), 2**22), st.integers(-3, 3))
weighted = st.dictionaries(point, st.integers(1, 9), min_size=1, max_size=20)
anywhere = st.lists(point, min_size=1, max_size=5)


def coreset(weights):
    """The coreset of ``{point: weight}``, its points in sorted order."""
    points = sorted(weights)
    return Coreset(
        GridPoints.of(np.array(points, dtype=np.float64)),
        np.array([weights[p] for p in points], dtype=np.int64),
        is_whole=True,
    )


def copies(weights):
    """The customers, as many of each as its weight says."""
    return Listed([p for p, weight in weights.items() for _ in range(weight)])


def centres(points):
    return np.array(points, dtype=np.float64)


def test_a_partition_of_weighted_points_on_paper():
    # three customers at 0, one at 4, two at 10: 0 * 3 + 4 = 4 and 2 * 10 = 20
    found = coreset({(0, 0): 3, (4, 0): 1, (10, 0): 2}).partitions([centres([(1, 0), (9, 0)])])[0]
    assert (found.counts, found.sums) == ((4, 2), ((4, 0), (20, 0)))
    assert sum(found.squares) == 16 + 2 * 100
    assert found.cost() == 12  # about 1: 3 * 1 + 9; about 10: 0


@given(weighted, anywhere, anywhere)
def test_a_weight_is_so_many_customers(weights, first, second):
    sets = [centres(first), centres(second)]
    found, expected = coreset(weights).partitions(sets), copies(weights).partitions(sets)
    assert [totals(p) for p in found] == [totals(p) for p in expected]


@given(weighted, anywhere)
def test_the_farthest_point_is_the_farthest_customer(weights, around):
    found = coreset(weights).farthest(centres(around))
    assert found.tolist() == copies(weights).farthest(centres(around)).tolist()


def test_of_equally_far_points_the_largest_coordinates_win():
    corners = {(-5, 5): 1, (5, -5): 1, (5, 5): 1, (-5, -5): 9}
    assert coreset(corners).farthest(centres([(0, 0)])).tolist() == [5, 5]


def test_what_it_hands_out_is_not_its_own_memory():
    kept = coreset({(0, 0): 1, (9, 9): 1})
    kept.farthest(centres([(0, 0)]))[:] = -1
    assert kept.points.coordinates.tolist() == [[0, 0], [9, 9]]


def test_labels_are_positions_of_the_nearest_and_first_of_equals():
    kept = coreset({(0, 0): 1, (5, 0): 1, (10, 0): 1})
    assert kept.labels(centres([(10, 0), (0, 0)])).tolist() == [1, 0, 0]


def test_sums_of_heavy_weights_are_exact():
    # 3**33 is above 2**52: times an odd coordinate a double would round it
    found = coreset({(3, 1): 3**33, (5, 0): 1}).partitions([centres([(3, 1)])])[0]
    assert found.sums == ((3 * 3**33 + 5, 3**33),)
    assert sum(found.squares) == 10 * 3**33 + 25


@pytest.mark.parametrize("weight", [1, 64, 640])
def test_scaling_every_weight_scales_the_cost_alone(weight):
    weights = {(0, 0): 3, (4, 0): 1, (10, 0): 2}
    around = [centres([(1, 0), (9, 0)])]
    once = coreset(weights).partitions(around)[0]
    scaled = coreset({p: weight * w for p, w in weights.items()}).partitions(around)[0]
    assert scaled.cost() == weight * once.cost()
    assert scaled.means().tolist() == once.means().tolist()
