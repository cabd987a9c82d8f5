"""Tables for a terminal: runs, segments, the cost curve."""

from collections.abc import Sequence

from rich.markup import escape
from rich.table import Table

from segmentation.results import CostPoint, PastRun, Segment


def runs_table(runs: Sequence[PastRun]) -> Table:
    """One row per run, as given; the current one is marked."""
    rows = [
        (
            "◆" if past.is_current else "",
            past.run,
            past.created_at[:16].replace("T", " "),
            str(past.k),
            past.strength,
            f"{past.labelled:,}",
            f"{past.rejected:,}",
        )
        for past in runs
    ]
    return _table(["", "run", "created", "k", "verdict", "labelled", "rejected"], rows, words=3)


def segments_table(segments: Sequence[Segment], *, value_feature: str | None) -> Table:
    """One row per segment; with means and shares of the value feature where known."""
    head = ["segment", "name", "customers", "share"]
    rows = [
        [str(each.segment), each.name, f"{each.customers:,}", f"{each.share:.1%}"]
        for each in segments
    ]
    for key, title, form in (("value_mean", "mean", ",.2f"), ("value_share", "share of", ".1%")):
        values = [getattr(each, key) for each in segments]
        if value_feature is not None and any(value is not None for value in values):
            head.append(f"{title} {value_feature}")
            for row, value in zip(rows, values, strict=True):
                row.append("" if value is None else format(value, form))
    return _table(head, rows, words=2)


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


def _index(value: float | None) -> str:
    return "" if value is None else f"{value:.3f}"


def _table(head: Sequence[str], rows: Sequence[Sequence[str]], *, words: int) -> Table:
    """A table whose first columns are words and whose others are numbers."""
    table = Table()
    for place, name in enumerate(head):
        table.add_column(name, justify="left" if place < words else "right")
    for row in rows:
        table.add_row(*map(escape, row))
    return table
