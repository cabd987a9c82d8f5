"""The moves of customers between two runs, counted and summed from the labelled customers.

The module is pickled with Spark tasks: workers need numpy and pyarrow only.
"""

import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction

import numpy as np
import numpy.typing as npt
import pyarrow as pa
from pyspark import cloudpickle
from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from segmentation.numerics import exact_sums
from segmentation.numerics.exact_sums import exact_parts, halves_joined
from segmentation.numerics.grid_points import BLOCK
from segmentation.numerics.spark_sums import Task
from segmentation.results import LEFT, NEW, Flow
from segmentation.segments import facts
from segmentation.segments.facts import FACTS, SUMS, TOTALS, fact_rows, merged_facts

for _module in (sys.modules[__name__], exact_sums, facts):
    cloudpickle.register_pickle_by_value(_module)  # type: ignore[no-untyped-call]


@dataclass(frozen=True)
class Counted:
    """Customers and exact sums of two values by cell; a cell is a position in a small table."""

    customers: npt.NDArray[np.int64]
    sums: Sequence[Sequence[Fraction]]


def counted(rows: DataFrame, cell: Column, values: Sequence[Column], *, cells: int) -> Counted:
    """The customers of every cell and the exact sums of their values; nulls count as nothing.

    ``cell`` is a number from 0 to ``cells`` - 1. No order of rows changes a bit. One Spark job.
    """
    measured = rows.select(
        cell.cast("int").alias("cell"),
        *[value.cast("double").alias(f"value_{i}") for i, value in enumerate(values)],
    )
    parts = measured.mapInArrow(_cell_task(cells, len(values)), FACTS)
    merged = parts.repartition(1).sortWithinPartitions("kind", "key", "cluster")
    customers = np.zeros(cells, dtype=np.int64)
    sums = [[Fraction(0)] * len(values) for _ in range(cells)]
    for found in merged.mapInArrow(merged_facts([]), FACTS).toArrow().to_pylist():
        if found["kind"] == TOTALS:
            customers = np.array(found["totals"], dtype=np.int64)
        else:
            own = halves_joined(found["totals"], cells, place=found["key"])
            sums = [
                [a + b for a, b in zip(one, other, strict=True)]
                for one, other in zip(sums, own, strict=True)
            ]
    return Counted(customers, sums)


def flows_of(
    labelled: DataFrame,
    before: DataFrame,
    *,
    keys: Sequence[str],
    previous: Mapping[str, int],
    successors: Mapping[str, str | None],
    value: str | None,
) -> tuple[Flow, ...]:
    """The table ``migration``: every move with at least one customer, by the order of the keys.

    Reads a few columns of the labelled customers, and with a value two of the previous run's.

    Parameters
    ----------
    labelled
        This run's customers as they are written, with ``segment_key``, ``previous_segment_key``,
        ``previous_model_key``, ``previous_value`` and the ``value`` column.
    before
        The previous run's customers: ``key``, and ``value`` if there is one.
    keys, previous
        The keys of this run in their order, and those of the previous one with their customers.
    successors
        For every previous key, the key that its customers have now; None if they have several.
    value
        The column of the value that is added up over customers; None if there is none.
    """
    customers, reasons = _customers(labelled, successors)
    sums = {} if value is None else _sums(labelled, value, keys=keys, previous=list(previous))
    flows = [
        Flow(
            from_key=source,
            to_key=key,
            customers=count,
            value_before=None if value is None or source == NEW else float(sums[source, key][0]),
            value_after=None if value is None else float(sums[source, key][1]),
            moved_by_behaviour=reasons[source, key][0],
            moved_by_model=reasons[source, key][1],
        )
        for (source, key), count in customers.items()
    ]
    totals: Sequence[Sequence[Fraction]] = ()
    if value is not None:
        place = _place(F.col("key"), list(previous))
        totals = counted(before, place, [F.col("value")], cells=len(previous) + 1).sums
    for i, (key, size) in enumerate(previous.items()):
        if left := size - sum(customers.get((key, other), 0) for other in keys):
            stayed = sum(
                (sums[key, other][0] for other in keys if (key, other) in sums), Fraction()
            )
            total = None if value is None else float(totals[i][0] - stayed)
            flows.append(Flow(key, LEFT, left, total, None, 0, 0))
    return tuple(sorted(flows, key=lambda flow: (_rank(flow.from_key), _rank(flow.to_key))))


def _customers(
    labelled: DataFrame, successors: Mapping[str, str | None]
) -> tuple[dict[tuple[str, str], int], dict[tuple[str, str], tuple[int, int]]]:
    """The customers of every move, and how many by behaviour and by model; a Spark job."""
    columns = ("previous_segment_key", "segment_key", "previous_model_key")
    customers: dict[tuple[str, str], int] = {}
    reasons: dict[tuple[str, str], tuple[int, int]] = {}
    for old, new, by_model, count in map(tuple, labelled.groupBy(*columns).count().collect()):
        move = (NEW if old is None else old, new)
        customers[move] = customers.get(move, 0) + count
        has_moved = old is not None and old != new
        behaviour = count if has_moved and by_model != old else 0
        model = count if has_moved and by_model and successors.get(by_model) != new else 0
        so_far = reasons.get(move, (0, 0))
        reasons[move] = (so_far[0] + behaviour, so_far[1] + model)
    return customers, reasons


def _sums(
    labelled: DataFrame, value: str, *, keys: Sequence[str], previous: Sequence[str]
) -> dict[tuple[str, str], Sequence[Fraction]]:
    """The exact sums of the value before and now over every possible move; a Spark job."""
    place = _place(F.col("previous_segment_key"), previous) * len(keys)
    cell = place + _place(F.col("segment_key"), keys)
    values = [F.col("previous_value"), F.col(value)]
    found = counted(labelled, cell, values, cells=(len(previous) + 1) * len(keys)).sums
    moves = [(source, key) for source in (*previous, NEW) for key in keys]
    return dict(zip(moves, found, strict=True))


def _rank(key: str) -> tuple[bool, int]:
    is_key = key not in (NEW, LEFT)
    return not is_key, int(key.removeprefix("s")) if is_key else 0


def _place(key: Column, keys: Sequence[str]) -> Column:
    """The position of a key, or their number where it is null."""
    found = F.lit(len(keys))
    for place, each in enumerate(keys):
        found = F.when(key == each, F.lit(place)).otherwise(found)
    return found


def _cell_task(cells: int, numbers: int) -> Task:
    """The function that a Spark task applies to its rows: rows of ``FACTS``, one cell a group."""

    def found(batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        customers = np.zeros(cells, dtype=np.int64)
        by_place: dict[int, npt.NDArray[np.int64]] = {}
        for batch in batches:
            for first in range(0, batch.num_rows, BLOCK):
                rows = batch.slice(first, BLOCK)
                cell = rows.column(0).to_numpy()
                customers += np.bincount(cell, minlength=cells)
                if not numbers:
                    continue
                values = np.vstack(
                    [
                        np.nan_to_num(rows.column(1 + i).to_numpy(zero_copy_only=False))
                        for i in range(numbers)
                    ]
                )
                for place, parts in exact_parts(values):
                    # Sums of 4,096 whole numbers of 30 bits: exact in doubles.
                    own = [np.bincount(cell, weights=part, minlength=cells) for part in parts]
                    halves = np.array(own).T.astype(np.int64)
                    by_place[place] = by_place.get(place, 0) + halves
        yield fact_rows([(TOTALS, 0, 0, customers, ())])
        yield fact_rows([(SUMS, place, 0, sums.ravel(), ()) for place, sums in by_place.items()])

    return found
