"""The moves of customers, counted and summed exactly."""

from fractions import Fraction

import numpy as np
import pandas as pd
import pytest
from pyspark.sql import functions as F

from segmentation.results import LEFT, NEW, Flow
from segmentation.segments.migration import counted, flows_of

TODAY = [
    # key now, key before, by the old model, value before, value now
    ("s1", "s1", "s1", 10.0, 20.0),
    ("s2", "s1", "s2", 1.0, 2.0),  # behaves otherwise
    ("s2", "s1", "s1", 3.0, None),  # the same behaviour, another rule
    ("s1", "s2", None, 5.0, 5.0),  # out of the old model's reach
    ("s3", None, "s2", None, 7.0),  # new
    ("s1", "s3", "s3", 4.0, 4.0),  # absorbed: neither behaviour nor rule
]
BEFORE = [("s1", 10.0), ("s1", 1.0), ("s1", 3.0), ("s2", 5.0), ("s2", 8.0), ("s3", 4.0)]
SCHEMA = (
    "segment_key string, previous_segment_key string, previous_model_key string, "
    "previous_value double, spend double"
)


@pytest.mark.parametrize("value", ["spend", None])
def test_moves_on_paper(spark, value):
    flows = flows_of(
        spark.createDataFrame(TODAY, SCHEMA),
        spark.createDataFrame(BEFORE, "key string, value double"),
        keys=["s2", "s1", "s3"],
        previous={"s1": 3, "s2": 2, "s3": 1},
        successors={"s1": "s1", "s2": "s2", "s3": "s1"},
        value=value,
    )
    expected = [
        Flow("s1", "s1", 1, 10.0, 20.0, 0, 0),
        Flow("s1", "s2", 2, 4.0, 2.0, 1, 1),
        Flow("s2", "s1", 1, 5.0, 5.0, 1, 0),
        Flow("s2", LEFT, 1, 8.0, None, 0, 0),
        Flow("s3", "s1", 1, 4.0, 4.0, 0, 0),
        Flow(NEW, "s3", 1, None, 7.0, 0, 0),
    ]
    if value is None:
        expected = [
            Flow(e.from_key, e.to_key, e.customers, None, None, *each)
            for e in expected
            for each in [(e.moved_by_behaviour, e.moved_by_model)]
        ]
    assert list(flows) == expected


def test_sums_are_exact_whatever_the_partitions(spark):
    random = np.random.default_rng(5)
    values = random.normal(0, 1, 9000) * 10.0 ** random.integers(-12, 12, 9000)
    frame = pd.DataFrame({"cell": random.integers(0, 5, 9000), "value": values})
    frame.loc[::100, "value"] = np.nan
    expected = [
        sum(map(Fraction, frame.value[(frame.cell == cell) & frame.value.notna()]), Fraction(0))
        for cell in range(5)
    ]
    rows = spark.createDataFrame(frame)
    for partitions in (1, 7):
        found = counted(rows.repartition(partitions), F.col("cell"), [F.col("value")], cells=6)
        assert found.customers.tolist() == [*np.bincount(frame.cell, minlength=6)]
        assert [row[0] for row in found.sums] == [*expected, 0]
