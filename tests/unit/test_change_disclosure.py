"""The page tells no changes of few customers: an attacker reads its tables and charts."""

import re
from dataclasses import replace

import numpy as np
import pytest
from scipy.optimize import Bounds, LinearConstraint, milp

from segmentation.reporting.segment_page import render
from segmentation.results import LEFT, NEW, Drift
from tests.changes_example import BEFORE, KEYS, changed_report, flows
from tests.unit.test_segment_page import figures, table

BOUND = 10
SMALL = "small"
ENDS = {"New customers": NEW, "No longer customers": LEFT, "Other flows": SMALL}
SOURCES, TARGETS = (*BEFORE, NEW), (*KEYS, LEFT)


def report_of(moves, **changes):
    """The example with these customers by key before (and new) and key now (and left)."""
    report = changed_report(runs=2)
    assert report.changes is not None
    now = dict(zip(KEYS, moves.sum(axis=0).tolist(), strict=False))
    before = dict(zip(BEFORE, moves.sum(axis=1).tolist(), strict=False))
    history = tuple(
        replace(
            each,
            customers=(now if each.run == report.run.run else before).get(each.segment_key, 0),
        )
        for each in report.changes.history
    )
    found = replace(report.changes, flows=flows(moves.tolist()), history=history, **changes)
    return replace(
        report,
        changes=found,
        run=replace(report.run, labelled=sum(now.values())),
        segments=tuple(replace(s, customers=now[s.segment_key]) for s in report.segments),
    )


class Attacker:
    """Everything that the page says of flows, as equations."""

    def __init__(self, report, *, bound):
        html = render(report, min_group=bound)
        self.keys = {each.name: each.segment_key for each in report.changes.history} | ENDS
        self.rows, self.sums = [], []
        self.know([(NEW, LEFT)], 0)
        self.read_moves(*table(html, "Table of moves"))
        self.read_balances(table(html, "Table of gains and losses")[1:])
        self.read_picture(figures(html).get("flows-figure"))

    def read_moves(self, head, *rows):
        for name, *cells in rows:
            for target, cell in zip(head[1:], cells, strict=True):
                self.know([(self.key(name), self.key(target))], number(cell))

    def read_balances(self, rows):
        for name, before, entered, left, now, *_ in rows:
            key = self.key(name.partition(" key ")[0])
            self.know([(key, t) for t in TARGETS], number(before))
            self.know([(s, key) for s in SOURCES], number(now))
            self.know([(s, key) for s in SOURCES if s != key], number(entered))
            self.know([(key, t) for t in TARGETS if t != key], number(left))
            self.know([(NEW, key)], number(entered.partition(" ")[2]))
            self.know([(key, LEFT)], number(left.partition(" ")[2]))

    def read_picture(self, figure):
        if figure is None:
            return
        trace = figure["data"][0]
        nodes = [each.split("<br>") for each in trace["node"]["customdata"]]
        keys = [self.key(each[0]) for each in nodes]
        link = trace["link"]
        links = list(zip(link["source"], link["target"], link["value"], strict=True))
        sources = {source for source, _, _ in links if keys[source] != SMALL}
        for place, (key, told) in enumerate(zip(keys, nodes, strict=True)):
            line = [(key, t) for t in TARGETS] if place in sources else [(s, key) for s in SOURCES]
            self.know(line, number(told[1]) if len(told) > 1 else None)
        drawn = {(keys[source], keys[target]) for source, target, _ in links}
        for source, target, value in links:
            pairs = [(keys[source], keys[target])]
            if keys[target] == SMALL:
                pairs = [(keys[source], t) for t in TARGETS if (keys[source], t) not in drawn]
            elif keys[source] == SMALL:
                pairs = [(s, keys[target]) for s in SOURCES if (s, keys[target]) not in drawn]
            self.know(pairs, value)

    def key(self, name):
        return self.keys[name]

    def know(self, pairs, total):
        places = [at for at, pair in enumerate(PLACES) if pair in pairs]
        if total is not None and places:
            row = np.zeros(len(PLACES))
            row[places] = 1
            self.rows.append(row)
            self.sums.append(total)

    def largest(self, pair):
        goal = np.zeros(len(PLACES))
        goal[PLACES.index(pair)] = -1
        found = milp(
            goal,
            constraints=LinearConstraint(np.array(self.rows), self.sums, self.sums),
            bounds=Bounds(0, 100_000),
            integrality=np.ones(len(PLACES)),
        )
        assert found.success, found.message  # all that the page says holds
        return round(-found.fun)


PLACES = [(s, t) for s in SOURCES for t in TARGETS]


def number(text):
    """The first number of a text, None where there is none."""
    found = re.match(r"[\d,]+", text.strip())
    return int(found[0].replace(",", "")) if found else None


def random_moves(rng):
    moves = rng.integers(0, 60, (6, 6)) * (rng.random((6, 6)) < 0.5)
    moves[rng.random((6, 6)) < 0.2] = rng.integers(1, BOUND)
    moves[np.arange(5), np.arange(5)] += 150
    for end in (np.s_[5, :], np.s_[:, 5]):
        if rng.random() < 0.5:
            moves[end] = 0
            moves[end][rng.integers(0, 5)] = rng.integers(0, 2 * BOUND)
    moves[5, 5] = 0
    return moves


@pytest.mark.parametrize(
    "seeds", [range(2), pytest.param(range(2, 60), marks=pytest.mark.thorough)]
)
def test_no_flow_of_few_customers_is_derived_from_the_page(seeds):
    for seed in seeds:
        moves = random_moves(np.random.default_rng(seed))
        report = report_of(moves)
        attacker = Attacker(report, bound=BOUND)
        found = [
            pair
            for pair, customers in zip(PLACES, moves.ravel().tolist(), strict=True)
            if 0 < customers < BOUND and attacker.largest(pair) < BOUND
        ]
        assert found == [], seed


def test_the_attacker_reads_the_page():
    moves = random_moves(np.random.default_rng(0))
    report = report_of(moves)
    attacker = Attacker(report, bound=1)
    assert all(
        attacker.largest(pair) == customers
        for pair, customers in zip(PLACES, moves.ravel().tolist(), strict=True)
    )


def drifted(shares):
    """The rows of segments, of these shares when the model was fitted and today."""
    return tuple(
        Drift("segment", key, measure, before, today, 0.0, 0.1, "stable")
        for key, (before, today) in zip(BEFORE, shares, strict=True)
        for measure in ("share", "median_distance")
    )


@pytest.mark.parametrize("side", [0, 1])
def test_drift_of_a_segment_of_few_customers_is_not_shown(side):
    # of 1,000 customers: 3 are known from the other shares unless the next larger is hidden
    shares = np.full((5, 2), 0.2)
    shares[:, side] = [0.397, 0.3, 0.2, 0.1, 0.003]
    moves = np.diag([200] * 5 + [0])
    report = report_of(moves, drift=drifted(shares.tolist()))
    rows = table(render(report, min_group=BOUND), "Table of what did not drift")[1:]
    names = {each.segment_key: each.name for each in report.changes.history}
    assert [row[0] for row in rows] == [names[key] for key in ("s1", "s1", "s2", "s2", "s3", "s3")]
