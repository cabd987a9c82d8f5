"""The preparation: transform and scale every dimension, and round it once to a fixed grid.

A prepared value is ``(t - mean) / deviation`` of the transformed value ``t``, rounded to a
multiple of ``2**-bits``. That multiple, a whole number, is the feature's *coordinate*. The
grid is as fine as exact arithmetic allows: squared distances between coordinates stay below
``2**53``, so that doubles hold them exactly, sums over rows are sums of whole numbers, and
no result depends on the order in which rows are met.
"""

import math
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

import numpy as np
from pyspark.ml import PipelineModel
from pyspark.ml.base import Transformer
from pyspark.ml.feature import SQLTransformer, StandardScaler, VectorAssembler
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F

from segmentation.errors import DataError
from segmentation.features.contract import Rule
from segmentation.features.encoding import Dimension
from segmentation.features.numeric import LARGEST, date_literal, double
from segmentation.numerics.cardinality import BUCKETS, estimated, min_hashes
from segmentation.numerics.fixed_point import Grid, joined, square_sums
from segmentation.numerics.vectors import vector_table
from segmentation.results import PreparedFeature

EXACT_BITS = 50
"""Squared distances stay below two to this; the bits up to a double's 53 are spare."""

MIN_RANGE = 1e-100
"""A feature that varies by less would have a variance that doubles cannot hold."""

TODAY = "current_date()"

POWERS = 400
"""The model's vectors are made of units from two to minus this to two to this."""

PREPARED, IS_USABLE, FEATURES, SCALED = "__prepared_", "__is_usable", "__features", "__scaled"


@dataclass(frozen=True)
class Scale:
    """How one dimension is prepared; ``unit`` is one scaled unit, in transformed units."""

    dimension: Dimension
    mean: float
    deviation: float
    unit: float

    @property
    def name(self) -> str:
        """The dimension's name."""
        return self.dimension.name

    @property
    def transform(self) -> str:
        """``log1p``, ``signed`` or ``none``."""
        return self.dimension.transform

    def original(self, transformed: float) -> float:
        """The inverse of the transform."""
        if self.transform == "none":
            return transformed
        return math.copysign(math.expm1(abs(transformed)), transformed)


@dataclass(frozen=True)
class Preparation:
    """The dimensions that shape the segments, by name, and the grid that they share.

    ``constant`` names the features left out, having one value only; ``distinct`` is about
    how many different customers there are before rounding.
    """

    scales: tuple[Scale, ...]
    bits: int
    constant: tuple[str, ...]
    distinct: int

    @property
    def coordinates(self) -> tuple[str, ...]:
        """The names of the coordinate columns."""
        return tuple(f"__q{j}" for j in range(len(self.scales)))

    def features_in(self, order: Sequence[str]) -> tuple[PreparedFeature, ...]:
        """The features in the order in which the configuration lists their columns."""
        return tuple(sorted(self.features, key=lambda each: order.index(each.column)))

    @property
    def features(self) -> tuple[PreparedFeature, ...]:
        """The features in the order of the coordinates."""
        return tuple(
            PreparedFeature(
                s.name,
                s.transform,
                s.mean,
                s.deviation,
                s.dimension.column,
                s.dimension.value,
                s.dimension.kind,
                s.dimension.bands,
            )
            for s in self.scales
        )

    @property
    def columns(self) -> tuple[str, ...]:
        """The input's columns that the dimensions are read from."""
        return tuple(dict.fromkeys(scale.dimension.column for scale in self.scales))

    @property
    def reach(self) -> float:
        """A bound on the distance between two customers, in scaled units."""
        return float(2.0 ** (EXACT_BITS / 2 - self.bits))

    def squares(self, customers: int) -> float:
        """The sum of the squared norms of so many customers' coordinates, from the moments."""
        variances = sum((s.deviation / s.unit) ** 2 for s in self.scales)
        return float((customers - 1) * variances * 4.0**self.bits)

    def original(self, j: int, coordinate: float) -> float:
        """A coordinate of feature ``j`` in original units."""
        scale = self.scales[j]
        return scale.original(scale.mean + coordinate * scale.unit / 2.0**self.bits)

    def scaled(self, j: int, original: float) -> float:
        """A value of feature ``j`` in scaled units, give or take a step of the grid."""
        scale = self.scales[j]
        return (transformed_value(original, scale.dimension) - scale.mean) / scale.unit

    def difference(self, j: int, coordinate: float) -> float:
        """A coordinate of feature ``j`` in standard deviations from the mean."""
        scale = self.scales[j]
        return coordinate * scale.unit / 2.0**self.bits / scale.deviation


def fit_preparation(
    usable: DataFrame, dimensions: Sequence[Dimension], *, scale: str, customers: int
) -> Preparation:
    """The preparation of so many usable rows; ``scale`` is ``standard`` or ``none``.

    The dimensions are put in the order of their names, so that the order in which features are
    listed changes no bit. Reads the table once. The moments are sums of whole numbers, and so
    exact. A feature's weight is its standard deviation in scaled units; a categorical feature's
    dimensions have it together, so that it counts as much as one number whatever the number of
    its values.

    Raises
    ------
    DataError
        If every feature is constant: nothing tells the customers apart. If one varies by less
        than ``MIN_RANGE``.
    """
    dimensions = sorted(dimensions, key=lambda each: (each.column, each.value or ""))
    ranges = [
        (transformed_value(each.low, each), transformed_value(each.high, each))
        for each in dimensions
    ]
    _check_ranges(dimensions, ranges)
    grids = [Grid.spanning(*bounds) for bounds in ranges]
    transformed = [F.expr(_transformed(each)) for each in dimensions]
    # Named first: written out in every aggregate, Spark took seconds to plan them.
    values = usable.select(
        F.xxhash64(*transformed).alias("hash"),
        *[
            grid.index(column).alias(f"index_{j}")
            for j, (grid, column) in enumerate(zip(grids, transformed, strict=True))
        ],
    )
    indices = [F.col(f"index_{j}") for j in range(len(dimensions))]
    sums = values.agg(
        *[least.alias(f"least_{i}") for i, least in enumerate(min_hashes(F.col("hash")))],
        *[F.sum(index).alias(f"sum_{j}") for j, index in enumerate(indices)],
        *[
            half.alias(f"{which}_{j}")
            for j, index in enumerate(indices)
            for which, half in zip(("high", "low"), square_sums(index), strict=True)
        ],
    ).collect()[0]
    means, deviations = [], []
    for j, grid in enumerate(grids):
        squares = joined(sums[f"high_{j}"], sums[f"low_{j}"])
        means.append(grid.mean(sums[f"sum_{j}"], customers))
        deviations.append(grid.deviation(sums[f"sum_{j}"], squares, customers))
    spreads: dict[str, float] = defaultdict(float)
    for each, deviation in zip(dimensions, deviations, strict=True):
        spreads[each.column] += deviation**2
    constant = tuple(column for column, spread in spreads.items() if spread == 0)
    scales, reach = [], 0.0
    for each, mean, deviation, (low, high) in zip(
        dimensions, means, deviations, ranges, strict=True
    ):
        if deviation == 0:
            continue
        # Of a measure the deviation itself, to the last bit.
        whole = deviation if each.value is None else math.sqrt(spreads[each.column])
        unit = (whole if scale == "standard" else 1.0) / each.weight
        scales.append(Scale(each, mean, deviation, unit))
        reach = max(reach, (high - mean) / unit, (mean - low) / unit)
    if not scales:
        raise DataError(
            f"every feature has the same value on all {customers:,} usable rows "
            f"({', '.join(constant)}): features.numeric needs one that varies"
        )
    distinct = estimated([sums[f"least_{i}"] for i in range(BUCKETS)])
    return Preparation(tuple(scales), _bits(reach, len(scales)), constant, distinct)


def _check_ranges(dimensions: Sequence[Dimension], ranges: Sequence[tuple[float, float]]) -> None:
    """Squares of less than ``MIN_RANGE`` are no ordinary doubles."""
    for each, (low, high) in zip(dimensions, ranges, strict=True):
        if 0 < high - low < MIN_RANGE:
            raise DataError(
                f"feature {each.name!r} varies by {high - low:.3g} only, needs at least "
                f"{MIN_RANGE:.0e}: give it in another unit, or take it out of features"
            )


def with_coordinates(usable: DataFrame, preparation: Preparation) -> DataFrame:
    """The table plus a column per shaping feature: its coordinate, a whole number in a double."""
    return usable.select(
        "*",
        *[
            F.expr(_rounded(scale, preparation.bits)).alias(column)
            for scale, column in zip(preparation.scales, preparation.coordinates, strict=True)
        ],
    )


def preparation_stages(
    spark: SparkSession,
    preparation: Preparation,
    *,
    rules: Sequence[Rule] = (),
    moving_day: date | None = None,
) -> list[Transformer]:
    """The preparation as Spark ML stages: input columns to the vector column ``SCALED``.

    ``SCALED`` holds the coordinates times ``2**-bits``, exactly. ``IS_USABLE`` is false where
    one of the ``rules`` holds; a feature without a value is 0, as MLlib's KMeans stops at a NaN.
    Centring comes before rounding, so that a mean far from 0 takes no digits from the grid; the
    scaler divides. The ``moving_day`` from which dates count becomes the day of scoring.
    """
    columns = prepared_columns(preparation)
    rounded = [_rounded(scale, preparation.bits) for scale in preparation.scales]
    units = [double(_power(scale) / 2.0**preparation.bits) for scale in preparation.scales]
    values = [
        f"coalesce({coordinate} * {unit}, 0D) AS {column}"
        for coordinate, unit, column in zip(rounded, units, columns, strict=True)
    ]
    # One flat CASE, and not a chain of ANDs, which is as deep as it is long.
    broken = [sql for _, _, sql in rules] + [f"{coordinate} IS NULL" for coordinate in rounded]
    is_usable = f"CASE {' '.join(f'WHEN {sql} THEN false' for sql in broken)} ELSE true END"
    statement = f"SELECT *, {', '.join(values)}, {is_usable} AS {IS_USABLE} FROM __THIS__"  # noqa: S608 - names are quoted
    if moving_day is not None:
        statement = statement.replace(date_literal(moving_day), TODAY)
    transform = SQLTransformer(statement=statement)
    assembler = VectorAssembler(inputCols=columns, outputCol=FEATURES)
    return [transform, assembler, _scaler(spark, preparation)]


def at_day(model: PipelineModel, day: date | None) -> PipelineModel:
    """A model whose dates count from the day of scoring, as if that were another day."""
    if day is None:
        return model
    return PipelineModel([_at_day(stage, day) for stage in model.stages])


def _at_day(stage: Transformer, day: date) -> Transformer:
    statement = stage.getStatement() if isinstance(stage, SQLTransformer) else None
    if statement is None or TODAY not in statement:
        return stage
    return SQLTransformer(statement=statement.replace(TODAY, date_literal(day)))


def prepared_columns(preparation: Preparation) -> list[str]:
    """The names of the columns with the prepared values, one a feature."""
    return [f"{PREPARED}{j}" for j in range(len(preparation.scales))]


def _scaler(spark: SparkSession, preparation: Preparation) -> Transformer:
    """A StandardScalerModel that divides by each feature's power of two, and so exactly.

    It is fitted to the rows ``-power``, 0 and ``power``, whose mean is 0 and whose sample
    deviation is ``power``, without any rounding.
    """
    rows = np.outer([-1, 0, 1], [_power(scale) for scale in preparation.scales])
    scaler = StandardScaler(inputCol=FEATURES, outputCol=SCALED, withMean=True, withStd=True)
    return scaler.fit(vector_table(spark, rows, column=FEATURES))


def _power(scale: Scale) -> float:
    """The power of two nearest to a feature's unit, as far as squares of it are ordinary doubles.

    By a unit itself the model's vectors would be a bit off the grid, and a customer's distances
    to two centres in another order than in the table.
    """
    exponent = math.frexp(scale.unit)[1]
    return float(2.0 ** max(-POWERS, min(POWERS, exponent)))


def transformed_value(value: float, dimension: Dimension) -> float:
    """A number as the dimension's transform leaves it."""
    if dimension.transform == "none":
        return value
    value = max(value, 0.0) if dimension.clips else value
    return math.copysign(math.log1p(abs(value)), value)


def _transformed(dimension: Dimension) -> str:
    """The SQL of a transformed value; null wherever the contract rejects the row."""
    value = dimension.sql
    if dimension.transform == "none":
        return f"CASE WHEN abs({value}) <= {LARGEST!r}D THEN {value} END"
    if dimension.transform == "signed":
        signed = f"signum({value}) * log1p(abs({value}))"
        return f"CASE WHEN abs({value}) <= {LARGEST!r}D THEN {signed} END"
    log = f"CASE WHEN {value} >= 0 AND {value} <= {LARGEST!r}D THEN log1p({value})"
    return f"{log} WHEN {value} < 0 THEN 0D END" if dimension.clips else f"{log} END"


def _rounded(scale: Scale, bits: int) -> str:
    """The SQL of a coordinate."""
    transformed = _transformed(scale.dimension)
    return f"rint(({transformed} - {double(scale.mean)}) * {double(2.0**bits / scale.unit)})"


def _bits(reach: float, dimensions: int) -> int:
    """The finest grid on which squared distances of points within ``reach`` stay exact."""
    widest = 2 * math.log2(reach) + math.log2(dimensions) + 2  # a distance spans twice the reach
    return math.floor((EXACT_BITS - widest) / 2)
