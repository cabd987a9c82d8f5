"""The report's charts: results in, Plotly figures out. Nothing is computed of a segment here."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

from plotly import graph_objects as go

from segmentation.reporting.marks import COLOURS
from segmentation.reporting.theme import INK, figure
from segmentation.reporting.wording import (
    average,
    chart_text,
    clean,
    compact,
    deviations,
    number,
    percent,
)
from segmentation.results import CostPoint, FeatureProfile, Segment

BLUE, ORANGE, DARK_ORANGE = COLOURS[0], COLOURS[1], "#a34700"
DIVERGING = (
    (0.0, "#e08214"),
    (0.25, "#fdc98a"),
    (0.5, "#f7f7f7"),
    (0.75, "#a6cee6"),
    (1.0, "#4393c3"),
)
"""Orange below, white at, blue above the average: told apart by every kind of colour vision.
Both ends are light enough for dark numbers."""

MOST_COLUMNS = 4
"""Features side by side in a heat map: with more a phone cannot show the numbers."""

LEAST_RANGE_SD, MOST_RANGE_SD = 1.0, 3.0
BAR_ROW_PX, HEAT_ROW_PX = 66, 42
COLUMN_LETTERS, LONGEST_COLUMN = 11, 44
COMPACT_FROM = 100_000
MOST_K_TICKS = 13
HEADROOM = 1.2
"""Bars end short of the frame, so that their labels fit."""


def elbow(cost_curve: Sequence[CostPoint]) -> go.Figure:
    """Cost against k; the chosen k has a shape, a line and a word of its own."""
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
            marker={"size": 18, "symbol": "diamond-open", "color": ORANGE, "line": {"width": 3}},
            hoverinfo="skip",
        )
        chart.add_shape(
            type="line", x0=point.k, x1=point.k, y0=0, y1=1, yref="y domain", layer="below",
            line={"color": ORANGE, "width": 1.5, "dash": "dot"},
        )  # fmt: skip
        chart.add_annotation(
            x=point.k, y=1, yref="y domain", yanchor="bottom", showarrow=False,
            text=f"<b>chosen: k = {point.k}</b>", font={"color": DARK_ORANGE, "size": 14},
        )  # fmt: skip
    chart.update_xaxes(
        title_text="k, the number of segments",
        tickmode="linear" if len(ks) <= MOST_K_TICKS else "auto",
        dtick=1 if len(ks) <= MOST_K_TICKS else None,
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
    ("silhouette", None, "Silhouette", "Higher is better: 1 is far from other segments, 0 between"),
    ("gap", "gap_error", "Gap", "Higher is better: log cost below that of data without groups"),
    ("least_stability", None, "Stability", "The least stable segment: above 0.75 it comes again"),
    ("davies_bouldin", None, "Davies-Bouldin", "Lower is better: spread over distance"),
    ("calinski_harabasz", None, "Calinski-Harabasz", "Higher is better: between over within"),
    ("log_drop", None, "Drop in log cost", "What this k takes off: look for the last high one"),
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
                    "size": 14, "symbol": "diamond-open", "color": ORANGE, "line": {"width": 3}
                },
                hoverinfo="skip",
            )  # fmt: skip
    ks = [point.k for point in cost_curve]
    chart.update_xaxes(
        title_text=None, tickformat="d", nticks=7, range=[min(ks) - 0.5, max(ks) + 0.5]
    )
    chart.update_yaxes(nticks=5)
    return chart


def shares(segments: Sequence[Segment], *, value_feature: str | None) -> go.Figure:
    """For every segment two bars: its share of customers and its share of the value.

    The second bar is left out where a share of the value has no meaning.
    """
    rows = list(range(len(segments)))
    names = [f"{each.segment} · {chart_text(each.name, longest=42)}" for each in segments]
    chart = figure(height=104 + BAR_ROW_PX * len(rows), margin={"l": 8, "r": 8, "t": 8, "b": 8})
    series = [("share of customers", [each.share for each in segments], BLUE, "", -0.12)]
    if value_feature and all(each.value_share is not None for each in segments):
        title = f"share of {chart_text(value_feature, longest=32)}"
        parts = [each.value_share or 0.0 for each in segments]
        series.append((title, parts, ORANGE, "/", 0.17))
    for title, parts, colour, pattern, offset in series:
        chart.add_bar(
            y=rows,
            x=[part * 100 for part in parts],
            orientation="h",
            name=title,
            offset=offset,
            width=0.26,
            marker={
                "color": colour,
                "pattern": {"shape": pattern, "fgcolor": "#ffffff", "solidity": 0.18, "size": 6},
            },
            text=[percent(part) for part in parts],
            textposition="outside",
            cliponaxis=False,
            hoverinfo="text",
            hovertext=[
                f"{name}<br>{title}: {percent(part)}"
                for name, part in zip(names, parts, strict=True)
            ],
        )
    for row, name in zip(rows, names, strict=True):
        chart.add_annotation(
            x=0, xref="x domain", xanchor="left", y=row - 0.28, yanchor="middle", text=name,
            showarrow=False, font={"size": 13, "color": INK}, xshift=-3,
        )  # fmt: skip
    every = [100 * part for _, parts, *_ in series for part in parts]
    low, high = min([0.0, *every]), max([1.0, *every])
    chart.update_xaxes(
        title_text="Share of customers and of value<br>(%, linear scale)"
        if len(series) > 1
        else "Share of customers (%, linear scale)",
        range=[low * HEADROOM, high * HEADROOM],
        ticksuffix="%",
    )
    chart.update_yaxes(
        visible=False, range=[len(rows) - 0.4, -0.6] if rows else [1, 0], showgrid=False
    )
    chart.update_layout(
        showlegend=True,
        legend={"orientation": "h", "x": 0, "y": 1, "yanchor": "bottom", "itemclick": False,
                "itemdoubleclick": False},
    )  # fmt: skip
    return chart


def profiles(
    profiles: Sequence[FeatureProfile], *, segments: Sequence[Segment]
) -> tuple[go.Figure, ...]:
    """Heat maps of every segment against the average, some features a map so that each fits a page.

    Of the features that shape the segments. A cell says the mean in original units and the
    difference from the average in standard deviations; all maps have one colour scale, with
    white at no difference.
    """
    shaping = [profile for profile in profiles if profile.shapes]
    features = list(dict.fromkeys(profile.name for profile in shaping))
    cells = {(profile.segment, profile.name): profile for profile in shaping}
    largest = max((abs(profile.difference or 0.0) for profile in shaping), default=0.0)
    reach = min(max(largest, LEAST_RANGE_SD), MOST_RANGE_SD)
    return tuple(
        _heat_map(columns, cells=cells, segments=segments, reach=reach)
        for columns in _panels(features)
    )


def _panels(features: Sequence[str]) -> list[Sequence[str]]:
    """The features in as few groups as fit, of nearly the same size."""
    count = -(-len(features) // MOST_COLUMNS)
    bounds = [panel * len(features) // count for panel in range(count + 1)] if count else []
    return [features[low:high] for low, high in pairwise(bounds)]


def _heat_map(
    features: Sequence[str],
    *,
    cells: Mapping[tuple[int, str], FeatureProfile],
    segments: Sequence[Segment],
    reach: float,
) -> go.Figure:
    rows = [[cells.get((each.segment, feature)) for feature in features] for each in segments]
    chart = figure(height=120 + HEAT_ROW_PX * len(rows))
    chart.add_heatmap(
        x=list(range(len(features))),
        y=list(range(len(rows))),
        z=[[None if cell is None else cell.difference for cell in row] for row in rows],
        text=[[_cell_text(cell) for cell in row] for row in rows],
        texttemplate="%{text}",
        textfont={"color": INK},
        hovertext=[
            [_cell_hover(each, cell) for cell in row]
            for each, row in zip(segments, rows, strict=True)
        ],
        hoverinfo="text",
        xgap=2,
        ygap=2,
        zmin=-reach,
        zmax=reach,
        zmid=0,
        colorscale=[list(stop) for stop in DIVERGING],
        colorbar={
            "orientation": "h",
            "title": {"text": "Difference from the average<br>(standard deviations, SD)",
                      "side": "top", "font": {"size": 12}},
            "thickness": 10,
            "len": 1,
            "y": 0,
            "yanchor": "top",
            "outlinewidth": 0,
        },
    )  # fmt: skip
    chart.update_xaxes(
        side="top",
        tickmode="array",
        tickvals=list(range(len(features))),
        ticktext=["<br>".join(_lines(feature)) for feature in features],
        tickangle=0,
        tickfont={"size": 11},
        showgrid=False,
        zeroline=False,
        ticks="",
    )
    chart.update_yaxes(
        tickmode="array",
        tickvals=list(range(len(rows))),
        ticktext=[f"Segment {each.segment}" for each in segments],
        range=[len(rows) - 0.5, -0.5],
        showgrid=False,
        zeroline=False,
        ticks="",
    )
    return chart


def _cell_text(cell: FeatureProfile | None) -> str:
    if cell is None or cell.mean is None or cell.difference is None:
        return ""
    large = cell.value is None and abs(cell.mean) >= COMPACT_FROM
    mean = compact(cell.mean) if large else average(cell.mean, is_share=cell.value is not None)
    return f"{mean}<br>{deviations(cell.difference)}"


def _lines(feature: str) -> list[str]:
    """A feature's name on as many lines as keep it level above a narrow column."""
    lines = [""]
    name = clean(feature)
    name = name if len(name) <= LONGEST_COLUMN else name[: LONGEST_COLUMN - 1] + "…"
    for part in re.findall(rf"[^\s_.-]{{1,{COLUMN_LETTERS}}}[\s_.-]?|[\s_.-]", name):
        if lines[-1] and len(lines[-1] + part.rstrip()) > COLUMN_LETTERS:
            lines.append("")
        lines[-1] += part
    return [chart_text(line) for line in lines]


def _cell_hover(segment: Segment, cell: FeatureProfile | None) -> str:
    name = f"{segment.segment} · {chart_text(segment.name)}"
    if cell is None or cell.mean is None:
        return name
    is_share = cell.value is not None
    means = (
        f"{name}<br>{chart_text(cell.name)}: {'' if is_share else 'mean '}"
        f"{average(cell.mean, is_share=is_share)}, "
        f"all customers {average(cell.overall_mean, is_share=is_share)}"
    )
    if cell.median is None or cell.p10 is None or cell.p90 is None:
        return means
    return (
        f"{means}<br>half of its customers below {number(cell.median)}, "
        f"8 in 10 between {number(cell.p10)} and {number(cell.p90)}"
    )
