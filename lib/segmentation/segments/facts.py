"""What one pass over all rows finds of every cluster: numpy on Arrow batches, in Spark."""

import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa
from pyspark import cloudpickle
from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from segmentation.exact import EXACT_QUANTILES, SPLITTER, Grid

QUANTILES = (0.1, 0.5, 0.9)

SILHOUETTE_STEPS = 2**30

HELD = 2**21
"""So many values, 16 MiB, are held by a task before the equal ones are counted."""

BLOCK = 4096
"""Rows compared at once: a task's memory depends on its columns, not on the length of batches."""

Floats = npt.NDArray[np.float64]
Labels = npt.NDArray[np.intp]
Pass = Callable[[Iterator[pa.RecordBatch]], Iterator[pa.RecordBatch]]

FACT = "cluster int, fact int, total bigint, value double, frequency bigint"
"""What tasks return: totals that add up, and values with their frequencies."""

# Tasks carry this module along: workers need numpy and pyarrow, not this package.
cloudpickle.register_pickle_by_value(sys.modules[__name__])  # type: ignore[no-untyped-call]


@dataclass(frozen=True)
class Attribute:
    """What is profiled of customers: a number, or whether they have the ``value`` of a column.

    ``sql`` is a double from ``low`` to ``high``, null where it is not known; with a ``value``
    it is 1 or 0. ``name`` is its own alone.
    """

    name: str
    column: str
    value: str | None
    sql: str
    low: float
    high: float


@dataclass(frozen=True)
class Moments:
    """How many customers each cluster has, none being empty, where they are and how far apart.

    ``means`` has one row a cluster and one column a coordinate; ``spreads`` are the mean
    squared distances from them.
    """

    counts: Floats
    means: Floats
    spreads: Floats


@dataclass(frozen=True)
class Facts:
    """One attribute over the customers of one cluster; ``known`` are those with a number.

    ``quantiles`` are as :data:`QUANTILES`; of a value there are none.
    """

    known: int
    mean: float | None
    total: float
    quantiles: tuple[float | None, ...]


@dataclass(frozen=True)
class ClusterFacts:
    """What one pass over the rows finds of a cluster.

    ``narrowest`` is the least lead that a customer's centre has over the second nearest, in
    grid units squared; None where there is no second. ``silhouette`` is the customers'
    average, 0 where there is one cluster.
    """

    cluster: int
    customers: int
    attributes: Mapping[str, Facts]
    mean_distance: float
    narrowest: float | None
    silhouette: float


def cluster_facts(
    rows: DataFrame,
    *,
    coordinates: Sequence[str],
    centres: Floats,
    moments: Moments,
    attributes: Sequence[Attribute],
    unit: float,
    reach: float,
) -> tuple[ClusterFacts, ...]:
    """The facts of every cluster with a customer, in the centres' order; one pass over the rows.

    A customer is of the nearest centre, the first of equals. Everything is summed as whole
    numbers, so that no order of rows changes a bit; quantiles are counted
    (:data:`~segmentation.exact.EXACT_QUANTILES`).

    The silhouette is with squared distances: Rousseeuw (1987), doi:10.1016/0377-0427(87)90125-7.
    A customer's mean squared distance to a cluster follows from the cluster's moments, so no
    pairs of customers are met; each one's value is rounded to ``2**-30``.

    Parameters
    ----------
    rows
        One row per customer with the columns ``coordinates``, whole numbers.
    centres
        Grid points, one row a cluster.
    moments
        Of the customers about those centres.
    unit, reach
        A grid step in the units of distances, and a bound on distances in these units.
    """
    grids = [Grid.spanning(each.low, each.high) for each in attributes]
    distances = Grid.spanning(0.0, reach)
    numbers = [j for j, each in enumerate(attributes) if each.value is None]
    task = facts_of(
        centres,
        moments,
        distance_step=distances.step / unit,
        grids=[(grid.low, grid.step) for grid in grids],
        numbers=numbers,
        rounds=moments.counts.sum() > EXACT_QUANTILES,
    )
    values = [F.expr(each.sql).alias(f"__value_{j}") for j, each in enumerate(attributes)]
    found = (
        rows.select(*coordinates, *values)
        .mapInArrow(task, FACT)
        .groupBy("cluster", "fact")
        .agg(
            F.sum("total").alias("total"),
            F.min("value").alias("least"),
            F.percentile("value", list(QUANTILES), F.col("frequency")).alias("quantiles"),
        )
        .collect()
    )
    by_fact = {(row.cluster, row.fact): row for row in found}
    result = []
    for cluster in range(len(centres)):
        customers, distance, silhouettes, *of_attributes = (
            by_fact[cluster, fact] for fact in range(3 + 2 * len(attributes))
        )
        if not customers.total:
            continue
        known, sums = of_attributes[: len(grids)], of_attributes[len(grids) :]
        result.append(
            ClusterFacts(
                cluster,
                customers.total,
                {
                    each.name: _facts(grid, count.total, its.total, its.quantiles)
                    for each, grid, count, its in zip(attributes, grids, known, sums, strict=True)
                },
                distances.mean(distance.total, customers.total),
                customers.least,
                silhouettes.total / customers.total / SILHOUETTE_STEPS,
            )
        )
    return tuple(result)


def _facts(grid: Grid, known: int, index_sum: int, quantiles: Sequence[float] | None) -> Facts:
    at = tuple(quantiles) if quantiles else (None,) * len(QUANTILES)
    if not known:
        return Facts(0, None, 0.0, at)
    return Facts(known, grid.mean(index_sum, known), grid.total(index_sum, known), at)


def facts_of(
    centres: Floats,
    moments: Moments,
    *,
    distance_step: float,
    grids: Sequence[tuple[float, float]],
    numbers: Sequence[int],
    rounds: bool,
) -> Pass:
    """What a Spark task runs on its rows: coordinates, then the attributes' values.

    Of every cluster it returns the totals, numbered: customers, their distances in steps of
    ``distance_step`` grid units, their silhouettes, how many know each attribute, the sums of
    the attributes on their ``grids`` (low and step). The value beside the first is the least
    lead. The values of the attributes at ``numbers``, rounded to 12 bits if so wished, and
    their frequencies have the number of the attribute's sum.
    """
    width, clusters = centres.shape[1], np.arange(len(centres))
    lows, steps = (np.array(each)[:, np.newaxis] for each in zip(*grids, strict=True))
    sums = 3 + len(grids)  # the number of the first
    # a mean over the others of a cluster, who are one fewer; 0 for a customer alone
    counts = moments.counts
    others = np.where(counts > 1, counts / np.maximum(counts - 1, 1), 0.0)

    def facts(batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        totals = np.zeros((len(centres), sums + len(grids)), dtype=np.int64)
        leads = np.full(len(centres), np.inf)
        held: list[tuple[Labels, Floats]] = []
        for block in _blocks(batches):
            columns = np.vstack([np.asarray(column, dtype=np.float64) for column in block.columns])
            points, values = columns[:width], columns[width:]
            labels, square, lead = _nearest(_squares(centres, points))
            members = labels == clusters[:, np.newaxis]
            leads = np.minimum(leads, np.where(members, lead, np.inf).min(axis=1))
            distances = np.rint(np.sqrt(square) / distance_step)
            away = _squares(moments.means, points) + moments.spreads[:, np.newaxis]
            silhouettes = np.rint(_silhouettes(away, labels, others) * SILHOUETTE_STEPS)
            known = ~np.isnan(values)
            indices = np.where(known, np.rint((values - lows) / steps), 0.0)
            summed = np.vstack([np.ones_like(square), distances, silhouettes, known, indices])
            # whole numbers below 2**53: the product is exact
            totals += (members.astype(np.float64) @ summed.T).astype(np.int64)
            held.append((labels, values[numbers]))
            if sum(values.size for _, values in held) > HELD:
                yield from frequencies(held)
                held = []
        yield from frequencies(held)
        least = np.full(totals.shape, np.inf)
        least[:, 0] = leads
        where = np.indices(totals.shape).reshape(2, -1)
        yield _told(where[0], where[1], total=totals.ravel(), value=least.ravel())

    def frequencies(held: list[tuple[Labels, Floats]]) -> Iterator[pa.RecordBatch]:
        if not held or not numbers:
            return
        labels = np.concatenate([its for its, _ in held])
        counted = []
        for i, j in enumerate(numbers):
            values = np.concatenate([its[i] for _, its in held])
            for cluster in clusters:
                own = values[labels == cluster]
                own = own[~np.isnan(own)] + 0.0  # -0.0 becomes 0.0: which of them stays is chance
                if rounds:  # to 12 significant bits, as exact.quantiles() does
                    shifted = own * SPLITTER
                    own = shifted - (shifted - own)
                value, frequency = np.unique(own, return_counts=True)
                counted.append(np.broadcast_arrays(cluster, sums + j, value, frequency))
        where, which, value, frequency = map(np.concatenate, zip(*counted, strict=True))
        yield _told(where, which, value=value, frequency=frequency)

    return facts


def _blocks(batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
    for batch in batches:
        for start in range(0, batch.num_rows, BLOCK):
            yield batch.slice(start, BLOCK)


def _squares(centres: Floats, points: Floats) -> Floats:
    """Squared distances, a row a centre; exact where both are on the grid."""
    squares: Floats = (centres**2).sum(axis=1)[:, np.newaxis] - (2 * centres) @ points
    squares += (points**2).sum(axis=0)
    return squares


def _nearest(squares: Floats) -> tuple[Labels, Floats, Floats]:
    """Whose is the least of each column, that least, and by how much it leads; spoils its input."""
    labels, places = squares.argmin(axis=0), np.arange(squares.shape[1])
    least = squares[labels, places]
    squares[labels, places] = np.inf
    return labels, least, squares.min(axis=0) - least


def _silhouettes(away: Floats, labels: Labels, others: Floats) -> Floats:
    """Each point's value from its mean squared distances to all clusters; spoils its input."""
    if len(away) == 1:
        return np.zeros(len(labels))
    places = np.arange(len(labels))
    own = away[labels, places] * others[labels]
    away[labels, places] = np.inf
    other = away.min(axis=0)
    larger = np.maximum(own, other)
    has_value = (larger > 0) & (others[labels] > 0)
    silhouettes: Floats = np.where(has_value, other - own, 0) / np.where(has_value, larger, 1)
    return silhouettes


def _told(
    cluster: Labels,
    fact: Labels,
    *,
    total: npt.NDArray[np.int64] | None = None,
    value: Floats,
    frequency: Labels | None = None,
) -> pa.RecordBatch:
    """Rows of ``FACT``; what is infinite or not given is null."""
    columns = {
        "cluster": pa.array(cluster, pa.int32()),
        "fact": pa.array(fact, pa.int32()),
        "total": pa.array(total, pa.int64()) if total is not None else _nulls(cluster),
        "value": pa.array(value, mask=np.isinf(value)),
        "frequency": pa.array(frequency, pa.int64()) if frequency is not None else _nulls(cluster),
    }
    return pa.RecordBatch.from_pydict(columns)


def _nulls(like: Labels) -> pa.Array:
    return pa.nulls(len(like), pa.int64())
