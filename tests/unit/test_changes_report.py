"""What the report says of changes since the previous run."""

from dataclasses import replace

import pytest

from segmentation.reporting.charts import scatter
from segmentation.reporting.charts.markers import marker, marker_of_key, markers
from segmentation.reporting.segment_page import render
from tests.report_example import example_report


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
