"""The elbow: worked curves, a plain formulation of Kneedle, and what must not matter."""

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from segmentation.results import CostPoint
from segmentation.selection.elbow import elbow


def curve(*costs, k_min=1):
    return [CostPoint(k, cost) for k, cost in enumerate(costs, start=k_min)]


falls = st.lists(st.integers(0, 10**6), min_size=3, max_size=20)


@st.composite
def curves(draw):
    """Falling curves of whole numbers; a fall may be nothing."""
    costs = np.cumsum(draw(falls)[::-1])[::-1]
    return curve(*map(float, costs), k_min=draw(st.integers(1, 5)))


@pytest.mark.parametrize(
    ("costs", "k"),
    [
        # after scaling to [0, 1]: the fall less the run is 0.69, 0.46, 0.23 at k = 2, 3, 4
        ((100, 10, 8, 6, 4), 2),
        ((1000, 600, 100, 90, 80, 70), 3),
        ((1000, 700, 400, 100, 90, 80, 70), 4),
    ],
)
def test_the_elbow_is_where_the_steep_part_ends(costs, k):
    assert elbow(curve(*costs)) == k


@pytest.mark.parametrize(
    "costs", [(4, 3, 2, 1), (5, 5, 5), (0, 0, 0), (9, 1), (7,)], ids=lambda costs: f"{costs}"
)
def test_a_curve_without_a_bend_has_no_elbow(costs):
    assert elbow(curve(*costs)) is None


@pytest.mark.parametrize("bend", range(2, 11))
def test_a_planted_bend_is_found(bend):
    # steep falls of 90 up to the bend, falls of 1 after it
    costs = [1000.0 - 90 * min(k - 1, bend - 1) - max(k - bend, 0) for k in range(1, 13)]
    assert elbow(curve(*costs)) == bend


@given(st.floats(0.05, 3), st.integers(4, 20))
def test_equals_the_largest_lead_over_the_chord_on_smooth_curves(power, points):
    # Kneedle on a convex curve with one bend: the point farthest below the chord, unless the
    # curve stays so flat that its threshold, the lead less the mean run, is never undercut
    ks = np.arange(1, points + 1)
    costs = ks**-power
    x, y = (ks - ks[0]) / (ks[-1] - ks[0]), (costs - costs[-1]) / (costs[0] - costs[-1])
    below = 1 - x - y
    leads = np.sort(below)
    assume(leads[-1] - leads[-2] > 1e-9)  # a draw may go to either
    found = elbow(curve(*costs))
    assert found == int(ks[below.argmax()]) or leads[-1] - 1 / (points - 1) < 1e-9


@given(curves())
def test_an_elbow_is_one_of_the_ks(costs):
    found = elbow(costs)
    assert found is None or found in [point.k for point in costs]


@given(curves(), st.integers(-30, 30))
def test_the_unit_of_cost_does_not_matter(costs, power):
    rescaled = [CostPoint(p.k, p.cost * 2.0**power) for p in costs]  # exact in doubles
    assert elbow(rescaled) == elbow(costs)


@given(curves())
def test_it_does_not_matter_where_the_range_of_k_begins(costs):
    moved = [CostPoint(p.k + 4, p.cost) for p in costs]
    found, again = elbow(costs), elbow(moved)
    assert again == (None if found is None else found + 4)
