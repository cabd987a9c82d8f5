"""Labelling rules in numpy: against whole-number arithmetic point by point, and through JSON."""

import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from segmentation.model.rules import NO_SEGMENT, NearestPrototype, rule_from_dict
from segmentation.numerics.grid_points import BLOCK, Distances, GridPoints, memberships
from tests.brute_force import label, squares

FARTHEST = 2**23
"""With three coordinates, squared distances of points this far out stay below 2**50."""

coordinate = st.integers(-FARTHEST, FARTHEST) | st.integers(-2, 2)
points = st.lists(st.tuples(coordinate, coordinate, coordinate), min_size=1, max_size=12)


def test_two_prototypes_on_paper():
    found = NearestPrototype(((0, 0), (10, 0))).assign(
        GridPoints.of(np.array([[3.0, 4.0], [10.0, 0.0]]))
    )
    assert found.segment.tolist() == [0, 1]
    assert found.square.tolist() == [25, 0]
    assert found.runner_up.tolist() == [1, 0]
    assert found.runner_up_square.tolist() == [65, 100]


def test_a_single_prototype_has_no_runner_up():
    found = NearestPrototype(((0, 0),)).assign(GridPoints.of(np.array([[3.0, 4.0]])))
    assert (found.segment.tolist(), found.square.tolist()) == ([0], [25])
    assert found.runner_up.tolist() == [NO_SEGMENT]
    assert np.isnan(found.runner_up_square).all()


@given(points, points)
def test_equals_whole_number_arithmetic(customers, prototypes):
    rule = NearestPrototype(tuple(prototypes))
    found = rule.assign(GridPoints.of(np.array(customers, dtype=np.float64)))
    for i, customer in enumerate(customers):
        distances = squares(customer, rule.points)
        order = sorted(range(len(prototypes)), key=lambda j: (distances[j], j))
        assert found.segment[i] == order[0]
        assert found.square[i] == distances[order[0]]
        if len(order) > 1:
            assert found.runner_up[i] == order[1]
            assert found.runner_up_square[i] == distances[order[1]]


@given(points, points)
def test_the_kernels_for_passes_agree_with_it(customers, prototypes):
    among, centres = GridPoints.of(np.array(customers, float)), np.array(prototypes, float)
    expected = [label(customer, centres) for customer in customers]
    assert among.nearest(centres).tolist() == expected
    assert among.nearest_squares(centres).tolist() == [min(squares(c, centres)) for c in customers]
    ((_, block),) = among.blocks()
    members = memberships(Distances(among.layout, centres).partial(block))
    assert members.sum(axis=0).tolist() == [1] * len(customers)
    assert members.argmax(axis=0).tolist() == expected


def test_more_points_than_a_block_are_all_assigned():
    chance = np.random.default_rng(5)
    rule = NearestPrototype.of(chance.integers(-9, 9, (4, 2)).astype(float))
    many = GridPoints.of(chance.integers(-9, 9, (2 * BLOCK + 3, 2)).astype(float))
    expected = [label(point, rule.points) for point in many.entries.astype(int).tolist()]
    assert rule.assign(many).segment.tolist() == expected
    assert many.nearest(rule.points).tolist() == expected


@given(points)
def test_a_rule_goes_to_json_and_back_without_loss(prototypes):
    rule = NearestPrototype(tuple(prototypes))
    assert rule_from_dict(json.loads(json.dumps(rule.to_dict()))) == rule


def test_coordinates_beyond_single_precision_keep_their_last_digit():
    rule = NearestPrototype.of(np.array([[2.0**52 + 1]]))
    assert json.loads(json.dumps(rule.to_dict()))["prototypes"] == [[2**52 + 1]]


def test_what_is_no_rule_is_refused():
    with pytest.raises(ValueError, match="whole number"):
        NearestPrototype.of(np.array([[0.5]]))
    with pytest.raises(ValueError, match="same number of coordinates"):
        NearestPrototype(((1, 2), (3,)))
    with pytest.raises(ValueError, match="needs prototypes"):
        NearestPrototype(())
    with pytest.raises(ValueError, match="'tree'"):
        rule_from_dict({"rule": "tree"})
