"""Spark compiles what a wide table needs: nothing is interpreted, and no code is printed."""

from contextlib import contextmanager

import numpy as np
import pandas as pd
import pytest

from segmentation.features.contract import usable
from tests.spark.tables import audit_of, config, prepared, with_rejection

pytestmark = pytest.mark.generated

COMPILED_OR_FAIL = {
    "spark.sql.codegen.factoryMode": "CODEGEN_ONLY",
    "spark.sql.codegen.fallback": "false",
}
"""What does not compile, as methods of more than 64 KB, raises an error here; usually Spark prints
the code and interprets it, row by row."""


@contextmanager
def settings(spark, **values):
    before = {key: spark.conf.get(key, None) for key in values}
    for key, value in values.items():
        spark.conf.set(key, value)
    try:
        yield
    finally:
        for key, value in before.items():
            spark.conf.unset(key) if value is None else spark.conf.set(key, value)


def as_text(numbers: int, categories: int, *, rows: int = 30) -> pd.DataFrame:
    """Customers as a CSV file has them: numbers and categories, all of them text."""
    random = np.random.default_rng(numbers)
    cells = random.lognormal(size=(rows, numbers)).round(3).astype(str)
    table = pd.DataFrame(cells, columns=[f"n{j}" for j in range(numbers)])
    for j in range(categories):
        table[f"c{j}"] = random.choice([f"value {i}" for i in range(10)], rows)
    return table


@pytest.mark.parametrize(
    ("numbers", "categories"),
    [
        (20, 12),
        pytest.param(300, 0, marks=pytest.mark.thorough),
        pytest.param(1000, 0, marks=pytest.mark.thorough),
    ],
)
def test_the_steps_before_the_sweep_compile(spark, numbers, categories):
    with settings(spark, **COMPILED_OR_FAIL):
        customers = spark.createDataFrame(as_text(numbers, categories))
        names = [{"name": f"c{j}", "top": 10} for j in range(categories)]
        features = {"categorical": names, "transform": "auto", "winsorise": [0.01, 0.99]}
        made = prepared(customers, numeric=[f"n{j}" for j in range(numbers)], features=features)
        assert made.audit.usable == 30
        assert made.customers.entries.toArrow().num_rows == 30


def test_a_row_of_many_columns_is_rejected_for_its_first_broken_rule(spark):
    width = 40
    table = as_text(width, 0, rows=4)
    table.loc[1, ["n39", "n7", "n8"]] = ["abc", "-3", ""]
    table.loc[2, "n39"] = "NaN"
    with settings(spark, **COMPILED_OR_FAIL):
        customers = spark.createDataFrame(table)
        given = config(list(table.columns), features={"transform": "log1p"})
        found = audit_of(customers, given)
        assert {(each.reason, each.column) for each in found.rejections} == {
            ("negative", "n7"), ("nan", "n39")
        }  # fmt: skip
        assert (found.rows, found.usable) == (4, 2)
        kept = table.drop(index=[1, 2]).astype(float)
        assert {name: (each.low, each.high) for name, each in found.ranges.items()} == {
            name: (kept[name].min(), kept[name].max()) for name in table.columns
        }
        assert usable(with_rejection(customers, given)).count() == 2
