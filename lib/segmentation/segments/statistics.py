"""Statistics of every cluster, from one pass over all customers."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction

import numpy as np
import numpy.typing as npt
from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from segmentation.model.fitted import DISTANCE_QUANTILES
from segmentation.model.preparation import Key
from segmentation.model.spark_columns import ENTRIES, PreparedCustomers, spark_column
from segmentation.numerics.exact_sums import halves_joined
from segmentation.numerics.fixed_point import EXACT_QUANTILES, Grid
from segmentation.numerics.partition import Partition
from segmentation.segments.attributes import Attribute
from segmentation.segments.facts import FACTS, TOTALS, VALUES, merged_facts
from segmentation.segments.statistics_pass import (
    CUSTOMERS,
    DISTANCES,
    OF_ATTRIBUTES,
    SILHOUETTE_STEPS,
    SILHOUETTES,
    Measured,
    statistics_pass,
)

QUANTILES = (0.1, 0.5, 0.9, 0.45, 0.55)
MEDIAN, LOWER_MIDDLE, UPPER_MIDDLE = 1, 3, 4
"""Positions: more than half of the customers lie above the lower middle, and below the upper."""

EXACT_CELLS = 24_000_000
"""Nor are quantiles exact where there are more numbers in all: they are all kept until merged."""


@dataclass(frozen=True)
class Facts:
    """One attribute over the customers of one cluster; ``known`` are those with a number.

    ``total`` is their exact sum; ``quantiles`` are at :data:`QUANTILES`, empty for a value.
    """

    known: int
    total: Fraction
    quantiles: tuple[float | None, ...]

    @property
    def mean(self) -> float | None:
        """The exact mean, rounded once; None where no customer has a number."""
        return float(self.total / self.known) if self.known else None


@dataclass(frozen=True)
class ClusterStatistics:
    """The statistics of a cluster from one pass over the rows.

    ``smallest_tie_margin`` is the least lead that a customer's centre has over the second
    nearest, in grid units squared; None where there is no second. ``silhouette`` is the
    customers' average, 0 where there is one cluster. ``distance_quantiles`` are at
    :data:`~segmentation.model.fitted.DISTANCE_QUANTILES`, in scaled units, to 1 part in 4,096.
    """

    cluster: int
    customers: int
    attributes: Mapping[Key, Facts]
    mean_distance: float
    distance_quantiles: tuple[float, ...]
    smallest_tie_margin: float | None
    silhouette: float


def cluster_statistics(
    customers: PreparedCustomers, partition: Partition, *, attributes: Sequence[Attribute]
) -> tuple[ClusterStatistics, ...]:
    """The statistics of every cluster with a customer, in the centres' order; one Spark job.

    A customer belongs to the nearest of the partition's centres, the first of equals. Sums of
    attributes are exact; distances and silhouettes are rounded and summed as whole numbers. No
    order of rows changes a bit. Quantiles are counted
    (:data:`~segmentation.numerics.fixed_point.EXACT_QUANTILES`).

    The silhouette is with squared distances: Rousseeuw (1987), doi:10.1016/0377-0427(87)90125-7.
    A customer's mean squared distance to a cluster follows from the cluster's moments, so no
    pairs of customers are met; each one's value is rounded to ``2**-30``.

    Parameters
    ----------
    partition
        The partition of all customers by these centres.
    """
    numbers = [each for each in attributes if each.is_number]
    coded = [each for each in attributes if not each.is_number]
    measured = Measured(
        len(numbers),
        tuple(len(each.values) for each in coded),
        rounds=sum(partition.counts) > min(EXACT_QUANTILES, EXACT_CELLS // max(1, len(numbers))),
    )
    distances = Grid.spanning(0.0, customers.max_distance)
    task = statistics_pass(
        partition,
        customers.layout,
        measured,
        distance_step=distances.step * 2.0**customers.bits,
    )
    values = [spark_column(each.expression) for each in (*numbers, *coded)]
    measured_rows = customers.rows.select(
        ENTRIES, F.array(*values).cast("array<double>").alias("values")
    )
    found = _Merged.collected(measured_rows.mapInArrow(task, FACTS), clusters=partition.k)
    scale = 2.0**customers.bits
    return tuple(
        ClusterStatistics(
            cluster=cluster,
            customers=size,
            attributes=found.facts(cluster, attributes),
            mean_distance=distances.mean(int(found.totals[cluster, DISTANCES]), size),
            distance_quantiles=tuple(
                each / scale for each in found.quantiles[cluster, len(numbers)][len(QUANTILES) :]
            ),
            smallest_tie_margin=found.margins[cluster],
            silhouette=float(
                Fraction(int(found.totals[cluster, SILHOUETTES]), size * SILHOUETTE_STEPS)
            ),
        )
        for cluster in range(partition.k)
        for size in [int(found.totals[cluster, CUSTOMERS])]
        if size
    )


@dataclass(frozen=True)
class _Merged:
    """What the tasks returned, merged: one row of totals per cluster, and sums as fractions.

    ``quantiles`` are by cluster and number, at :data:`QUANTILES` and
    :data:`~segmentation.model.fitted.DISTANCE_QUANTILES`.
    """

    totals: npt.NDArray[np.int64]
    margins: Sequence[float | None]
    sums: Sequence[Sequence[Fraction]]
    quantiles: Mapping[tuple[int, int], tuple[float, ...]]

    @classmethod
    def collected(cls, facts: DataFrame, *, clusters: int) -> "_Merged":
        """The facts of all tasks, merged by other tasks; starts the Spark job."""
        order = ["kind", "key", "cluster"]
        merged = facts.repartition("kind", "key").sortWithinPartitions(*order)
        rows = merged.mapInArrow(merged_facts([*QUANTILES, *DISTANCE_QUANTILES]), FACTS)
        quantiles: dict[tuple[int, int], tuple[float, ...]] = {}
        sums: list[list[Fraction]] = []
        for kind, key, cluster, totals, numbers in zip(
            *rows.toArrow().to_pydict().values(), strict=True
        ):
            if kind == VALUES:
                quantiles[cluster, key] = tuple(numbers)
            elif kind == TOTALS:
                by_cluster = np.array(totals, dtype=np.int64).reshape(clusters, -1)
                margins = [each if math.isfinite(each) else None for each in numbers]
            else:
                sums = _added(sums, halves_joined(totals, clusters, place=key))
        return cls(by_cluster, margins, sums, quantiles)

    def facts(self, cluster: int, attributes: Sequence[Attribute]) -> dict[Key, Facts]:
        """The statistics of all attributes over the customers of one cluster."""
        found: dict[Key, Facts] = {}
        size = int(self.totals[cluster, CUSTOMERS])
        number, none = 0, (None,) * len(QUANTILES)
        position = OF_ATTRIBUTES + sum(each.is_number for each in attributes)
        for each in attributes:
            if each.is_number:
                known = int(self.totals[cluster, OF_ATTRIBUTES + number])
                total = self.sums[cluster][number] if self.sums else Fraction()
                quantiles = self.quantiles.get((cluster, number), none)[: len(QUANTILES)]
                found[each.keys[0]] = Facts(known, total, quantiles)
                number += 1
                continue
            after = position + len(each.values) + 1
            *counts, unknown = self.totals[cluster, position:after].tolist()
            position = after
            for value, count in zip(each.values, counts, strict=True):
                found[each.column, value] = Facts(size - unknown, Fraction(count), none)
            if each.absent is not None:
                found[each.column, each.absent] = Facts(size, Fraction(unknown), none)
        return found


def _added(sums: list[list[Fraction]], others: list[list[Fraction]]) -> list[list[Fraction]]:
    """Two tables of sums, added up; the first may be empty."""
    if not sums:
        return others
    return [
        [one + other for one, other in zip(*rows, strict=True)]
        for rows in zip(sums, others, strict=True)
    ]
