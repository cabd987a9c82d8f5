"""Correlated features: pairs against numpy's r, groups against a direct check of every pair."""

from itertools import combinations

import numpy as np
import pytest

from segmentation.numerics.grid_points import CodeTable, GridPoints, Layout
from segmentation.results import Correlation, CorrelationGroup, PreparedFeature
from segmentation.selection.correlation import MAX_PAIRS, MIN_CORRELATION, correlated


def prepared(name, column=None, value=None):
    return PreparedFeature(name, "none", 0.0, 1.0, column or name, value)


def test_correlated_features_are_found_with_numpys_r_strongest_first():
    random = np.random.default_rng(5)
    spend = random.normal(size=400)
    points = np.column_stack(
        [spend, -spend + random.normal(size=400) / 5, random.normal(size=400), spend * 2]
    )
    weights = random.integers(1, 4, 400).astype(float)
    each = np.repeat(points, weights.astype(int), axis=0)
    r = np.asarray(np.corrcoef(each.T))
    found = correlated(GridPoints.of(points), weights, features=[prepared(name) for name in "abcd"])
    assert found.pairs[0] == Correlation("a", "d", 1.0)
    assert [(pair.first, pair.second) for pair in found.pairs[1:]] == [("a", "b"), ("b", "d")]
    assert found.pairs[1].r == pytest.approx(r[0, 1], abs=1e-4)
    assert found.pairs[1].r < 0
    least = min(abs(pair.r) for pair in found.pairs)
    assert found.groups == (CorrelationGroup(("a", "b", "d"), ("b",), least),)


def test_two_values_of_one_column_are_no_pair():
    points = np.array([[0.0, 1.0], [1.0, 0.0], [1.0, 0.0]])
    features = [prepared("c = x", "c", "x"), prepared("c = y", "c", "y")]
    assert correlated(GridPoints.of(points), np.ones(3), features=features).pairs == ()
    apart = [prepared("c = x", "c", "x"), prepared("d")]
    found = correlated(GridPoints.of(points), np.ones(3), features=apart)
    assert len(found.pairs) == len(found.groups) == 1


def test_categories_that_repeat_each_other_are_one_group():
    codes = np.random.default_rng(2).integers(0, 4, 300)
    values = np.eye(4)[codes]
    features = [prepared(f"{name} = {v}", name, str(v)) for name in "ab" for v in range(4)]
    found = correlated(GridPoints.of(np.hstack([values, values])), np.ones(300), features=features)
    assert len(found.pairs) == 4
    assert [group.features for group in found.groups] == [("a = 0", "b = 0")]


def factors(rows, sizes, *, noise, seed=0):
    """Columns in blocks of the given sizes, each a factor's sign times it and noise."""
    random = np.random.default_rng(seed)
    blocks = [
        random.normal(size=(rows, 1)) * random.choice([-1, 1], size)
        + noise * random.normal(size=(rows, size))
        for size in sizes
    ]
    return np.hstack(blocks)


@pytest.mark.parametrize("noise", [0.2, 0.48, 0.5])
def test_every_two_of_a_group_are_a_pair_and_no_two_groups_could_be_one(noise):
    points = factors(500, [1] * 20 + [2, 2, 7, 12], noise=noise)
    names = [f"f{at:02}" for at in range(points.shape[1])]
    r = np.corrcoef(points.T)
    groups = correlated(
        GridPoints.of(points), np.ones(500), features=[prepared(n) for n in names]
    ).groups
    at = {name: place for place, name in enumerate(names)}
    inside = [[at[name] for name in group.features] for group in groups]
    assert len({row for rows in inside for row in rows}) == sum(map(len, inside))
    for group, rows in zip(groups, inside, strict=True):
        pairs = [abs(r[i, j]) for i, j in combinations(rows, 2)]
        assert min(pairs) == pytest.approx(group.least_r, abs=1e-4)
        assert min(pairs) >= MIN_CORRELATION - 1e-4
        signs = [r[rows[0], row] < 0 for row in rows]
        assert [names[row] for row, falls in zip(rows, signs, strict=True) if falls] == list(
            group.opposite
        )
    for one, other in combinations(inside, 2):
        assert np.abs(r[np.ix_(one, other)]).min() < MIN_CORRELATION + 1e-4
    if noise == 0.2:
        assert sorted(map(len, inside)) == [2, 2, 7, 12]


def test_a_thousand_features_that_are_all_correlated_are_one_group_and_few_pairs():
    points = factors(300, [1000], noise=0.2)
    found = correlated(
        GridPoints.of(points), np.ones(300), features=[prepared(f"f{at}") for at in range(1000)]
    )
    assert len(found.pairs) == MAX_PAIRS
    assert [len(group.features) for group in found.groups] == [1000]
    strongest = np.sort(np.abs(np.corrcoef(points.T)[np.triu_indices(1000, 1)]))[::-1]
    assert [abs(pair.r) for pair in found.pairs] == pytest.approx(strongest[:MAX_PAIRS], abs=1e-4)


def test_categories_that_are_counted_correlate_as_their_coordinates_do():
    random = np.random.default_rng(4)
    first, second = random.integers(-9, 9, (5, 4)), random.integers(-9, 9, (3, 2))
    layout = Layout((4, 7), (CodeTable(0, first.astype(float)), CodeTable(5, second.astype(float))))
    codes = random.integers(0, 5, 200)
    entries = np.column_stack([random.normal(size=(200, 2)), codes, codes % 3])
    entries[:, 0] += codes
    points, weights = GridPoints(entries, layout), random.integers(1, 5, 200).astype(float)
    features = [prepared(f"f{at}") for at in range(8)]  # so that every two may be a pair
    found = correlated(points, weights, features=features)
    dense = correlated(GridPoints.of(points.coordinates), weights, features=features)
    assert found == dense
    assert len(found.pairs) >= 3


def test_constant_features_and_few_points_have_no_correlation():
    features = [prepared("a"), prepared("b")]
    assert correlated(GridPoints.of(np.ones((5, 2))), np.ones(5), features=features).groups == ()
    assert correlated(GridPoints.of(np.ones((1, 2))), np.ones(1), features=features).pairs == ()
