"""Summaries of flows: worked examples, pandas, and what check_flows refuses."""

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from segmentation.results import LEFT, NEW, Flow, NetMove
from segmentation.results.moves import check_flows, largest_moves, moved_value, net_moves

FLOWS = (
    Flow("s1", "s1", 80, 800.0, 900.0, 0, 0),
    Flow("s1", "s2", 20, 500.0, 100.0, 20, 0),
    Flow("s2", "s1", 5, 10.0, 300.0, 2, 4),
    Flow("s2", LEFT, 7, 70.0, None, 0, 0),
    Flow(NEW, "s3", 9, None, 90.0, 0, 0),
)
BEFORE, AFTER = {"s1": 100, "s2": 12}, {"s1": 85, "s2": 20, "s3": 9}


def test_net_moves_on_paper():
    one, two, three = net_moves(FLOWS)
    assert one == NetMove("s1", 80, entered=5, left=20, value_entered=300.0, value_left=500.0)
    assert (one.net, one.net_value) == (-15, -200.0)
    assert two == NetMove("s2", 0, entered=20, left=12, value_entered=100.0, value_left=80.0)
    assert three == NetMove("s3", 0, entered=9, left=0, value_entered=90.0, value_left=0.0)


def test_values_that_do_not_add_up_have_no_sum():
    flows = [Flow("s1", "s2", 3, None, None, 3, 0), Flow("s2", "s2", 4, None, None, 0, 0)]
    for each in net_moves(flows):
        assert each.net_value is None
    assert [moved_value(each) for each in flows] == [0, 0]
    assert largest_moves(flows) == (flows[0],)  # by customers


def test_the_largest_moves_are_those_of_the_largest_value():
    assert largest_moves(FLOWS, number=3) == (FLOWS[1], FLOWS[2], FLOWS[4])
    assert len(largest_moves(FLOWS)) == 4  # who stays does not move


keys = st.sampled_from(["s1", "s2", "s3", "s4"])
cells = st.dictionaries(
    st.tuples(keys | st.just(NEW), keys | st.just(LEFT)).filter(lambda p: p != (NEW, LEFT)),
    st.tuples(st.integers(1, 99), st.integers(0, 999), st.integers(0, 999)),
    min_size=1,
)


def flows_of(table):
    return [
        Flow(s, t, n, None if s == NEW else float(a), None if t == LEFT else float(b), 0, 0)
        for (s, t), (n, a, b) in table.items()
    ]


@given(cells)
def test_net_moves_are_those_of_pandas(table):
    flows = flows_of(table)
    rows = pd.DataFrame(flows)
    moved = rows[rows.from_key != rows.to_key]
    has_before, has_after = rows.value_before.notna().any(), rows.value_after.notna().any()
    for each in net_moves(flows):
        came, went = moved[moved.to_key == each.key], moved[moved.from_key == each.key]
        assert (each.entered, each.left) == (came.customers.sum(), went.customers.sum())
        value_after, value_before = came.value_after.astype(float), went.value_before.astype(float)
        assert each.value_entered == (value_after.sum() if has_after else None)
        assert each.value_left == (value_before.sum() if has_before else None)


@given(cells, st.integers(-9, 9).filter(bool))
def test_flows_add_up_to_both_runs(table, error):
    flows = flows_of(table)
    before: dict[str, int] = {}
    after: dict[str, int] = {}
    for (source, target), (customers, _, _) in table.items():
        before[source] = before.get(source, 0) + customers
        after[target] = after.get(target, 0) + customers
    before.pop(NEW, None)
    after.pop(LEFT, None)
    check_flows(flows, before=before, after=after)
    for key in before:
        with pytest.raises(RuntimeError, match=f"customers of {key} in the previous run"):
            check_flows(flows, before=before | {key: before[key] + error}, after=after)
    for key in after:
        with pytest.raises(RuntimeError, match=f"customers of {key} in the run"):
            check_flows(flows, before=before, after=after | {key: after[key] + error})


def test_flows_on_paper_add_up():
    check_flows(FLOWS, before=BEFORE, after=AFTER)
    check_flows((), before={}, after={})
    with pytest.raises(RuntimeError, match=r"100 customers of s1 in the previous run.* had 99"):
        check_flows(FLOWS, before=BEFORE | {"s1": 99}, after=AFTER)
    with pytest.raises(RuntimeError, match="has 9 customers of s3 in the run, which had 0"):
        check_flows(FLOWS, before=BEFORE, after={"s1": 85, "s2": 20})
    for flows in ((*FLOWS, FLOWS[0]), (*FLOWS, Flow(NEW, LEFT, 1, None, None, 0, 0))):
        with pytest.raises(RuntimeError, match="names a flow twice"):
            check_flows(flows, before=BEFORE, after=AFTER)
