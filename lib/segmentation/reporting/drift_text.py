"""How far today's customers are from those that the model was fitted to, in words and tables."""

from collections.abc import Sequence
from dataclasses import dataclass

from segmentation.reporting.formatting import number, percent
from segmentation.reporting.key_names import KeyNames
from segmentation.reporting.segment_table import HIDDEN
from segmentation.results import Drift

MEASURES = {
    "wasserstein": "average shift, in standard deviations",
    "jensen_shannon": "difference of the shares, from 0 to 1",
    "share": "share of customers",
    "cost_per_customer": "average squared distance to the centre",
    "median_distance": "typical distance to the centre",
    "p90_distance": "distance to the centre of the farthest tenth",
}


def _points(share: float) -> str:
    return f"{number(round(share * 100, 1))} points"


SIZES = {
    "share": _points,
    "cost_per_customer": percent,
    "median_distance": percent,
    "p90_distance": percent,
}
"""How the size of a change is written; others are plain numbers."""

VERDICTS = {"drifted": "▲ clear", "slight": "△ small", "stable": "○ within chance"}
MAX_NAMES = 5
MAX_ROWS = 200
"""Of the table of what did not drift: a wide table has thousands of features."""


@dataclass(frozen=True)
class DriftRow:
    """One feature or segment; ``key`` is the segment's, None of a feature."""

    name: str
    key: str | None
    measure: str
    before: str
    now: str
    effect: str
    band: str
    verdict: str


@dataclass(frozen=True)
class DriftTables:
    """A sentence, what changed by more than chance explains, and the rest."""

    sentence: str
    beyond: tuple[DriftRow, ...]
    within: tuple[DriftRow, ...]
    omitted: int


def tables(drift: Sequence[Drift], names: KeyNames) -> DriftTables:
    """The drift in words, largest effect over its band first, features before segments."""
    ordered = sorted(drift, key=lambda each: (each.subject, -_excess(each)))
    beyond = [each for each in ordered if each.verdict != "stable"]
    within = [each for each in ordered if each.verdict == "stable"]
    return DriftTables(
        _sentence(drift, names),
        tuple(_row(each, names) for each in beyond[:MAX_ROWS]),
        tuple(_row(each, names) for each in within[:MAX_ROWS]),
        max(0, len(beyond) - MAX_ROWS) + max(0, len(within) - MAX_ROWS),
    )


def _excess(drift: Drift) -> float:
    return drift.effect / drift.band if drift.band > 0 else drift.effect


def _sentence(drift: Sequence[Drift], names: KeyNames) -> str:
    """Which features and segments drifted, the most first."""
    if not drift:
        return ""
    parts = []
    for subject in ("feature", "segment"):
        own = [each for each in drift if each.subject == subject]
        count = len({each.name for each in own})
        far = sorted((each for each in own if each.verdict == "drifted"), key=_excess, reverse=True)
        found = list(dict.fromkeys(each.name for each in far))
        if found:
            called = [names.called(each) if subject == "segment" else each for each in found]
            more = f" and {len(found) - MAX_NAMES} more" if len(found) > MAX_NAMES else ""
            parts.append(
                f"{len(found)} of {count} {subject}s ({', '.join(called[:MAX_NAMES])}{more})"
            )
    if not parts:
        return "No feature and no segment has clearly drifted since the model was fitted."
    verb = "have" if len(parts) > 1 or not parts[0].startswith("1 ") else "has"
    return f"{' and '.join(parts)} {verb} clearly drifted since the model was fitted."


def _row(drift: Drift, names: KeyNames) -> DriftRow:
    is_segment = drift.subject == "segment"
    form = percent if drift.measure == "share" else number
    size = SIZES.get(drift.measure, number)
    return DriftRow(
        name=names.name(drift.name) if is_segment else drift.name,
        key=drift.name if is_segment else None,
        measure=MEASURES.get(drift.measure, drift.measure),
        before=HIDDEN if drift.reference is None else form(drift.reference),
        now=HIDDEN if drift.current is None else form(drift.current),
        effect=size(drift.effect),
        band=size(drift.band),
        verdict=VERDICTS.get(drift.verdict, drift.verdict),
    )
