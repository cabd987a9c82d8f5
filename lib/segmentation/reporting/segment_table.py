"""Segments side by side: one row per feature, one cell per segment, and the overall average."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from segmentation.reporting import formatting
from segmentation.results import FeatureProfile, Report

NOTABLE, EXTREME = 0.5, 1.5
"""Standard deviations from which a difference gets one sign and two; as in segments' names."""

Key = tuple[str, str | None]
"""A feature, and a value of it or None."""

SIGNS = {2: "▲▲", 1: "▲", 0: "", -1: "▼", -2: "▼▼"}
HIDDEN = "\N{EN DASH}"


@dataclass(frozen=True)
class Cell:
    """One segment's value: in words, its ``range`` if it has one, and how far from the average.

    ``level`` is from -2 (far below) to 2 (far above), 0 about the average, None where there is
    nothing to compare.
    """

    text: str
    range: str = ""
    level: int | None = None

    @property
    def sign(self) -> str:
        """The level as text, so that nothing depends on colour alone."""
        return SIGNS[self.level or 0]


@dataclass(frozen=True)
class Row:
    """A feature, or a ``value`` of one, over all segments; ``name`` is its own in the table."""

    feature: str
    name: str
    cells: tuple[Cell, ...]
    overall: str
    value: str | None = None


def rows(report: Report, *, used_for_clustering: bool) -> tuple[Row, ...]:
    """The rows of the features used for clustering, or of those that are only profiled."""
    found: dict[Key, dict[int, FeatureProfile]] = {}
    for each in report.profiles:
        if each.used_for_clustering == used_for_clustering:
            found.setdefault((each.feature, each.value), {})[each.segment] = each
    named = _names(list(found), alone=not used_for_clustering)
    return tuple(
        Row(
            feature,
            named[feature, value],
            tuple(_cell(by_segment.get(each.segment)) for each in report.segments),
            _overall(next(iter(by_segment.values()))),
            value,
        )
        for (feature, value), by_segment in found.items()
    )


def _names(
    keys: Sequence[tuple[str, str | None]], *, alone: bool
) -> Mapping[tuple[str, str | None], str]:
    """Each row's name; where 1 and 0 are the only values they are yes and no."""
    values: dict[str, set[str]] = {}
    for feature, value in keys:
        if value is not None and not value.startswith("("):
            values.setdefault(feature, set()).add(value)
    names: dict[Key, str] = {}
    for feature, value in keys:
        text = value
        if value in ("0", "1") and values[feature] <= {"0", "1"}:
            text = "yes (1)" if value == "1" else "no (0)"
        if value is None:
            names[feature, value] = "average" if alone else feature
        else:
            names[feature, value] = str(text) if alone else f"{feature} = {text}"
    return names


def _cell(profile: FeatureProfile | None) -> Cell:
    if profile is None or profile.mean is None:
        return Cell(HIDDEN)
    spread = ""
    if profile.p10 is not None and profile.p90 is not None and not is_share(profile):
        low, high = (value_text(profile, each) for each in (profile.p10, profile.p90))
        spread = f"{low} to {high}"
    return Cell(value_text(profile, profile.mean), spread, _level(profile.difference))


def _overall(profile: FeatureProfile) -> str:
    return value_text(profile, profile.overall_mean)


def is_share(profile: FeatureProfile) -> bool:
    """Whether the profile's means are shares of customers."""
    return profile.value is not None or profile.kind == "boolean"


def value_text(profile: FeatureProfile, number: float) -> str:
    """A number of the feature in its usual format."""
    kind = "boolean" if is_share(profile) else profile.kind
    return formatting.value(number, kind=kind, feature=profile.feature)


def _level(difference: float | None) -> int | None:
    if difference is None or difference != difference:
        return None
    size = 2 if abs(difference) >= EXTREME else int(abs(difference) >= NOTABLE)
    return size if difference > 0 else -size
