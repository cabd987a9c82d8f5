"""Partitions, Lloyd steps and clusters that are filled, on customers that are listed one by one."""

from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.cluster import KMeans

from segmentation.clustering.lloyd import (
    coreset_accelerated_lloyd,
    fill_empty_clusters,
    lloyd,
    lloyd_from_centres,
)
from segmentation.numerics.partition import Partition
from tests.brute_force import Listed

STEP = 1024
"""Customers lie so many grid steps apart that the rounding of means is nothing beside it."""

customers = st.lists(
    st.tuples(st.integers(-40, 40), st.integers(-40, 40)), min_size=1, max_size=40
).map(lambda points: Listed([(STEP * x, STEP * y) for x, y in points]))


def centres(*points):
    return np.array(points, dtype=np.float64)


def only(population, *points):
    """The partition that these centres make."""
    return population.partitions([centres(*points)])[0]


def cost_about_means(population, found):
    """The definition of the cost: squared distances to exact means, customer by customer."""
    total = Fraction(0)
    for count, sums, own in zip(found.counts, found.sums, members(population, found), strict=True):
        for point in own:
            total += sum((x - Fraction(s, count)) ** 2 for x, s in zip(point, sums, strict=True))
    return total


def members(population, found):
    clusters: list[list] = [[] for _ in found.centres]
    for point in population.points:
        distances = ((found.centres - point) ** 2).sum(axis=1)
        clusters[int(distances.argmin())].append(point)
    return clusters


def test_cost_and_means_of_a_partition_on_paper():
    # 0, 2 and 4 lie about 2: 4 + 0 + 4; 10 and 13 about 11.5: 2.25 each
    found = only(Listed([(0,), (2,), (4,), (10,), (13,)]), (0,), (12,))
    assert found.counts == (3, 2)
    assert found.cost() == Fraction(25, 2)
    assert found.means().tolist() == [[2], [12]]  # 11.5 is rounded upwards


@pytest.mark.parametrize(
    ("total", "count", "mean"), [(5, 2, 3), (-5, 2, -2), (4, 3, 1), (5, 3, 2), (-4, 3, -1)]
)
def test_means_are_rounded_to_the_nearest_with_halves_upwards(total, count, mean):
    found = Partition(centres((0,)), (count,), ((total,),), (total * total,))
    assert found.means().tolist() == [[mean]]


def test_steps_from_a_partition_go_on_where_it_is():
    population = Listed([(0,), (2,), (4,), (10,), (13,)])
    start = centres((0,), (2,))
    found = lloyd(population, population.partitions([start])[0], max_steps=20)
    expected = lloyd_from_centres(population, start, max_steps=20)
    assert found[0].centres.tolist() == expected[0].centres.tolist()
    assert found[1]


def test_an_empty_cluster_keeps_its_centre_and_costs_nothing():
    found = only(Listed([(0,), (2,)]), (0,), (2,), (90,))
    assert found.has_empty
    assert found.means().tolist() == [[0], [2], [90]]
    assert found.cost() == 0


def test_the_first_of_equally_near_centres_wins():
    found = only(Listed([(0,), (5,), (10,)]), (0,), (10,))
    assert found.counts == (2, 1)
    assert only(Listed([(0,), (5,), (10,)]), (10,), (0,)).counts == (2, 1)


@given(customers, st.integers(1, 4))
def test_cost_is_the_sum_of_squared_distances_to_the_means(population, k):
    found = population.partitions([centres(*population.points[:k])])[0]
    assert found.cost() == cost_about_means(population, found)


def test_cost_beyond_the_digits_of_a_double():
    # 2**53 apart from a square that a double would round away
    far = 2**40
    found = only(Listed([(far,), (far + 1,)]), (far,))
    assert found.cost() == Fraction(1, 2)


def test_refined_converges_where_it_can_be_seen_to():
    population = Listed([(0,), (2,), (4,), (100,), (102,), (104,)])
    found, has_converged = lloyd_from_centres(population, centres((0,), (2,)), max_steps=20)
    assert has_converged
    assert found.centres.tolist() == [[2], [102]]
    assert found.counts == (3, 3)
    assert found.cost() == 16


def test_refined_says_when_the_steps_ran_out():
    population = Listed([(0,), (2,), (4,), (100,), (102,), (104,)])
    _, has_converged = lloyd_from_centres(population, centres((0,), (2,)), max_steps=1)
    assert not has_converged


def test_what_centres_cost_above_the_means_on_paper():
    # about 0 the squares of 1 and 3 add up to 10, about their mean 2 to 2; 11 is its own mean
    population = Listed([(1,), (3,), (11,)])
    found = population.partitions([centres((0,), (11,))])[0]
    assert found.centre_offset_cost() == 8
    assert found.cost() == 2


class Counted:
    """A population that counts the passes over it."""

    def __init__(self, population):
        self.population, self.passes = population, 0

    def partitions(self, centre_sets):
        self.passes += 1
        return self.population.partitions(centre_sets)

    def farthest(self, centres):
        return self.population.farthest(centres)


@pytest.fixture(scope="module")
def overlapping():
    """Two thousand customers of two overlapping groups, and every fifth as their model."""
    random = np.random.default_rng(7)
    points = np.rint(np.concatenate([random.normal(0, 900, 1000), random.normal(1500, 900, 1000)]))
    everyone = [(int(x),) for x in points]
    return Listed(everyone), Listed(everyone[::5])


def test_with_a_model_ahead_few_passes_converge_where_many_do(overlapping):
    everyone, model = map(Counted, overlapping)
    start = everyone.partitions([centres((-2500,), (0,))])[0]
    expected, _ = lloyd(everyone, start, max_steps=100)
    many, everyone.passes = everyone.passes, 0
    found, has_converged = coreset_accelerated_lloyd(
        everyone, start, model=model, max_steps=100, tolerance=1e-6
    )
    assert has_converged
    assert float(found.cost()) == pytest.approx(float(expected.cost()), rel=1e-5)
    assert found.centre_offset_cost() <= 1e-6 * found.cost()
    assert everyone.passes <= many / 3


def test_a_model_that_leads_astray_costs_passes_and_nothing_else(overlapping):
    everyone, _ = overlapping
    start = everyone.partitions([centres((-2500,), (0,))])[0]
    nobody = Listed([(10**6,), (-(10**6),)])
    expected, _ = lloyd(everyone, start, max_steps=100)
    found, has_converged = coreset_accelerated_lloyd(
        everyone, start, model=nobody, max_steps=100, tolerance=1e-6
    )
    assert has_converged
    assert float(found.cost()) == pytest.approx(float(expected.cost()), rel=1e-5)


@given(customers, customers, st.integers(1, 4))
def test_whatever_the_model_nothing_costs_more_than_before(population, model, k):
    k = min(k, len(set(population.points)))
    start = fill_empty_clusters(population, only(population, population.points[0]), clusters=k)
    found, _ = coreset_accelerated_lloyd(
        population, start, model=model, max_steps=5, tolerance=1e-3
    )
    assert found.cost() <= start.cost()
    assert not found.has_empty


def test_a_centre_without_customers_moves_to_the_farthest_customer():
    population = Listed([(0,), (2,), (40,), (100,)])
    found, has_converged = lloyd_from_centres(
        population, centres((1,), (-900,), (70,)), max_steps=20
    )
    assert has_converged
    assert sorted(found.centres.ravel().tolist()) == [1, 40, 100]
    assert found.cost() == 2


@given(customers, st.integers(1, 6), st.randoms(use_true_random=False))
def test_refined_never_costs_more_and_has_no_empty_cluster(population, k, random):
    k = min(k, len(set(population.points)))
    start = centres(*random.sample(sorted(set(population.points)), k))
    before = population.partitions([start])[0]
    found, has_converged = lloyd_from_centres(population, start, max_steps=200)
    assert has_converged
    assert found.cost() <= before.cost()
    assert not found.has_empty
    assert sum(found.counts) == len(population.points)


@given(customers, st.integers(2, 8))
def test_refined_fills_every_cluster_from_centres_far_away(population, k):
    k = min(k, len(set(population.points)))
    nowhere = centres(*[(10**7, i) for i in range(k)])
    found, _ = lloyd_from_centres(population, nowhere, max_steps=0)
    assert not found.has_empty


@given(customers, st.integers(1, 4), st.randoms(use_true_random=False))
def test_the_order_of_customers_changes_nothing(population, k, random):
    start = centres(*sorted(set(population.points))[:k])
    shuffled = Listed(random.sample(population.points, len(population.points)))
    found, again = (lloyd_from_centres(p, start, max_steps=50)[0] for p in (population, shuffled))
    assert np.array_equal(found.centres, again.centres)
    assert (found.counts, found.sums, found.cost()) == (again.counts, again.sums, again.cost())


@given(customers, st.integers(1, 4), st.integers(-(2**20), 2**20))
def test_shifting_all_customers_shifts_the_centres(population, k, shift):
    start = centres(*sorted(set(population.points))[:k])
    shifted = Listed([(x + shift, y - shift) for x, y in population.points])
    found, _ = lloyd_from_centres(population, start, max_steps=50)
    by = np.array([shift, -shift])
    moved, _ = lloyd_from_centres(shifted, start + by, max_steps=50)
    assert np.array_equal(moved.centres, found.centres + by)
    assert (moved.counts, moved.cost()) == (found.counts, found.cost())


def test_refined_rests_where_scikit_learn_does():
    random = np.random.default_rng(3)
    groups = [(0, 0), (2**20, 0), (0, 2**20)]
    points = np.vstack([random.normal(group, 2**18, (60, 2)) for group in groups]).round()
    start = points[[0, 70, 150]]
    found, has_converged = lloyd_from_centres(
        Listed(points.astype(int).tolist()), start, max_steps=100
    )
    expected = KMeans(3, init=start, n_init=1, tol=0).fit(points)
    assert has_converged
    assert float(found.cost()) == pytest.approx(expected.inertia_, rel=1e-9)
    assert np.abs(found.centres - expected.cluster_centers_).max() <= 0.5 + 1e-6


def test_grown_takes_the_farthest_customer_first():
    population = Listed([(0,), (2,), (50,), (90,)])
    found = fill_empty_clusters(population, only(population, (30,)), clusters=3)
    # 142 / 4 = 35.5, from which 90 is farthest and then 0
    assert found.centres.tolist() == [[36], [90], [0]]
    assert found.counts == (1, 1, 2)


@given(customers, st.integers(1, 5), st.integers(0, 4))
def test_grown_never_costs_more(population, k, more):
    distinct = sorted(set(population.points))
    k, clusters = min(k, len(distinct)), min(k + more, len(distinct))
    smaller, _ = lloyd_from_centres(population, centres(*distinct[:k]), max_steps=50)
    found = fill_empty_clusters(population, smaller, clusters=clusters)
    assert len(found.counts) == clusters
    assert found.cost() <= smaller.cost()


def test_as_many_clusters_as_distinct_customers_cost_nothing():
    population = Listed([(0, 0)] * 5 + [(7, 1)] * 2 + [(3, 3)])
    found = fill_empty_clusters(population, only(population, (0, 0)), clusters=3)
    assert not found.has_empty
    assert found.cost() == 0


def test_grown_drops_what_is_empty_before_it_grows():
    population = Listed([(0,), (10,), (20,), (30,)])
    found = fill_empty_clusters(population, only(population, (5,), (25,), (9000,)), clusters=3)
    assert not found.has_empty
    assert found.cost() == 50  # two of them part, the other two keep their 2 * 5**2
