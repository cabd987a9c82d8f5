"""The tables of features: all of them if few, else the most telling, and the rest on demand."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby

from segmentation.reporting import formatting
from segmentation.reporting.offline_page import script_json
from segmentation.reporting.segment_table import Cell, Row, rows
from segmentation.reporting.separation import is_wide, separation
from segmentation.results import Report

MAX_ROWS = 20
"""Features of a wide table that are shown at once: about a screen."""

MAX_ATTRIBUTES = 24
"""Profiled attributes with a table each; the others are in one table on demand."""

MAX_CELLS = 12_000
"""Cells of a table on demand, about 350 kB of the page."""


@dataclass(frozen=True)
class OnDemand:
    """A table that the browser makes from ``content``: ``kept`` of ``count`` rows are in it."""

    id: str
    label: str
    content: str
    kept: int
    count: int


@dataclass(frozen=True)
class FeatureTable:
    """The rows shown at once, in their order; ``everything`` where there are more.

    ``has_value`` where the value feature was put among them.
    """

    rows: tuple[Row, ...]
    everything: OnDemand | None = None
    has_value: bool = False

    @property
    def noun(self) -> str:
        """What the rows are."""
        has_values = any(row.value is not None for row in self.rows)
        return "features and values" if has_values else "features"


def clustering_table(report: Report) -> FeatureTable:
    """The features used for clustering; of a wide table those that tell the segments apart most.

    The value feature is always among them.
    """
    found = rows(report, used_for_clustering=True)
    if not is_wide(report.run.features) or len(found) <= MAX_ROWS:
        return FeatureTable(found)
    parts = separation(report.profiles, report.segments)
    between = {(row.feature, row.value): parts.get((row.feature, row.value), 0.0) for row in found}
    ordered = sorted(found, key=lambda row: -between[row.feature, row.value])
    value = (report.run.value_feature, None)
    shown = sorted(ordered, key=lambda row: (row.feature, row.value) != value)[:MAX_ROWS]
    texts = [formatting.percent(between[row.feature, row.value]) for row in ordered]
    everything = _on_demand("all-features", "All features by segment", ordered, texts)
    has_value = (shown[0].feature, shown[0].value) == value
    return FeatureTable(tuple(shown), everything, has_value)


def attribute_tables(report: Report) -> tuple[list[tuple[str, list[Row]]], OnDemand | None]:
    """The rows of each feature that is only profiled, and those of the features beyond the 24th."""
    found = rows(report, used_for_clustering=False)
    tables = [(name, list(own)) for name, own in groupby(found, key=lambda row: row.feature)]
    rest = [row for _, own in tables[MAX_ATTRIBUTES:] for row in own]
    if not rest:
        return tables, None
    return tables[:MAX_ATTRIBUTES], _on_demand(
        "all-attributes", "Other attributes by segment", rest, None
    )


def _on_demand(
    id: str, label: str, found: Sequence[Row], between: Sequence[str] | None
) -> OnDemand:
    """The rows as compact data, as many as the page may hold.

    Where there is no ``between``, the share of variance between segments, the rows are of
    attributes, and named after theirs.
    """
    kept = max(MAX_CELLS // (len(found[0].cells) + 1), 1)
    content = [
        [
            formatting.clean(row.name if between else f"{row.feature}: {row.name}"),
            *map(_compact, row.cells),
            row.overall,
            *([between[place]] if between else []),
        ]
        for place, row in enumerate(found[:kept])
    ]
    return OnDemand(id, label, script_json(content), len(content), len(found))


def _compact(cell: Cell) -> list[str | int]:
    """A cell's text; its level and its range only where it has them."""
    if cell.range:
        return [cell.text, cell.level or 0, cell.range]
    return [cell.text, cell.level] if cell.level else [cell.text]
