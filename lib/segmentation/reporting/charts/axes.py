"""A feature's positions on an axis, and its ticks in original units."""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from segmentation.reporting.formatting import chart_text, compact, number
from segmentation.results import PreparedFeature

MAX_TICKS = 7
MIN_TICKS = 3
MIN_TICK_DISTANCE = 0.09
"""The least distance between two ticks as a fraction of the axis: closer, labels overlap."""

DIGITS = 6
"""Significant digits of a position: finer than any screen, at a third of the bytes."""


@dataclass(frozen=True)
class Axis:
    """One feature on an axis: ``values`` and ``labels`` in original units, the rest as drawn."""

    feature: str
    title: str
    transform: str
    values: tuple[float, ...]
    positions: tuple[float, ...]
    ticks: tuple[float, ...]
    labels: tuple[str, ...]

    def layout(self) -> dict[str, object]:
        """The axis as Plotly takes it."""
        return {
            "title": {"text": self.title},
            "tickmode": "array",
            "tickvals": list(self.ticks),
            "ticktext": list(self.labels),
        }


def axis(feature: PreparedFeature, values: Sequence[float]) -> Axis:
    """The axis of a feature: on a log scale, with that in its title, where the transform is one."""
    positions = tuple(position(value, feature.transform) for value in values)
    ticks = _ticks(feature.transform, values)
    is_log = feature.transform in ("log1p", "signed")
    return Axis(
        feature=chart_text(feature.name),
        title=chart_text(feature.name, longest=32) + (" (log scale)" if is_log else ""),
        transform=feature.transform,
        values=tuple(values),
        positions=positions,
        ticks=tuple(position(tick, feature.transform) for tick in ticks),
        labels=_labels(ticks),
    )


def _labels(ticks: Sequence[float]) -> tuple[str, ...]:
    """The tick labels: short forms where these are exact, else full numbers."""
    short = [compact(tick) for tick in ticks]
    are_exact = all(math.isclose(float(f"{tick:.2g}"), tick, rel_tol=1e-9) for tick in ticks)
    return tuple(short if are_exact else [number(tick) for tick in ticks])


def position(value: float, transform: str) -> float:
    """Where a value in original units is drawn."""
    if transform == "log1p":
        value = math.log1p(max(value, 0.0))
    elif transform == "signed":
        value = math.copysign(math.log1p(abs(value)), value)
    return float(f"{value:.{DIGITS}g}")


def _ticks(transform: str, values: Sequence[float]) -> list[float]:
    """Round values in original units: enough to read the axis, none too close to another."""
    if not values:
        return []
    low, high = min(values), max(values)
    if transform == "log1p":
        low, high = max(low, 0.0), max(high, 0.0)
    if low == high:
        return [float(f"{low:.{DIGITS}g}")]
    if transform == "none":
        return _even(low, high)
    for steps in ((1,), (1, 3), (1, 2, 5)):
        ticks = _apart(_decades(low, high, steps), transform)
        if len(ticks) >= MIN_TICKS:
            return ticks
    return _even(low, high)


def _decades(low: float, high: float, steps: Iterable[int]) -> list[float]:
    """Zero and the given steps of every power of ten, of both signs, within the range."""
    largest = math.ceil(math.log10(max(abs(low), abs(high))))
    sizes = [step * 10.0**power for power in range(largest - 5, largest + 1) for step in steps]
    return [tick for tick in (0.0, *sizes, *(-size for size in sizes)) if low <= tick <= high]


def _even(low: float, high: float) -> list[float]:
    """Multiples of 1, 2 or 5 times a power of ten within the range."""
    smallest = 10.0 ** math.floor(math.log10((high - low) / MAX_TICKS))
    step = next(
        step
        for step in (smallest, 2 * smallest, 5 * smallest, 10 * smallest)
        if (high - low) / step <= MAX_TICKS
    )
    first, last = math.ceil(low / step), math.floor(high / step)
    return [float(f"{count * step:.12g}") for count in range(first, last + 1)]


def _apart(ticks: Sequence[float], transform: str) -> list[float]:
    """The ticks without those too close to another: zero stays, then the largest."""
    places = [position(tick, transform) for tick in ticks]
    closest = MIN_TICK_DISTANCE * (max(places, default=0) - min(places, default=0))
    kept: list[float] = []
    for tick in sorted(ticks, key=lambda tick: (tick != 0, -abs(tick), tick)):
        place = position(tick, transform)
        if all(abs(place - position(other, transform)) >= closest for other in kept):
            kept.append(tick)
    return sorted(kept)
