"""The well-separated groups: planted ones, none, lattices, outliers, units."""

import numpy as np
import pytest
from sklearn.datasets import make_blobs
from sklearn.metrics import adjusted_rand_score

from segmentation.selection.groups import OVERLAP, Groups, dithered, separate_groups


def test_planted_blobs_of_very_different_sizes_are_found():
    points, planted = make_blobs(
        [900, 60, 300], centers=[(0, 0), (8, 0), (0, 8)], random_state=1, n_features=2
    )
    found = separate_groups(points, seed=1)
    assert found.count == 3
    assert adjusted_rand_score(planted, found.labels) > 0.97


@pytest.mark.parametrize("make", ["normal", "uniform", "lognormal", "whole"])
def test_one_continuum_is_one_group(make):
    random = np.random.default_rng(2)
    points = {
        "normal": lambda: random.standard_normal((1500, 3)) @ random.standard_normal((3, 3)),
        "uniform": lambda: random.uniform(size=(1500, 2)),
        "lognormal": lambda: np.log1p(random.lognormal(3, 1, (1500, 3))),
        "whole": lambda: np.log1p(random.poisson(random.gamma(2, 3, (1500, 2)))),
    }[make]()
    assert separate_groups(points, seed=1).count == 1


def test_a_few_outliers_are_no_group():
    random = np.random.default_rng(3)
    points = np.vstack([random.standard_normal((1500, 2)), random.normal(40, 0.1, (8, 2))])
    found = separate_groups(points, seed=1)
    assert found.count == 1
    assert set(found.labels) == {0}


def test_neither_the_unit_nor_the_order_of_features_counts():
    points, _ = make_blobs(900, centers=4, n_features=3, random_state=11)
    first = separate_groups(points, seed=1)
    scaled = separate_groups(points * [1000, 1, 0.01], seed=1)
    turned = separate_groups(points[:, ::-1], seed=1)
    assert first.count == scaled.count == turned.count == 4
    assert np.array_equal(first.labels, scaled.labels)


@pytest.mark.parametrize(
    "points",
    [
        np.array([[0.0, 1], [1, 5]]),
        np.zeros((5, 2)),
        np.array([[0.0], [0], [0], [7]]),
    ],
    ids=["two points", "all alike", "one apart"],
)
def test_a_handful_of_points_is_no_error(points):
    found = separate_groups(points, seed=1)
    assert 1 <= found.count <= len(points)
    assert len(found.labels) == len(points)


def test_whole_numbers_fill_their_lattice_and_a_wide_gap_stays_empty():
    column = np.repeat([0.0, 1, 2, 3, 50, 51, 52], 300)[:, np.newaxis]
    moved = dithered(column, random=np.random.default_rng(1))
    counts, _ = np.histogram(moved, bins=np.arange(0, 2.01, 0.25))
    assert counts.min() > 0.5 * counts.max()
    assert not ((moved > 6) & (moved < 47)).any()
    assert abs(moved - column).max() <= 4


def test_values_that_are_all_different_hardly_move():
    column = np.sort(np.random.default_rng(1).standard_normal(1000))[:, np.newaxis]
    moved = dithered(column, random=np.random.default_rng(2))
    assert np.median(abs(moved - column)) < 0.01


def test_overlaps_tell_how_many_groups_there_would_be():
    groups = Groups(np.zeros(3, dtype=np.intp), (0.01, 0.07, 0.3))
    assert [groups.at(limit) for limit in (0.005, 0.05, OVERLAP, 0.5)] == [1, 2, 3, 4]
