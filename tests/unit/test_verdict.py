"""The choice of k and the reason that goes with it."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from segmentation.results import CostPoint
from segmentation.selection.elbow import elbow
from segmentation.selection.verdict import choose


def curve(*costs, k_min=1):
    return [CostPoint(k, cost) for k, cost in enumerate(costs, start=k_min)]


def test_the_elbow_is_chosen_and_its_shares_of_the_cost_are_told():
    choice = choose(curve(200, 50, 40, 30, 20), k="auto")
    assert (choice.k, choice.method) == (2, "elbow")
    assert "25.0%" in choice.reason  # 50 / 200
    assert "5.0%" in choice.reason.replace("25.0%", "")  # (50 - 40) / 200


def test_without_an_elbow_the_smallest_k_is_chosen():
    choice = choose(curve(4, 3, 2, 1, k_min=2), k="auto")
    assert (choice.k, choice.method) == (2, "smallest")
    assert "k = 2..5 has no elbow" in choice.reason


def test_rows_that_are_all_alike_leave_one_point_and_one_cluster():
    assert choose(curve(0), k="auto").k == 1


def test_a_fixed_k_is_taken_whatever_the_curve():
    choice = choose(curve(100, 10, 8, 6, 4), k=4)
    assert (choice.k, choice.method) == (4, "fixed")
    assert "4" in choice.reason


def test_a_fixed_k_beyond_the_data_becomes_the_largest_and_says_so():
    choice = choose(curve(100, 10, 0), k=8)
    assert (choice.k, choice.method) == (3, "fixed")
    assert "8" in choice.reason
    assert "fill 3" in choice.reason


@pytest.mark.parametrize("last", [0, 1e-300])
def test_a_curve_that_ends_at_nothing_has_a_reason_all_the_same(last):
    assert choose(curve(1e9, 1e3, last, last), k="auto").k == 2


@given(st.lists(st.floats(0, 1e12), min_size=1, max_size=15))
def test_the_choice_is_the_elbow_or_the_first(costs):
    points = curve(*sorted(costs, reverse=True))
    choice = choose(points, k="auto")
    assert choice.k == (elbow(points) or points[0].k)
    assert "\n" not in choice.reason
