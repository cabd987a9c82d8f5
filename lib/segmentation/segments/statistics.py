"""What one pass over all rows finds of every cluster: numpy on Arrow batches, in Spark."""

import sys
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from functools import partial

import numpy as np
import numpy.typing as npt
import pyarrow as pa
from pyspark import cloudpickle
from pyspark.sql import DataFrame, Row
from pyspark.sql import functions as F

from segmentation.model.preparation import Key
from segmentation.model.spark_columns import spark_column
from segmentation.numerics import nearest
from segmentation.numerics.arrays import Floats, Labels
from segmentation.numerics.fixed_point import EXACT_QUANTILES, SPLITTER, Grid
from segmentation.numerics.nearest import BLOCK, squared_distances, take_nearest
from segmentation.segments.attributes import Attribute

QUANTILES = (0.1, 0.5, 0.9, 0.45, 0.55)
MEDIAN, LOWER_MIDDLE, UPPER_MIDDLE = 1, 3, 4
"""Positions: more than half of the customers lie above the lower middle, and below the upper."""

SILHOUETTE_STEPS = 2**30

PLACE_BITS = 8
"""Doubles whose exponents agree but for so many bits are summed together; see :func:`_parts`."""

HALF_BITS = 30

MAX_BUFFERED_VALUES = 2**21
"""So many values, 16 MiB, are held by a task before the equal ones are counted."""

Pass = Callable[[Iterator[pa.RecordBatch]], Iterator[pa.RecordBatch]]

FACT = "cluster int, fact int, place int, total bigint, value double, frequency bigint"
"""What tasks return: totals in units of ``2**place``, and values with their frequencies."""

CUSTOMERS, DISTANCES, SILHOUETTES, OF_ATTRIBUTES = 0, 1, 2, 3
"""Numbers of facts. Of attributes come how many customers know each, the sums, the values."""

# Tasks carry these modules along: workers need numpy and pyarrow, not this package.
for _module in (sys.modules[__name__], nearest):
    cloudpickle.register_pickle_by_value(_module)  # type: ignore[no-untyped-call]


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

    ``total`` is their exact sum; ``quantiles`` are as :data:`QUANTILES`, of a value there are
    none.
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
    """What one pass over the rows finds of a cluster.

    ``smallest_tie_margin`` is the least lead that a customer's centre has over the second
    nearest, in grid units squared; None where there is no second. ``silhouette`` is the
    customers' average, 0 where there is one cluster.
    """

    cluster: int
    customers: int
    attributes: Mapping[Key, Facts]
    mean_distance: float
    smallest_tie_margin: float | None
    silhouette: float


def cluster_statistics(
    rows: DataFrame,
    *,
    coordinates: Sequence[str],
    centres: Floats,
    moments: Moments,
    attributes: Sequence[Attribute],
    unit: float,
    reach: float,
) -> tuple[ClusterStatistics, ...]:
    """The facts of every cluster with a customer, in the centres' order; one pass over the rows.

    A customer is of the nearest centre, the first of equals. Sums of attributes are exact;
    distances and silhouettes are rounded and summed as whole numbers. No order of rows changes
    a bit. Quantiles are counted (:data:`~segmentation.numerics.fixed_point.EXACT_QUANTILES`).

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
    distances = Grid.spanning(0.0, reach)
    task = facts_of(
        centres,
        moments,
        distance_step=distances.step / unit,
        are_numbers=[each.value is None for each in attributes],
        rounds=moments.counts.sum() > EXACT_QUANTILES,
    )
    values = [
        spark_column(each.expression).alias(f"__value_{j}") for j, each in enumerate(attributes)
    ]
    found = (
        rows.select(*coordinates, *values)
        .mapInArrow(task, FACT)
        .groupBy("cluster", "fact", "place")
        .agg(
            F.sum("total").alias("total"),
            F.min("value").alias("least"),
            F.percentile("value", list(QUANTILES), F.col("frequency")).alias("quantiles"),
        )
        .collect()
    )
    facts = {(row.cluster, row.fact): row for row in found}
    totals: dict[tuple[int, int], Fraction] = defaultdict(Fraction)
    for row in found:
        totals[row.cluster, row.fact] += (row.total or 0) * Fraction(2) ** row.place
    known, sums, frequencies = (OF_ATTRIBUTES + i * len(attributes) for i in range(3))
    result = []
    for cluster in range(len(centres)):
        customers = int(totals[cluster, CUSTOMERS])
        if not customers:
            continue
        of_attributes = {
            each.key: Facts(
                int(totals[cluster, known + j]),
                totals[cluster, sums + j],
                _quantiles(facts.get((cluster, frequencies + j))),
            )
            for j, each in enumerate(attributes)
        }
        result.append(
            ClusterStatistics(
                cluster,
                customers,
                of_attributes,
                distances.mean(int(totals[cluster, DISTANCES]), customers),
                facts[cluster, CUSTOMERS].least,
                float(totals[cluster, SILHOUETTES] / customers / SILHOUETTE_STEPS),
            )
        )
    return tuple(result)


def _quantiles(frequencies: Row | None) -> tuple[float | None, ...]:
    return (None,) * len(QUANTILES) if frequencies is None else tuple(frequencies.quantiles)


def facts_of(
    centres: Floats,
    moments: Moments,
    *,
    distance_step: float,
    are_numbers: Sequence[bool],
    rounds: bool,
) -> Pass:
    """What a Spark task runs on its rows: coordinates, then the attributes' values.

    Of every cluster it returns the totals, numbered: customers, their distances in steps of
    ``distance_step`` grid units, their silhouettes, how many know each attribute, and the sums
    of the attributes. The value beside the first is the least lead. Of those that
    ``are_numbers`` (the others are 1 or 0) the values follow with their frequencies, rounded
    to 12 bits if so wished.
    """
    width, clusters = centres.shape[1], np.arange(len(centres))
    attributes = len(are_numbers)
    numbers = np.flatnonzero(are_numbers)
    shares = np.flatnonzero(~np.asarray(are_numbers, dtype=bool))
    sums, values_of = (OF_ATTRIBUTES + i * attributes for i in (1, 2))
    which = np.concatenate([np.arange(sums), sums + shares])  # the totals of a block, in order
    frequencies = partial(
        _frequencies, numbers=values_of + numbers, clusters=clusters, rounds=rounds
    )
    # a mean over the others of a cluster, who are one fewer; 0 for a customer alone
    counts = moments.counts
    others = np.where(counts > 1, counts / np.maximum(counts - 1, 1), 0.0)

    def facts(batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        totals = np.zeros((len(centres), len(which)), dtype=np.int64)
        by_place: dict[int, npt.NDArray[np.int64]] = {}
        leads = np.full(len(centres), np.inf)
        held: list[tuple[Labels, Floats]] = []
        for block in _blocks(batches):
            columns = np.vstack([np.asarray(column, dtype=np.float64) for column in block.columns])
            points, values = columns[:width], columns[width:]
            squares = squared_distances(centres, points)
            labels, square = take_nearest(squares)
            lead = squares.min(axis=0) - square
            members = labels == clusters[:, np.newaxis]
            leads = np.minimum(leads, np.where(members, lead, np.inf).min(axis=1))
            distances = np.rint(np.sqrt(square) / distance_step)
            away = squared_distances(moments.means, points) + moments.spreads[:, np.newaxis]
            silhouettes = np.rint(_silhouettes(away, labels, others) * SILHOUETTE_STEPS)
            is_known = ~np.isnan(values)
            filled = np.where(is_known, values, 0.0)
            summed = np.vstack(
                [np.ones_like(square), distances, silhouettes, is_known, filled[shares]]
            )
            members = members.astype(np.float64)
            # whole numbers below 2**53: the products are exact
            totals += (members @ summed.T).astype(np.int64)
            for place, parts in _parts(filled[numbers]):
                halves = (members @ parts.T).astype(np.int64)
                by_place[place] = by_place.get(place, 0) + halves
            held.append((labels, values[numbers]))
            if sum(values.size for _, values in held) > MAX_BUFFERED_VALUES:
                yield from frequencies(held)
                held = []
        yield from frequencies(held)
        least = np.full(totals.shape, np.inf)
        least[:, CUSTOMERS] = leads
        cluster, fact = np.indices(totals.shape).reshape(2, -1)
        yield _told(cluster, which[fact], total=totals.ravel(), value=least.ravel())
        for place, halves in by_place.items():
            cluster, fact = np.indices(halves.shape).reshape(2, -1)
            half, number = np.divmod(fact, len(numbers))
            yield _told(
                cluster,
                sums + numbers[number],
                place=place + HALF_BITS * (half == 0),
                total=halves.ravel(),
                value=np.full(halves.size, np.inf),
            )

    return facts


def _frequencies(
    held: Sequence[tuple[Labels, Floats]],
    *,
    numbers: Labels,
    clusters: Labels,
    rounds: bool,
) -> Iterator[pa.RecordBatch]:
    """The values of every cluster, counted; the rows of ``held`` are the facts of these numbers."""
    if not held or not len(numbers):
        return
    labels = np.concatenate([its for its, _ in held])
    counted = []
    for i, fact in enumerate(numbers):
        values = np.concatenate([its[i] for _, its in held])
        for cluster in clusters:
            own = values[labels == cluster]
            own = own[~np.isnan(own)] + 0.0  # -0.0 becomes 0.0: which of them stays is chance
            if rounds:  # to 12 significant bits, as exact.quantiles() does
                shifted = own * SPLITTER
                own = shifted - (shifted - own)
            value, frequency = np.unique(own, return_counts=True)
            counted.append(np.broadcast_arrays(cluster, fact, value, frequency))
    where, which, value, frequency = map(np.concatenate, zip(*counted, strict=True))
    yield _told(where, which, value=value, frequency=frequency)


def _blocks(batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
    for batch in batches:
        for start in range(0, batch.num_rows, BLOCK):
            yield batch.slice(start, BLOCK)


def _parts(values: Floats) -> Iterator[tuple[int, Floats]]:
    """Doubles as whole numbers that add up exactly: a place, and halves in units of ``2**place``.

    A double is ``m * 2**e`` with a mantissa of 53 bits. Those whose ``e`` is the same multiple
    of :data:`PLACE_BITS`, and a rest, are whole numbers below ``2**60`` at that place. Each is
    halved, the higher :data:`HALF_BITS` in rows of their own before the lower, so that sums over
    a block stay below ``2**53`` and over all rows below ``2**63``. Nothing is rounded: Malcolm
    (1971), doi:10.1145/362854.362889.
    """
    mantissas, exponents = np.frexp(values)
    places, rests = np.divmod(exponents, PLACE_BITS)
    wholes = np.ldexp(mantissas, 53 + rests)
    higher = np.floor(np.ldexp(wholes, -HALF_BITS))
    lower = wholes - np.ldexp(higher, HALF_BITS)
    for place in np.unique(places[wholes != 0]):
        here = places == place
        yield (
            int(place) * PLACE_BITS - 53,
            np.vstack([np.where(here, higher, 0.0), np.where(here, lower, 0.0)]),
        )


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
    place: Labels | None = None,
    total: npt.NDArray[np.int64] | None = None,
    value: Floats,
    frequency: Labels | None = None,
) -> pa.RecordBatch:
    """Rows of ``FACT``; what is infinite or not given is null."""
    columns = {
        "cluster": pa.array(cluster, pa.int32()),
        "fact": pa.array(fact, pa.int32()),
        "place": pa.array(np.zeros_like(fact) if place is None else place, pa.int32()),
        "total": pa.array(total, pa.int64()) if total is not None else _nulls(cluster),
        "value": pa.array(value, mask=np.isinf(value)),
        "frequency": pa.array(frequency, pa.int64()) if frequency is not None else _nulls(cluster),
    }
    return pa.RecordBatch.from_pydict(columns)


def _nulls(like: Labels) -> pa.Array:
    return pa.nulls(len(like), pa.int64())
