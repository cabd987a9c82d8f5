"""The starts for every k: planted groups, as many clusters as points, nothing left to chance."""

import numpy as np
import pytest
from sklearn.cluster import KMeans
from sklearn.metrics import adjusted_rand_score
from threadpoolctl import threadpool_info

from segmentation.clustering import starts
from segmentation.clustering.coreset import Coreset
from segmentation.clustering.kmeans import fit_coreset
from segmentation.clustering.search import NEAR_OPTIMAL_RATIO, Optimum
from segmentation.clustering.starts import different
from segmentation.numerics.grid_points import GridPoints
from tests.spark.tables import planted

BITS = 20


def coreset(points, weights=None):
    """A whole coreset of scaled points."""
    order = np.lexsort(points.T[::-1])
    counts = np.ones(len(points)) if weights is None else weights
    grid = GridPoints.of(np.rint(points[order] * 2.0**BITS))
    return Coreset(grid, counts[order].astype(np.int64), is_whole=True)


def cost(found, centres):
    return float(found.partitions([centres])[0].cost()) / 4**BITS


def test_planted_groups_are_found_and_no_k_costs_more_than_scikit_learn(spark):
    points, group = planted(400, groups=4, seed=1)
    points = points - points.mean(axis=0)
    small = coreset(points)
    found = fit_coreset(spark, small, ks=[1, 2, 3, 4, 5], bits=BITS, seed=42)
    assert {k: len(centres) for k, (centres, *_) in found.items()} == {k: k for k in range(1, 6)}
    order = np.lexsort(points.T[::-1])
    assert adjusted_rand_score(group[order], small.labels(found[4][0])) == 1
    for k, (centres, *_) in found.items():
        oracle = KMeans(k, n_init=10, random_state=0).fit(small.points.coordinates / 2.0**BITS)
        assert cost(small, centres) <= oracle.inertia_ * (1 + 1e-9)


def test_a_wide_coreset_is_searched_by_mllib_as_well(spark):
    points, group = planted(300, groups=3, seed=2)
    noise = np.random.default_rng(3).standard_normal((len(points), 37))
    wide = coreset(np.hstack([points, noise]))
    found = fit_coreset(spark, wide, ks=[2, 3], bits=BITS, seed=42)
    order = np.lexsort(np.hstack([points, noise]).T[::-1])
    assert adjusted_rand_score(group[order], wide.labels(found[3][0])) > 0.95
    assert found[3][0].shape == (3, wide.points.layout.width)


def test_as_many_clusters_as_points_cost_nothing_and_more_are_not_made_up(spark):
    points = np.array([(0.0, 0), (1, 0), (0, 3), (5, 5)])
    small = coreset(points, np.array([1, 2, 50, 3]))
    found = fit_coreset(spark, small, ks=[3, 4, 6], bits=BITS, seed=42)
    assert sorted(found[4][0].tolist()) == small.points.entries.tolist()
    assert cost(small, found[4][0]) == 0
    assert len(found[6][0]) == 4
    # the two light points that are nearest to one another share a centre: 1 * 2 / 3
    assert cost(small, found[3][0]) == pytest.approx(2 / 3, rel=1e-5)


def test_two_points_make_one_or_two_clusters(spark):
    small = coreset(np.array([(-1.0, 0), (1, 0)]))
    found = fit_coreset(spark, small, ks=[1, 2], bits=BITS, seed=42)
    assert found[1][0].tolist() == [[0, 0]]
    assert sorted(found[2][0].tolist()) == small.points.entries.tolist()


def test_the_same_seed_gives_the_same_bits(spark):
    random = np.random.default_rng(9)
    small = coreset(random.lognormal(0, 1, (200, 2)), random.integers(1, 50, 200))
    first, again = (fit_coreset(spark, small, ks=[3], bits=BITS, seed=-7) for _ in range(2))
    assert np.array_equal(first[3], again[3])


def test_partitions_that_cost_nearly_the_same_are_all_handed_on(spark):
    # a square: either pair of opposite sides makes two clusters, one a little cheaper
    corners = np.array([(-1.0, -1.001), (-1, 1.001), (1, -1.001), (1, 1.001)])
    random = np.random.default_rng(3)
    points = np.repeat(corners, 100, axis=0) + random.normal(0, 0.05, (400, 2))
    found = fit_coreset(spark, coreset(points), ks=[2], bits=BITS, seed=1)
    first, second = (np.abs(centres[0]).argmax() for centres in found[2])
    assert {first, second} == {0, 1}
    costs = [cost(coreset(points), centres) for centres in found[2]]
    assert costs[0] < costs[1] <= NEAR_OPTIMAL_RATIO * costs[0]


def test_every_thread_of_the_pool_works_alone(spark, monkeypatch):
    limits: list[int] = []

    def restarted(self, clusters, **_):
        limits.extend(pool["num_threads"] for pool in threadpool_info())
        return [self.converged(self.scaled[:clusters])]

    monkeypatch.setattr(starts.Search, "restarted", restarted)
    fit_coreset(spark, coreset(np.array([(-1.0, 0), (1, 0), (3, 0)])), ks=[2], bits=BITS, seed=1)
    assert set(limits) == {1}


def test_two_ways_to_one_optimum_do_not_crowd_out_another():
    labels = np.repeat([0, 1, 2], 300)
    nearly = np.where(np.arange(900) < 4, 1, labels)
    other = np.repeat([0, 1, 2], [150, 150, 600])
    nowhere = np.zeros((3, 2))
    found = [
        Optimum(nowhere, cost, labels.astype(np.int32))
        for cost, labels in [(1.0, labels), (1.0001, nearly), (1.002, other)]
    ]
    assert [optimum.cost for optimum in different(found)] == [1.0, 1.002]
