"""The scored sweep: the cost of every k, on customers that are listed one by one."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from segmentation.clustering.lloyd import lloyd_from_centres
from segmentation.clustering.sweep import score, with_refined
from tests.brute_force import Listed

STEP = 1024


def centres(*points):
    return np.array(points, dtype=np.float64)


PAIRS = Listed([(0,), (2,), (100,), (102,)])


def test_costs_are_in_scaled_units():
    # about 51: 2 * (51**2 + 49**2) = 10004 squared grid steps; one grid step is 1/4
    swept = score(PAIRS, {1: [centres((0,))], 2: [centres((1,), (101,))]})
    assert [(p.k, p.scaled_cost(2)) for p in swept] == [(1, 10004 / 16), (2, 4 / 16)]


TRIPLES = Listed([(0,), (2,), (4,), (100,), (102,), (104,)])


def test_a_poor_start_gives_way_to_the_smaller_partition_grown():
    # 0 and 2 alone, 4 with the three far ones; grown from two triples, 104 stands alone: 8 + 2
    poor = centres((0,), (2,), (60,))
    swept = score(TRIPLES, {2: [centres((2,), (102,))], 3: [poor]})
    assert [s.cost() for s in swept] == [16, 10]


def test_of_several_candidates_the_cheapest_on_all_rows_wins():
    poor, good = centres((0,), (2,)), centres((1,), (101,))
    first, last = (score(PAIRS, {2: some})[0] for some in ([good, poor], [poor, good]))
    assert first.cost() == last.cost() == 4
    assert score(PAIRS, {2: [poor]})[0].cost() > 4


def test_centres_that_are_too_few_are_filled_up_to_k():
    swept = score(PAIRS, {3: [centres((0,), (101,))]})
    assert sorted(swept[0].counts) == [1, 1, 2]


def test_cheap_centres_that_are_too_few_are_filled_up_and_not_merely_kept():
    # two good centres for k = 3 cost less than the poor partition for k = 2, even grown
    swept = score(
        TRIPLES,
        {2: [centres((0,), (3,))], 3: [centres((2,), (102,))]},
    )
    assert [len(s.counts) for s in swept] == [2, 3]
    assert not swept[1].has_empty


def test_an_empty_cluster_is_never_published():
    swept = score(PAIRS, {2: [centres((50,), (9000,))], 3: [centres((1,), (101,), (9000,))]})
    assert not any(s.has_empty for s in swept)
    assert [s.k for s in swept] == [len(s.counts) for s in swept]


customers = st.lists(
    st.tuples(st.integers(-20, 20), st.integers(-20, 20)), min_size=6, max_size=30, unique=True
).map(lambda points: Listed([(STEP * x, STEP * y) for x, y in points]))


@given(customers, st.data())
def test_the_curve_never_rises_whatever_the_centres(population, data):
    anywhere = st.tuples(st.integers(-30 * STEP, 30 * STEP), st.integers(-30 * STEP, 30 * STEP))
    drawn = {
        k: [centres(*data.draw(st.lists(anywhere, min_size=1, max_size=k)))] for k in range(1, 7)
    }
    swept = score(population, drawn)
    costs = [s.cost() for s in swept]
    assert costs == sorted(costs, reverse=True)
    for s in swept:
        assert len(s.counts) == s.k
        assert sum(s.counts) == len(population.points)
        assert not s.has_empty


@given(customers, st.integers(1, 6))
def test_the_curve_still_never_rises_when_one_k_is_refined(population, k):
    drawn = {i: [centres(*population.points[:i])] for i in range(1, 7)}
    swept = score(population, drawn)
    partition, _ = lloyd_from_centres(population, swept[k - 1].means(), max_steps=50)
    again = with_refined(population, swept, partition)
    costs = [s.scaled_cost(10) for s in again]
    assert costs == sorted(costs, reverse=True)
    assert costs[k - 1] == pytest.approx(float(partition.cost()) / 4**10, rel=1e-15)
    assert [s.k for s in again] == [s.k for s in swept]
