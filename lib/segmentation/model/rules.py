"""Labelling rules: how a fitted model assigns a customer's grid point to a segment.

A rule is a value. It assigns points in numpy, is rendered as an expression, and goes to JSON and
back without loss. Nothing that draws, profiles, names or publishes segments asks which rule made
them.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, ClassVar, Protocol, Self

import numpy as np

from segmentation.model.expressions import NULL, Call, Case, Expression, Literal, any_of
from segmentation.numerics.arrays import Floats, Labels, Points
from segmentation.numerics.grid_points import NO_CENTRE, GridPoints

NO_SEGMENT = NO_CENTRE


@dataclass(frozen=True)
class Assignment:
    """The segment of every point and the next best one, with squared distances in grid units.

    Where there is no second segment ``runner_up`` is :data:`NO_SEGMENT` and its square is NaN.
    """

    segment: Labels
    square: Floats
    runner_up: Labels
    runner_up_square: Floats


class LabellingRule(Protocol):
    """Assigns grid points to segments, which are numbered from 0."""

    @property
    def segments(self) -> int:
        """How many segments there are."""

    def assign(self, points: GridPoints) -> Assignment:
        """The segments of grid points."""

    def expression(self, coordinates: Sequence[Expression]) -> Expression:
        """The number of the segment, a double; null where a coordinate is null."""

    def to_dict(self) -> dict[str, Any]:
        """The rule as values of JSON; :func:`rule_from_dict` is the inverse."""


@dataclass(frozen=True)
class NearestPrototype:
    """Every point belongs to the nearest of the ``prototypes``; a tie goes to the first.

    ``prototypes`` are grid points in the order of the segments: whole numbers, so that squared
    distances are exact (see ``numerics.grid_points``) and a tie is a tie in every rendering.
    """

    NAME: ClassVar[str] = "nearest_prototype"

    prototypes: tuple[tuple[int, ...], ...]

    def __post_init__(self) -> None:
        if len({len(each) for each in self.prototypes}) != 1:
            raise ValueError("a rule needs prototypes, all with the same number of coordinates")

    @classmethod
    def of(cls, points: Points) -> Self:
        """The rule with these prototypes, one grid point per row.

        Raises
        ------
        ValueError
            If a coordinate is no whole number.
        """
        if not np.array_equal(points, np.rint(points)):
            raise ValueError("prototypes are grid points: every coordinate is a whole number")
        return cls(tuple(tuple(int(c) for c in point) for point in points.tolist()))

    @cached_property
    def points(self) -> Points:
        """The prototypes, one per row."""
        return np.array(self.prototypes, dtype=np.float64)

    @property
    def segments(self) -> int:
        """How many segments there are: one per prototype."""
        return len(self.prototypes)

    def assign(self, points: GridPoints) -> Assignment:
        """The segments of grid points."""
        return Assignment(*points.nearest_two(self.points))

    def expression(self, coordinates: Sequence[Expression]) -> Expression:
        """The number of the segment, a double; null where a coordinate is null.

        Prototype i is no farther than m where ``|i|**2 - |m|**2 <= 2 (i - m).x``, whole numbers
        below ``2**53`` on both sides. The first that is no farther than any *later* one is the
        nearest, and the first of equals: an earlier one as near would have been taken before.
        So k prototypes take k (k - 1) / 2 comparisons.
        """
        is_unknown = any_of([each.is_null() for each in coordinates])
        branches: list[tuple[Expression, Expression]] = [(is_unknown, NULL)]
        for segment, own in enumerate(self.prototypes[:-1]):
            later = self.prototypes[segment + 1 :]
            no_farther = tuple(_is_no_farther(own, other, coordinates) for other in later)
            branches.append((Call("and", no_farther), Literal(float(segment))))
        return Case(tuple(branches), Literal(float(self.segments - 1)))

    def to_dict(self) -> dict[str, Any]:
        """The rule as values of JSON."""
        return {"rule": self.NAME, "prototypes": [list(each) for each in self.prototypes]}

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> Self:
        """The inverse of :meth:`to_dict`."""
        prototypes: Sequence[Sequence[int]] = values["prototypes"]
        return cls(tuple(tuple(int(c) for c in each) for each in prototypes))


def _is_no_farther(
    one: Sequence[int], other: Sequence[int], coordinates: Sequence[Expression]
) -> Expression:
    """Whether a point is at least as near to ``one`` as to ``other``."""
    squares = sum(a * a - b * b for a, b in zip(one, other, strict=True))
    terms = tuple(
        coordinate * float(2 * (a - b))
        for a, b, coordinate in zip(one, other, coordinates, strict=True)
        if a != b
    )
    return Literal(float(squares)) <= (Call("+", terms) if terms else Literal(0.0))


def rule_from_dict(values: Mapping[str, Any]) -> LabellingRule:
    """The rule that :meth:`LabellingRule.to_dict` wrote.

    Raises
    ------
    ValueError
        If there is no rule of that name.
    """
    if values.get("rule") != NearestPrototype.NAME:
        raise ValueError(f"no labelling rule is named {values.get('rule')!r}")
    return NearestPrototype.from_dict(values)
