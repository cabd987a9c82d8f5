"""The preparation: transform and scale every feature, and round it once to a fixed grid.

A prepared value is ``(t - mean) / deviation`` of the transformed value ``t``, rounded to a
multiple of ``2**-bits``. That multiple, a whole number, is the feature's *coordinate*. The
grid is as fine as exact arithmetic allows: squared distances between coordinates stay below
``2**53``, so that doubles hold them exactly, sums over rows are sums of whole numbers, and
no result depends on the order in which rows are met.
"""

import math
from dataclasses import dataclass

from pyspark.ml.base import Transformer
from pyspark.ml.feature import SQLTransformer, StandardScaler, VectorAssembler
from pyspark.ml.linalg import Vectors, VectorUDT
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F
from pyspark.sql.types import StructField, StructType

from segmentation.config import Feature, Features
from segmentation.distinct import BUCKETS, estimated, least_hashes
from segmentation.errors import DataError
from segmentation.exact import Grid, joined, square_sums
from segmentation.features.contract import LARGEST, Audit, negative_of, number, transform_of
from segmentation.results import PreparedFeature

EXACT_BITS = 50
"""Squared distances stay below two to this; the bits up to a double's 53 are spare."""

FIRST_ROWS = 1_000
"""So many rows mostly hold enough different ones, and are read in a moment."""

PREPARED, IS_USABLE, FEATURES, SCALED = "__prepared_", "__is_usable", "__features", "__scaled"


@dataclass(frozen=True)
class Scale:
    """How one feature is prepared; ``unit`` is one scaled unit, in transformed units."""

    name: str
    transform: str
    clips: bool
    mean: float
    deviation: float
    unit: float

    def original(self, transformed: float) -> float:
        """The inverse of the transform."""
        if self.transform == "none":
            return transformed
        return math.copysign(math.expm1(abs(transformed)), transformed)


@dataclass(frozen=True)
class Preparation:
    """The features that shape the segments, in order, and the grid that they share.

    ``constant`` names the features left out, having one value only; ``distinct`` is about
    how many different customers there are before rounding (:func:`distinct_points`).
    """

    scales: tuple[Scale, ...]
    bits: int
    constant: tuple[str, ...]
    distinct: int

    @property
    def coordinates(self) -> tuple[str, ...]:
        """The names of the coordinate columns."""
        return tuple(f"__q{j}" for j in range(len(self.scales)))

    @property
    def features(self) -> tuple[PreparedFeature, ...]:
        """The preparation as the manifest tells it."""
        return tuple(PreparedFeature(s.name, s.transform, s.mean, s.deviation) for s in self.scales)

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

    def difference(self, j: int, coordinate: float) -> float:
        """A coordinate of feature ``j`` in standard deviations from the mean."""
        scale = self.scales[j]
        return coordinate * scale.unit / 2.0**self.bits / scale.deviation


def fit_preparation(usable: DataFrame, *, features: Features, audit: Audit) -> Preparation:
    """The preparation of the usable rows.

    Reads the table once. The moments are sums of whole numbers, and so exact.

    Raises
    ------
    DataError
        If every feature is constant: nothing tells the customers apart.
    """
    plans = [_plan(feature, features, audit) for feature in features.numeric]
    constant = tuple(name for name, _, _, low, high in plans if low == high)
    varying = [plan for plan in plans if plan[0] not in constant]
    if not varying:
        raise DataError(
            f"every feature has the same value on all {audit.usable:,} usable rows "
            f"({', '.join(constant)}): features.numeric needs one that varies"
        )
    grids = [Grid.spanning(low, high) for *_, low, high in varying]
    transformed = [
        F.expr(_transformed(name, transform, clips=clips)) for name, transform, clips, *_ in varying
    ]
    indices = [grid.index(column) for grid, column in zip(grids, transformed, strict=True)]
    sums = usable.agg(
        *[
            least.alias(f"least_{i}")
            for i, least in enumerate(least_hashes(F.xxhash64(*transformed)))
        ],
        *[F.sum(index).alias(f"sum_{j}") for j, index in enumerate(indices)],
        *[
            half.alias(f"{which}_{j}")
            for j, index in enumerate(indices)
            for which, half in zip(("high", "low"), square_sums(index), strict=True)
        ],
    ).collect()[0]
    scales = []
    reach = 0.0
    for j, (grid, (name, transform, clips, low, high)) in enumerate(
        zip(grids, varying, strict=True)
    ):
        mean = grid.mean(sums[f"sum_{j}"], audit.usable)
        squares = joined(sums[f"high_{j}"], sums[f"low_{j}"])
        deviation = grid.deviation(sums[f"sum_{j}"], squares, audit.usable)
        unit = deviation if features.scale == "standard" else 1.0
        scales.append(Scale(name, transform, clips, mean, deviation, unit))
        reach = max(reach, (high - mean) / unit, (mean - low) / unit)
    distinct = estimated([sums[f"least_{i}"] for i in range(BUCKETS)])
    return Preparation(tuple(scales), _bits(reach, len(scales)), constant, distinct)


def distinct_points(rows: DataFrame, preparation: Preparation, *, few: int, at_least: int) -> int:
    """How many different coordinates there are: about, where they are more than ``few``.

    Reads the table where they are few, which the estimate before rounding tells, unless the
    first rows are nearly alike: beside an outlier the grid may be too coarse to tell
    customers apart. From ``at_least`` on the first rows need not differ.
    """
    points = rows.select(*preparation.coordinates)
    if preparation.distinct > few and len(set(points.take(FIRST_ROWS))) >= at_least:
        return preparation.distinct
    return points.distinct().count()


def with_coordinates(usable: DataFrame, preparation: Preparation) -> DataFrame:
    """The table plus a column per shaping feature: its coordinate, a whole number in a double."""
    return usable.select(
        "*",
        *[
            F.expr(_rounded(scale, preparation.bits)).alias(column)
            for scale, column in zip(preparation.scales, preparation.coordinates, strict=True)
        ],
    )


def preparation_stages(spark: SparkSession, preparation: Preparation) -> list[Transformer]:
    """The preparation as Spark ML stages: input columns to the vector column ``SCALED``.

    ``SCALED`` holds the coordinates times ``2**-bits``, up to the last bit of a double. Where
    a feature breaks the contract ``IS_USABLE`` is false and the feature 0, as MLlib's KMeans
    stops at a NaN. Centring comes before rounding, so that a mean far from 0 takes no digits
    from the grid; the scaler divides.
    """
    columns = prepared_columns(preparation)
    rounded = [_rounded(scale, preparation.bits) for scale in preparation.scales]
    units = [_literal(scale.unit / 2.0**preparation.bits) for scale in preparation.scales]
    values = [
        f"coalesce({coordinate} * {unit}, 0D) AS {column}"
        for coordinate, unit, column in zip(rounded, units, columns, strict=True)
    ]
    is_usable = " AND ".join(f"{coordinate} IS NOT NULL" for coordinate in rounded)
    statement = f"SELECT *, {', '.join(values)}, {is_usable} AS {IS_USABLE} FROM __THIS__"  # noqa: S608 - names are quoted
    transform = SQLTransformer(statement=statement)
    assembler = VectorAssembler(inputCols=columns, outputCol=FEATURES)
    return [transform, assembler, _scaler(spark, preparation)]


def prepared_columns(preparation: Preparation) -> list[str]:
    """The names of the columns with the prepared values, one a feature."""
    return [f"{PREPARED}{j}" for j in range(len(preparation.scales))]


def _scaler(spark: SparkSession, preparation: Preparation) -> Transformer:
    """A StandardScalerModel with the exact moments: fitted to two rows that have them.

    The rows ``+- unit / sqrt(2)`` have the mean 0 and the sample deviation ``unit``.
    """
    halves = [scale.unit / math.sqrt(2) for scale in preparation.scales]
    rows = [(Vectors.dense([-half for half in halves]),), (Vectors.dense(halves),)]
    schema = StructType([StructField(FEATURES, VectorUDT())])
    scaler = StandardScaler(inputCol=FEATURES, outputCol=SCALED, withMean=True, withStd=True)
    return scaler.fit(spark.createDataFrame(rows, schema).coalesce(1))


def _plan(
    feature: Feature, features: Features, audit: Audit
) -> tuple[str, str, bool, float, float]:
    """A feature's name, transform, whether it clips, and its transformed range."""
    transform = transform_of(feature, features)
    clips = transform == "log1p" and negative_of(feature, features) == "clip"
    found = audit.ranges[feature.name]
    low, high = (
        _transformed_value(max(bound, 0.0) if clips else bound, transform)
        for bound in (found.low, found.high)
    )
    return feature.name, transform, clips, low, high


def _transformed_value(value: float, transform: str) -> float:
    return value if transform == "none" else math.copysign(math.log1p(abs(value)), value)


def _transformed(name: str, transform: str, *, clips: bool) -> str:
    """The SQL of a transformed value; null wherever the contract rejects the row."""
    value = number(name)
    if transform == "none":
        return f"CASE WHEN abs({value}) <= {LARGEST!r}D THEN {value} END"
    if transform == "signed":
        signed = f"signum({value}) * log1p(abs({value}))"
        return f"CASE WHEN abs({value}) <= {LARGEST!r}D THEN {signed} END"
    log = f"CASE WHEN {value} >= 0 AND {value} <= {LARGEST!r}D THEN log1p({value})"
    return f"{log} WHEN {value} < 0 THEN 0D END" if clips else f"{log} END"


def _rounded(scale: Scale, bits: int) -> str:
    """The SQL of a coordinate."""
    transformed = _transformed(scale.name, scale.transform, clips=scale.clips)
    per_unit = _literal(2.0**bits / scale.unit)
    return f"rint(({transformed} - {_literal(scale.mean)}) * {per_unit})"


def _literal(value: float) -> str:
    """A double as SQL that reads back to the same double."""
    return f"({value!r}D)"


def _bits(reach: float, dimensions: int) -> int:
    """The finest grid on which squared distances of points within ``reach`` stay exact."""
    widest = 2 * math.log2(reach) + math.log2(dimensions) + 2  # a distance spans twice the reach
    return math.floor((EXACT_BITS - widest) / 2)
