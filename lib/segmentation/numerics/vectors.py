"""Small tables of vectors for Spark ML, created without a Python worker."""

import numpy as np
import numpy.typing as npt
import pyarrow as pa
from pyspark.ml.feature import VectorAssembler
from pyspark.sql import DataFrame, SparkSession

WEIGHT = "weight"


def vector_table(
    spark: SparkSession,
    points: npt.NDArray[np.float64],
    *,
    column: str,
    weights: npt.NDArray[np.float64] | None = None,
) -> DataFrame:
    """Points, one per row, as a table of one partition with the vector ``column``, and ``WEIGHT``.

    Spark turns lists of vectors into a table by starting Python, a second or more; of columns of
    doubles it assembles them itself.
    """
    names = [f"x{j}" for j in range(points.shape[1])]
    columns = dict(zip(names, points.T, strict=True))
    kept = [column]
    if weights is not None:
        columns[WEIGHT] = weights
        kept.append(WEIGHT)
    rows = spark.createDataFrame(pa.table(columns)).coalesce(1)
    return VectorAssembler(inputCols=names, outputCol=column).transform(rows).select(*kept)
