"""The preparation: every model column transformed, scaled, and rounded once to a fixed grid.

A prepared value is ``(t - mean) / unit`` of the transformed value ``t``, rounded to a multiple of
``2**-bits``. That multiple, a whole number, is the *coordinate*. The grid is as fine as exact
arithmetic allows: squared distances between coordinates stay below ``2**53``, so that doubles hold
them exactly, sums over rows are sums of whole numbers, and no result depends on the order of rows.
"""

import math
from dataclasses import dataclass, replace
from datetime import date
from functools import cached_property

import numpy as np

from segmentation.model.expressions import Expression, nearest_whole
from segmentation.model.features import (
    CUSTOMER_RULES,
    Feature,
    Rule,
    code,
    labels,
    number,
    rules,
    transformed,
)
from segmentation.numerics.grid_points import CodeTable, Layout
from segmentation.results import PreparedFeature

EXACT_BITS = 50
"""Squared distances stay below two to this; the bits up to a double's 53 are spare."""

Key = tuple[str, str | None]
"""A column, and a value in it or None where it is the column's number."""


@dataclass(frozen=True)
class ModelColumn:
    """One coordinate: a feature's number, or the share of one ``value`` of a categorical one.

    ``mean`` and ``deviation`` are of the transformed values; ``unit`` is one scaled unit, in
    transformed units.
    """

    feature: str
    value: str | None
    mean: float
    deviation: float
    unit: float

    @property
    def key(self) -> Key:
        """The unique key of the column."""
        return self.feature, self.value

    @property
    def name(self) -> str:
        """The display name: ``spend``, ``gender = Female``."""
        return column_name(self.feature, self.value)


@dataclass(frozen=True)
class Preparation:
    """How customers are mapped to grid points.

    ``features`` are in the configuration's order, those included that are constant; the
    ``columns``, in the order of their names, are of the others. ``customer_rules`` names those of
    :data:`~segmentation.model.features.CUSTOMER_RULES` that hold.
    """

    features: tuple[Feature, ...]
    columns: tuple[ModelColumn, ...]
    bits: int
    customer_rules: tuple[str, ...] = ()

    @cached_property
    def by_name(self) -> dict[str, Feature]:
        """The features by name."""
        return {feature.name: feature for feature in self.features}

    def feature_of(self, j: int) -> Feature:
        """The feature of column ``j``."""
        return self.by_name[self.columns[j].feature]

    @property
    def used(self) -> tuple[str, ...]:
        """The features with a column."""
        return tuple(dict.fromkeys(column.feature for column in self.columns))

    @property
    def constant(self) -> tuple[str, ...]:
        """The features without a column, because they are constant; in the columns' order."""
        names = sorted(feature.name for feature in self.features)
        return tuple(name for name in names if name not in self.used)

    @cached_property
    def layout(self) -> Layout:
        """How the values of :meth:`entries` map to coordinates, one per model column."""
        numbers = tuple(j for j, column in enumerate(self.columns) if column.value is None)
        return Layout(numbers, tuple(self._code_table(feature) for feature in self._categorical))

    def entries(self, *, of_usable: bool = False) -> list[Expression]:
        """A customer's entry for every feature with a column: numbers first, then codes.

        A number's is its coordinate, a category's is the place of its label in the layout's
        table. Both are whole; null where the row breaks a rule of its feature, which ``of_usable``
        rows do not.
        """
        numbers = [self.columns[j] for j in self.layout.numbers]
        return [
            *(
                nearest_whole(
                    (prepared(feature, of_usable=of_usable) - column.mean) * self._steps(column)
                )
                for column in numbers
                for feature in [self.by_name[column.feature]]
            ),
            *(code(feature) for feature in self._categorical),
        ]

    @property
    def reach(self) -> float:
        """A bound on the distance between two customers, in scaled units."""
        return float(2.0 ** (EXACT_BITS / 2 - self.bits))

    @property
    def rules(self) -> tuple[Rule, ...]:
        """The rules that a row must satisfy to be labelled."""
        customer_rules = [rule for rule in CUSTOMER_RULES if rule[0] in self.customer_rules]
        return (*customer_rules, *(rule for feature in self.features for rule in rules(feature)))

    @property
    def prepared_features(self) -> tuple[PreparedFeature, ...]:
        """The columns as recorded in the manifest."""
        return tuple(
            PreparedFeature(
                name=column.name,
                transform=feature.transform,
                mean=column.mean,
                deviation=column.deviation,
                column=column.feature,
                value=column.value,
                kind=feature.kind,
                bands=feature.bands,
            )
            for column in self.columns
            for feature in [self.by_name[column.feature]]
        )

    def squares(self, customers: int) -> float:
        """The sum of the squared norms of the coordinates of ``customers``, from the moments."""
        variances = sum((column.deviation / column.unit) ** 2 for column in self.columns)
        return float((customers - 1) * variances * 4.0**self.bits)

    def original(self, j: int, coordinate: float) -> float:
        """A coordinate of column ``j`` in original units."""
        column = self.columns[j]
        value = column.mean + coordinate * column.unit / 2.0**self.bits
        if self.feature_of(j).transform == "none":
            return value
        return math.copysign(math.expm1(abs(value)), value)

    def scaled(self, j: int, original: float) -> float:
        """A value of column ``j`` in scaled units, give or take a step of the grid."""
        column = self.columns[j]
        value = transformed_value(original, self.feature_of(j))
        return (value - column.mean) / column.unit

    def difference(self, j: int, coordinate: float) -> float:
        """A coordinate of column ``j`` in standard deviations from the mean."""
        column = self.columns[j]
        return coordinate * column.unit / 2.0**self.bits / column.deviation

    @property
    def _categorical(self) -> list[Feature]:
        """The categorical features with a column, in the columns' order."""
        return [f for f in map(self.by_name.__getitem__, self.used) if f.kind == "categorical"]

    def _code_table(self, feature: Feature) -> CodeTable:
        """The coordinates of every code of a categorical feature; the last code is of no label."""
        own = [j for j, column in enumerate(self.columns) if column.feature == feature.name]
        columns = [self.columns[j] for j in own]
        shares = [[float(column.value == each) for column in columns] for each in labels(feature)]
        centred = np.array([*shares, [0.0] * len(own)]) - [column.mean for column in columns]
        return CodeTable(own[0], np.rint(centred * [self._steps(column) for column in columns]))

    def _steps(self, column: ModelColumn) -> float:
        """The grid steps per transformed unit."""
        return float(2.0**self.bits / column.unit)


def counted_from(preparation: Preparation, day: date | None) -> Preparation:
    """The preparation with dates that count back from this day, or from the day of scoring."""
    features = tuple(
        replace(each, as_of=day if each.kind == "date" else None) for each in preparation.features
    )
    return replace(preparation, features=features)


def prepared(feature: Feature, *, of_usable: bool = False) -> Expression:
    """A feature's transformed number, neither centred nor scaled."""
    value = number(feature, of_usable=of_usable)
    return transformed(feature, value, of_usable=of_usable)


def transformed_value(value: float, feature: Feature) -> float:
    """A number as the feature's transform leaves it."""
    if feature.transform == "none":
        return value
    value = max(value, 0.0) if feature.clips_negatives else value
    return math.copysign(math.log1p(abs(value)), value)


def column_name(feature: str, value: str | None) -> str:
    """What tables and people call a feature's number or one of its values."""
    return feature if value is None else f"{feature} = {value}"
