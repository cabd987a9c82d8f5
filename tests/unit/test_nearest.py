"""The pass that Spark tasks run, on Arrow batches and without a JVM, against plain Python."""

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from segmentation.clustering.distributed import HALF, pass_over
from segmentation.numerics.nearest import BLOCK
from tests.brute_force import Listed

FARTHEST = 2**23
"""With three features, points this far out still have squared distances below 2**50."""


def batches(points, *, size):
    """The points as Arrow record batches of so many rows."""
    columns = {f"q{j}": [float(point[j]) for point in points] for j in range(len(points[0]))}
    return pa.table(columns).to_batches(max_chunksize=size)


def passed(points, *centre_sets, size=4):
    """The single record batch that a task returns, as a list of rows."""
    sets = [np.array(centres, dtype=np.float64) for centres in centre_sets]
    task = pass_over(np.vstack(sets), [len(centres) for centres in sets])
    (found,) = task(iter(batches(points, size=size)))
    return found.to_pylist()


def test_counts_and_sums_on_paper():
    # 1 and 3 are nearest to 0, 9 to 10; squares 1 + 9 and 81 fit in the low half
    assert passed([(1,), (3,), (9,)], [(0,), (10,)]) == [
        {"position": 0, "customers": 2, "squares_high": 0, "squares_low": 10, "sum_0": 4},
        {"position": 1, "customers": 1, "squares_high": 0, "squares_low": 81, "sum_0": 9},
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
    (found,) = pass_over(np.zeros((2, 3)), [2])(iter(nothing))
    for row in found.to_pylist():
        assert sum(value for name, value in row.items() if name != "position") == 0


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
