"""Statistics of every cluster, from one pass over all customers."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction

from pyspark.sql import DataFrame, Row
from pyspark.sql import functions as F

from segmentation.model.fitted import DISTANCE_QUANTILES
from segmentation.model.preparation import Key
from segmentation.model.spark_columns import PreparedCustomers, spark_column
from segmentation.numerics.fixed_point import EXACT_QUANTILES, Grid
from segmentation.numerics.partition import Partition
from segmentation.segments.attributes import Attribute
from segmentation.segments.statistics_pass import (
    CUSTOMERS,
    DISTANCES,
    FACT,
    OF_ATTRIBUTES,
    SILHOUETTE_STEPS,
    SILHOUETTES,
    statistics_pass,
)

QUANTILES = (0.1, 0.5, 0.9, 0.45, 0.55)
MEDIAN, LOWER_MIDDLE, UPPER_MIDDLE = 1, 3, 4
"""Positions: more than half of the customers lie above the lower middle, and below the upper."""

COUNTED_AT = sorted({*QUANTILES, *DISTANCE_QUANTILES})


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
    distances = Grid.spanning(0.0, customers.max_distance)
    task = statistics_pass(
        partition,
        distance_step=distances.step * 2.0**customers.bits,
        are_numbers=[each.value is None for each in attributes],
        rounds=sum(partition.counts) > EXACT_QUANTILES,
    )
    values = [
        spark_column(each.expression).alias(f"__value_{j}") for j, each in enumerate(attributes)
    ]
    facts = _Facts.collected(
        customers.rows.select(*customers.coordinates, *values).mapInArrow(task, FACT)
    )
    return tuple(
        ClusterStatistics(
            cluster=cluster,
            customers=size,
            attributes={
                each.key: facts.of_attribute(cluster, j, len(attributes))
                for j, each in enumerate(attributes)
            },
            mean_distance=distances.mean(int(facts.totals[cluster, DISTANCES]), size),
            distance_quantiles=tuple(
                distance / 2.0**customers.bits
                for distance in facts.distance_quantiles(cluster, len(attributes))
            ),
            smallest_tie_margin=facts.rows[cluster, CUSTOMERS].least,
            silhouette=float(facts.totals[cluster, SILHOUETTES] / size / SILHOUETTE_STEPS),
        )
        for cluster in range(partition.k)
        for size in [int(facts.totals[cluster, CUSTOMERS])]
        if size
    )


@dataclass(frozen=True)
class _Facts:
    """What the tasks returned, by cluster and number of the fact."""

    rows: Mapping[tuple[int, int], Row]
    totals: Mapping[tuple[int, int], Fraction]

    @classmethod
    def collected(cls, facts: DataFrame) -> "_Facts":
        """The facts of all tasks added up; starts the Spark job."""
        found = (
            facts.groupBy("cluster", "fact", "place")
            .agg(
                F.sum("total").alias("total"),
                F.min("value").alias("least"),
                F.percentile("value", COUNTED_AT, F.col("frequency")).alias("quantiles"),
            )
            .collect()
        )
        totals: dict[tuple[int, int], Fraction] = defaultdict(Fraction)
        for row in found:
            totals[row.cluster, row.fact] += (row.total or 0) * Fraction(2) ** row.place
        return cls({(row.cluster, row.fact): row for row in found}, totals)

    def of_attribute(self, cluster: int, j: int, attributes: int) -> Facts:
        """The statistics of attribute ``j`` of ``attributes``."""
        known, sums, values = (OF_ATTRIBUTES + i * attributes + j for i in range(3))
        return Facts(
            int(self.totals[cluster, known]),
            self.totals[cluster, sums],
            self.quantiles(cluster, values, at=QUANTILES),
        )

    def distance_quantiles(self, cluster: int, attributes: int) -> tuple[float, ...]:
        """The quantiles of distances, in grid units; their values follow those of attributes."""
        found = self.quantiles(cluster, OF_ATTRIBUTES + 3 * attributes, at=DISTANCE_QUANTILES)
        return tuple(each for each in found if each is not None)

    def quantiles(
        self, cluster: int, fact: int, *, at: Sequence[float]
    ) -> tuple[float | None, ...]:
        """The quantiles of counted values; None for each where there is no value."""
        row = self.rows.get((cluster, fact))
        found = [None] * len(COUNTED_AT) if row is None else row.quantiles
        return tuple(found[COUNTED_AT.index(each)] for each in at)
