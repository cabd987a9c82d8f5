"""What became of each segment over all runs: a line per key."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from plotly import graph_objects as go

from segmentation.reporting.charts.markers import Marker
from segmentation.reporting.charts.theme import figure
from segmentation.reporting.formatting import chart_text, number, percent

MANY_RUNS = 20
"""From which the symbols are small."""


@dataclass(frozen=True)
class Line:
    """A key over all runs, in their order: None where it was not there, or is withheld."""

    name: str
    marker: Marker
    values: tuple[float | None, ...]


def history(
    lines: Sequence[Line], *, runs: Sequence[str], times: Sequence[str], title: str, is_share: bool
) -> go.Figure:
    """A line and a symbol per key over the times (ISO 8601) of the runs, from 0.

    The runs are evenly spaced if not every time can be read.
    """
    moments = _moments(times)
    places = list(range(1, len(runs) + 1)) if moments is None else moments
    chart = figure(height=320)
    for line in lines:
        texts = [
            f"{chart_text(line.name)}<br>{percent(value) if is_share else number(value)}"
            f"<br>{chart_text(run)}"
            if value is not None
            else ""
            for run, value in zip(runs, line.values, strict=True)
        ]
        chart.add_scatter(
            x=places,
            y=line.values,
            mode="lines+markers",
            connectgaps=False,
            name=chart_text(line.name),
            line={"color": line.marker.colour, "width": 2},
            marker={
                "color": line.marker.colour,
                "symbol": line.marker.symbol,
                "size": 6 if len(runs) > MANY_RUNS else 9,
            },
            hoverinfo="text",
            hovertext=texts,
        )
    if moments is None:
        chart.update_xaxes(title_text="Run", tickformat="d", range=[0.5, len(runs) + 0.5])
    else:
        chart.update_xaxes(type="date", range=_range(moments), nticks=4, tickangle=0)
    most = max((v for line in lines for v in line.values if v is not None), default=0.0)
    chart.update_yaxes(
        title_text=title,
        range=[0, most * 1.08 or 1],
        tickformat=".0%" if is_share else ",d",
        nticks=6,
    )
    return chart


def _moments(times: Sequence[str]) -> list[str] | None:
    """The times as Plotly reads them, in UTC; None if one of them is none."""
    try:
        found = [datetime.fromisoformat(each) for each in times]
    except ValueError:
        return None
    aware = [each if each.tzinfo else each.replace(tzinfo=UTC) for each in found]
    return [f"{each.astimezone(UTC):%Y-%m-%d %H:%M:%S}" for each in aware]


def _range(moments: Sequence[str]) -> list[str]:
    """From before the first to after the last run, so that no symbol is cut."""
    ends = [datetime.fromisoformat(each) for each in (min(moments), max(moments))]
    room = (ends[1] - ends[0]) * 0.05 or timedelta(hours=1)
    return [f"{each:%Y-%m-%d %H:%M:%S}" for each in (ends[0] - room, ends[1] + room)]
