"""Split and merge: out of local optima that Lloyd's algorithm cannot leave."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.cluster import KMeans

from segmentation.clustering import search
from segmentation.clustering.search import Optimum, cheapest, mergers, split_and_merge, splits


class Table:
    """Weighted points, Lloyd's algorithm on them, and how often it was asked for."""

    def __init__(self, points, weights=None):
        self.points = np.array(points, dtype=np.float64)
        self.weights = np.ones(len(self.points)) if weights is None else np.array(weights, float)
        self.fits = 0

    def converged(self, centres):
        self.fits += 1
        kmeans = KMeans(len(centres), init=np.array(centres, float), n_init=1, tol=0)
        kmeans.fit(self.points, sample_weight=self.weights)
        return Optimum(kmeans.cluster_centers_, kmeans.inertia_, kmeans.labels_)

    def searched(self, found):
        return split_and_merge(
            {k: [self.converged(start) for start in starts] for k, starts in found.items()},
            self.points,
            self.weights,
            fit=lambda starts: map(self.converged, starts),
        )


def test_the_cluster_that_gains_most_is_cut_across_its_longest_side():
    # the second is 40 long and 2 wide
    table = Table([(0, 0), (2, 0), *((x, y) for x in (80, 120) for y in (-1, 1))])
    first, second = splits(table.converged([(1, 0), (100, 0)]), table.points, table.weights)
    assert sorted(first.round(6).tolist()) == [[1, 0], [80, 0], [120, 0]]
    assert sorted(second.round(6).tolist()) == [[0, 0], [2, 0], [100, 0]]


def test_the_gain_is_judged_by_weight():
    # spread 10 on a hundred customers is more than spread 20 on two
    table = Table([(0, 0), (10, 0), (1000, 0), (1020, 0)], weights=[50, 50, 1, 1])
    first, *_ = splits(table.converged([(5, 0), (1010, 0)]), table.points, table.weights)
    assert sorted(first.round(6).tolist()) == [[0, 0], [10, 0], [1010, 0]]


def test_a_cut_falls_into_the_gap_and_not_at_the_mean():
    table = Table([(0,), (1,), (2,), (3,), (4,), (100,)])
    (start,) = splits(table.converged([(18,)]), table.points, table.weights)
    assert sorted(start.ravel().round(6).tolist()) == [2, 100]


def test_the_pair_whose_merger_costs_least_is_made_one():
    # the far pair is nearer together, but heavier: 4 * 5 * 5 / 10 = 10 beside 9 * 1 * 1 / 2 = 4.5
    table = Table([(0,), (3,), (100,), (102,)], weights=[1, 1, 5, 5])
    first, second, *_ = mergers(table.converged([(0,), (3,), (100,), (102,)]), table.weights)
    assert sorted(first.ravel().tolist()) == [1.5, 100, 102]
    assert sorted(second.ravel().tolist()) == [0, 3, 101]


def test_single_customers_and_equal_ones_leave_nothing_to_split():
    table = Table([(0,), (5,)])
    assert splits(table.converged([(0,), (5,)]), table.points, table.weights) == []


spots = st.tuples(st.integers(-9, 9), st.integers(-9, 9))


@given(st.lists(spots, min_size=3, max_size=30, unique=True))
def test_splits_and_mergers_have_one_centre_more_or_less_and_splits_cost_no_more(points):
    table = Table(points)
    optimum = table.converged(points[:2])
    for start in splits(optimum, table.points, table.weights):
        assert start.shape == (3, 2)
        squares = ((table.points[:, np.newaxis] - start) ** 2).sum(axis=2).min(axis=1)
        assert squares.sum() <= optimum.cost * (1 + 1e-9) + 1e-9
    for start in mergers(optimum, table.weights):
        assert start.shape == (1, 2)
        assert np.isfinite(start).all()


def test_two_centres_on_one_pair_find_the_other():
    # Lloyd rests with two centres on the near pair and one for the other four
    table = Table([(-1, 0), (1, 0), (50, 0), (52, 0), (100, 0), (102, 0)])
    stuck = [(-1, 0), (1, 0), (76, 0)]
    assert table.converged(stuck).cost > 2500
    apart = [(-1, 0), (1, 0), (51, 0), (101, 0)]
    found = table.searched({2: [[(0, 0), (76, 0)]], 3: [stuck], 4: [apart]})
    assert found[3][0].cost == pytest.approx(6)


def test_planted_groups_are_all_found_from_poor_starts():
    random = np.random.default_rng(5)
    planted = np.array([(x, y) for x in range(4) for y in range(4)], dtype=float) * 10
    points = (planted[:, np.newaxis, :] + random.normal(0, 0.3, (16, 40, 2))).reshape(-1, 2)
    table = Table(points)
    found = table.searched({k: [points[:k]] for k in range(1, 18)})  # all in the first corner
    nearest = ((planted[:, np.newaxis, :] - found[16][0].centres) ** 2).sum(axis=2).min(axis=1)
    assert nearest.max() < 0.5
    costs = [found[k][0].cost for k in range(1, 18)]
    assert costs == sorted(costs, reverse=True)


def test_two_starts_and_the_neighbours_do_what_many_restarts_do():
    # one hump without groups: optima abound, and no search finds the best for every k
    points = np.random.default_rng(3).lognormal(0, 1, (1500, 3))
    table, ks = Table(points), range(1, 11)
    random = np.random.default_rng(8)
    found = table.searched({k: [random.choice(points, k) for _ in range(2)] for k in ks})
    ratios = [
        found[k][0].cost / KMeans(k, n_init=20, random_state=0).fit(points).inertia_ for k in ks
    ]
    assert table.fits < 20 * len(ks)
    assert max(ratios) < 1.005
    assert np.mean(ratios) < 1.001


def test_what_changed_nothing_is_not_tried_again():
    table = Table([(0,), (1,), (10,), (11,), (20,), (21,)])
    best = {1: [[(10.5,)]], 2: [[(0.5,), (15.5,)]], 3: [[(0.5,), (10.5,), (20.5,)]]}
    table.searched(best)
    # three to begin with; up 1 + 2 splits and down 3 + 1 mergers, all once
    assert table.fits == 3 + 3 + 4


def test_only_what_is_close_to_the_cheapest_is_kept_and_it_comes_first():
    labels = np.zeros(1, dtype=np.int32)
    found = [Optimum(np.zeros((1, 1)), cost, labels) for cost in (1.015, 1.0, 1.03)]
    assert [optimum.cost for optimum in cheapest(found)] == [1.0, 1.015]
    assert search.NEAR_OPTIMAL_RATIO == 1.02
