"""Customers who moved between segments, as a Sankey diagram."""

import textwrap
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import ceil

from plotly import graph_objects as go

from segmentation.reporting.charts.theme import INK, MUTED, figure
from segmentation.reporting.formatting import chart_text, clean, counted
from segmentation.results import LEFT, NEW, Flow

OPACITY = 0.38
SMALL_OF_ALL, SMALL_OF_SEGMENT = 0.01, 0.1
"""A flow is drawn from this share of all customers, or of one of its two segments."""

LETTERS, LINES = 20, 4
"""A label's letters per line and lines: two labels fit side by side on a phone."""

LINE_PX, BAR_PX, NODE_PX = 15, 280, 12

SMALL = "small"
"""In place of a key: of small flows."""


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
    before, now = _sizes(flows, "from_key"), _sizes(flows, "to_key")
    return tuple(
        each
        for each in flows
        if each.customers >= SMALL_OF_ALL * whole
        or (each.from_key != NEW and each.customers >= SMALL_OF_SEGMENT * before[each.from_key])
        or (each.to_key != LEFT and each.customers >= SMALL_OF_SEGMENT * now[each.to_key])
    )


def sankey(
    flows: Sequence[Flow],
    *,
    before: Sequence[Node],
    now: Sequence[Node],
    folded: tuple[Mapping[str, int], Mapping[str, int]] = ({}, {}),
) -> go.Figure:
    """The flows from the segments of ``before`` on the left to those of ``now`` on the right.

    ``folded`` are the customers of each whose flows are not drawn by themselves: they go through
    one node between both. Nodes are in the given order from the top, those without a flow omitted.
    A flow has the colour of where it comes from.
    """
    links = [_Link(e.from_key, e.to_key, e.customers) for e in flows if e.customers]
    links += [_Link(key, SMALL, number) for key, number in folded[0].items() if number]
    links += [_Link(SMALL, key, number) for key, number in folded[1].items() if number]
    sums = [_sizes(links, "source"), _sizes(links, "target")]
    middle = [Node(SMALL, "Other flows")] if SMALL in sums[0] or SMALL in sums[1] else []
    sides = [
        [node for node in side if node.key in of]
        for side, of in zip((before, now), sums, strict=True)
    ]
    nodes = [*sides[0], *middle, *sides[1]]
    lines = max(map(_lines, nodes), default=1)
    sizes = [[of[node.key] for node in side] for side, of in zip(sides, sums, strict=True)]
    room = _Room(LINE_PX * lines + 4, sizes, max(of.get(SMALL, 0) for of in sums))
    place = {(0, node.key): at for at, node in enumerate(sides[0])}
    place |= {(1, node.key): at for at, node in enumerate(sides[1], len(nodes) - len(sides[1]))}
    place |= {(end, SMALL): len(sides[0]) for end in (0, 1)}
    chart = figure(height=room.height, margin={"l": 2, "r": 2, "t": room.edge, "b": room.edge})
    y, pad = _heights(room)
    chart.add_trace(
        go.Sankey(
            arrangement="fixed",
            node={
                "label": list(map(_label, nodes)),
                "color": [node.colour for node in nodes],
                "x": [0.001] * len(sides[0]) + [0.5] * len(middle) + [0.999] * len(sides[1]),
                "y": y,
                "pad": pad,
                "thickness": NODE_PX,
                "line": {"width": 0},
                "customdata": list(map(_told, nodes)),
                "hovertemplate": "%{customdata}<extra></extra>",
            },
            link={
                "source": [place[0, each.source] for each in links],
                "target": [place[1, each.target] for each in links],
                "value": [each.customers for each in links],
                "color": [_faint(nodes[place[0, each.source]].colour) for each in links],
                "customdata": [
                    f"{counted(each.customers, 'customer')}<br>"
                    f"{chart_text(nodes[place[0, each.source]].name)} → "
                    f"{chart_text(nodes[place[1, each.target]].name)}"
                    for each in links
                ],
                "hovertemplate": "%{customdata}<extra></extra>",
            },
            textfont={"size": 12, "color": INK},
        )
    )
    return chart


@dataclass(frozen=True)
class _Link:
    """A band of the diagram."""

    source: str
    target: str
    customers: int


@dataclass(frozen=True)
class _Room:
    """The height of the diagram, its nodes at least ``pad`` pixels apart, so that labels fit.

    ``sides`` are the customers of the nodes on both sides, ``middle`` those of small flows.
    """

    pad: int
    sides: Sequence[Sequence[int]]
    middle: int

    @property
    def edge(self) -> int:
        """Above and below, as a label may be taller than its node."""
        return self.pad // 2

    @property
    def gaps(self) -> int:
        """Between the nodes of the longer side, and above that of small flows."""
        return self.pad * (max(map(len, self.sides)) - 1 + bool(self.middle))

    @property
    def inside(self) -> int:
        """Without the edges. Plotly wants a third of it for the nodes of a side, or alters them."""
        least, most = sorted(map(sum, self.sides))
        part = max(0.5, least / (most + self.middle))
        return self.gaps + max(BAR_PX, ceil(self.gaps / (3 * part - 1)) + 1)

    @property
    def height(self) -> int:
        """With the edges."""
        return self.inside + 2 * self.edge


def _heights(room: _Room) -> tuple[list[float], float]:
    """The middle of each node from the top, as a fraction, and the padding for Plotly.

    The node of small flows is below both sides. Plotly, whose own order follows no reason, makes
    the fuller side with its padding fill the height, so that it is the padding that sets the scale.
    """
    inside, has_middle = room.inside, bool(room.middle)
    scale = (inside - room.gaps) / (max(map(sum, room.sides)) + room.middle)
    pads = [(inside - scale * sum(side)) / (len(side) - 1) for side in room.sides if len(side) > 1]
    bottom = inside - (room.middle * scale + room.pad) * has_middle
    places: list[list[float]] = []
    for side in room.sides:
        top = (bottom - sum(side) * scale - (len(side) - 1) * room.pad) / 2
        places.append([])
        for size in side:
            places[-1].append(round((top + size * scale / 2) / inside, 6))
            top += size * scale + room.pad
    own = [round(1 - room.middle * scale / 2 / inside, 6)] * has_middle
    return [*places[0], *own, *places[1]], min(pads, default=room.pad)


def _sizes(links: Sequence[_Link] | Sequence[Flow], side: str) -> dict[str, int]:
    """The customers by what is at one side of the bands."""
    found: dict[str, int] = {}
    for each in links:
        key = getattr(each, side)
        found[key] = found.get(key, 0) + each.customers
    return found


def _lines(node: Node) -> int:
    return _label(node).count("<br>") + 1


def _label(node: Node) -> str:
    lines = textwrap.wrap(clean(node.name), LETTERS, max_lines=LINES, placeholder=" …")
    size = [] if node.customers is None else [f"{node.customers:,}"]
    return "<br>".join([*map(chart_text, lines), *size])


def _told(node: Node) -> str:
    """What hovering shows."""
    size = [] if node.customers is None else [counted(node.customers, "customer")]
    return "<br>".join([chart_text(node.name), *size])


def _faint(colour: str) -> str:
    red, green, blue = (int(colour[at : at + 2], 16) for at in (1, 3, 5))
    return f"rgba({red},{green},{blue},{OPACITY})"
