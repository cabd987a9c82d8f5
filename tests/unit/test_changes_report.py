"""What the report says of changes since the previous run."""

from dataclasses import replace

import pytest

from segmentation.reporting.charts import scatter
from segmentation.reporting.charts.markers import marker, marker_of_key, markers
from segmentation.reporting.formatting import MINUS
from segmentation.reporting.segment_page import render
from tests.changes_example import changed_report
from tests.report_example import example_report
from tests.unit.test_segment_page import figures, table, words


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
