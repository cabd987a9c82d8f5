"""What several Spark tests need: customers prepared for clustering, and groups to compare."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt
import pandas as pd
import pyarrow as pa
from pyspark.sql import Column, DataFrame, SparkSession
from pyspark.sql import functions as F

from segmentation.clustering.distributed import DistributedPopulation
from segmentation.clustering.ties import FinalClusters, resolve_ties
from segmentation.config import Config, parse
from segmentation.features import contract
from segmentation.features.definitions import defined_features
from segmentation.features.encoding import Encoding, encode
from segmentation.features.preparation import fit_preparation
from segmentation.features.profiling import Profiled, profiled
from segmentation.model.features import Feature
from segmentation.model.fitted import FittedModel, ModelSegment
from segmentation.model.preparation import Preparation
from segmentation.model.rules import NearestPrototype
from segmentation.model.spark_columns import (
    ENTRIES,
    PreparedCustomers,
    spark_column,
    with_assignment,
    with_entries,
)
from segmentation.model.spark_vectors import VectorStages, preparation_stages
from segmentation.numerics.arrays import Points
from segmentation.numerics.grid_points import Layout
from segmentation.numerics.partition import Partition
from segmentation.pipelines.description import BuiltSegments, build_segments
from segmentation.pipelines.labelling import labelled_table
from segmentation.segments.labelled import (
    FRESH_SEGMENT,
    PREVIOUS_KEY,
    PREVIOUS_MODEL_KEY,
    PREVIOUS_VALUE,
    Label,
)
from segmentation.segments.profile import Value, order_by_value

LATTICE_STEP = 2**20
"""Grid steps between neighbours on a lattice: far beyond what rounding or nudging moves."""


def config(numeric: Sequence[object], **sections: dict) -> Config:
    """A configuration with these features; ``features`` and other sections are laid over it."""
    features = {"numeric": list(numeric), **sections.pop("features", {})}
    least = {"input": {"path": "x"}, "features": features, "output": {"path": "out"}}
    return parse(least | sections, source="test")


@dataclass(frozen=True)
class Prepared:
    """Customers after contract and preparation, as the pipeline has them."""

    config: Config
    audit: contract.Audit
    usable: DataFrame
    encoding: Encoding
    profiled: Profiled
    preparation: Preparation
    distinct: int

    @property
    def rows(self) -> DataFrame:
        """The usable rows with their entries and coordinates."""
        return with_coordinates(self.usable, self.preparation)

    @property
    def stages(self) -> VectorStages:
        """The preparation as Spark ML stages."""
        return preparation_stages(self.usable.sparkSession, self.preparation)

    @property
    def coordinates(self) -> tuple[str, ...]:
        return coordinate_names(self.preparation.layout)

    @property
    def population(self) -> DistributedPopulation:
        return DistributedPopulation(self.customers)

    @property
    def customers(self) -> PreparedCustomers:
        """The usable rows with their coordinates, and the bounds of these."""
        return PreparedCustomers(
            with_entries(self.usable, self.preparation),
            self.preparation.layout,
            bits=self.preparation.bits,
            count=self.audit.usable,
            distinct=self.distinct,
            sum_squared_norms=self.preparation.squares(self.audit.usable),
            max_distance=self.preparation.reach,
        )

    @cached_property
    def scaled(self) -> Points:
        """The prepared values in scaled units, a row a customer."""
        found = self.rows.select(*self.coordinates).toPandas().to_numpy()
        return np.asarray(found) / 2.0**self.preparation.bits


def coordinate_names(layout: Layout) -> tuple[str, ...]:
    """The columns that :func:`with_coordinates` adds."""
    return tuple(f"__q{j}" for j in range(layout.width))


def with_coordinates(rows: DataFrame, preparation: Preparation) -> DataFrame:
    """The table with its entries, and every coordinate as a column; its rows may break rules."""
    layout, entry = preparation.layout, F.col(ENTRIES)
    found = {j: entry[i] for i, j in enumerate(layout.numbers)}
    for i, table in enumerate(layout.tables, start=len(layout.numbers)):
        for j, column in enumerate(table.coordinates.T.tolist()):
            values = F.array(*map(F.lit, column))
            found[table.first + j] = F.get(values, entry[i].cast("int"))
    named = zip(coordinate_names(layout), sorted(found), strict=True)
    columns = [found[j].alias(name) for name, j in named]
    entries = F.array(*map(spark_column, preparation.entries()))
    return rows.withColumn(ENTRIES, entries).select("*", *columns)


def features_of(settings: Config) -> tuple[Feature, ...]:
    """The configuration's features, before anything is learned."""
    return defined_features(settings.features, as_of=settings.features.as_of)


def with_rejection(customers: DataFrame, settings: Config) -> DataFrame:
    """The table with the reason why a row is rejected, as the pipeline has it."""
    return contract.with_rejection(
        customers,
        input=settings.input,
        features=features_of(settings),
    )


def audit_of(customers: DataFrame, settings: Config) -> contract.Audit:
    """The audit of a table, as the pipeline has it."""
    return contract.audit(with_rejection(customers, settings), features=features_of(settings))


def prepared(
    customers: DataFrame, *, numeric: Sequence[object] | None = None, **sections: dict
) -> Prepared:
    """The customers prepared; every column is a feature unless ``numeric`` names some."""
    settings = config(customers.columns if numeric is None else numeric, **sections)
    audited = with_rejection(customers, settings)
    audit = audit_of(customers, settings)
    usable = contract.usable(audited)
    encoding = encode(
        usable,
        features_of(settings),
        features=settings.features,
        audit=audit,
        identity=identity_of(settings),
    )
    preparation, distinct = fit_preparation(
        usable, encoding.features, scale=settings.features.scale, audit=audit
    )
    reported = profiled(
        usable, encoding.features, features=settings.features, value=settings.value_feature
    )
    return Prepared(settings, audit, usable, encoding, reported, preparation, distinct)


def identity_of(settings: Config) -> list[Column]:
    """What tells one customer from another, as the pipeline has it."""
    return contract.identity(features_of(settings), customer_id=settings.input.customer_id)


def fitted(preparation: Preparation, centres: Points) -> FittedModel:
    """A k-means model with these centres, grid points."""
    names = tuple(ModelSegment(i, f"segment {i}") for i in range(len(centres)))
    rule = NearestPrototype.of(centres)
    return FittedModel(preparation, rule, names, "kmeans", {"k": len(centres)}, seed=42)


def labelled_rows(made, built, *, columns):
    """The table ``customers`` of a first run."""
    customers = made.customers
    assigned = with_assignment(customers.rows, customers.layout, built.rule).withColumns(
        {
            PREVIOUS_KEY: F.lit(None).cast("string"),
            PREVIOUS_MODEL_KEY: F.lit(None).cast("string"),
            PREVIOUS_VALUE: F.lit(None).cast("double"),
            FRESH_SEGMENT: F.lit(None).cast("int"),
        }
    )
    labels = [
        Label(each.name, f"s{each.segment + 1}", each.distance_quantiles[-1])
        for each in built.of_model
    ]
    return labelled_table(
        assigned,
        labels,
        columns=columns,
        features=made.preparation.features,
        bits=made.preparation.bits,
    )


def segments_of(
    made: Prepared, partition: Partition, *, value: Value | None
) -> tuple[FinalClusters, BuiltSegments]:
    """The segments of a partition, as the pipeline builds them."""
    attributes = made.profiled.of_features
    clusters = resolve_ties(made.customers, partition, made.population, attributes=attributes)
    order = order_by_value(clusters.statistics, value=value)
    built = build_segments(
        clusters, order, preparation=made.preparation, attributes=attributes, value=value
    )
    return clusters, built


RAW = {"transform": "none", "scale": "none"}


def table(spark: SparkSession, **columns: Iterable[float]) -> DataFrame:
    """A table of doubles, a keyword a column."""
    values = {name: np.asarray(column, float) for name, column in columns.items()}
    return spark.createDataFrame(pd.DataFrame(values))


def from_arrow(spark: SparkSession, table: pa.Table) -> DataFrame:
    """A table of Arrow's; times without a zone stay so, which Spark makes instants by itself."""
    local = {
        field.name: F.col(field.name).cast("timestamp_ntz")
        for field in table.schema
        if pa.types.is_timestamp(field.type) and field.type.tz is None
    }
    return spark.createDataFrame(table).withColumns(local)


def on_grid(spark: SparkSession, points: npt.ArrayLike) -> DataFrame:
    """A table whose columns ``q0``, ``q1``... are coordinates already, and its entries."""
    by_column = np.asarray(points, float).T
    names = [f"q{j}" for j in range(len(by_column))]
    rows = table(spark, **dict(zip(names, by_column, strict=True)))
    return rows.withColumn(ENTRIES, F.array(*names))


def points_of(
    rows: DataFrame,
    coordinates: Sequence[str],
    *,
    bits: int = 20,
    points: npt.ArrayLike = (),
    distinct: int | None = None,
) -> PreparedCustomers:
    """A table whose ``coordinates`` are those of the ``points``, as prepared customers."""
    values = np.asarray(points, float)
    names = [name for name in coordinates if name != ENTRIES]
    return PreparedCustomers(
        rows.withColumn(ENTRIES, F.array(*names)),
        Layout.of_numbers(len(names)),
        bits=bits,
        count=len(values),
        distinct=len(values) if distinct is None else distinct,
        sum_squared_norms=float((values**2).sum()),
        max_distance=float(np.ptp(values) * values.shape[1] * 2.0**-bits) if values.size else 1.0,
    )


def planted(customers: int, *, groups: int, seed: int) -> tuple[Points, npt.NDArray[np.int64]]:
    """Customers drawn about distant centres, all values positive, and the group of each."""
    random = np.random.default_rng(seed)
    centres = random.permuted(np.tile(np.arange(groups) * 10.0 + 20, (3, 1)), axis=1).T
    group = random.integers(0, groups, customers)
    return centres[group] + random.normal(0, 0.5, (customers, 3)), group


def in_partitions(customers: DataFrame, partitions: int) -> DataFrame:
    """The same rows in another order and so many partitions."""
    first = customers[customers.columns[0]]
    return customers.orderBy(first.desc()).repartition(partitions)
