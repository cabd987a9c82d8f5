"""The pass that Spark tasks run, on Arrow batches and without a JVM, against plain Python."""

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from segmentation.clustering.coreset import Coreset
from segmentation.clustering.distributed import HALF, pass_over
from segmentation.numerics.grid_points import BLOCK, CodeTable, GridPoints, Layout
from tests.brute_force import Listed, label, squares, totals

FARTHEST = 2**23
"""With three features, points this far out still have squared distances below 2**50."""


def batches(points, *, size):
    """The points as Arrow record batches of so many rows."""
    entries = pa.array([list(map(float, point)) for point in points])
    return pa.table({"entries": entries}).to_batches(max_chunksize=size)


def passed(points, *centre_sets, size=4, layout=None):
    """The totals that a task returns, a record for every centre."""
    sets = [np.array(centres, dtype=np.float64) for centres in centre_sets]
    layout = layout or Layout.of_numbers(sets[0].shape[1])
    task = pass_over(np.vstack(sets), [len(centres) for centres in sets], layout=layout)
    (found,) = task(iter(batches(points, size=size)))
    totals = np.array(found["totals"][0].as_py()).reshape(-1, 3 + layout.width).tolist()
    names = ["customers", "squares_high", "squares_low", *(f"sum_{j}" for j in range(layout.width))]
    return [dict(zip(names, row, strict=True)) for row in totals]


def test_counts_and_sums_on_paper():
    # 1 and 3 are nearest to 0, 9 to 10; squares 1 + 9 and 81 fit in the low half
    assert passed([(1,), (3,), (9,)], [(0,), (10,)]) == [
        {"customers": 2, "squares_high": 0, "squares_low": 10, "sum_0": 4},
        {"customers": 1, "squares_high": 0, "squares_low": 81, "sum_0": 9},
    ]


def test_every_set_of_centres_divides_the_same_customers():
    found = passed([(1,), (3,), (9,)], [(4,)], [(0,), (10,)], [(9,), (3,), (1,)])
    assert [row["customers"] for row in found] == [3, 2, 1, 1, 1, 1]
    assert [row["sum_0"] for row in found] == [13, 4, 9, 9, 3, 1]


def test_the_first_of_equally_near_centres_gets_the_customer_once():
    assert [row["customers"] for row in passed([(5,)] * 7, [(0,), (10,), (5.0 + 5,)])] == [7, 0, 0]
    assert [row["customers"] for row in passed([(5,), (4,)], [(10,), (5,), (5,), (0,)])] == [
        0,
        2,
        0,
        0,
    ]


def test_a_batch_of_any_length_is_taken_whole():
    random = np.random.default_rng(8)
    points = random.integers(-9, 9, (2 * BLOCK + 3, 3)).tolist()
    centres = points[:2]
    found = passed(points, centres, size=len(points))
    (expected,) = Listed(points).partitions([np.array(centres, dtype=np.float64)])
    assert tuple(row["customers"] for row in found) == expected.counts
    assert tuple(tuple(row[f"sum_{j}"] for j in range(3)) for row in found) == expected.sums


@pytest.mark.parametrize("batches_of_nothing", [0, 1])
def test_a_task_without_rows_returns_zeros(batches_of_nothing):
    nothing = [batches([(0, 0, 0)], size=1)[0].slice(0, 0)] * batches_of_nothing
    task = pass_over(np.zeros((2, 3)), [2], layout=Layout.of_numbers(3))
    (found,) = task(iter(nothing))
    assert found["totals"][0].as_py() == [0] * 2 * (3 + 3)


coordinate = st.integers(-FARTHEST, FARTHEST) | st.integers(-2, 2)
point = st.tuples(coordinate, coordinate, coordinate)


@settings(max_examples=150)
@given(
    st.lists(point, min_size=1, max_size=25),
    st.lists(point, min_size=1, max_size=5),
    st.lists(point, min_size=1, max_size=3),
)
def test_equals_whole_number_arithmetic_customer_by_customer(points, several, few):
    found = passed(points, several, few)
    sets = [np.array(centres, dtype=np.float64) for centres in (several, few)]
    expected = Listed(points).partitions(sets)
    assert [row["customers"] for row in found] == [c for p in expected for c in p.counts]
    assert [tuple(row[f"sum_{j}"] for j in range(3)) for row in found] == [
        s for p in expected for s in p.sums
    ]
    assert [(row["squares_high"] << HALF) + row["squares_low"] for row in found] == [
        s for p in expected for s in p.squares
    ]


def test_a_lead_of_one_square_grid_step_is_seen_at_the_rim():
    # squared distances of 2**49 to either centre, one apart
    centres = [(FARTHEST, FARTHEST, FARTHEST), (FARTHEST, FARTHEST, FARTHEST - 1)]
    customer = (-FARTHEST, -FARTHEST, FARTHEST)
    found = passed([customer], centres[::-1])
    assert [row["customers"] for row in found] == [0, 1]
    first, second = (
        sum((x - c) ** 2 for x, c in zip(customer, centre, strict=True)) for centre in centres
    )
    assert (first, second) == (2**49, 2**49 + 1)


@pytest.fixture(scope="module")
def many():
    random = np.random.default_rng(11)
    points = random.integers(-(2**22), 2**22, (3000, 3))
    return [tuple(p) for p in np.vstack([points, points[:1000]]).tolist()]  # with duplicates


@pytest.mark.parametrize("size", [1, 7, 1024, 10_000])
def test_the_size_of_the_batches_changes_no_bit(many, size):
    centres = [many[i] for i in (0, 5, 900, 2000)]
    assert passed(many, centres, centres[:2], size=size) == passed(many, centres, centres[:2])


def test_the_order_of_customers_changes_no_bit(many):
    centres = [many[i] for i in (0, 5, 900, 2000)]
    shuffled = [many[i] for i in np.random.default_rng(2).permutation(len(many))]
    assert passed(shuffled, centres, size=512) == passed(many, centres, size=512)


def test_sums_stay_whole_beyond_a_doubles_digits():
    # 3,000 squares of 2**46 + 1 add up beyond 2**53: a double sum would drop the ones
    edge = 2**23
    found = passed([(edge, 1, 0)] * 3000, [(0, 0, 0)], size=1000)[0]
    assert (found["squares_high"] << HALF) + found["squares_low"] == 3000 * (2**46 + 1)
    assert found["sum_0"] == 3000 * edge


def plans():
    """Two numbers and two categories, whose columns lie before, between and after them."""
    first = CodeTable(0, np.array([[900.0, -20], [-100, 180], [-100, -20]]))
    second = CodeTable(3, np.array([[50.0], [-7], [3]]))
    return Layout((2, 4), (first, second))


coded = st.tuples(coordinate, coordinate, st.integers(0, 2), st.integers(0, 2))
centre = st.tuples(*[st.integers(-1000, 1000)] * 5)


@settings(max_examples=100)
@given(st.lists(coded, min_size=1, max_size=25), st.lists(centre, min_size=1, max_size=5))
def test_what_codes_are_looked_up_as_is_what_their_coordinates_give(entries, centres):
    layout, rows = plans(), np.array(entries, dtype=np.float64)
    points = GridPoints(rows, layout)
    written_out = points.coordinates.astype(int).tolist()
    for (a, b, i, j), point in zip(entries, written_out, strict=True):
        first, second = (table.coordinates for table in layout.tables)
        assert point == [*first[i].tolist(), a, *second[j].tolist(), b]
    around = np.array(centres, dtype=np.float64)
    assert points.nearest(around).tolist() == [label(point, around) for point in written_out]
    expected = [min(squares(point, around)) for point in written_out]
    assert points.nearest_squares(around).tolist() == expected
    assert points.squared_norms().tolist() == [sum(x * x for x in p) for p in written_out]
    assert [written_out[i] for i in points.order()] == sorted(written_out)
    found = passed(entries, centres, layout=layout)
    (by_hand,) = Listed(written_out).partitions([around])
    assert tuple(row["customers"] for row in found) == by_hand.counts
    assert tuple(tuple(row[f"sum_{j}"] for j in range(5)) for row in found) == by_hand.sums
    norms = tuple((row["squares_high"] << HALF) + row["squares_low"] for row in found)
    assert norms == by_hand.squares
    weights = np.arange(1, len(rows) + 1)
    (weighted,) = Coreset(points, weights, is_whole=True).partitions([around])
    copies = [p for p, weight in zip(written_out, weights, strict=True) for _ in range(weight)]
    assert totals(weighted) == totals(Listed(copies).partitions([around])[0])
