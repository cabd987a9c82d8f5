"""Tables for a terminal: runs, segments, the cost curve."""

from collections.abc import Mapping, Sequence
from typing import Any

from rich.markup import escape
from rich.table import Table

from segmentation.results import PastRun

Rows = Sequence[Mapping[str, Any]]


def runs_table(runs: Sequence[PastRun]) -> Table:
    """A row a run, as given; the current one is marked."""
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
    return _table(["", "run", "made at", "k", "structure", "labelled", "rejected"], rows, words=3)


def segments_table(segments: Rows, *, value_feature: str | None) -> Table:
    """A row per segment; with the means of the value feature and shares of it, as there are any."""
    head = ["segment", "name", "customers", "share"]
    rows = [
        [str(e["segment"]), e["name"], f"{e['customers']:,}", f"{e['share']:.1%}"] for e in segments
    ]
    for key, title, form in (("value_mean", "mean", ",.2f"), ("value_share", "share of", ".1%")):
        values = [each.get(key) for each in segments]
        if value_feature is not None and any(value is not None for value in values):
            head.append(f"{title} {value_feature}")
            for row, value in zip(rows, values, strict=True):
                row.append("" if value is None else format(value, form))
    return _table(head, rows, words=2)


def curve_table(curve: Rows) -> Table:
    """A row for every k; the chosen one is marked."""
    rows = [
        (
            "◆" if each.get("chosen") else "",
            str(each["k"]),
            f"{each['cost']:,.6g}",
            *(_index(each.get(name)) for name in ("silhouette", "gap", "min_stability")),
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
