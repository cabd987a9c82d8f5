"""The segments over all runs: charts with a line per key, and a table with a row per run."""

from collections.abc import Sequence
from dataclasses import dataclass

from segmentation.reporting import formatting
from segmentation.reporting.change_disclosure import Disclosed, PastSegment
from segmentation.reporting.charts import history as history_charts
from segmentation.reporting.charts.markers import Marker, marker_of_key
from segmentation.reporting.key_names import KeyNames
from segmentation.reporting.offline_page import Chart, chart

MAX_LINES = 12
"""Segments in the charts: more cannot be told apart."""


@dataclass(frozen=True)
class KeyHistory:
    """The charts over time, their lines, and a table with a row per run."""

    charts: tuple[tuple[str, Chart], ...]
    lines: tuple[tuple[str, Marker], ...]
    omitted: int
    keys: tuple[str, ...]
    rows: tuple[tuple[str, str, tuple[tuple[str, str], ...]], ...]


def key_history(shown: Disclosed, names: KeyNames, *, value: str | None) -> KeyHistory:
    """The described segments of all runs: today's, then those that ended last, at most 12."""
    keys = _in_order_of_interest(shown)
    styles = {key: style for key in keys if (style := marker_of_key(key)) is not None}
    drawn = list(styles)[:MAX_LINES]
    runs, times = zip(*shown.runs, strict=True) if shown.runs else ((), ())
    by_place = {(each.run, each.key): each for each in shown.past}

    def values(key: str, field: str) -> tuple[float | None, ...]:
        found = [by_place.get((run, key)) for run in runs]
        return tuple(None if each is None else getattr(each, field) for each in found)

    charts = []
    for field, title in (("customers", "Customers"), ("value_share", f"Share of {value}")):
        lines = [
            history_charts.Line(names.name(key), styles[key], values(key, field)) for key in drawn
        ]
        if any(each is not None for line in lines for each in line.values):
            figure = history_charts.history(
                lines, runs=runs, times=times, title=title, is_share=field == "value_share"
            )
            words = f"Line chart: {title.lower()} of every segment over the runs"
            charts.append((title, chart(f"history-{field.replace('_', '-')}", words, figure)))
    return KeyHistory(
        charts=tuple(charts),
        lines=tuple((names.name(key), styles[key]) for key in drawn),
        omitted=len(styles) - len(drawn),
        keys=tuple(drawn),
        rows=tuple(
            (run, formatting.moment(at), tuple(_cell(by_place.get((run, key))) for key in drawn))
            for run, at in reversed(shown.runs)
        ),
    )


def _cell(segment: PastSegment | None) -> tuple[str, str]:
    """The customers and the share of the value, as far as they are known."""
    if segment is None:
        return "", ""
    share = segment.value_share
    return formatting.number(segment.customers), "" if share is None else formatting.percent(share)


def _in_order_of_interest(shown: Disclosed) -> Sequence[str]:
    """Today's keys in their order, then those that ended, the last to end first."""
    places = {run: at for at, (run, _) in enumerate(shown.runs)}
    last = {each.key: places[each.run] for each in shown.past}
    ended = [key for key in last if key not in shown.now]
    return [*shown.now, *sorted(ended, key=lambda key: -last[key])]
