"""No flow of few customers is derived: an attacker tries, who has the page and nothing else.

He knows the sizes of both runs, the flows that are shown, and what else the page may say of them.
All that is linear in the flows that he does not see. The most customers that it leaves possible is
what he knows of one.
"""

import numpy as np
import pytest
from scipy.optimize import Bounds, LinearConstraint, milp

from segmentation.reporting.flow_disclosure import REST, fold_small, hidden_cells
from segmentation.results import LEFT, NEW, Flow

BOUND = 10


def flow(source, target, customers, *, behaviour=0, model=0):
    before = None if source == NEW else 2.0 * customers
    after = None if target == LEFT else 3.0 * customers
    return Flow(source, target, customers, before, after, behaviour, model)


def sizes_of(flows):
    before: dict[str, int] = {}
    after: dict[str, int] = {}
    for each in flows:
        if each.from_key != NEW:
            before[each.from_key] = before.get(each.from_key, 0) + each.customers
        if each.to_key != LEFT:
            after[each.to_key] = after.get(each.to_key, 0) + each.customers
    return dict(sorted(before.items())), dict(sorted(after.items()))


def shown_of(flows, bound=BOUND):
    before, after = sizes_of(flows)
    return fold_small(flows, before=before, after=after, min_group=bound)


def table_of(flows):
    return {(each.from_key, each.to_key): each.customers for each in flows}


class Attacker:
    """Solves for the flows between the keys that he knows of: described ones, the rest, both ends.

    ``before`` and ``after`` are the sizes that the page tells, the rest's included.
    """

    def __init__(self, shown, before, after):
        self.sources, self.targets = [*before, NEW], [*after, LEFT]
        self.places = {
            pair: place
            for place, pair in enumerate(
                (s, t) for s in self.sources for t in self.targets if (s, t) != (NEW, LEFT)
            )
        }
        self.rows, self.sums = [], []
        for source, size in [*before.items(), (NEW, shown.new)]:
            self.know([(source, t) for t in self.targets], size)
        for target, size in [*after.items(), (LEFT, shown.left)]:
            self.know([(s, target) for s in self.sources], size)
        for each in shown.flows:
            self.know([(each.from_key, each.to_key)], each.customers)
        seen = {(each.from_key, each.to_key) for each in shown.flows}
        for source, number in shown.folded_from.items():
            self.know([(source, t) for t in self.targets if (source, t) not in seen], number)
        for target, number in shown.folded_to.items():
            self.know([(s, target) for s in self.sources if (s, target) not in seen], number)
        for each in shown.net_moves:
            self.know([(each.key, each.key)], each.stayed)
            self.know([(s, each.key) for s in self.sources if s != each.key], each.entered)
            self.know([(each.key, t) for t in self.targets if t != each.key], each.left)

    def know(self, pairs, total):
        places = [self.places[pair] for pair in pairs if pair in self.places]
        if total is not None and places:
            row = np.zeros(len(self.places))
            row[places] = 1
            self.rows.append(row)
            self.sums.append(total)

    def largest(self, pairs):
        """The most customers that some flows may have together."""
        goal = np.zeros(len(self.places))
        goal[[self.places[pair] for pair in pairs]] = -1
        found = milp(
            goal,
            constraints=LinearConstraint(np.array(self.rows), self.sums, self.sums),
            bounds=Bounds(0, 10_000),
            integrality=np.ones(len(goal)),
        )
        assert found.success, found.message
        return round(-found.fun)


def told_sizes(sizes, described):
    """The sizes that the page tells: what is left of all are the others."""
    told = {key: size for key, size in sizes.items() if key in described}
    rest = sum(sizes.values()) - sum(told.values())
    return {**told, REST: rest} if rest else told


def derived(flows, shown, bound=BOUND):
    """The unsafe flows and sums of which the attacker knows that they are of few customers."""
    before, after = sizes_of(flows)
    named = {each.from_key for each in shown.flows} | set(shown.folded_from)
    named_after = {each.to_key for each in shown.flows} | set(shown.folded_to)
    attacker = Attacker(shown, told_sizes(before, named), told_sizes(after, named_after))
    true: dict[tuple[str, str], int] = {}
    for (source, target), customers in table_of(flows).items():
        pair = (
            source if source in (NEW, *attacker.sources) else REST,
            target if target in (LEFT, *attacker.targets) else REST,
        )
        true[pair] = true.get(pair, 0) + customers
    wanted = [[pair] for pair, customers in true.items() if 0 < customers < bound]
    for ends in (
        [p for p in attacker.places if p[0] == NEW],
        [p for p in attacker.places if p[1] == LEFT],
    ):
        if 0 < sum(true.get(pair, 0) for pair in ends) < bound:
            wanted.append(ends)
    return [pairs for pairs in wanted if attacker.largest(pairs) < bound]


def random_flows(rng, *, keys):
    """Most customers stay; moves are few or many; sometimes nobody is new, or only some."""
    sources = [f"s{i}" for i in range(rng.integers(1, keys + 1))]
    targets = [f"s{i}" for i in range(rng.integers(0, 2), rng.integers(2, keys + 2))]
    flows = []
    few_new, few_left = rng.choice([0, 1, 3, 40], size=2)
    for source in [*sources, NEW]:
        for target in [*targets, LEFT]:
            most = {NEW: few_new}.get(source, {LEFT: few_left}.get(target, 30))
            customers = int(rng.integers(0, most + 1)) * int(rng.random() < 0.6)
            customers += 100 * (source == target)
            if customers and (source, target) != (NEW, LEFT):
                behaviour = int(rng.integers(0, customers + 1))
                model = int(rng.integers(customers - behaviour, customers + 1))
                flows.append(flow(source, target, customers, behaviour=behaviour, model=model))
    return flows


@pytest.mark.parametrize(
    "seeds", [range(40), pytest.param(range(40, 3000), marks=pytest.mark.thorough)]
)
def test_the_attacker_derives_no_flow_of_few_customers(seeds):
    told, whole, none = 0, 0, 0
    for seed in seeds:
        flows = random_flows(np.random.default_rng(seed), keys=5)
        shown = shown_of(flows)
        whole += sum(each.customers for each in flows)
        if shown is None:
            none += 1
            continue
        assert derived(flows, shown) == [], seed
        told += sum(each.customers for each in shown.flows)
        for each in shown.flows:
            assert each.customers >= BOUND
            causes = each.moved_by_behaviour, each.moved_by_model
            for part in [] if None in causes else [*causes, *(each.customers - c for c in causes)]:
                assert part == 0 or part >= BOUND
    print(f"{len(seeds)} tables: {told / whole:.0%} of customers in a flow shown, none in {none}")
    assert told / whole > 0.5
    assert none < len(seeds) / 10


def test_the_attacker_derives_what_is_only_left_out():
    # The two small flows are not shown and nothing else is hidden: both follow from the sizes.
    flows = [flow("s1", "s1", 95), flow("s1", "s2", 5), flow("s2", "s2", 98), flow("s2", "s1", 2)]
    generous = fold_small(
        flows, before={"s1": 100, "s2": 100}, after={"s1": 97, "s2": 103}, min_group=1
    )
    assert derived(flows, generous) == [[("s1", "s2")], [("s2", "s1")]]
    shown = shown_of(flows)
    assert shown.flows == ()  # of two by two cells one alone cannot be protected
    assert shown.folded_from == {"s1": 100, "s2": 100}
    assert shown.withheld == 2


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
    withheld = {(i, j) for i, j in np.argwhere(hidden).tolist() if counts[i][j] >= BOUND}
    assert withheld == {(0, 2), (1, 2), (1, 0), (2, 0), (2, 1)}


def test_few_new_customers_are_not_counted():
    flows = [flow("s1", "s1", 90), flow("s1", LEFT, 40), flow("s2", "s2", 80), flow(NEW, "s1", 3)]
    shown = shown_of(flows)
    assert shown.new is shown.left is None
    assert NEW not in shown.folded_from
    assert derived(flows, shown) == []


def test_many_new_customers_are_counted():
    flows = [flow("s1", "s1", 90), flow("s1", LEFT, 40), flow("s2", "s2", 80), flow(NEW, "s1", 30)]
    shown = shown_of(flows)
    assert (shown.new, shown.left) == (30, 40)
    assert table_of(shown.flows) == table_of(flows)
    assert shown.folded_from == shown.folded_to == {}
    assert {each.key: (each.stayed, each.entered, each.left) for each in shown.net_moves} == {
        "s1": (90, 30, 40),
        "s2": (80, 0, 0),
    }


def test_a_segment_that_is_not_described_is_one_of_the_rest():
    flows = [
        *(flow(f"s{i}", f"s{i}", 100) for i in range(3)),
        flow("s3", "s3", 6),
        flow("s0", "s3", 30),
    ]
    shown = shown_of(flows)
    keys = {key for each in shown.flows for key in (each.from_key, each.to_key)}
    assert "s3" not in {each.from_key for each in shown.flows}  # of six customers
    assert REST in keys | set(shown.folded_from)
    assert "s3" not in {each.key for each in shown.net_moves}


def test_nothing_is_shown_of_fewer_customers_than_the_bound():
    assert shown_of([flow("s1", "s1", 4), flow("s1", LEFT, 3)]) is None


def test_causes_that_are_of_few_customers_are_not_shown():
    flows = [
        *(flow(f"s{i}", f"s{i}", 100, behaviour=20, model=20) for i in range(3)),
        flow("s0", "s1", 50, behaviour=30, model=20),
        flow("s1", "s2", 50, behaviour=47, model=50),  # by the model alone: three
        flow("s2", "s0", 50, behaviour=40, model=15),  # by both: five
        flow("s0", "s2", 50, behaviour=50, model=0),
        flow(NEW, "s1", 50),
    ]
    causes = {
        (each.from_key, each.to_key): (each.moved_by_behaviour, each.moved_by_model)
        for each in shown_of(flows).flows
    }
    assert causes[NEW, "s1"] == causes["s0", "s0"] == (None, None)
    assert causes["s1", "s2"] == causes["s2", "s0"] == (None, None)
    assert causes["s0", "s1"] == (30, 20)
    assert causes["s0", "s2"] == (50, 0)


@pytest.mark.parametrize("seed", range(5))
def test_sums_stay_what_they_are(seed):
    flows = random_flows(np.random.default_rng([seed, 1]), keys=4)
    before, after = sizes_of(flows)
    shown = shown_of(flows, bound=3)
    for sizes, own, folded in (
        (before, [each.from_key for each in shown.flows], shown.folded_from),
        (after, [each.to_key for each in shown.flows], shown.folded_to),
    ):
        for key, size in sizes.items():
            if key in own or key in folded:
                parts = [e.customers for e, k in zip(shown.flows, own, strict=True) if k == key]
                assert sum(parts) + folded.get(key, 0) == size
