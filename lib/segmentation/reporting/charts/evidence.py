"""The charts of the number of segments: results in, Plotly figures out."""

from collections.abc import Sequence
from dataclasses import dataclass

from plotly import graph_objects as go

from segmentation.reporting.charts.markers import COLOURS
from segmentation.reporting.charts.theme import INK, figure
from segmentation.reporting.formatting import (
    number,
)
from segmentation.results import CostPoint

BLUE = COLOURS[0]
MAX_K_TICKS = 13


def elbow(cost_curve: Sequence[CostPoint]) -> go.Figure:
    """Cost against k; the chosen k has its own symbol, line and label."""
    ks = [point.k for point in cost_curve]
    chart = figure(height=400, margin={"l": 8, "r": 16, "t": 36, "b": 8})
    chart.add_scatter(
        x=ks,
        y=[point.cost for point in cost_curve],
        mode="lines+markers",
        name="cost",
        line={"color": BLUE, "width": 2.5},
        marker={"size": 8, "color": BLUE},
        hoverinfo="text",
        hovertext=[f"k = {point.k}<br>cost {number(point.cost)}" for point in cost_curve],
    )
    for point in (point for point in cost_curve if point.chosen):
        chart.add_scatter(
            x=[point.k],
            y=[point.cost],
            mode="markers",
            name="chosen k",
            marker={"size": 18, "symbol": "diamond-open", "color": INK, "line": {"width": 3}},
            hoverinfo="skip",
        )
        chart.add_shape(
            type="line", x0=point.k, x1=point.k, y0=0, y1=1, yref="y domain", layer="below",
            line={"color": INK, "width": 1.5, "dash": "dot"},
        )  # fmt: skip
        chart.add_annotation(
            x=point.k, y=1, yref="y domain", yanchor="bottom", showarrow=False,
            text=f"<b>chosen: k = {point.k}</b>", font={"color": INK, "size": 14},
        )  # fmt: skip
    chart.update_xaxes(
        title_text="k, the number of segments",
        tickmode="linear" if len(ks) <= MAX_K_TICKS else "auto",
        dtick=1 if len(ks) <= MAX_K_TICKS else None,
        tickformat="d",
        range=[min(ks) - 0.5, max(ks) + 0.5] if ks else None,
    )
    largest = max((point.cost for point in cost_curve), default=0.0)
    chart.update_yaxes(
        title_text="Cost: sum of squared distances<br>(squared scaled units, linear scale)",
        range=[0, largest * 1.08] if largest > 0 else [0, 1],
    )
    return chart


@dataclass(frozen=True)
class Index:
    """A small chart of one index: its name, how to read it, and the figure."""

    title: str
    help: str
    figure: go.Figure


INDICES = (
    (
        "silhouette",
        None,
        "Silhouette",
        "Higher is better: 1 far from other segments, 0 on a border",
    ),
    ("gap", "gap_error", "Gap", "Higher is better: log cost below that of unstructured data"),
    (
        "min_stability",
        None,
        "Stability",
        "The least stable segment: recovered in resamples from 0.75",
    ),
    (
        "davies_bouldin",
        None,
        "Davies-Bouldin",
        "Lower is better: spread of segments over their distance",
    ),
    (
        "calinski_harabasz",
        None,
        "Calinski-Harabasz",
        "Higher is better: variance between over within segments",
    ),
    ("log_drop", None, "Drop in log cost", "Drop from k - 1 to k: look for the last large one"),
    ("smallest_share", None, "Smallest segment", "Its share of all customers"),
)
"""Field of a cost point, field of its standard error, title, and how to read it."""


def indices(cost_curve: Sequence[CostPoint]) -> tuple[Index, ...]:
    """A small chart for every index that has values, the chosen k marked on each."""
    return tuple(
        Index(title, help, _index(cost_curve, field, error))
        for field, error, title, help in INDICES
        if any(getattr(point, field) is not None for point in cost_curve)
    )


def _index(cost_curve: Sequence[CostPoint], field: str, error: str | None) -> go.Figure:
    points = [point for point in cost_curve if getattr(point, field) is not None]
    values = [getattr(point, field) for point in points]
    chart = figure(height=190, margin={"l": 8, "r": 8, "t": 8, "b": 8})
    errors = [getattr(point, error) for point in points] if error else None
    chart.add_scatter(
        x=[point.k for point in points],
        y=values,
        mode="lines+markers",
        line={"color": BLUE, "width": 2},
        marker={"size": 6, "color": BLUE},
        error_y={"type": "data", "array": errors, "color": BLUE, "width": 3} if errors else None,
        hoverinfo="text",
        hovertext=[
            f"k = {point.k}<br>{number(value)}" for point, value in zip(points, values, strict=True)
        ],
    )
    for point, value in zip(points, values, strict=True):
        if point.chosen:
            chart.add_scatter(
                x=[point.k],
                y=[value],
                mode="markers",
                marker={
                    "size": 14, "symbol": "diamond-open", "color": INK, "line": {"width": 3}
                },
                hoverinfo="skip",
            )  # fmt: skip
    ks = [point.k for point in cost_curve]
    chart.update_xaxes(
        title_text=None, tickformat="d", nticks=7, range=[min(ks) - 0.5, max(ks) + 0.5]
    )
    chart.update_yaxes(nticks=5)
    return chart
