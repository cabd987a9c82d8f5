"""Breathing k-means: out of a local optimum that Lloyd's algorithm cannot leave."""

import numpy as np
import pytest
from sklearn.cluster import KMeans

from segmentation.clustering import breathing
from segmentation.clustering.breathing import breathed

GROUPS = np.array([(0.0, 0.0), (2.0, 0.0), (0.0, 100.0), (2.0, 100.0)])
"""Two pairs far apart: two centres on one pair and one on the other cannot swap sides."""


def fit_on(points, weights):
    """Lloyd's algorithm as :func:`breathed` calls it, on these points."""

    def fit(centres):
        kmeans = KMeans(len(centres), init=centres, n_init=1, tol=0)
        kmeans.fit(points, sample_weight=weights)
        return kmeans.cluster_centers_, kmeans.inertia_

    return fit


def cost(points, weights, centres):
    squares = ((points[:, np.newaxis, :] - centres) ** 2).sum(axis=2)
    return float((weights * squares.min(axis=1)).sum())


def run(points, weights, centres, *, seed=0):
    random = np.random.default_rng(seed)
    return breathed(points, weights, centres, fit=fit_on(points, weights), random=random)


@pytest.fixture
def squares():
    """Twenty-five groups on a square of 5 by 5, a hundred customers each."""
    random = np.random.default_rng(5)
    planted = np.array([(x, y) for x in range(5) for y in range(5)], dtype=float) * 10
    return (planted[:, np.newaxis, :] + random.normal(0, 0.3, (25, 40, 2))).reshape(-1, 2), planted


def test_three_groups_of_which_two_share_a_centre():
    # Lloyd rests with two centres on the near pair at (0, 0), (2, 0) and one for the rest
    points = np.array([(-1.0, 0), (1, 0), (50, 0), (52, 0), (100, 0), (102, 0)])
    weights = np.ones(6)
    stuck = np.array([(-1.0, 0), (1, 0), (76, 0)])
    assert cost(points, weights, stuck) > 2500
    found = run(points, weights, stuck)
    assert sorted(found.tolist()) == [[0, 0], [51, 0], [101, 0]]


def test_planted_groups_are_all_found_from_a_single_poor_start(squares):
    points, planted = squares
    weights = np.ones(len(points))
    stuck, _ = fit_on(points, weights)(points[:25])  # all in the first corner
    found = run(points, weights, stuck)
    assert cost(points, weights, stuck) > 2 * cost(points, weights, found)
    nearest = ((planted[:, np.newaxis, :] - found) ** 2).sum(axis=2).min(axis=1)
    assert nearest.max() < 0.5


@pytest.mark.parametrize("seed", range(8))
def test_it_never_costs_more_than_the_start_at_rest(seed):
    random = np.random.default_rng(seed)
    points, weights = random.lognormal(0, 1, (120, 3)), random.integers(1, 9, 120).astype(float)
    start = points[random.choice(120, 5, replace=False)]
    _, at_rest = fit_on(points, weights)(start)
    assert cost(points, weights, run(points, weights, start, seed=seed)) <= at_rest * (1 + 1e-12)


def test_the_same_random_numbers_give_the_same_centres(squares):
    points, _ = squares
    weights = np.ones(len(points))
    assert np.array_equal(
        run(points, weights, points[:6], seed=4), run(points, weights, points[:6], seed=4)
    )


def test_a_weight_is_so_many_points():
    random = np.random.default_rng(1)
    points, weights = random.normal(0, 1, (60, 2)), random.integers(1, 4, 60)
    copies = np.repeat(points, weights, axis=0)
    weighted = run(points, weights.astype(float), points[:4])
    copied = run(copies, np.ones(len(copies)), points[:4])
    assert cost(points, weights, weighted) == pytest.approx(cost(points, weights, copied), rel=1e-9)


def test_two_centres_suffice():
    found = run(GROUPS, np.ones(4), np.array([(0.0, 0), (2, 0)]))
    assert sorted(found.tolist()) == [[1, 0], [1, 100]]


def test_a_perfect_start_is_kept():
    found = run(GROUPS, np.ones(4), GROUPS.copy())
    assert sorted(found.tolist()) == sorted(GROUPS.tolist())


def test_errors_and_utilities_on_paper():
    points = np.array([(-1.0,), (1,), (10,), (13,)])
    weights = np.array([1.0, 1, 1, 2])
    errors, utilities = breathing._errors_and_utilities(points, weights, np.array([(0.0,), (12,)]))
    assert errors.tolist() == [1 + 1, 4 + 2 * 1]
    # without the first, its two points go to 12; without the second, its two to 0
    assert utilities.tolist() == [13**2 + 11**2 - 2, 10**2 + 2 * 13**2 - 6]


def test_of_two_near_centres_only_one_is_dispensable():
    centres = np.array([(0.0,), (1,), (50,), (90,)])
    least_useful_first = np.array([1.0, 2, 3, 4])
    assert breathing._dispensable(centres, least_useful_first, 2) == [0, 2]
    assert breathing._dispensable(centres, least_useful_first, 3) == [0, 2, 1]  # there is no other


def test_the_centre_that_errs_most_gets_help_first(monkeypatch):
    # one breath with one centre: it has to land beside the wide group
    monkeypatch.setattr(breathing, "DEPTH", 1)
    points = np.array([(0.0, 0), (1, 0), (100, 0), (100, 40), (100, 80)])
    inhaled = []

    def fit(centres):
        inhaled.append(centres)
        return fit_on(points, np.ones(5))(centres)

    random = np.random.default_rng(0)
    breathed(points, np.ones(5), np.array([(0.5, 0), (100, 40)]), fit=fit, random=random)
    added = inhaled[1][-1]
    assert np.abs(added - (100, 40)).max() < 60
