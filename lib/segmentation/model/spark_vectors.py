"""The preparation as Spark ML stages: customers in, vectors of the grid's points out.

SQLTransformers compute one entry per feature, for up to 200 features each. OneHotEncoderModel turns
codes into vectors, VectorAssembler joins them with numbers, and ElementwiseProduct scales them.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import zip_longest

import numpy as np
from pyspark.ml import PipelineModel
from pyspark.ml.base import Transformer
from pyspark.ml.feature import (
    ElementwiseProduct,
    OneHotEncoder,
    OneHotEncoderModel,
    SQLTransformer,
    VectorAssembler,
)
from pyspark.ml.linalg import Vectors
from pyspark.sql import SparkSession
from pyspark.sql import functions as F

from segmentation.model.expressions import Literal, coalesce
from segmentation.model.features import CUSTOMER_RULES, is_usable, labels, rules
from segmentation.model.preparation import Preparation
from segmentation.model.spark_sql import spark_sql
from segmentation.numerics.arrays import Floats, Labels, Points
from segmentation.numerics.grid_points import CodeTable

FEATURES_PER_STATEMENT = 200
"""Bounds the text of a statement; each statement has Spark analyse all columns once more."""

MIN_ENCODED = 3
"""The columns of a categorical feature from which it is one-hot encoded; see `VectorStages`."""

NUMBER, CODE, SHARES, IS_USABLE = "__number_", "__code_", "__shares_", "__is_usable_"
FEATURES, SCALED = "__features", "__scaled"


@dataclass(frozen=True)
class VectorStages:
    """Stages from input columns to the vector column ``SCALED``, and what its entries are.

    A vector is ``2**-bits`` times a point less the ``origin``, exactly: whole numbers times a
    power of two. The origin is 0 for numbers. For a one-hot encoded feature it is the point of
    customers who have none of its labels, so that a vector has at most one entry of the feature.
    That entry is at most ``m / (m - 1)`` times the largest coordinate of the feature's ``m``
    columns, as shares add up to at most 1. From m = 3 on its square is less than m such squares:
    squared norms keep the bound that they have on the grid. Smaller m are prepared as numbers.

    Attributes
    ----------
    stages
        A row that breaks a rule has some vector, too, as MLlib's KMeans stops at a NaN.
    is_usable
        The condition, in SQL over the stages' columns, that a row breaks no rule.
    columns
        The columns that the stages add.
    origin
        All coordinates of the origin.
    positions
        The coordinate that an entry of a vector is of; for a label that no customer of the fit
        had, and so without coordinate, the number of coordinates.
    """

    stages: tuple[Transformer, ...]
    is_usable: str
    columns: tuple[str, ...]
    origin: Floats
    positions: Labels
    bits: int

    @property
    def model(self) -> PipelineModel:
        """The stages as one."""
        return PipelineModel(list(self.stages))

    def vectors(self, points: Points) -> Points:
        """The vectors of points of the grid."""
        changes = np.pad(points - self.origin, ((0, 0), (0, 1)))
        return changes[:, self.positions] * 2.0**-self.bits

    def points(self, vectors: Points) -> Points:
        """The points that have these vectors, in grid steps, which need not be whole."""
        changes = np.zeros((len(vectors), len(self.origin) + 1))
        changes[:, self.positions] = vectors * 2.0**self.bits
        return self.origin + changes[:, :-1]


def preparation_stages(spark: SparkSession, preparation: Preparation) -> VectorStages:
    """The stages of a preparation. Runs no Spark job."""
    layout = preparation.layout
    entries = [spark_sql(each) for each in preparation.entries()]
    numbers, positions = entries[: len(layout.numbers)], [*layout.numbers]
    encoded, origin = [], np.zeros(layout.width)
    for code, table in zip(entries[len(layout.numbers) :], layout.tables, strict=True):
        if table.coordinates.shape[1] < MIN_ENCODED:
            numbers += [_coordinate(code, each) for each in table.coordinates.T.tolist()]
            positions += range(layout.width)[table.positions]
        else:
            encoded.append(_encoded(preparation, code, table))
            origin[table.positions] = table.coordinates[-1]
    values = {f"{NUMBER}{i}": _defined(each, 0) for i, each in enumerate(numbers)}
    codes = {f"{CODE}{i}": each.code for i, each in enumerate(encoded)}
    statements, flags = _statements({**values, **codes}, _conditions(preparation))
    shares = [f"{SHARES}{i}" for i in range(len(encoded))]
    encoder = _encoder(spark, [each.labels for each in encoded], codes=[*codes], shares=shares)
    scales = np.concatenate([np.ones(len(numbers)), *(each.changes for each in encoded)])
    scaling = Vectors.dense(scales * 2.0**-preparation.bits)
    return VectorStages(
        stages=(
            *statements,
            *encoder,
            VectorAssembler(inputCols=[*values, *shares], outputCol=FEATURES),
            ElementwiseProduct(scalingVec=scaling, inputCol=FEATURES, outputCol=SCALED),
        ),
        is_usable=" AND ".join(flags) or "true",
        columns=(*values, *codes, *flags, *shares, FEATURES, SCALED),
        origin=origin,
        positions=np.concatenate([positions, *(each.positions for each in encoded)]).astype(int),
        bits=preparation.bits,
    )


@dataclass(frozen=True)
class _Encoded:
    """A feature to be encoded: the SQL of its code, and what its labels are of a vector.

    For every label: the position of its coordinate, and its grid steps from the origin.
    """

    code: str
    positions: Labels
    changes: Floats

    @property
    def labels(self) -> int:
        """How many labels there are."""
        return len(self.positions)


def _encoded(preparation: Preparation, code: str, table: CodeTable) -> _Encoded:
    columns = preparation.columns[table.positions]
    codes = {label: i for i, label in enumerate(labels(preparation.feature_of(table.first)))}
    own = [codes[column.value] for column in columns if column.value is not None]
    positions = np.full(len(codes), len(preparation.columns))
    positions[own] = np.arange(len(columns)) + table.first
    changes = np.zeros(len(codes))
    changes[own] = (table.coordinates[own] - table.coordinates[-1]).diagonal()
    return _Encoded(_defined(code, len(codes)), positions, changes)


def _coordinate(code: str, coordinates: Sequence[float]) -> str:
    """The coordinate that a code has in one column."""
    return f"get(array({', '.join(f'{each!r}D' for each in coordinates)}), CAST({code} AS INT))"


def _defined(value: str, otherwise: int) -> str:
    return f"coalesce({value}, {otherwise}D)"


def _conditions(preparation: Preparation) -> list[str]:
    """What holds of a row that breaks no rule: one condition per rule of customers and feature."""
    customer_rules = [rule for rule in CUSTOMER_RULES if rule[0] in preparation.customer_rules]
    kept = [~coalesce(broken, Literal(False)) for _, _, broken in customer_rules]
    kept += [is_usable(each) for each in preparation.features if rules(each)]
    return [spark_sql(each) for each in kept]


def _statements(
    values: Mapping[str, str], conditions: Sequence[str]
) -> tuple[list[SQLTransformer], list[str]]:
    """Statements that add the values, and flags that are true where all conditions hold."""
    named = [f"{value} AS {name}" for name, value in values.items()]
    flags: list[str] = []
    statements = []
    for added, own in zip_longest(_parts(named), _parts(conditions)):
        columns = list(added or ())
        if own:
            flags.append(f"{IS_USABLE}{len(flags)}")
            columns.append(f"coalesce({' AND '.join(own)}, false) AS {flags[-1]}")
        select = f"SELECT *, {', '.join(columns)} FROM __THIS__"  # noqa: S608 - names are quoted
        statements.append(SQLTransformer(statement=select))
    return statements, flags


def _parts(texts: Sequence[str]) -> list[Sequence[str]]:
    starts = range(0, len(texts), FEATURES_PER_STATEMENT)
    return [texts[first : first + FEATURES_PER_STATEMENT] for first in starts]


def _encoder(
    spark: SparkSession, sizes: Sequence[int], *, codes: Sequence[str], shares: Sequence[str]
) -> list[OneHotEncoderModel]:
    """The stage that turns codes into vectors; the last code of each, of no label, into zeros.

    It is fitted to the number of codes in the columns' metadata, without a job.
    """
    if not sizes:
        return []
    columns = [
        F.lit(0.0).alias(code, metadata={"ml_attr": {"type": "nominal", "num_vals": size + 1}})
        for code, size in zip(codes, sizes, strict=True)
    ]
    encoder = OneHotEncoder(inputCols=list(codes), outputCols=list(shares), dropLast=True)
    return [encoder.fit(spark.range(1).select(*columns))]
