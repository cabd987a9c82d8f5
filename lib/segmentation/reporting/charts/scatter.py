"""The points of the sample in three, two or one dimensions, by the number of features."""

from collections.abc import Sequence

from plotly import graph_objects as go

from segmentation.reporting.charts.axes import Axis, axis
from segmentation.reporting.charts.markers import marker, markers
from segmentation.reporting.charts.theme import INK, LINE, MUTED, figure
from segmentation.reporting.formatting import chart_text, counted, number
from segmentation.results import CustomerSample, PreparedFeature, Segment

MAX_POINTS = 5000
MAX_AXES, WIDE_POINTS = 32, 2000
"""Features that can be put on an axis, and points where there are more: the page holds them all."""
SPACE = 3
"""Features of a chart in three dimensions; fewer are drawn in two."""

SPACE_MARKER_PX, FLAT_MARKER_PX = 4, 7
STRIP_PX, STRIP_SPREAD = 52, 0.7
JITTER = 0.618034
"""Fractional part of the golden ratio: its multiples spread evenly, without random numbers."""


def customers(
    sample: CustomerSample, *, features: Sequence[PreparedFeature], segments: Sequence[Segment]
) -> go.Figure:
    """At most 5,000 points by the first three features, with a trace and a marker per segment.

    In three dimensions for three or more features, in two for two, in one row per segment for
    one. :func:`axes` has what a page needs to draw other features instead.
    """
    drawn = axes(sample, features=features)[:SPACE]
    by_trace, sizes = by_segment(sample), customers_per_point(sample)
    names = {each.segment: chart_text(each.name) for each in segments}
    styles = markers(segments)
    flat = len(drawn) < SPACE
    chart = figure(height=120 + STRIP_PX * len(by_trace) if len(drawn) == 1 else None)
    for row, (segment, places) in enumerate(by_trace.items()):
        title = " · ".join([str(segment), *([names[segment]] if segment in names else [])])
        points = {
            letter: [one.positions[place] for place in places]
            for letter, one in zip("xyz", drawn, strict=False)
        }
        if len(drawn) == 1:
            points["y"] = [row + STRIP_SPREAD * (place * JITTER % 1 - 0.5) for place in places]
        style = styles.get(segment) or marker(segment)
        trace = go.Scatter if flat else go.Scatter3d
        chart.add_trace(
            trace(
                **points,
                mode="markers",
                name=title,
                marker={
                    "color": style.colour,
                    "symbol": style.symbol,
                    "size": FLAT_MARKER_PX if flat else SPACE_MARKER_PX,
                    "opacity": 0.8 if flat else 1,
                },
                hoverinfo="text",
                hovertext=[_hover_text(title, drawn, place, sizes) for place in places],
            )
        )
    if not flat:
        _set_scene(chart, drawn)
    elif drawn:
        chart.update_xaxes(**drawn[0].layout(), zeroline=False)
        rows = _rows(list(by_trace)) if len(drawn) == 1 else drawn[1].layout()
        chart.update_yaxes(**rows, zeroline=False)
    return chart


def axes(sample: CustomerSample, *, features: Sequence[PreparedFeature]) -> tuple[Axis, ...]:
    """An axis for every feature of the sample, in the features' order, at most the first 32.

    Of at most 5,000 points; 2,000 where the sample has more features than that.
    """
    kept = _kept(sample)
    drawn = [feature for feature in features if feature.name in sample.values]
    return tuple(
        axis(feature, [sample.values[feature.name][place] for place in kept])
        for feature in drawn[:MAX_AXES]
    )


def by_segment(sample: CustomerSample) -> dict[int, list[int]]:
    """The indices into the positions of :func:`axes` of each segment's points."""
    segments = [sample.segments[place] for place in _kept(sample)]
    by_trace: dict[int, list[int]] = {segment: [] for segment in sorted(set(segments))}
    for place, segment in enumerate(segments):
        by_trace[segment].append(place)
    return by_trace


def customers_per_point(sample: CustomerSample) -> tuple[int, ...]:
    """The number of customers behind each point; empty where every point is one customer."""
    return tuple(sample.customers[place] for place in _kept(sample) if sample.customers)


def _kept(sample: CustomerSample) -> list[int]:
    """The indices of the points to draw: all, or 5,000 evenly spaced ones; see :func:`axes`."""
    count = len(sample.segments)
    kept = min(count, MAX_POINTS if len(sample.values) <= MAX_AXES else WIDE_POINTS)
    return [place * count // kept for place in range(kept)]


def _hover_text(title: str, drawn: Sequence[Axis], place: int, sizes: Sequence[int]) -> str:
    size = [f"{counted(sizes[place], 'similar customer')}, on average"] if sizes else []
    values = (f"{one.feature}: {number(one.values[place])}" for one in drawn)
    return "<br>".join([title, *size, *values])


def _rows(segments: Sequence[int]) -> dict[str, object]:
    return {
        "title": {"text": "Segment"},
        "tickmode": "array",
        "tickvals": list(range(len(segments))),
        "ticktext": [str(segment) for segment in segments],
        "range": [len(segments) - 0.5, -0.5],
    }


def _set_scene(chart: go.Figure, drawn: Sequence[Axis]) -> None:
    style = {
        "backgroundcolor": "#f6f8fa",
        "showbackground": True,
        "gridcolor": LINE,
        "zerolinecolor": LINE,
        "showspikes": False,
        "tickfont": {"size": 11, "color": MUTED},
    }
    scene: dict[str, object] = {}
    for letter, one in zip("xyz", drawn, strict=True):
        title = {"text": one.title, "font": {"size": 13, "color": INK}}
        scene[f"{letter}axis"] = {**style, **one.layout(), "title": title}
    chart.update_layout(
        dragmode="turntable",
        margin={"l": 0, "r": 0, "t": 0, "b": 0},
        scene={
            **scene,
            "aspectmode": "cube",
            "camera": {"eye": {"x": 1.45, "y": -1.45, "z": 0.75}, "center": {"z": -0.17}},
        },
    )
