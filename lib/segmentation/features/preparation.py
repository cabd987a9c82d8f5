"""The fit of the preparation: means, deviations and the grid, in one pass over the usable rows."""

import math
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from operator import attrgetter

from pyspark.sql import Column, DataFrame, Row
from pyspark.sql import functions as F

from segmentation.errors import DataError
from segmentation.features.contract import Audit
from segmentation.features.encoding import feature_range
from segmentation.model.features import Feature, values
from segmentation.model.preparation import (
    EXACT_BITS,
    ModelColumn,
    Preparation,
    column_name,
    prepared,
    transformed_value,
)
from segmentation.model.spark_columns import spark_column
from segmentation.numerics.cardinality import BUCKETS, estimate, min_hashes
from segmentation.numerics.fixed_point import Grid, joined
from segmentation.numerics.spark_sums import grid_index, square_sums

MIN_RANGE = 1e-100
"""The variance of a feature with a smaller range would underflow a double."""


@dataclass(frozen=True)
class _Candidate:
    """A model column to be, over the range of its transformed values."""

    feature: Feature
    value: str | None
    low: float
    high: float

    @property
    def expression(self) -> Column:
        return spark_column(prepared(self.feature, self.value))


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
    candidates = _candidates(features, audit)
    grids = [Grid.spanning(each.low, each.high) for each in candidates]
    sums = _sums(usable, candidates, grids)
    moments = []
    for j, grid in enumerate(grids):
        squares = joined(sums[f"high_{j}"], sums[f"low_{j}"])
        mean = grid.mean(sums[f"sum_{j}"], audit.usable)
        moments.append((mean, grid.deviation(sums[f"sum_{j}"], squares, audit.usable)))
    spreads: dict[str, float] = defaultdict(float)
    for each, (_, deviation) in zip(candidates, moments, strict=True):
        spreads[each.feature.name] += deviation**2
    columns, reach = [], 0.0
    for each, (mean, deviation) in zip(candidates, moments, strict=True):
        if deviation == 0:
            continue
        # For a number this is its deviation, to the last bit.
        whole = deviation if each.value is None else math.sqrt(spreads[each.feature.name])
        unit = (whole if scale == "standard" else 1.0) / each.feature.weight
        columns.append(ModelColumn(each.feature.name, each.value, mean, deviation, unit))
        reach = max(reach, (each.high - mean) / unit, (mean - each.low) / unit)
    if not columns:
        raise DataError(
            f"every feature has the same value on all {audit.usable:,} usable rows "
            f"({', '.join(spreads)}): features.numeric needs one that varies"
        )
    bits = _bits(reach, len(columns))
    preparation = Preparation(tuple(features), tuple(columns), bits, tuple(customer_rules))
    return preparation, estimate([sums[f"least_{i}"] for i in range(BUCKETS)])


def with_coordinates(usable: DataFrame, preparation: Preparation) -> DataFrame:
    """The table plus every coordinate, a whole number as a double. Lazy."""
    coordinates = zip(preparation.expressions(), preparation.coordinates, strict=True)
    columns = [spark_column(each).alias(name) for each, name in coordinates]
    return usable.select("*", *columns)


def _candidates(features: Sequence[Feature], audit: Audit) -> list[_Candidate]:
    """The columns to be, in the order of their names; squares of tiny ranges are no doubles."""
    found = []
    for feature in sorted(features, key=attrgetter("name")):
        bounds = feature_range(feature, audit)
        low, high = (transformed_value(each, feature) for each in bounds)
        for value in sorted(values(feature), key=lambda each: each or ""):
            if 0 < high - low < MIN_RANGE:
                raise DataError(
                    f"feature {column_name(feature.name, value)!r} varies by {high - low:.3g} "
                    f"only, needs at least {MIN_RANGE:.0e}: rescale it, or remove it from features"
                )
            found.append(_Candidate(feature, value, low, high))
    return found


def _sums(usable: DataFrame, candidates: Sequence[_Candidate], grids: Sequence[Grid]) -> Row:
    """The sums of every column's grid indices and of their squares, and the smallest hashes."""
    columns = [each.expression for each in candidates]
    # As columns: repeated in every aggregate, Spark took seconds to plan them.
    indexed = usable.select(
        F.xxhash64(*columns).alias("hash"),
        *[
            grid_index(column, grid).alias(f"index_{j}")
            for j, (grid, column) in enumerate(zip(grids, columns, strict=True))
        ],
    )
    indices = [F.col(f"index_{j}") for j in range(len(columns))]
    return indexed.agg(
        *[least.alias(f"least_{i}") for i, least in enumerate(min_hashes(F.col("hash")))],
        *[F.sum(index).alias(f"sum_{j}") for j, index in enumerate(indices)],
        *[
            half.alias(f"{which}_{j}")
            for j, index in enumerate(indices)
            for which, half in zip(("high", "low"), square_sums(index), strict=True)
        ],
    ).collect()[0]


def _bits(reach: float, columns: int) -> int:
    """The finest grid on which squared distances of points within ``reach`` stay exact."""
    widest = 2 * math.log2(reach) + math.log2(columns) + 2  # a distance spans twice the reach
    return math.floor((EXACT_BITS - widest) / 2)
