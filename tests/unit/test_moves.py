"""Flows add up to the customers of both runs, or are refused."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from segmentation.results import LEFT, NEW, Flow
from segmentation.segments.moves import check_flows

FLOWS = (
    Flow("s1", "s1", 80, 800.0, 900.0, 0, 0),
    Flow("s1", "s2", 20, 500.0, 100.0, 20, 0),
    Flow("s2", "s1", 5, 10.0, 300.0, 2, 4),
    Flow("s2", LEFT, 7, 70.0, None, 0, 0),
    Flow(NEW, "s3", 9, None, 90.0, 0, 0),
)
BEFORE, AFTER = {"s1": 100, "s2": 12}, {"s1": 85, "s2": 20, "s3": 9}

keys = st.sampled_from(["s1", "s2", "s3", "s4"])
pairs = st.tuples(keys | st.just(NEW), keys | st.just(LEFT)).filter(lambda p: p != (NEW, LEFT))
tables = st.dictionaries(pairs, st.integers(1, 99), min_size=1)


@given(tables, st.integers(-9, 9).filter(bool))
def test_flows_add_up_to_both_runs(table, error):
    flows = [Flow(s, t, customers, None, None, 0, 0) for (s, t), customers in table.items()]
    before: dict[str, int] = {}
    after: dict[str, int] = {}
    for (source, target), customers in table.items():
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
