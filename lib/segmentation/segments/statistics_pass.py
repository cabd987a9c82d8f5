"""The pass over all customers that finds the statistics of clusters: numpy on Arrow batches.

The module is pickled with the tasks, so what they call is in it or in modules that are pickled
too: workers need numpy and pyarrow only.
"""

import sys
from collections.abc import Callable, Iterator, Sequence
from functools import partial

import numpy as np
import numpy.typing as npt
import pyarrow as pa
from pyspark import cloudpickle

from segmentation.numerics import nearest
from segmentation.numerics.arrays import Floats, Labels
from segmentation.numerics.fixed_point import SPLITTER
from segmentation.numerics.nearest import BLOCK, squared_distances, take_nearest
from segmentation.numerics.partition import Partition

for _module in (sys.modules[__name__], nearest):
    cloudpickle.register_pickle_by_value(_module)  # type: ignore[no-untyped-call]

SILHOUETTE_STEPS = 2**30

PLACE_BITS = 8
"""Doubles are summed in groups by their exponent over this; see :func:`_parts`."""

HALF_BITS = 30

MAX_BUFFERED_VALUES = 2**21
"""A task holds this many values, 16 MiB, before it counts the equal ones."""

Pass = Callable[[Iterator[pa.RecordBatch]], Iterator[pa.RecordBatch]]

FACT = "cluster int, fact int, place int, total bigint, value double, frequency bigint"
"""What tasks return: totals in units of ``2**place``, and values with their frequencies."""

CUSTOMERS, DISTANCES, SILHOUETTES, OF_ATTRIBUTES = 0, 1, 2, 3
"""Numbers of facts. Those of the attributes follow: how many customers' value is known, for each
attribute; then the sums; then the values with their frequencies, and the distances with theirs."""


def statistics_pass(
    partition: Partition, *, distance_step: float, are_numbers: Sequence[bool], rounds: bool
) -> Pass:
    """The function that a Spark task applies to its rows: coordinates, then attribute values.

    For every cluster it returns the totals, by number: customers, their distances in steps of
    ``distance_step`` grid units, their silhouettes, how many know each attribute, and the sums
    of the attributes. The value beside the first is the smallest tie margin. Of the attributes
    that ``are_numbers`` (the others are 1 or 0) the values follow with their frequencies, rounded
    to 12 bits if ``rounds``; last the distances, in grid units, always so rounded.
    """
    centres, width, k = partition.centres, partition.centres.shape[1], partition.k
    numbers = np.flatnonzero(are_numbers)
    shares = np.flatnonzero(~np.asarray(are_numbers, dtype=bool))
    sums_from, values_from = (OF_ATTRIBUTES + i * len(are_numbers) for i in (1, 2))
    which = np.concatenate([np.arange(sums_from), sums_from + shares])  # the totals, in order
    counted = [*values_from + numbers, values_from + len(are_numbers)]
    is_rounded = [rounds] * len(numbers) + [True]
    frequencies = partial(_frequencies, facts=counted, clusters=k, is_rounded=is_rounded)
    silhouettes_of = _silhouette_function(partition)

    def facts(batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        totals = np.zeros((k, len(which)), dtype=np.int64)
        by_place: dict[int, npt.NDArray[np.int64]] = {}
        margins = np.full(k, np.inf)
        held: list[tuple[Labels, Floats]] = []
        for columns in _blocks(batches):
            points, values = columns[:width], columns[width:]
            squares = squared_distances(centres, points)
            labels, square = take_nearest(squares)
            margin = squares.min(axis=0) - square  # the nearest is infinite by now
            is_member = labels == np.arange(k)[:, np.newaxis]
            margins = np.minimum(margins, np.where(is_member, margin, np.inf).min(axis=1))
            distance, filled = np.sqrt(square), np.where(np.isnan(values), 0.0, values)
            # One row per total: 1, the distance and the silhouette in whole steps, yes or no.
            summed = np.vstack(
                [
                    np.ones_like(square),
                    np.rint(distance / distance_step),
                    np.rint(silhouettes_of(points, labels) * SILHOUETTE_STEPS),
                    ~np.isnan(values),
                    filled[shares],
                ]
            )
            # A product with the memberships adds each row up by cluster. All are whole numbers
            # of at most 30 bits, so the sums of a block, of 42 bits, are exact in doubles; over
            # blocks, tasks and rows they add up as 64-bit integers.
            members = is_member.astype(np.float64)
            totals += (members @ summed.T).astype(np.int64)
            _add_parts(by_place, members, filled[numbers])
            held.append((labels, np.vstack([values[numbers], distance])))
            if sum(some.size for _, some in held) > MAX_BUFFERED_VALUES:
                yield from frequencies(held)
                held = []
        yield from frequencies(held)
        yield _totals(totals, margins, which)
        for place, halves in by_place.items():
            yield _sums(halves, place, sums_from + numbers)

    return facts


def _blocks(batches: Iterator[pa.RecordBatch]) -> Iterator[Floats]:
    """Blocks of rows, one row per column: memory does not depend on the length of batches."""
    for batch in batches:
        for start in range(0, batch.num_rows, BLOCK):
            columns = batch.slice(start, BLOCK).columns
            yield np.vstack([np.asarray(column, dtype=np.float64) for column in columns])


def _silhouette_function(partition: Partition) -> Callable[[Floats, Labels], Floats]:
    """The silhouettes of points with these labels, from the moments of the clusters.

    The mean squared distance of a point to a cluster is its squared distance to the cluster's
    mean plus the mean squared distance of the members from that mean.
    """
    means = partition.means()
    counts = np.array(partition.counts, dtype=np.float64)
    costs = np.array([float(cost) for cost in partition.costs()])
    spreads = (costs / np.maximum(counts, 1))[:, np.newaxis]
    # The mean over the others of the own cluster, one fewer; 0 for a customer alone.
    others = np.where(counts > 1, counts / np.maximum(counts - 1, 1), 0.0)

    def silhouettes(points: Floats, labels: Labels) -> Floats:
        return _silhouettes(squared_distances(means, points) + spreads, labels, others)

    return silhouettes


def _frequencies(
    held: Sequence[tuple[Labels, Floats]],
    *,
    facts: Sequence[int],
    clusters: int,
    is_rounded: Sequence[bool],
) -> Iterator[pa.RecordBatch]:
    """The values of every cluster, counted; ``facts`` are the numbers of the rows of ``held``."""
    if not held:
        return
    labels = np.concatenate([own for own, _ in held])
    counted = []
    for i, (fact, rounds) in enumerate(zip(facts, is_rounded, strict=True)):
        values = np.concatenate([own[i] for _, own in held])
        for cluster in range(clusters):
            own = values[labels == cluster]
            own = own[~np.isnan(own)] + 0.0  # -0.0 becomes 0.0: which of them stays is chance
            if rounds:  # to 12 significant bits, as spark_sums.quantiles() does
                shifted = own * SPLITTER
                own = shifted - (shifted - own)
            value, frequency = np.unique(own, return_counts=True)
            counted.append(np.broadcast_arrays(cluster, fact, value, frequency))
    where, which, value, frequency = map(np.concatenate, zip(*counted, strict=True))
    yield _fact_rows(where, which, value=value, frequency=frequency)


def _totals(totals: npt.NDArray[np.int64], margins: Floats, which: Labels) -> pa.RecordBatch:
    """The totals of a task, and beside the customers of each cluster its smallest tie margin."""
    values = np.full(totals.shape, np.inf)
    values[:, CUSTOMERS] = margins
    cluster, fact = np.indices(totals.shape).reshape(2, -1)
    return _fact_rows(cluster, which[fact], total=totals.ravel(), value=values.ravel())


def _sums(halves: npt.NDArray[np.int64], place: int, facts: Labels) -> pa.RecordBatch:
    """The sums of the attributes that are numbers: the higher halves, then the lower ones."""
    cluster, position = np.indices(halves.shape).reshape(2, -1)
    half, number = np.divmod(position, len(facts))
    return _fact_rows(
        cluster,
        facts[number],
        place=place + HALF_BITS * (half == 0),
        total=halves.ravel(),
        value=np.full(halves.size, np.inf),
    )


def _add_parts(by_place: dict[int, npt.NDArray[np.int64]], members: Floats, values: Floats) -> None:
    """Add the values of a block's members to the sums of their clusters, place by place."""
    for place, parts in _parts(values):
        halves = (members @ parts.T).astype(np.int64)
        by_place[place] = by_place.get(place, 0) + halves


def _parts(values: Floats) -> Iterator[tuple[int, Floats]]:
    """Doubles as whole numbers that add up exactly: a place, and halves in units of ``2**place``.

    Nothing is rounded: Malcolm (1971), doi:10.1145/362854.362889.
    """
    # A double is m * 2**e, its mantissa m a whole number of 53 bits. With e cut into a multiple of
    # 8 and a rest from 0 to 7, m * 2**rest is a whole number below 2**60; all doubles with the
    # same multiple have it in the same unit, and can be added.
    mantissas, exponents = np.frexp(values)
    places, rests = np.divmod(exponents, PLACE_BITS)
    wholes = np.ldexp(mantissas, 53 + rests)
    # A block of 4,096 such numbers could add up beyond the 2**53 of a double. So each is cut into
    # its higher 30 bits and its lower 30: their sums stay below 2**42 in a block, and below
    # 2**63 over the rows of any table.
    higher = np.floor(np.ldexp(wholes, -HALF_BITS))
    lower = wholes - np.ldexp(higher, HALF_BITS)
    for place in np.unique(places[wholes != 0]):
        here = places == place
        yield (
            int(place) * PLACE_BITS - 53,
            np.vstack([np.where(here, higher, 0.0), np.where(here, lower, 0.0)]),
        )


def _silhouettes(away: Floats, labels: Labels, others: Floats) -> Floats:
    """Each point's value from its mean squared distances to all clusters; modifies its input."""
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


def _fact_rows(
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
