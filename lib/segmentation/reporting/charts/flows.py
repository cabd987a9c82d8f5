"""Customers who moved between segments, as a Sankey diagram."""

import textwrap
from collections.abc import Sequence
from dataclasses import dataclass

from plotly import graph_objects as go

from segmentation.reporting.charts.theme import INK, MUTED, figure
from segmentation.reporting.formatting import chart_text, clean, counted
from segmentation.results import LEFT, NEW, Flow

OPACITY = 0.38
SMALL_OF_ALL, SMALL_OF_SEGMENT = 0.01, 0.1
"""A flow is drawn from this share of all customers, or of one of its two segments."""

LETTERS, LINES = 20, 3
"""A label's letters per line and lines: two labels fit side by side on a phone."""

LINE_PX, BAR_PX, NODE_PX, EDGE_PX = 15, 280, 12, 10


@dataclass(frozen=True)
class Node:
    """A segment in one of the runs, or the customers who are new or left; ``colour`` as #rrggbb.

    ``customers`` are all of them, also those of flows that are not drawn; None if that is not told.
    """

    key: str
    name: str
    customers: int | None = None
    colour: str = MUTED


def large(flows: Sequence[Flow]) -> tuple[Flow, ...]:
    """The flows that are drawn: those that a reader could see."""
    whole = sum(each.customers for each in flows)
    before, now = _sums(flows, "from_key"), _sums(flows, "to_key")
    return tuple(
        each
        for each in flows
        if each.customers >= SMALL_OF_ALL * whole
        or (each.from_key != NEW and each.customers >= SMALL_OF_SEGMENT * before[each.from_key])
        or (each.to_key != LEFT and each.customers >= SMALL_OF_SEGMENT * now[each.to_key])
    )


def sankey(flows: Sequence[Flow], *, before: Sequence[Node], now: Sequence[Node]) -> go.Figure:
    """The flows from the segments of ``before`` on the left to those of ``now`` on the right.

    Nodes are in the given order from the top, those without a flow omitted. A flow has the colour
    of where it comes from.
    """
    flows = [each for each in flows if each.customers > 0]
    sums = _sums(flows, "from_key"), _sums(flows, "to_key")
    sides = [
        [node for node in side if node.key in of]
        for side, of in zip((before, now), sums, strict=True)
    ]
    labels = [[_label(node) for node in side] for side in sides]
    lines = max((text.count("<br>") + 1 for side in labels for text in side), default=1)
    pad = LINE_PX * lines + 4
    height = BAR_PX + pad * max(map(len, sides))
    places = [{node.key: at for at, node in enumerate(side)} for side in sides]
    first = len(sides[0])
    colours = {node.key: node.colour for node in sides[0]}
    names = [{node.key: node.name for node in side} for side in sides]
    nodes = [node for side in sides for node in side]
    chart = figure(height=height, margin={"l": 2, "r": 2, "t": EDGE_PX, "b": EDGE_PX})
    chart.add_trace(
        go.Sankey(
            arrangement="fixed",
            node={
                "label": [text for side in labels for text in side],
                "color": [node.colour for node in nodes],
                "x": [0.001] * first + [0.999] * len(sides[1]),
                "y": _heights(sides, sums, pad=pad, height=height - 2 * EDGE_PX),
                "pad": pad,
                "thickness": NODE_PX,
                "line": {"width": 0},
                "customdata": [_told(node) for node in nodes],
                "hovertemplate": "%{customdata}<extra></extra>",
            },
            link={
                "source": [places[0][each.from_key] for each in flows],
                "target": [first + places[1][each.to_key] for each in flows],
                "value": [each.customers for each in flows],
                "color": [_faint(colours[each.from_key]) for each in flows],
                "customdata": [
                    f"{counted(each.customers, 'customer')}<br>"
                    f"{chart_text(names[0][each.from_key])} → {chart_text(names[1][each.to_key])}"
                    for each in flows
                ],
                "hovertemplate": "%{customdata}<extra></extra>",
            },
            textfont={"size": 12, "color": INK},
        )
    )
    return chart


def _sums(flows: Sequence[Flow], side: str) -> dict[str, int]:
    found: dict[str, int] = {}
    for each in flows:
        key = getattr(each, side)
        found[key] = found.get(key, 0) + each.customers
    return found


def _label(node: Node) -> str:
    lines = textwrap.wrap(clean(node.name), LETTERS, max_lines=LINES, placeholder=" …")
    size = [] if node.customers is None else [f"{node.customers:,}"]
    return "<br>".join([*map(chart_text, lines), *size])


def _told(node: Node) -> str:
    """What hovering shows."""
    size = [] if node.customers is None else [counted(node.customers, "customer")]
    return "<br>".join([chart_text(node.name), *size])


def _heights(
    sides: Sequence[Sequence[Node]],
    sums: Sequence[dict[str, int]],
    *,
    pad: float,
    height: float,
) -> list[float]:
    """The middle of each node from the top, as a fraction: Plotly's own order follows no reason.

    The scale is Plotly's: the fuller side fills the height, ``pad`` pixels between its nodes.
    """
    scale = min(
        (
            (height - (len(side) - 1) * pad) / sum(of[node.key] for node in side)
            for side, of in zip(sides, sums, strict=True)
            if side
        ),
        default=0.0,
    )
    middles = []
    for side, of in zip(sides, sums, strict=True):
        sizes = [of[node.key] * scale for node in side]
        top = (height - sum(sizes) - (len(side) - 1) * pad) / 2
        for size in sizes:
            middles.append(round((top + size / 2) / height, 6))
            top += size + pad
    return middles


def _faint(colour: str) -> str:
    red, green, blue = (int(colour[at : at + 2], 16) for at in (1, 3, 5))
    return f"rgba({red},{green},{blue},{OPACITY})"
