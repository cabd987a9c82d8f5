"""Customers labelled without Spark: worked out by hand."""

import math

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

from segmentation.errors import SchemaError
from segmentation.model import labelling
from segmentation.model.features import Feature
from segmentation.model.fitted import FittedModel, ModelSegment
from segmentation.model.labelling import assign, points
from segmentation.model.preparation import ModelColumn, Preparation
from segmentation.model.rules import NearestPrototype


def model(*features, prototypes=((0, 0), (16, 0))):
    """Orders and whether they have news, on a grid of quarters; the second segment buys more."""
    features = features or (
        Feature("orders", missing="impute", fill=2.0, bounds=(0.0, 4.0)),
        Feature("news", kind="boolean"),
    )
    columns = [ModelColumn(each.name, None, 0.0, 1.0, 1.0) for each in features]
    preparation = Preparation(features, tuple(columns), 2)
    segments = (ModelSegment(0, "few orders"), ModelSegment(1, "many orders"))
    return FittedModel(
        preparation, NearestPrototype(prototypes), segments, "k-means", {"k": 2}, seed=0
    )


CUSTOMERS = {
    "orders": ["0", " 1 ", "", None, "NaN", "3", "99", "n/a", "12d", "inf", "3"],
    "news": ["no", "no", "no", "n", "0", "yes", "no", "no", "no", "no", "maybe"],
}
# missing orders are 2, in the middle: a tie, which is the first's; then broken rules
SEGMENTS = [0, 0, 0, 0, 0, 1, 1, None, None, None, None]


def test_segments_are_those_of_the_nearest_prototype():
    found = assign(model(), pa.table(CUSTOMERS))
    assert found.type == pa.int32()
    assert found.to_pylist() == SEGMENTS


def test_a_frame_is_labelled_as_a_table():
    assert assign(model(), pd.DataFrame(CUSTOMERS)).to_pylist() == SEGMENTS
    numbers = pd.DataFrame(
        {"orders": [0.0, math.nan, 3.0, 99.0], "news": [True, False, False, None]}
    )
    assert assign(model(), numbers).to_pylist() == [0, 0, 1, None]


def test_points_are_rounded_to_the_grid():
    found, is_usable = points(model().preparation, pa.table({"orders": [1.1, 9.0], "news": [1, 0]}))
    assert is_usable.tolist() == [True, True]
    assert found.coordinates.tolist() == [[4.0, 4.0], [16.0, 0.0]]


def test_a_large_table_is_labelled_in_batches(monkeypatch):
    whole = [assign(model(), each) for each in (pa.table(CUSTOMERS), pd.DataFrame(CUSTOMERS))]
    monkeypatch.setattr(labelling, "BATCH_ROWS", 3)
    parts = [assign(model(), each) for each in (pa.table(CUSTOMERS), pd.DataFrame(CUSTOMERS))]
    assert [each.to_pylist() for each in parts] == [each.to_pylist() for each in whole]


def test_no_customers_have_no_segments():
    empty = pa.table({"orders": pa.array([], pa.float64()), "news": pa.array([], pa.bool_())})
    assert assign(model(), empty).to_pylist() == []
    assert len(assign(model(), pd.DataFrame({"orders": [], "news": []}))) == 0


def test_shares_of_categories_seen_and_unseen():
    plan = Feature(
        "plan",
        "categorical",
        "category",
        categories=("a", "b"),
        other="(other)",
        absent="(missing)",
    )
    columns = [ModelColumn("plan", value, 0.0, 1.0, 1.0) for value in ("a", "(other)", "(missing)")]
    preparation = Preparation((plan,), tuple(columns), 0)
    found, is_usable = points(preparation, pd.DataFrame({"plan": ["a", " b ", "zz", None]}))
    assert is_usable.all()
    assert np.array_equal(found.coordinates, [[1, 0, 0], [0, 0, 0], [0, 1, 0], [0, 0, 1]])


def test_a_column_that_is_missing_is_named():
    with pytest.raises(SchemaError, match=r"^column 'news' is missing"):
        assign(model(), pa.table({"orders": [1]}))
