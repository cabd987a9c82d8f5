"""The gate on planted pairs, a few every day; ``tests.gate`` prints the table of all."""

import pytest

from tests.gate import UNCHANGED, Pair, Pairs, pairs
from tests.rotation import rotation

FEW = [
    Pair("clear", 2, 300, 100, "same"),
    Pair("clear", 2, 300, 100, "centre", 1.0),
    Pair("clear", 2, 300, 100, "birth", 0.15),
    Pair("clear", 2, 300, 100, "death"),
    Pair("clear", 2, 300, 100, "unit", 100.0),
]
"""Of one first run, which takes a second."""


@pytest.fixture(scope="module")
def runs():
    return Pairs()


@pytest.mark.parametrize("pair", rotation(FEW, daily=3), ids=lambda pair: pair.change)
def test_the_decision_is_right(pair, runs):
    found = runs.outcome(pair)
    assert found.is_right, found


@pytest.mark.thorough
def test_one_population_keeps_its_model(runs):
    outcomes = [runs.outcome(pair) for pair in pairs() if pair.change == "same"]
    assert len(outcomes) == 50
    assert sum(each.decision == "keep" for each in outcomes) >= 49


@pytest.mark.thorough
def test_changes_are_noticed_and_broken_data_refused(runs):
    outcomes = [runs.outcome(pair) for pair in pairs() if pair.change not in UNCHANGED]
    certain = [each for each in outcomes if len(each.right) < 3]
    assert all(each.is_right for each in certain if each.pair.change == "unit")
    assert sum(each.is_right for each in certain) >= 0.95 * len(certain)
