"""The fit of the preparation: means, deviations and the grid, in one pass over the usable rows."""

import math
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from operator import attrgetter

import numpy as np
import pyarrow as pa
from pyspark import cloudpickle
from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from segmentation.errors import DataError
from segmentation.features.contract import Audit
from segmentation.features.encoding import feature_range
from segmentation.model.features import Feature, code, labels
from segmentation.model.preparation import (
    EXACT_BITS,
    ModelColumn,
    Preparation,
    prepared,
    transformed_value,
)
from segmentation.model.spark_columns import spark_column
from segmentation.numerics import arrow_entries, cardinality, grid_points
from segmentation.numerics.arrow_entries import entry_slices
from segmentation.numerics.cardinality import estimate, smallest_hashes
from segmentation.numerics.fixed_point import GRID_BITS, Grid, joined
from segmentation.numerics.spark_sums import Task, merged

MIN_RANGE = 1e-100
"""The variance of a feature with a smaller range would underflow a double."""

SHARES = Grid.spanning(0.0, 1.0)
"""The grid of shares, which are 0 or 1."""

_LOW_BITS = (1 << GRID_BITS) - 1

# Pickled with the tasks: workers need numpy and pyarrow, not this package.
for _module in (sys.modules[__name__], arrow_entries, cardinality, grid_points):
    cloudpickle.register_pickle_by_value(_module)  # type: ignore[no-untyped-call]


@dataclass(frozen=True)
class _Moments:
    """A model column to be: the mean and the deviation of its values, and their range."""

    feature: Feature
    value: str | None
    low: float
    high: float
    mean: float
    deviation: float


def fit_preparation(
    usable: DataFrame,
    features: Sequence[Feature],
    *,
    scale: str,
    audit: Audit,
    customer_rules: Sequence[str] = (),
) -> tuple[Preparation, int]:
    """The preparation of the usable rows, and the approximate number of distinct ones.

    ``scale`` is ``standard`` or ``none``. Columns are ordered by name, so that the order in
    which features are listed does not affect the result. Reads the table once. The moments are
    sums of whole numbers, and so exact. A feature's weight is its standard deviation in scaled
    units; the columns of a categorical feature share it, so that it weighs as much as one number
    whatever the number of its values.

    Raises
    ------
    DataError
        If every feature is constant: nothing distinguishes the customers. If one varies by less
        than ``MIN_RANGE``.
    """
    moments, distinct = _moments(usable, features, audit)
    spreads = dict.fromkeys((each.feature.name for each in moments), 0.0)
    for each in moments:
        spreads[each.feature.name] += each.deviation**2
    columns, reach = [], 0.0
    for each in moments:
        if each.deviation == 0:
            continue
        # For a number this is its deviation, to the last bit.
        whole = each.deviation if each.value is None else math.sqrt(spreads[each.feature.name])
        unit = (whole if scale == "standard" else 1.0) / each.feature.weight
        columns.append(ModelColumn(each.feature.name, each.value, each.mean, each.deviation, unit))
        reach = max(reach, (each.high - each.mean) / unit, (each.mean - each.low) / unit)
    if not columns:
        raise DataError(
            f"every feature has the same value on all {audit.usable:,} usable rows "
            f"({', '.join(spreads)}): features.numeric needs one that varies"
        )
    bits = _bits(reach, len(columns))
    preparation = Preparation(tuple(features), tuple(columns), bits, tuple(customer_rules))
    return preparation, distinct


def _moments(
    usable: DataFrame, features: Sequence[Feature], audit: Audit
) -> tuple[list[_Moments], int]:
    """The moments of all columns to be, by name, and about how many rows are distinct."""
    ordered = sorted(features, key=attrgetter("name"))
    numbers = [each for each in ordered if each.kind != "categorical"]
    categorical = [each for each in ordered if each.kind == "categorical"]
    ranges = {each.name: _range(each, audit) for each in numbers}
    grids = [Grid.spanning(*ranges[each.name]) for each in numbers]
    expressions = [prepared(each, of_usable=True) for each in numbers]
    expressions += map(code, categorical)
    values = F.array(*map(spark_column, expressions))
    sizes = [len(labels(each)) + 1 for each in categorical]
    totals, smallest = merged(usable.select(values.alias("values")), moments_task(grids, sizes))
    found, rows = [], audit.usable
    sums, high, low = totals[: 3 * len(grids)].reshape(3, -1).tolist()
    for j, (each, grid) in enumerate(zip(numbers, grids, strict=True)):
        squares = joined(high[j], low[j])
        mean, deviation = grid.mean(sums[j], rows), grid.deviation(sums[j], squares, rows)
        found.append(_Moments(each, None, *ranges[each.name], mean, deviation))
    one = round(1 / SHARES.step)
    for each, counts in zip(
        categorical, np.split(totals[3 * len(grids) :], np.cumsum(sizes)[:-1]), strict=False
    ):
        for label, count in zip(labels(each), counts.tolist(), strict=False):
            mean = SHARES.mean(count * one, rows)
            deviation = SHARES.deviation(count * one, count * one**2, rows)
            found.append(_Moments(each, label, 0.0, 1.0, mean, deviation))
    found.sort(key=lambda each: (each.feature.name, each.value or ""))
    return found, estimate(smallest.tolist())


def _range(feature: Feature, audit: Audit) -> tuple[float, float]:
    """The range of a feature's transformed values; squares of tiny ranges are no doubles."""
    low, high = (transformed_value(each, feature) for each in feature_range(feature, audit))
    if 0 < high - low < MIN_RANGE:
        raise DataError(
            f"feature {feature.name!r} varies by {high - low:.3g} "
            f"only, needs at least {MIN_RANGE:.0e}: rescale it, or remove it from features"
        )
    return low, high


def moments_task(grids: Sequence[Grid], sizes: Sequence[int]) -> Task:
    """The function that a Spark task applies to its rows: lists of numbers, then of codes.

    Its totals are the sums of the numbers' indices on their ``grids``, those of the indices'
    squares as high and low halves, and the counts of every code; ``sizes`` are the numbers of
    codes. Its ``least`` are the smallest hashes of the rows.
    """
    lows, steps = ([getattr(grid, of) for grid in grids] for of in ("low", "step"))

    def totals(batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        sums = np.zeros((3, len(lows)), dtype=np.int64)
        counts = [np.zeros(size, dtype=np.int64) for size in sizes]
        least = smallest_hashes(np.empty((0, 0)))
        for rows in entry_slices(batches):
            values = rows[:, : len(lows)]
            index = np.rint((values - lows) / steps).astype(np.int64)
            square = index * index
            sums[0] += index.sum(axis=0)
            sums[1] += (square >> GRID_BITS).sum(axis=0)
            sums[2] += (square & _LOW_BITS).sum(axis=0)
            for codes, own in zip(rows[:, len(lows) :].T.astype(np.intp), counts, strict=True):
                own += np.bincount(codes, minlength=len(own))
            least = np.minimum(least, smallest_hashes(rows))
        found = np.concatenate([sums.ravel(), *counts])
        yield pa.record_batch({"totals": pa.array([found]), "least": pa.array([least])})

    return totals


def _bits(reach: float, columns: int) -> int:
    """The finest grid on which squared distances of points within ``reach`` stay exact."""
    widest = 2 * math.log2(reach) + math.log2(columns) + 2  # a distance spans twice the reach
    return math.floor((EXACT_BITS - widest) / 2)
