"""Joined attributes: matched by key, counted on both sides, and never twice."""

import pytest

from segmentation.config import Join
from segmentation.errors import DataError, SchemaError
from segmentation.features.joining import check_join, join_counts, joined
from segmentation.schemas import MALFORMED

CUSTOMERS = [("1", 5.0), (" 2", 6.0), ("3", 7.0), (None, 8.0)]


@pytest.fixture
def customers(spark):
    return spark.createDataFrame(CUSTOMERS, "id string, spend double")


def join(**config):
    return Join(**{"path": "who.csv", "key": "id", **config})


def test_a_join_adds_columns_and_no_rows(spark, customers):
    table = spark.createDataFrame([(1, "x"), (2, "y"), (9, "z")], "id int, region string")
    check_join(customers, table, join=join(), on="id")
    made = joined(customers, table, join=join(), on="id")
    assert made.columns == ["id", "spend", "region"]
    assert {(row.spend, row.region) for row in made.collect()} == {
        (5.0, "x"), (6.0, "y"), (7.0, None), (8.0, None),
    }  # fmt: skip
    counts = join_counts(customers, table, join=join(), on="id")
    assert (counts.customers, counts.customers_unmatched) == (2, 2)
    assert (counts.rows, counts.unmatched) == (3, 1)


def test_rows_without_a_key_or_malformed_match_nobody_and_are_counted(spark, customers):
    rows = [("1", "x", None), (None, "y", None), ("3", "z", "3;z;?"), (" ", "w", None)]
    table = spark.createDataFrame(rows, f"id string, region string, {MALFORMED} string")
    made = joined(customers, table, join=join(), on="id")
    assert [row.region for row in made.orderBy("spend").collect()] == ["x", None, None, None]
    counts = join_counts(customers, table, join=join(), on="id")
    assert (counts.rows, counts.unmatched, counts.customers) == (4, 3, 1)


def test_a_key_on_several_rows_is_refused(spark, customers):
    table = spark.createDataFrame([("1", "x"), ("1", "y")], "id string, region string")
    with pytest.raises(DataError, match=r"2 rows with id = '1': a join needs one row a customer"):
        join_counts(customers, table, join=join(), on="id")


def test_a_join_that_finds_nobody_is_refused(spark, customers):
    table = spark.createDataFrame([("1.0", "x")], "id string, region string")
    with pytest.raises(DataError, match="no customer is found"):
        join_counts(customers, table, join=join(), on="id")


@pytest.mark.parametrize(
    ("ddl", "config", "told"),
    [
        ("who string, region string", {}, "join.key is 'id', which is no column"),
        ("id string, region string", {"columns": ["regoin"]}, "join.columns names 'regoin'"),
        ("id string, spend string", {}, "both have 'spend'"),
        ("id string, region string", {"on": "nobody"}, "join.on is 'nobody'"),
    ],
)
def test_columns_that_will_not_do_are_named(spark, customers, ddl, config, told):
    table = spark.createDataFrame([], ddl)
    with pytest.raises(SchemaError, match=told):
        check_join(customers, table, join=join(**config), on=config.get("on", "id"))
