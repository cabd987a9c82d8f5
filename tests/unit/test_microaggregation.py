"""Groups of neighbours: none too small, all points in one, and neighbours indeed."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from segmentation.clustering.microaggregation import groups


def counted(found, counts):
    return np.bincount(found, weights=counts)


@given(
    st.integers(0, 2**32 - 1),
    st.integers(1, 300),
    st.integers(1, 4),
    st.integers(1, 40),
    st.sampled_from([1, 3, 100]),
)
def test_no_group_is_too_small_and_none_could_be_halved(seed, rows, width, size, most):
    chance = np.random.default_rng(seed)
    points = np.unique(chance.integers(0, 50, (rows, width)).astype(float), axis=0)
    counts = chance.integers(1, most + 1, len(points))
    found = groups(points, counts, size=size)
    sizes = counted(found, counts)
    assert sizes.min() >= min(size, counts.sum())
    if most == 1:
        assert (sizes < 2 * size).all()


def test_the_order_of_points_does_not_matter():
    chance = np.random.default_rng(1)
    points = np.unique(chance.integers(0, 20, (400, 3)).astype(float), axis=0)
    counts = chance.integers(1, 9, len(points))
    shuffled = chance.permutation(len(points))
    found = groups(points, counts, size=10)
    again = np.empty_like(found)
    again[shuffled] = groups(points[shuffled], counts[shuffled], size=10)
    assert {frozenset(np.flatnonzero(found == g)) for g in found} == {
        frozenset(np.flatnonzero(again == g)) for g in again
    }


def test_groups_are_of_neighbours():
    """Two heaps and one wide coordinate, worked out by hand."""
    points = np.array([[0, 0], [1, 0], [2, 5], [100, 0], [101, 5], [102, 0]], dtype=float)
    found = groups(points, np.array([1, 1, 1, 1, 1, 1]), size=3)
    assert found.tolist() == [0, 0, 0, 1, 1, 1]
    assert groups(points, np.array([1, 1, 1, 1, 1, 1]), size=4).tolist() == [0] * 6


@pytest.mark.parametrize("count", [0, 1])
def test_none_and_one(count):
    assert groups(np.zeros((count, 2)), np.ones(count, dtype=int), size=5).tolist() == [0] * count


def test_a_point_of_many_customers_is_a_group_of_its_own():
    points = np.array([[0.0], [1.0], [2.0]])
    assert groups(points, np.array([500, 500, 3]), size=10).tolist() == [0, 1, 1]
