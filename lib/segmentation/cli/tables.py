"""Tables for a terminal: runs, segments, the cost curve, and what changed between two runs."""

from collections.abc import Sequence

from rich.console import JustifyMethod
from rich.markup import escape
from rich.table import Table

from segmentation.results import LEFT, NEW, CostPoint, Drift, Flow, KeyRecord, PastRun, Segment

TEXTS = ("name", "reason")
"""Columns that wrap where the terminal is narrow."""

SHORT = 10
"""A longer title takes two lines."""


def runs_table(runs: Sequence[PastRun]) -> Table:
    """One row per run, as given; the current one is marked."""
    rows = [
        (
            "◆" if past.is_current else "",
            past.run,
            past.created_at[:16].replace("T", " "),
            str(past.k),
            past.strength,
            past.decision or "",
            f"{past.labelled:,}",
            f"{past.rejected:,}",
        )
        for past in runs
    ]
    head = ["", "run", "created", "k", "verdict", "model", "labelled", "rejected"]
    return _table(head, rows, words=3, is_dense=True)


def segments_table(segments: Sequence[Segment], *, value_feature: str | None) -> Table:
    """One row per segment; with keys, and means and shares of the value feature where known."""
    has_keys = any(each.segment_key for each in segments)
    keys = ["key"] if has_keys else []
    head = ["segment", *keys, "name", "customers", "share"]
    rows = [
        [
            str(each.segment),
            *([each.segment_key] if has_keys else []),
            each.name,
            f"{each.customers:,}",
            f"{each.share:.1%}",
        ]
        for each in segments
    ]
    for key, title, form in (("value_mean", "mean", ",.2f"), ("value_share", "share of", ".1%")):
        values = [getattr(each, key) for each in segments]
        if value_feature is not None and any(value is not None for value in values):
            head.append(f"{title} {value_feature}")
            for row, value in zip(rows, values, strict=True):
                row.append("" if value is None else format(value, form))
    return _table(head, rows, words=2 + len(keys), is_dense=True)


def curve_table(curve: Sequence[CostPoint]) -> Table:
    """One row per k; the chosen one is marked."""
    rows = [
        (
            "◆" if each.chosen else "",
            str(each.k),
            f"{each.cost:,.6g}",
            *map(_index, (each.silhouette, each.gap, each.min_stability)),
        )
        for each in curve
    ]
    return _table(["", "k", "cost", "silhouette", "gap", "least stability"], rows, words=1)


def flows_table(flows: Sequence[Flow]) -> Table:
    """Customers by key in the earlier run (rows) and in the later one (columns), with sums."""
    rows = sorted({each.from_key for each in flows}, key=_place)
    columns = sorted({each.to_key for each in flows}, key=_place)
    counts = {(each.from_key, each.to_key): each.customers for each in flows}
    body = [[row, *_with_sum([counts.get((row, column), 0) for column in columns])] for row in rows]
    sums = [sum(counts.get((row, column), 0) for row in rows) for column in columns]
    body.append(["all", *_with_sum(sums)])
    return _table(["from, to", *columns, "all"], body, words=1)


def _with_sum(counts: Sequence[int]) -> list[str]:
    return [f"{count:,}" for count in [*counts, sum(counts)]]


def _place(key: str) -> tuple[int, str]:
    """Keys by their number, then those who are new or left."""
    number = key[1:]
    return (int(number) if key not in (NEW, LEFT) and number.isdecimal() else 2**31, key)


def events_table(records: Sequence[KeyRecord]) -> Table:
    """One row per key of a run: how it came or went, and why."""
    rows = [
        (each.segment_key, each.name, each.event, each.reason, f"{each.customers:,}")
        for each in records
    ]
    return _table(["key", "name", "event", "reason", "customers"], rows, words=4)


def drift_table(drift: Sequence[Drift]) -> Table:
    """One row per measure that changed by more than chance explains; the others are counted."""
    rows = [
        (
            each.name,
            each.measure,
            each.verdict,
            *map(_figure, (each.reference, each.current, each.effect, each.band)),
        )
        for each in drift
        if each.verdict != "stable"
    ]
    head = ["name", "measure", "verdict", "reference", "current", "effect", "band"]
    table = _table(head, rows, words=3, is_dense=True)
    if len(rows) < len(drift):
        more = len(drift) - len(rows)
        table.caption = f"{more:,} more measures are within what chance explains"
    return table


def _figure(value: float | None) -> str:
    return "" if value is None else f"{value:,.4g}"


def _index(value: float | None) -> str:
    return "" if value is None else f"{value:.3f}"


def _table(
    head: Sequence[str], rows: Sequence[Sequence[str]], *, words: int, is_dense: bool = False
) -> Table:
    """A table whose first columns are words and whose others are numbers.

    A dense one has no blanks beside its lines, so that it fits into 80 columns.
    """
    table = Table(padding=(0, 0 if is_dense else 1))
    for place, name in enumerate(head):
        # A narrow terminal wraps texts; a number or a run's id that is cut would be of no use.
        wraps = name in TEXTS
        title = name if len(name) <= SHORT else name.replace(" ", "\n", 1)
        justify: JustifyMethod = "left" if place < words else "right"
        table.add_column(title, justify=justify, no_wrap=not wraps, overflow="fold")
    for row in rows:
        table.add_row(*map(escape, row))
    return table
