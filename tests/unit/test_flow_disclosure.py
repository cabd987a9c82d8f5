"""No flow of few customers is derived: an attacker tries, who has the page and nothing else.

He knows the sizes of both runs and the flows that are shown, zeros included. All that is linear in
the flows that he does not see. The most customers that it leaves possible is what he knows of one.
"""

import numpy as np
import pytest
from scipy.optimize import Bounds, LinearConstraint, milp

from segmentation.reporting.flow_disclosure import hidden_cells, withheld_pairs
from segmentation.results import LEFT, NEW, Flow

BOUND = 10


def flows_of(table):
    return [Flow(s, t, customers, None, None, 0, 0) for (s, t), customers in table.items()]


def ends_of(table):
    return (
        [*dict.fromkeys(source for source, _ in table if source != NEW), NEW],
        [*dict.fromkeys(target for _, target in table if target != LEFT), LEFT],
    )


class Attacker:
    """Solves for the flows that are withheld, whole numbers."""

    def __init__(self, table, withheld):
        sources, targets = ends_of(table)
        pairs = [(s, t) for s in sources for t in targets if (s, t) != (NEW, LEFT)]
        self.places = {pair: place for place, pair in enumerate(pairs)}
        self.rows, self.sums = [], []
        known = [[pair] for pair in pairs if pair not in withheld]
        by_row = [[(s, t) for t in targets] for s in sources]
        by_column = [[(s, t) for s in sources] for t in targets]
        if (NEW, LEFT) in withheld:
            by_row, by_column = by_row[:-1], by_column[:-1]
        for own in [*known, *by_row, *by_column]:
            places = [self.places[pair] for pair in own if pair in self.places]
            row = np.zeros(len(pairs))
            row[places] = 1
            self.rows.append(row)
            self.sums.append(sum(table.get(pair, 0) for pair in own))

    def largest(self, pairs):
        """The most customers that some flows may have together."""
        goal = np.zeros(len(self.places))
        goal[[self.places[pair] for pair in pairs if pair in self.places]] = -1
        found = milp(
            goal,
            constraints=LinearConstraint(np.array(self.rows), self.sums, self.sums),
            bounds=Bounds(0, 10_000),
            integrality=np.ones(len(goal)),
        )
        assert found.success, found.message
        return round(-found.fun)


def derived(table, withheld, bound=BOUND):
    """The unsafe flows, and numbers of who is new or left, that are known to be of few."""
    sources, targets = ends_of(table)
    attacker = Attacker(table, withheld)
    wanted = [[pair] for pair, customers in table.items() if 0 < customers < bound]
    for ends in ([(NEW, t) for t in targets], [(s, LEFT) for s in sources]):
        if 0 < sum(table.get(pair, 0) for pair in ends) < bound:
            wanted.append(ends)
    return [pairs for pairs in wanted if attacker.largest(pairs) < bound]


def random_table(rng, *, keys):
    """Most customers stay; moves are few or many; sometimes nobody is new, or only some are.

    Every segment has ``BOUND`` customers or more in both runs.
    """
    sources = [f"s{i}" for i in range(rng.integers(1, keys + 1))]
    targets = [f"s{i}" for i in range(rng.integers(0, 2), rng.integers(2, keys + 2))]
    few_new, few_left = rng.choice([0, 1, 3, 40], size=2)
    table = {}
    for source in [*sources, NEW]:
        for target in [*targets, LEFT]:
            most = {NEW: few_new}.get(source, {LEFT: few_left}.get(target, 30))
            customers = int(rng.integers(0, most + 1)) * int(rng.random() < 0.6)
            customers += 100 * (source == target)
            if customers and (source, target) != (NEW, LEFT):
                table[source, target] = customers
    for own, end, side in ((sources, LEFT, 0), (targets, NEW, 1)):
        for key in own:
            size = sum(number for pair, number in table.items() if pair[side] == key)
            if size < BOUND:
                pair = (key, end) if end == LEFT else (end, key)
                table[pair] = table.get(pair, 0) + 50
    return table


@pytest.mark.parametrize(
    "seeds", [range(40), pytest.param(range(40, 2000), marks=pytest.mark.thorough)]
)
def test_the_attacker_derives_no_flow_of_few_customers(seeds):
    shown, everyone, none = 0, 0, 0
    for seed in seeds:
        table = random_table(np.random.default_rng(seed), keys=5)
        withheld = withheld_pairs(flows_of(table), bound=BOUND)
        everyone += sum(table.values())
        own = sum(number for pair, number in table.items() if pair not in withheld)
        shown += own
        none += own == 0
        if own:
            assert derived(table, withheld) == [], seed
            assert all(table[p] >= BOUND for p in table if p not in withheld)
    print(f"{len(seeds)} tables: {shown / everyone:.0%} of customers shown, nobody in {none}")
    assert shown / everyone > 0.5
    assert none < len(seeds) / 5


def test_the_attacker_derives_what_alone_is_left_out():
    table = {("s1", "s1"): 95, ("s1", "s2"): 5, ("s2", "s2"): 98, ("s2", "s1"): 2}
    small = {("s1", "s2"), ("s2", "s1")}
    assert derived(table, small) == [[pair] for pair in table if pair in small]
    assert withheld_pairs(flows_of(table), bound=BOUND) >= set(table)  # two by two: all or none


def test_two_withheld_in_every_row_and_column_are_not_enough():
    # Both small flows are beside a large one in row and column, and all four are withheld; yet
    # what is left of the first row and of the first column has nine customers.
    table = {
        ("s1", "s1"): 4, ("s1", "s2"): 5, ("s1", "s3"): 60,
        ("s2", "s1"): 5, ("s2", "s2"): 70, ("s2", "s3"): 50,
        ("s3", "s1"): 80, ("s3", "s2"): 90, ("s3", "s3"): 99,
    }  # fmt: skip
    block = {(s, t) for s in ("s1", "s2") for t in ("s1", "s2")}
    assert derived(table, block) == [[("s1", "s1")], [("s1", "s2")], [("s2", "s1")]]
    assert derived(table, withheld_pairs(flows_of(table), bound=BOUND)) == []


def test_the_cheapest_cycle_on_paper():
    #          s1   s2   s3  left
    counts = [[300, 4, 20, 0],
              [15, 200, 12, 0],
              [30, 14, 100, 0],
              [0, 0, 0, 0]]  # fmt: skip
    # s1 -> s2 rises by 6, s1 -> s3 falls (20). The third column needs a rise, the second a fall:
    # s3 -> s3 (100) and s3 -> s2 (14); or s2 -> s3 (12), s2 -> s1 (15), s3 -> s1 (30), s3 -> s2.
    hidden = hidden_cells(np.array(counts), BOUND)
    assert hidden is not None
    withheld = {(i, j) for i, j in np.argwhere(hidden).tolist() if (i, j) != (0, 1)}
    assert withheld == {(0, 2), (1, 2), (1, 0), (2, 0), (2, 1)}


def test_a_zero_is_shown_unless_it_protects():
    # s1 -> s2 may be 10 where s1 -> s1, s2 -> s2 fall, and s2 -> s1, which is none, rises
    table = {("s1", "s1"): 90, ("s1", "s2"): 6, ("s2", "s2"): 80, ("s3", "s3"): 500}
    found = withheld_pairs(flows_of(table), bound=BOUND)
    assert found == {("s1", "s1"), ("s1", "s2"), ("s2", "s1"), ("s2", "s2")}


def test_few_new_customers_are_not_counted():
    table = {("s1", "s1"): 90, ("s1", LEFT): 40, ("s2", "s2"): 80, (NEW, "s1"): 3}
    found = withheld_pairs(flows_of(table), bound=BOUND)
    assert {(NEW, LEFT), (NEW, "s1"), ("s1", LEFT)} <= found
    assert ("s2", "s2") not in found
    assert derived(table, found - {(NEW, LEFT)}) != []  # from the sizes and how many left
    assert derived(table, found) == []


def test_what_is_safe_is_shown():
    table = {("s1", "s1"): 90, ("s1", LEFT): 40, ("s2", "s2"): 80, (NEW, "s1"): 30}
    assert withheld_pairs(flows_of(table), bound=BOUND) == set()
    assert withheld_pairs([], bound=BOUND) == set()
    few = {("s1", "s1"): 3, ("s2", "s1"): 1}
    assert withheld_pairs(flows_of(few), bound=1) == set()


def test_nothing_is_shown_where_all_customers_are_few():
    table = {("s1", "s1"): 4, ("s1", "s2"): 3}
    assert withheld_pairs(flows_of(table), bound=BOUND) >= set(table)
