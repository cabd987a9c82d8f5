"""The points of the scatter plot: no customer among them unless asked for."""

import numpy as np
import pytest

from segmentation.clustering.coreset import WEIGHT_UNIT, Coreset
from segmentation.model.features import Feature, labels
from segmentation.model.preparation import ModelColumn, Preparation
from segmentation.model.rules import NearestPrototype
from segmentation.numerics.arrays import Points
from segmentation.numerics.grid_points import GridPoints
from segmentation.pipelines.plot_sample import customer_sample, group_sample, plot_sample

BITS = 20
CENTRES = np.array([[0.0, 0, 0, 0], [1e6, 0, 0, 0]])
RULE = NearestPrototype.of(CENTRES)


def preparation() -> Preparation:
    features = (
        Feature("spend", transform="log1p"),
        Feature("age"),
        Feature("is_member", "boolean"),
        Feature("plan", "categorical", categories=("gold",)),
    )
    columns = tuple(
        ModelColumn(each.name, value, mean=5.0, deviation=1.0, unit=1.0)
        for each in features
        for value in (labels(each) if each.kind == "categorical" else (None,))
    )
    return Preparation(features, columns, BITS)


def grid_points(points: Points) -> GridPoints:
    """Points with a number below 1 in their last column where they have the category."""
    entries = points.copy()
    entries[:, 3] = points[:, 3] < 1
    return GridPoints(entries, preparation().layout)


def coreset(rows: int, *, is_whole: bool, seed: int = 0) -> Coreset:
    chance = np.random.default_rng(seed)
    points = chance.integers(-400_000, 1_400_000, (rows, 4)).astype(float)
    points[:, 2:] = chance.integers(0, 2, (rows, 2)) * 1000
    points = points[np.lexsort(points.T[::-1])]
    counts = np.ones(rows, dtype=np.int64) if is_whole else chance.integers(64, 9_000, rows)
    return Coreset(grid_points(points), counts, is_whole=is_whole)


@pytest.mark.parametrize("is_whole", [True, False])
def test_points_are_averages_of_enough_customers_and_add_up(is_whole):
    given = coreset(500, is_whole=is_whole)
    found = group_sample(given, RULE, preparation=preparation(), min_group=10)
    labels = RULE.assign(given.points).segment
    assert list(found.values) == ["spend", "age"]  # averages of yes and no would count few
    assert min(found.customers) >= 10
    for segment in (0, 1):
        own = [
            size for size, of in zip(found.customers, found.segments, strict=True) if of == segment
        ]
        counts = given.weights[labels == segment] / (1 if is_whole else WEIGHT_UNIT)
        assert sum(own) == pytest.approx(counts.sum(), abs=len(own))
        assert len(own) <= (labels == segment).sum() / 10
        ages = 5 + given.points.entries[labels == segment, 1] / 2**BITS
        drawn = [
            a for a, of in zip(found.values["age"], found.segments, strict=True) if of == segment
        ]
        assert np.average(drawn, weights=own) == pytest.approx(
            np.average(ages, weights=counts), abs=0.01
        )
    customers = customer_sample(given, RULE, preparation=preparation())
    real = set(zip(customers.values["spend"], customers.values["age"], strict=True))
    assert len(real) == 500
    assert not real & set(zip(found.values["spend"], found.values["age"], strict=True))


def test_a_segment_of_few_sampled_customers_is_not_drawn():
    points = np.array([[0.0, y, 0, 0] for y in range(9)] + [[1e6, y, 0, 0] for y in range(10)])
    given = Coreset(grid_points(points), np.full(19, 100 * WEIGHT_UNIT), is_whole=False)
    found = group_sample(given, RULE, preparation=preparation(), min_group=10)
    assert found.segments == (1,)
    assert found.customers == (1000,)


def test_without_numbers_no_groups_are_drawn_and_customers_are():
    points = np.array([[0.0, 0, 0, value] for value in (0, 1)])
    given = Coreset(grid_points(points), np.array([500, 500]), is_whole=True)
    rule = NearestPrototype.of(CENTRES[:1])
    found = group_sample(given, rule, preparation=preparation(), min_group=10)
    assert found.segments == ()
    customers = customer_sample(given, rule, preparation=preparation())
    assert len(customers.segments) == 2


@pytest.mark.parametrize("points", ["groups", "customers"])
def test_a_wide_table_is_drawn_by_the_32_most_wanted_features_and_fewer_points(points):
    chance = np.random.default_rng(1)
    features = tuple(Feature(f"f{at:02}") for at in range(40))
    wide = Preparation(
        features,
        tuple(ModelColumn(f.name, None, mean=0.0, deviation=1.0, unit=1.0) for f in features),
        BITS,
    )
    entries = chance.integers(-400_000, 1_400_000, (30_000, 40)).astype(float)
    entries[:, 39] = 0  # one value only: cannot be drawn
    given = Coreset(GridPoints(entries, wide.layout), np.ones(30_000, np.int64), is_whole=True)
    rule = NearestPrototype.of(np.array([np.full(40, 0.0), np.full(40, 1e6)]))
    ranked = [f"f{at:02}" for at in reversed(range(40))]
    found = plot_sample(given, rule, preparation=wide, points=points, min_group=10, ranked=ranked)
    first = 7 if points == "groups" else 8
    assert list(found.values) == [f"f{at:02}" for at in range(first, first + 32)]
    assert 1_500 <= len(found.segments) <= 2_000
