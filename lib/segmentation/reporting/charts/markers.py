"""A segment's marker in charts: a colour and a symbol, so that nothing depends on colour alone."""

import re
from collections.abc import Sequence
from dataclasses import dataclass

from segmentation.results import Segment

# Okabe and Ito (2008), https://jfly.uni-koeln.de/color/, without yellow, which is faint on white.
COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#4D4D4D")

# The symbols that Plotly draws in space as well as on the plane, and the same as SVG paths. In
# space they are letters of a font: "x" is missing from many fonts and "cross" is hair-thin.
# Seven colours and six symbols have no common factor: 42 segments differ before a pair returns.
SYMBOLS = {
    "circle": "M8 2a6 6 0 1 0 0 12a6 6 0 1 0 0-12z",
    "square": "M3 3h10v10h-10z",
    "diamond": "M8 1l7 7l-7 7l-7-7z",
    "circle-open": "M8 3a5 5 0 1 0 0 10a5 5 0 1 0 0-10z",
    "square-open": "M3.5 3.5h9v9h-9z",
    "diamond-open": "M8 2l6 6l-6 6l-6-6z",
}


@dataclass(frozen=True)
class Marker:
    """A segment's colour, its Plotly symbol and the symbol's outline on a 16 by 16 grid."""

    colour: str
    symbol: str

    @property
    def path(self) -> str:
        """The symbol as the ``d`` of an SVG path."""
        return SYMBOLS[self.symbol]

    @property
    def is_open(self) -> bool:
        """Whether only the outline is drawn."""
        return self.symbol.endswith("-open")


def marker(number: int) -> Marker:
    """The marker of a number from 0, the same in every chart and every run."""
    symbols = tuple(SYMBOLS)
    return Marker(COLOURS[number % len(COLOURS)], symbols[number % len(symbols)])


def marker_of_key(key: str) -> Marker | None:
    """The marker of a segment's key, ``s1`` first; None of what is no key."""
    found = re.fullmatch(r"s([1-9][0-9]{0,8})", key)
    return marker(int(found[1]) - 1) if found else None


def markers(segments: Sequence[Segment]) -> dict[int, Marker]:
    """The marker of each segment, by its number: that of its key, so that it stays between runs.

    Of a segment without a key that of its number, as are those of a first run's keys.
    """
    return {
        each.segment: marker_of_key(each.segment_key) or marker(each.segment) for each in segments
    }
