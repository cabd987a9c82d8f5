"""Centres blended of an old model and a fresh one."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.cluster import KMeans

from segmentation.clustering.blend import blended_centres


def points(*rows):
    return np.array(rows, dtype=np.float64)


OLD, FRESH = points([0, 0], [100, 0]), points([10, 0], [120, 0])


def blend(old, old_customers, fresh, fresh_customers, *, share):
    counts = (np.array(each, dtype=np.float64) for each in (old_customers, fresh_customers))
    old_customers, fresh_customers = counts
    return blended_centres(old, old_customers, fresh, fresh_customers, blend=share)


def test_a_centre_lies_between_its_two_by_their_weights():
    # 0 weighs 3 x 3/4 and 10 weighs 1 x 1/4: 2.5 / 2.5 = 1; 100 and 120 weigh 1.5 and 0.5: 105.
    found = blend(OLD, [3, 2], FRESH, [1, 2], share=0.25)
    assert found.tolist() == [[1, 0], [105, 0]]


def test_the_heavier_model_sets_the_number_of_centres():
    fresh = points([0, 0], [100, 0], [300, 0])
    assert len(blend(OLD, [1, 1], fresh, [1, 1, 1], share=0.49)) == 2
    assert len(blend(OLD, [1, 1], fresh, [1, 1, 1], share=0.5)) == 3
    # No old centre is near the fresh one at 300, which so is where it was.
    assert [300, 0] in blend(OLD, [1, 1], fresh, [1, 1, 1], share=0.5).tolist()


def test_a_centre_without_customers_makes_room_for_one_that_has_some():
    old = points([0, 0], [100, 0], [9999, 0])  # nobody is near 9999 any more
    fresh = points([0, 0], [100, 0], [500, 0])
    found = blend(old, [5, 5, 0], fresh, [5, 5, 5], share=0.3)
    assert sorted(found.tolist()) == [[0, 0], [100, 0], [500, 0]]


def test_what_costs_most_where_it_is_fills_up():
    # 10 customers at 45 cost 20,250 at 0, where the single one at 100 costs 10,000; it joins them.
    fresh = points([0, 0], [100, 0], [45, 0])
    found = blend(points([0, 0], [9, 9]), [5, 0], fresh, [5, 1, 10], share=0.3)
    assert found.tolist() == [[0, 0], [50, 0]]


def test_too_few_different_centres_with_customers_give_fewer():
    old, fresh = points([0, 0], [9, 9], [5, 5]), points([0, 0])
    assert blend(old, [4, 0, 0], fresh, [4], share=0.2).tolist() == [[0, 0]]


@st.composite
def models(draw):
    """Two models on a small grid, so that centres coincide and tie, and their customers."""
    cell = st.tuples(st.integers(-4, 4), st.integers(-4, 4))
    found = []
    for _ in range(2):
        own = draw(st.lists(cell, min_size=1, max_size=6, unique=True))
        found += [
            points(*own),
            draw(st.lists(st.integers(0, 50), min_size=len(own), max_size=len(own))),
        ]
        found[-1][0] += 1  # a model has customers
    return found


@given(models(), st.floats(0.01, 0.99))
def test_centres_are_different_grid_points_and_each_is_nearest_to_some_centre(models, share):
    old, old_customers, fresh, fresh_customers = models
    found = blend(*models, share=share)
    leading = fresh if share >= 0.5 else old
    both = np.vstack([old, fresh])[np.concatenate([old_customers, fresh_customers]) > 0]
    assert len(np.unique(found, axis=0)) == len(found)
    assert len(found) == min(len(leading), len(np.unique(both, axis=0)))
    assert np.array_equal(found, np.rint(found))
    assert np.array_equal(found, blend(*models, share=share))


@given(models())
def test_0_is_the_old_model_and_1_the_fresh_one(models):
    old, _, fresh, _ = models
    assert np.array_equal(blend(*models, share=0), old)
    assert np.array_equal(blend(*models, share=1), fresh)


@pytest.mark.parametrize("share", [0.2, 0.5, 0.9])
@pytest.mark.parametrize("seed", range(4))
def test_centres_are_those_of_scikit_learn_from_the_same_start(share, seed):
    random = np.random.default_rng(seed)
    old, fresh = (np.rint(random.normal(size=(5, 3)) * 1e6) for _ in range(2))
    customers = [random.integers(1, 1000, 5).astype(float) for _ in range(2)]
    weights = np.concatenate([customers[0] * (1 - share), customers[1] * share])
    start = fresh if share >= 0.5 else old
    oracle = KMeans(5, init=start, n_init=1, tol=0).fit(np.vstack([old, fresh]), None, weights)
    found = blended_centres(old, customers[0], fresh, customers[1], blend=share)
    assert np.abs(found - oracle.cluster_centers_).max() < 2
