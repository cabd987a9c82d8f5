"""Moments from whole-number sums, against fractions and the standard library."""

import math
import statistics
from fractions import Fraction

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from segmentation.numerics.fixed_point import GRID_BITS, Grid, joined

values = st.lists(
    st.floats(-1e12, 1e12, allow_subnormal=False), min_size=2, max_size=40
) | st.lists(st.integers(-5, 5).map(float), min_size=2, max_size=40)


def indices(grid, column):
    """What :meth:`Grid.index` makes of values, in Python's own floats."""
    return [round((value - grid.low) / grid.step) for value in column]


def spanning(column):
    low, high = min(column), max(column)
    assume(high - low > 1e-250)  # so that no square vanishes
    return Grid.spanning(low, high)


def sums(grid, column):
    found = indices(grid, column)
    return sum(found), sum(i * i for i in found)


def test_a_grid_on_paper():
    # a span of 6 lies within 8 = 2**3, so a step is 2**3 / 2**30
    grid = Grid.spanning(-2.0, 4.0)
    assert (grid.low, grid.step) == (-2.0, 2.0**-27)
    assert indices(grid, [-2.0, 0.0, 4.0]) == [0, 2**28, 6 * 2**27]


@pytest.mark.parametrize("span", [1.0, 1.5, 2.0, 3.999, 4.0, 1e-300, 1e100])
def test_a_grid_has_between_a_quarter_and_all_of_its_steps(span):
    steps = span / Grid.spanning(0.0, span).step
    assert 2**GRID_BITS / 4 < steps <= 2**GRID_BITS
    assert math.frexp(Grid.spanning(0.0, span).step)[0] == 0.5  # a power of two


def test_moments_on_paper():
    # 1, 2, 3, 6: mean 3, squares about it 4 + 1 + 0 + 9 = 14, over n - 1 = 3
    grid = Grid.spanning(1.0, 6.0)
    total, squares = sums(grid, [1.0, 2.0, 3.0, 6.0])
    assert grid.mean(total, 4) == 3
    assert grid.total(total, 4) == 12
    assert grid.deviation(total, squares, 4) == math.sqrt(14 / 3)


def test_one_row_has_no_deviation():
    assert Grid.spanning(0.0, 1.0).deviation(5, 25, 1) == 0


@given(values)
def test_moments_are_right_to_half_a_step(column):
    grid = spanning(column)
    total, squares = sums(grid, column)
    exact = [Fraction(value) for value in column]
    mean = sum(exact) / len(exact)
    rounding = max(abs(v) for v in column) * 2.0**-50
    assert abs(grid.mean(total, len(column)) - mean) <= grid.step / 2 + rounding
    assert abs(grid.total(total, len(column)) - sum(exact)) <= len(column) * (
        grid.step / 2 + rounding
    )
    deviation = statistics.stdev(exact)
    assert abs(grid.deviation(total, squares, len(column)) - deviation) <= 2 * (
        grid.step + rounding
    )


@given(values, st.integers(-40, 40))
def test_the_unit_of_a_feature_changes_its_moments_by_the_unit_alone(column, power):
    grid, unit = spanning(column), 2.0**power
    rescaled = Grid.spanning(min(column) * unit, max(column) * unit)
    again = [value * unit for value in column]
    assert indices(rescaled, again) == indices(grid, column)
    rows = len(column)
    total, squares = sums(grid, column)
    assert rescaled.mean(total, rows) == grid.mean(total, rows) * unit
    assert rescaled.deviation(total, squares, rows) == grid.deviation(total, squares, rows) * unit


@pytest.mark.parametrize(
    ("column", "mean", "deviation"),
    [
        # seconds since 1970: the squares need 62 bits, the difference is in the last of them
        ([1.6e9 - 1, 1.6e9, 1.6e9 + 1], 1.6e9, 1.0),
        ([1e-9, 2e-9, 3e-9], 2e-9, 1e-9),
        ([1e15, 1e15 + 2], 1e15 + 1, math.sqrt(2)),
        ([-1e100, 0.0, 1e100], 0.0, 1e100),
    ],
)
def test_far_from_zero_and_close_to_it_moments_stay_right(column, mean, deviation):
    grid = Grid.spanning(min(column), max(column))
    total, squares = sums(grid, column)
    assert grid.mean(total, len(column)) == pytest.approx(mean, rel=1e-9, abs=deviation * 1e-8)
    assert grid.deviation(total, squares, len(column)) == pytest.approx(deviation, rel=1e-8)


@given(st.lists(st.integers(0, 2**GRID_BITS), max_size=30))
def test_halves_of_squares_are_joined_without_loss(found):
    high = sum((i * i) >> GRID_BITS for i in found)
    low = sum((i * i) & (2**GRID_BITS - 1) for i in found)
    assert joined(high, low) == sum(i * i for i in found)
