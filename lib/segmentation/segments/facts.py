"""Facts of clusters: the rows that the tasks of the statistics' pass return, and their merger.

The module is pickled with the tasks: workers need numpy and pyarrow only.
"""

import sys
from collections.abc import Iterator, Sequence
from itertools import groupby

import numpy as np
import pyarrow as pa
from pyspark import cloudpickle

from segmentation.numerics.arrays import Floats
from segmentation.numerics.spark_sums import Task, Vector

cloudpickle.register_pickle_by_value(sys.modules[__name__])  # type: ignore[no-untyped-call]

FACTS = "kind int, key int, cluster int, totals array<bigint>, numbers array<double>"
"""What tasks return. Rows of equal kind, key and cluster are merged: see :func:`merged_facts`."""

TOTALS, SUMS, VALUES = 0, 1, 2
"""Kinds of rows. ``TOTALS``: counts by cluster, and the smallest tie margins. ``SUMS``: sums of
numbers in units of ``2**key``. ``VALUES``: a cluster's values of number ``key``, and how often
each occurs; merged, their quantiles."""


def fact_rows(
    rows: Sequence[tuple[int, int, int, Sequence[int] | Vector, Sequence[float] | Floats]],
) -> pa.RecordBatch:
    """Rows of ``FACTS``."""
    columns = zip(*rows, strict=True) if rows else [()] * 5
    types = (pa.int32(), pa.int32(), pa.int32(), pa.list_(pa.int64()), pa.list_(pa.float64()))
    arrays = [pa.array(list(own), type_) for own, type_ in zip(columns, types, strict=True)]
    return pa.RecordBatch.from_arrays(arrays, ["kind", "key", "cluster", "totals", "numbers"])


def merged_facts(at: Sequence[float]) -> Task:
    """The function that merges rows of ``FACTS``, sorted by kind, key and cluster.

    Totals and sums are added, margins become the smallest, and the values of a cluster their
    quantiles ``at`` these shares.
    """

    def merged(batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        for key, group in groupby(_rows(batches), key=lambda row: row[:3]):
            totals, numbers = zip(*(row[3:] for row in group), strict=True)
            if key[0] == VALUES:
                found = quantiles(np.concatenate(numbers), np.concatenate(totals), at)
                yield fact_rows([(*key, (), found)])
            else:
                yield fact_rows([(*key, np.sum(totals, axis=0), np.min(numbers, axis=0))])

    return merged


def quantiles(values: Floats, frequencies: Vector, at: Sequence[float]) -> Floats:
    """The quantiles of values with these frequencies, interpolated between neighbours."""
    order = np.argsort(values, kind="stable")
    ordered, counted = values[order], np.cumsum(frequencies[order])
    position = (counted[-1] - 1) * np.asarray(at)
    lower, higher = np.floor(position), np.ceil(position)
    below, above = (ordered[np.searchsorted(counted, each + 1)] for each in (lower, higher))
    found: Floats = below + (above - below) * (position - lower)
    return found


def _rows(batches: Iterator[pa.RecordBatch]) -> Iterator[tuple[int, int, int, Vector, Floats]]:
    """The rows of ``FACTS`` one by one."""
    for batch in batches:
        kind, key, cluster = (batch.column(i).to_pylist() for i in range(3))
        totals, numbers = batch.column(3), batch.column(4)
        for i in range(batch.num_rows):
            yield (
                kind[i],
                key[i],
                cluster[i],
                totals[i].values.to_numpy(),
                numbers[i].values.to_numpy(),
            )
