"""Today's customers as the previous run's model sees them: on its grid, in its units."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from typing import Self

import numpy as np
from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from segmentation.clustering.coreset import Coreset, compress
from segmentation.clustering.overlap import BEFORE, Division, Overlap, overlaps
from segmentation.config import Config
from segmentation.model.fitted import DISTANCE_QUANTILES, FittedModel, ModelSegment
from segmentation.model.preparation import Preparation, counted_from
from segmentation.model.reference import Reference
from segmentation.model.rules import LabellingRule, NearestPrototype
from segmentation.model.spark_columns import ENTRIES, PreparedCustomers, with_entries
from segmentation.numerics.arrays import Floats, Points
from segmentation.pipelines.input import CheckedInput
from segmentation.pipelines.preparation import PreparedInput, prepared_customers
from segmentation.pipelines.previous import PreviousRun
from segmentation.pipelines.steps import Steps

REACH_QUANTILE = 0.999
"""A customer farther from its centre than this share of the segment's customers were when the model
was fitted belongs to none of the old segments."""

FARTHEST_SUMMED = 2.0**28
"""Coordinates up to this add up exactly in 64 bits. A customer farther out is in the coreset for
certain, as it is drawn by its distance."""


@dataclass(frozen=True)
class AsBefore:
    """Today's customers on the grid of the previous run's model.

    ``preparation`` is the model's, with dates counted back from today's day. ``rows`` have the
    entries on both grids. ``obstacle`` is why the model cannot be published for today's customers,
    None where it can.
    """

    previous: PreviousRun
    preparation: Preparation
    rows: DataFrame
    customers: PreparedCustomers
    coreset: Coreset
    obstacle: str | None = None

    @property
    def centres(self) -> Points:
        """The centres of the previous model."""
        return points_of(self.previous.model.rule)

    @property
    def today(self) -> Reference:
        """Today's customers in few points."""
        return reference_of(self.coreset, customers=self.customers.count)

    def overlap(
        self,
        *,
        of_before: Mapping[str, Points],
        of_today: Mapping[str, Points],
        own: PreparedCustomers,
    ) -> dict[str, Overlap]:
        """The overlaps of the previous segments with the clusters of some centres, by name.

        Centres ``of_before`` are on its grid, those ``of_today`` on that of the ``own`` customers.
        One Spark job.
        """
        layout = self.preparation.layout
        others = {name: Division(layout, each, True) for name, each in of_before.items()}
        others |= {name: Division(own.layout, each, False) for name, each in of_today.items()}
        return overlaps(
            self.rows,
            Division(layout, self.centres, True),
            reaches=reaches(self.previous.model),
            others=others,
        )


@dataclass(frozen=True)
class Today:
    """Customers on a grid of their own, and how they are sampled: ``as_of`` is their day.

    ``identity`` are the values that distinguish them, ``size`` and ``seed`` those of a coreset.
    """

    customers: PreparedCustomers
    preparation: Preparation
    as_of: date | None
    identity: Sequence[Column]
    size: int
    seed: int

    @classmethod
    def of(cls, checked: CheckedInput, prepared: PreparedInput, config: Config) -> Self:
        """The customers of a run's input."""
        return cls(
            prepared.customers,
            prepared.preparation,
            checked.assembled.as_of,
            prepared.identity,
            config.sweep.coreset_size,
            config.sweep.seed,
        )

    def coreset(self) -> Coreset:
        """Few points that represent them; usually one Spark job."""
        return compress(self.customers, identity=self.identity, size=self.size, seed=self.seed)


def as_before(
    previous: PreviousRun | None, today: Today, *, coreset: Coreset | None, steps: Steps
) -> AsBefore | None:
    """Today's customers on the previous model's grid; None where it cannot read them.

    Where a column of the previous features is gone, that is warned of. Starts the Spark job that
    samples the customers, unless they are on that grid already and their ``coreset`` is known.
    """
    if previous is None:
        return None
    if missing := previous.lacks(today.customers.rows):
        steps.warn(
            f"the segments of run {previous.name} cannot be compared, all segments get new keys: "
            f"the input has no column {', '.join(map(repr, missing))}, which its model reads"
        )
        return None
    own, count = today.customers, today.customers.count
    preparation = counted_from(previous.model.preparation, today.as_of)
    if preparation == today.preparation and coreset is not None:
        rows = own.rows.withColumn(BEFORE, F.col(ENTRIES))
        return AsBefore(previous, preparation, rows, own, coreset)
    is_alike = _rules(preparation) == _rules(today.preparation)
    rows = with_entries(own.rows, preparation, name=BEFORE, of_usable=is_alike)
    known = rows if is_alike else rows.where(~F.exists(BEFORE, F.isnull))
    obstacle = None
    if not is_alike and known.count() < count:
        obstacle = "it cannot read every customer of today"
    customers = prepared_customers(
        known.drop(ENTRIES).withColumnRenamed(BEFORE, ENTRIES),
        preparation,
        count=count,
        distinct=own.distinct,
    )
    sampled = replace(today, customers=customers).coreset()
    numbers = sampled.points.entries[:, : len(preparation.layout.numbers)]
    if np.abs(numbers).max(initial=0.0) > FARTHEST_SUMMED:
        obstacle = "some customers of today lie far beyond all that it was fitted to"
    return AsBefore(previous, preparation, rows, customers, sampled, obstacle)


def reference_of(coreset: Coreset, *, customers: int) -> Reference:
    """A coreset as what a model's later customers are compared with."""
    return Reference(coreset.points, coreset.counts, customers, coreset.is_whole)


def points_of(rule: LabellingRule) -> Points:
    """The centres of a model's rule.

    Raises
    ------
    TypeError
        If the rule has none.
    """
    match rule:
        case NearestPrototype():
            return rule.points
        case _:
            raise TypeError(f"no centres in {rule!r}")


def reaches(model: FittedModel) -> Floats:
    """How far from each segment's centre a customer may be, in grid steps."""
    bits = model.preparation.bits
    return np.array([reach(each, bits=bits) for each in model.segments])


def reach(segment: ModelSegment, *, bits: int) -> float:
    """How far from a segment's centre a customer may be, in grid steps of ``2**-bits`` units."""
    if not segment.distance_quantiles:
        return math.inf
    return segment.distance_quantiles[DISTANCE_QUANTILES.index(REACH_QUANTILE)] * 2.0**bits


def _rules(preparation: Preparation) -> list[tuple[object, ...]]:
    """What decides which rows a preparation can read."""
    return [
        (f.name, f.kind, f.missing, f.negative, f.transform, f.bands, f.format, f.zone, f.as_of)
        for f in preparation.features
    ]
