"""The frozen model of 2,000 dimensions labels like numpy, and its queries stay short."""

import numpy as np
import pyarrow as pa
import pytest
from pyspark.ml import PipelineModel
from pyspark.ml.feature import SQLTransformer

from segmentation.model.features import Feature, labels
from segmentation.model.labelling import points
from segmentation.model.preparation import ModelColumn, Preparation
from segmentation.model.spark_pipeline import pipeline_model
from segmentation.model.spark_vectors import SCALED, preparation_stages
from segmentation.numerics.vectors import WEIGHT, vector_table
from segmentation.schemas import SEGMENT
from tests.spark.tables import fitted, from_arrow

NUMBERS, CATEGORICAL, VALUES, ROWS, CLUSTERS = 230, 36, 49, 60, 5


@pytest.fixture(scope="module")
def preparation():
    """Numbers; categories with and without a label that has no column; one with two columns."""
    values = tuple(f"value {i}" for i in range(VALUES))
    features = [Feature(f"n{j:03d}", transform="log1p") for j in range(NUMBERS)]
    features += [
        Feature(
            f"c{j:02d}", "categorical", "category", categories=values, other="other", absent="?"
        )
        for j in range(CATEGORICAL)
    ]
    features.append(Feature("two", "categorical", "reject", categories=("a", "b")))
    columns = [
        ModelColumn(feature.name, value, *moments)
        for feature in sorted(features, key=lambda each: each.name)
        for value, moments in _columns(feature)
    ]
    return Preparation(tuple(features), tuple(columns), bits=15)


def _columns(feature):
    if feature.kind != "categorical":
        return [(None, (3.0, 1.2, 1.2))]
    named = [each for each in labels(feature) if each != "?" or feature.name < "c20"]
    share = 1 / (len(named) + 1)
    return [(each, (share, np.sqrt(share * (1 - share)), 0.9)) for each in named]


@pytest.fixture(scope="module")
def customers():
    random = np.random.default_rng(5)
    found = {f"n{j:03d}": random.lognormal(3, 1, ROWS) for j in range(NUMBERS)}
    texts = np.array([*(f"value {i}" for i in range(VALUES)), "rare", None], dtype=object)
    found |= {f"c{j:02d}": random.choice(texts, ROWS) for j in range(CATEGORICAL)}
    found["two"] = random.choice(np.array(["a", "b", "c"], dtype=object), ROWS)
    found["n007"][3], found["n229"][4], found["two"][5] = np.nan, -1.0, None
    return pa.table(found)


def test_2_000_dimensions_are_labelled_as_in_numpy(spark, preparation, customers, tmp_path):
    assert len(preparation.columns) > 2000
    found, is_usable = points(preparation, customers)
    assert is_usable.tolist() == [i not in (3, 4, 5) for i in range(ROWS)]
    centres = found[is_usable].coordinates[:CLUSTERS]
    model = pipeline_model(spark, fitted(preparation, centres))
    model.write().save(str(tmp_path / "model"))
    loaded = PipelineModel.load(str(tmp_path / "model"))
    labelled = loaded.transform(from_arrow(spark, customers).coalesce(1)).select(SEGMENT).toArrow()
    expected = np.where(is_usable, found.nearest(centres), -1)
    assert labelled[SEGMENT].fill_null(-1).to_pylist() == expected.tolist()
    assert len(set(expected.tolist())) == CLUSTERS + 1
    statements = [s.getStatement() for s in model.stages if isinstance(s, SQLTransformer)]
    assert len(statements) == 3
    assert sum(map(len, statements)) < 1000 * len(preparation.features) + 3000


def test_vectors_and_points_are_inverse(spark, preparation):
    stages = preparation_stages(spark, preparation)
    points = np.random.default_rng(1).integers(-(2**20), 2**20, (3, len(preparation.columns)))
    assert (stages.points(stages.vectors(points.astype(float))) == points).all()


def test_a_table_of_vectors_is_as_narrow_as_its_columns(spark):
    points = np.random.default_rng(2).normal(size=(4, 2000))
    table = vector_table(spark, points, column=SCALED, weights=np.arange(4.0))
    assert table.columns == [SCALED, WEIGHT]
    rows = table.collect()
    assert np.array_equal([row[SCALED].toArray() for row in rows], points)
    assert [row[WEIGHT] for row in rows] == [0, 1, 2, 3]
