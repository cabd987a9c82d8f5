"""What the report says of changes since the previous run."""

import json
import re
from dataclasses import replace
from itertools import pairwise

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from segmentation.reporting.charts import scatter
from segmentation.reporting.charts.flows import Node, large, sankey
from segmentation.reporting.charts.history import Line, history
from segmentation.reporting.charts.markers import marker, marker_of_key, markers
from segmentation.reporting.comparison_page import render_comparison
from segmentation.reporting.formatting import MINUS
from segmentation.reporting.segment_page import render
from segmentation.reporting.segment_table import HIDDEN
from segmentation.results import NEW, Flow, Report
from tests.changes_example import DRIFT, ENDED, changed_report, crowded_report, earlier_report
from tests.report_example import example_report
from tests.rotation import rotation
from tests.unit.test_segment_page import HOSTILE, Page, figures, table, words


def with_keys(keys):
    report = example_report()
    segments = tuple(
        replace(each, segment_key=key) for each, key in zip(report.segments, keys, strict=True)
    )
    return replace(report, segments=segments)


# --- colours by key -------------------------------------------------------------------------


@pytest.mark.parametrize("key", ["", "new", "left", "s0", "s-1", "s1x", "1", "S1", "s٣"])
def test_what_is_no_key_has_no_marker(key):
    assert marker_of_key(key) is None


def test_a_first_run_looks_as_one_without_keys():
    without, first = with_keys([""] * 5), with_keys(["s1", "s2", "s3", "s4", "s5"])
    assert markers(first.segments) == markers(without.segments)
    figures = [
        scatter.customers(each.sample, features=each.run.features, segments=each.segments)
        for each in (without, first)
    ]
    assert figures[0].to_json() == figures[1].to_json()


def test_colour_and_symbol_follow_the_key_where_segments_changed_places():
    keys = ["s2", "s9", "s1", "s12", "s4"]
    report = with_keys(keys)
    wanted = [marker(int(key[1:]) - 1) for key in keys]
    assert list(markers(report.segments).values()) == wanted
    drawn = scatter.customers(report.sample, features=report.run.features, segments=report.segments)
    assert [(one.marker.color, one.marker.symbol) for one in drawn.data] == [
        (one.colour, one.symbol) for one in wanted
    ]
    card = render(report).split('<li class="card">')[1]
    assert wanted[0].colour in card
    assert wanted[0].path in card
    assert "key s2" in card


def test_the_page_says_where_the_automatic_name_would_now_be_another():
    report = with_keys(["s1", "s2", "s3", "s4", "s5"])
    renamed = replace(report.segments[1], automatic_name="Low <b>spend</b>")
    segments = (report.segments[0], renamed, *report.segments[2:])
    html = render(replace(report, segments=segments))
    assert html.count("Low &lt;b&gt;spend&lt;/b&gt;") == 1
    assert "its values today would give" not in render(report)


# --- the section ----------------------------------------------------------------------------


@pytest.fixture(scope="module")
def html() -> str:
    return render(changed_report(), min_group=10)


def test_a_report_without_changes_has_no_section(html):
    report = changed_report()
    assert "What changed since" in html
    without = render(replace(report, changes=None), min_group=10)
    assert report.changes is not None
    first = replace(report.changes, refresh=replace(report.changes.refresh, decision="first"))
    assert "What changed" not in without
    assert render(replace(report, changes=first), min_group=10) == without


def test_the_decision_is_one_sentence_with_names_and_its_costs_are_folded(html):
    text = words(html)
    assert "What changed since 2026-10-24T0951-demo" in text
    assert (
        "New model A new model was fitted: “Quiet since spring” (s3) disappeared and a group split "
        "off from “Regulars who complain” (s2)." in text
    )
    assert table(html, "Table of costs")[1:] == [
        ["The previous model, unchanged", "5,210", "13.0%"],
        ["The previous model, adjusted to today's customers", "4,610", "0.0%"],
        ["A model fitted from scratch", "4,210", f"{MINUS}8.7%"],
    ]


def test_moves_are_told_by_value_in_words(html):
    text = words(html)
    assert (
        "310 customers went from “Regulars who complain” to “Big spenders, few complaints”; their "
        "total money spent was 465,000 before and is 1,240,000 now." in text
    )
    assert text.count("customers went from") == 5
    assert (
        "At least 9,160 customers moved from one of these segments to another. 2,180 of them moved "
        "because their own figures changed and 6,980 because the new model draws the line "
        "elsewhere." in text
    )
    assert "The largest group of new customers is in “Steady and content”: 2,020." in text


def test_gains_and_losses_add_up(html):
    head, *rows = table(html, "Table of gains and losses")
    assert head[:6] == [
        "Segment",
        "Customers before",
        "Entered",
        "Left",
        "Customers now",
        "Net change",
    ]
    by_name = {row[0].partition(" key ")[0]: row[1:] for row in rows}
    assert by_name["Big spenders, few complaints"][:5] == [
        "3,860", "600 270 new", "260 180 gone", "4,200", "+340",
    ]  # fmt: skip
    for row in by_name.values():
        before, entered, left, now, net = (
            int(cell.split()[0].replace(",", "").replace(MINUS, "-").replace("+", ""))
            for cell in row[:5]
        )
        assert now - before == entered - left == net


def test_drift_beyond_chance_is_shown_and_the_rest_folded(html):
    beyond = [row[0] for row in table(html, "Table of drift")[1:]]
    assert beyond == ["money_spent", "complains", "Big spenders, few complaints"]
    assert [row[0] for row in table(html, "Table of what did not drift")[1:]] == [
        "products_purchased",
        "Regulars who complain",
    ]


def test_without_ids_there_are_no_flows_and_it_says_so():
    report = changed_report()
    assert report.changes is not None
    html = render(replace(report, changes=replace(report.changes, flows=())), min_group=10)
    text = words(html)
    assert "Who moved is not known: no customer of that run has the id" in text
    assert "flows" not in figures(html)
    assert "flows-figure" not in figures(html)
    head, *rows = table(html, "Table of gains and losses")
    assert head[1:4] == ["Customers before", "Customers now", "Net change"]
    assert len(rows) == 6


def test_the_same_changes_give_the_same_bytes(html):
    assert render(changed_report(), min_group=10) == html


def hostile(name: str) -> Report:
    """Everything in the changes that comes from outside is this text."""
    report = changed_report()
    changes = report.changes
    assert changes is not None
    segments = tuple(replace(each, name=name, automatic_name=name) for each in report.segments)
    previous = changes.refresh.previous_run
    return replace(
        report,
        run=replace(report.run, run=name),
        segments=segments,
        changes=replace(
            changes,
            refresh=replace(
                changes.refresh, reason=name, previous_run=name + "1", previous_created_at=name,
                model_run=name, model_created_at=name, decision=name,
            ),
            drift=tuple(replace(each, name=name, measure=name, verdict=name) for each in DRIFT),
            history=tuple(
                replace(
                    each, name=name, reason=name, event=name, created_at=name,
                    run=name if each.run == report.run.run
                    else name + "1" if each.run == previous else each.run + name,
                )
                for each in changes.history
            ),
        ),
    )  # fmt: skip


@pytest.mark.parametrize("name", rotation(HOSTILE, daily=2))
def test_what_comes_from_outside_stays_text(name):
    html, plain = (render(hostile(each)) for each in (name, "plain"))
    assert [tag for tag, _ in Page(html).elements] == [tag for tag, _ in Page(plain).elements]
    drawn = json.dumps(figures(html), ensure_ascii=False)
    ours = re.sub(r"<br>|</?b>|</?extra>", "", drawn)
    assert "<" not in re.sub("<\N{ZERO WIDTH SPACE}", "", ours)


def test_a_kept_model_says_whose_curve_and_verdict_are_shown():
    report = changed_report()
    assert report.changes is not None
    kept = replace(report.changes.refresh, decision="keep", model_run="march", cost_fresh=None)
    choice = replace(report.run.choice, method="model", reason="the model of run march was kept")
    run = replace(report.run, choice=choice, refresh=kept)
    text = words(render(replace(report, run=run)))
    assert "Model kept The model of run march was kept." in text
    assert "the chart, the table and the verdict are those of run march" in text
    swept = replace(run, refresh=replace(kept, cost_fresh=1.0))
    assert "are those of run march" not in words(render(replace(report, run=swept)))


# --- what few customers may not reveal ------------------------------------------------------


def test_shares_of_few_customers_are_cut_from_reasons():
    report = changed_report()
    assert report.changes is not None
    history = tuple(
        replace(each, reason="s8 split off from s2: 99.9% of its customers are from s2")
        if each.segment_key == "s8"
        else each
        for each in report.changes.history
    )
    report = replace(report, changes=replace(report.changes, history=history))
    told = [
        re.findall(
            r"“Steady and content” \(s8\) split off.*?\.(?= )", words(render(report, min_group=n))
        )
        for n in (1, 10)
    ]
    assert told == [
        ["“Steady and content” (s8) split off from “Regulars who complain” (s2): 99.9% of its "
         "customers are from “Regulars who complain”."],
        ["“Steady and content” (s8) split off from “Regulars who complain” (s2)."],
    ]  # fmt: skip


@pytest.mark.parametrize(("share", "is_told"), [("0.1%", True), ("0.0%", False), ("12.5%", True)])
def test_the_decision_leaves_out_evidence_of_few_customers(share, is_told):
    reason = (
        "the model of run may was replaced by a fresh one because a segment was born: "
        f"{share} of the customers"
    )
    report = changed_report()
    assert report.changes is not None
    refresh = replace(report.changes.refresh, reason=reason)
    report = replace(report, changes=replace(report.changes, refresh=refresh))
    text = words(render(report, min_group=10))
    assert "The model of run may was replaced by a fresh one" in text
    assert ("a segment was born" in text) is is_told


def test_a_withheld_segment_is_nowhere_in_the_changes():
    report = changed_report()
    few_named = "Only nine of them"
    assert report.changes is not None
    segments = tuple(
        replace(each, name=few_named, customers=9) if each.segment_key == "s5" else each
        for each in report.segments
    )
    history = tuple(
        replace(each, name=few_named, customers=9 if each.run == report.run.run else each.customers)
        if each.segment_key == "s5"
        else each
        for each in report.changes.history
    )
    found = replace(report, segments=segments, changes=replace(report.changes, history=history))
    html = render(found, min_group=10)
    assert "Withheld segments" in words(html)
    assert few_named in render(found, min_group=1)
    assert few_named not in html


# --- charts ---------------------------------------------------------------------------------


def spans(trace, side):
    """From where to where each node of a side is drawn, as fractions, if drawn to scale."""
    nodes = [at for at, x in enumerate(trace.node.x) if x == side]
    link = trace.link
    ends = link.source if side < 0.5 else link.target
    sizes = {
        at: sum(v for end, v in zip(ends, link.value, strict=True) if end == at) for at in nodes
    }
    return {at: (trace.node.y[at], size) for at, size in sizes.items()}


@settings(max_examples=25)
@given(counts=st.lists(st.integers(0, 3000), min_size=2, max_size=12), folded=st.integers(0, 500))
@example(counts=[10] * 12, folded=0)
def test_nodes_of_the_flow_diagram_never_overlap(counts, folded):
    keys = [f"s{at}" for at in range(1, len(counts) + 1)]
    moved = [
        Flow(key, other, customers, None, None, 0, 0)
        for key, other, customers in zip(keys, [keys[-1], *keys], counts, strict=False)
    ]
    if not any(counts):
        return
    nodes = [Node(key, f"The rather long name of segment {key}", 5) for key in keys]
    chart = sankey(moved, before=nodes, now=nodes, folded=({"s1": folded}, {"s2": folded}))
    (trace,) = chart.data
    inside = chart.layout.height - chart.layout.margin.t - chart.layout.margin.b
    for side in (0.001, 0.999):
        found = list(spans(trace, side).values())
        most = max(sum(size for _, size in spans(trace, one).values()) for one in (0.001, 0.999))
        longest = max(len(spans(trace, one)) for one in (0.001, 0.999))
        scale = (inside - (longest - 1) * trace.node.pad) / most
        edges = [(y * inside - n * scale / 2, y * inside + n * scale / 2) for y, n in found]
        assert edges[0][0] > -1
        assert edges[-1][1] < inside + 1
        assert all(below[0] - above[1] > 30 for above, below in pairwise(edges))
    # or Plotly reduces the padding by itself, and nothing is where it should be
    assert trace.node.pad * (longest - 1) <= 2 / 3 * inside + 1e-6


def test_small_flows_go_through_one_node_and_no_customer_is_lost():
    html = render(changed_report(), min_group=1)
    trace = figures(html)["flows-figure"]["data"][0]
    names = [each.split("<br>")[0] for each in trace["node"]["customdata"]]
    small = names.index("Other flows")
    links = list(
        zip(trace["link"]["source"], trace["link"]["target"], trace["link"]["value"], strict=True)
    )
    outgoing = {at: sum(v for s, _, v in links if s == at) for at in range(small)}
    assert {names[at]: n for at, n in outgoing.items()} == {
        "Big spenders, few complaints": 3860,
        "Regulars who complain": 3670,
        ENDED: 5920,
        "Occasional, often unhappy": 4522,
        "One small purchase": 5588,
        "New customers": 3760,
    }
    through = [sum(v for *ends, v in links if ends[at] == small) for at in (0, 1)]
    assert through[0] == through[1] > 0
    assert f"Small flows, of {through[0]:,} customers together" in words(html)


def test_a_flow_is_large_by_itself_or_for_one_of_its_segments():
    def flow(a, b, n):
        return Flow(a, b, n, None, None, 0, 0)

    big, tiny = flow("s1", "s1", 100_000), flow("s1", "s3", 900)
    of_small, new = flow("s2", "s3", 100), flow(NEW, "s1", 100)
    rest = flow("s3", "s3", 9000)
    assert large([big, tiny, of_small, new, rest]) == (big, of_small, rest)


LINE = Line("One <b>", marker(0), (None, 3.0, 4.0))


def test_runs_stand_at_their_times_even_several_a_day():
    times = ["2026-05-01T08:00:00+00:00", "2026-05-01T12:00:00+02:00", "2026-06-01T08:00:00"]
    chart = history([LINE], runs=["a", "b", "c"], times=times, title="Customers", is_share=False)
    (line,) = chart.data
    assert line.x == ("2026-05-01 08:00:00", "2026-05-01 10:00:00", "2026-06-01 08:00:00")
    assert line.y == (None, 3.0, 4.0)
    assert line.connectgaps is False
    assert line.hovertext[1] == "One <\N{ZERO WIDTH SPACE}b><br>3<br>b"
    low, high = chart.layout.xaxis.range
    assert low < line.x[0]
    assert high > line.x[-1]


def test_runs_without_a_readable_time_are_evenly_spaced():
    chart = history(
        [LINE], runs=["a", "b", "c"], times=["", "x", "2026-06-01"], title="Share", is_share=True
    )
    assert chart.data[0].x == (1, 2, 3)
    assert chart.layout.xaxis.type is None


@pytest.mark.parametrize("runs", rotation([1, 40]))
def test_the_history_has_every_run_and_at_most_twelve_keys(runs):
    html = render(crowded_report(segments=12, runs=runs), min_group=1)
    found = figures(html)
    for name in ("history-customers-figure", "history-value-share-figure"):
        assert len(found[name]["data"]) == 12
        assert {len(line["x"]) for line in found[name]["data"]} == {runs}
    assert len(table(html, "Table of segments over time")) == 1 + runs
    for at in range(runs):
        shares = [line["y"][at] for line in found["history-value-share-figure"]["data"]]
        assert sum(shares) == pytest.approx(1)


# --- two runs -------------------------------------------------------------------------------


def test_two_runs_are_compared_side_by_side():
    html = render_comparison(earlier_report(), changed_report(), min_group=10)
    assert html == render_comparison(earlier_report(), changed_report(), min_group=10)
    text = words(html)
    assert "23,560 customers in 5 segments became 24,000 customers in 5." in text
    rows = {row[0]: row[1:] for row in table(html, "Table of both runs")[1:]}
    assert rows["s2"] == [
        "1 · Regulars who complain", "3,670", "15.6%", "23.0%",
        "1 · Regulars who complain", "2,600", "10.8%", "15.0%",
    ]  # fmt: skip
    assert rows["s8"][:4] == [HIDDEN] * 4
    assert rows["s3"][4:] == [HIDDEN] * 4
    assert "What changed since 2026-10-24T0951-demo" in text
    assert {"flows-figure", "history-customers-figure"} <= figures(html).keys()


def test_changes_of_another_pair_of_runs_are_refused():
    report = changed_report()
    with pytest.raises(ValueError, match="2026-10-24T0951-demo are needed"):
        render_comparison(earlier_report(), replace(report, changes=None))
    other = replace(earlier_report(), run=replace(report.run, run="other"))
    with pytest.raises(ValueError, match="other are needed"):
        render_comparison(other, report)


def test_values_of_two_features_are_not_compared():
    earlier = earlier_report()
    earlier = replace(earlier, run=replace(earlier.run, value_feature="complains"))
    html = render_comparison(earlier, changed_report())
    assert "money spent" not in words(html)
    assert "history-value-share-figure" not in figures(html)


def test_a_comparison_needs_no_decision():
    report = changed_report()
    assert report.changes is not None
    refresh = replace(report.changes.refresh, reason="", decision="")
    changes = replace(report.changes, refresh=refresh)
    text = words(render_comparison(earlier_report(), replace(report, changes=changes)))
    assert "How this was decided" not in text
    assert "Who moved" in text
