"""The points of the scatter plot, as columns and as a table."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Self


@dataclass(frozen=True)
class PlottedValue:
    """One feature of one point of the scatter plot, in original units: a row of ``plot_sample``."""

    point: int
    segment: int
    customers: int | None
    feature: str
    value: float


@dataclass(frozen=True)
class CustomerSample:
    """The points of the scatter plot: ``values[feature][i]`` and ``segments[i]`` are one point.

    Values are in original units. A point is one customer, or the average of ``customers[i]``
    similar ones where these are given. No customer id is kept here.
    """

    values: Mapping[str, tuple[float, ...]]
    segments: tuple[int, ...]
    customers: tuple[int, ...] = ()

    def records(self) -> list[PlottedValue]:
        """The sample as a table, one record per point and feature; see :meth:`from_records`."""
        counts = self.customers or (None,) * len(self.segments)
        return [
            PlottedValue(point, segment, count, feature, values[point])
            for point, (segment, count) in enumerate(zip(self.segments, counts, strict=True))
            for feature, values in self.values.items()
        ]

    @classmethod
    def from_records(cls, records: Sequence[PlottedValue]) -> Self:
        """The sample of a table's records; a feature without any point is not among them."""
        values: dict[str, list[float]] = {}
        points: dict[int, PlottedValue] = {}
        for each in sorted(records, key=lambda record: record.point):
            values.setdefault(each.feature, []).append(each.value)
            points[each.point] = each
        counts = [point.customers for point in points.values()]
        return cls(
            {feature: tuple(column) for feature, column in values.items()},
            tuple(point.segment for point in points.values()),
            tuple(count for count in counts if count is not None),
        )
