"""Small tables of vectors for Spark ML, created without a Python worker."""

import numpy as np
import numpy.typing as npt
import pyarrow as pa
from pyspark.ml.functions import array_to_vector
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F

WEIGHT = "weight"


def vector_table(
    spark: SparkSession,
    points: npt.NDArray[np.float64],
    *,
    column: str,
    weights: npt.NDArray[np.float64] | None = None,
) -> DataFrame:
    """Points, one per row, as a table of one partition with the vector ``column``, and ``WEIGHT``.

    Spark turns lists of vectors into a table by starting Python, a second or more; a column of
    lists it converts itself. A column per coordinate would be a query as wide as the points.
    """
    values = pa.array(np.ascontiguousarray(points, dtype=np.float64).ravel())
    offsets = np.arange(0, points.size + 1, points.shape[1], dtype=np.int32)
    columns = {column: pa.ListArray.from_arrays(offsets, values)}
    if weights is not None:
        columns[WEIGHT] = pa.array(weights)
    rows = spark.createDataFrame(pa.table(columns)).coalesce(1)
    return rows.withColumn(column, array_to_vector(F.col(column)))
