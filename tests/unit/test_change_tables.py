"""What changed between two runs, as tables in a terminal."""

from dataclasses import replace

from rich.console import Console
from rich.table import Table

from segmentation.cli.tables import (
    drift_table,
    events_table,
    flows_table,
    runs_table,
    segments_table,
)
from segmentation.results import Drift, KeyRecord, PastRun
from tests.changes_example import changed_report, flows
from tests.report_example import example_report

MOVES = (
    (3, 1, 0, 0, 0, 2),
    (0, 4, 1000, 0, 0, 0),
    (0, 0, 0, 0, 0, 0),
    (0, 0, 0, 0, 0, 0),
    (0, 0, 0, 0, 0, 0),
    (5, 0, 0, 0, 0, 0),
)


def cells(table: Table) -> list[list[str]]:
    console = Console(width=300)
    columns = [[str(cell) for cell in column.cells] for column in table.columns]
    assert console.measure(table).minimum <= 300
    return [list(row) for row in zip(*columns, strict=True)]


def test_flows_are_a_cross_table_with_sums_new_and_left_last():
    table = flows_table(flows(MOVES))
    heads = [str(column.header) for column in table.columns]
    assert heads == ["from, to", "s1", "s2", "s8", "left", "all"]
    assert cells(table) == [
        ["s1", "3", "1", "0", "2", "6"],
        ["s2", "0", "4", "1,000", "0", "1,004"],
        ["new", "5", "0", "0", "0", "5"],
        ["all", "8", "5", "1,000", "2", "1,015"],
    ]


def test_keys_are_ordered_by_their_number():
    order = [replace(flows()[0], from_key=key) for key in ("s10", "new", "s9", "s2")]
    assert [row[0] for row in cells(flows_table(order))] == [
        "s2", "s9", "s10", "new", "all",
    ]  # fmt: skip


def test_events_have_their_reasons():
    record = KeyRecord(
        "may", "2026-05-01", "s3", None, "Old", "split", "s4,s5", 0, None, "s3 split: why"
    )
    assert cells(events_table([record])) == [["s3", "Old", "split", "s3 split: why", "0"]]


def test_drift_beyond_chance_is_listed_and_the_rest_counted():
    found = [
        Drift("feature", "spend", "wasserstein", 1200.5, 900.0, 0.51234, 0.02, "drifted"),
        Drift("feature", "plan", "jensen_shannon", None, None, 0.01, 0.02, "stable"),
    ]
    table = drift_table(found)
    assert cells(table) == [["spend", "wasserstein", "drifted", "1,200", "900", "0.5123", "0.02"]]
    assert table.caption == "1 more measures are within what chance explains"


def test_segments_have_their_keys_where_there_are_any():
    with_keys, without = changed_report().segments, example_report().segments
    rows = cells(segments_table(with_keys, value_feature=None))
    assert rows[2] == ["2", "s8", "Steady and content", "9,000", "37.5%"]
    assert cells(segments_table(without, value_feature=None))[2] == [
        "2", "Steady and content", "9,000", "37.5%",
    ]  # fmt: skip


def test_runs_say_how_their_model_came_to_be():
    report = changed_report()
    assert report.changes is not None
    run = replace(report.run, refresh=report.changes.refresh)
    past = [
        PastRun.of(each, name=each.run, current=None) for each in (run, replace(run, refresh=None))
    ]
    assert [row[5] for row in cells(runs_table(past))] == ["fresh", ""]
