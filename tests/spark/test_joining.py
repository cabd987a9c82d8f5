"""Joined attributes: matched by key, counted on both sides, and never twice."""

from decimal import Decimal

import pytest
from pyspark.sql import functions as F

from segmentation.config import Join
from segmentation.errors import DataError, SchemaError
from segmentation.features.joining import check_join, join_counts, join_keys, joined
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
    keys = join_keys(customers, table, join=join(), on="id")
    made = joined(customers, table, join=join(), keys=keys)
    assert made.columns == ["id", "spend", "region"]
    assert {(row.spend, row.region) for row in made.collect()} == {
        (5.0, "x"), (6.0, "y"), (7.0, None), (8.0, None),
    }  # fmt: skip
    counts = join_counts(customers, table, join=join(), on="id", keys=keys)
    assert (counts.customers, counts.customers_unmatched) == (2, 2)
    assert (counts.rows, counts.unmatched) == (3, 1)


def test_rows_without_a_key_or_malformed_match_nobody_and_are_counted(spark, customers):
    rows = [("1", "x", None), (None, "y", None), ("3", "z", "3;z;?"), (" ", "w", None)]
    table = spark.createDataFrame(rows, f"id string, region string, {MALFORMED} string")
    keys = join_keys(customers, table, join=join(), on="id")
    made = joined(customers, table, join=join(), keys=keys)
    assert [row.region for row in made.orderBy("spend").collect()] == ["x", None, None, None]
    counts = join_counts(customers, table, join=join(), on="id", keys=keys)
    assert (counts.rows, counts.unmatched, counts.customers) == (4, 3, 1)


def test_a_key_on_several_rows_is_refused_without_naming_it(spark, customers):
    rows = [("C-77", "x"), ("C-77", "y"), ("1", "z")]
    table = spark.createDataFrame(rows, "id string, region string")
    with pytest.raises(DataError, match=r"1 values of 'id' occur .* one of them on 2") as refused:
        join_keys(customers, table, join=join(), on="id")
    assert "C-77" not in str(refused.value)


def test_a_join_that_finds_nobody_is_refused_and_shows_what_keys_look_like(spark, customers):
    table = spark.createDataFrame([("Ab-17", "x"), ("0004", "y")], "id string, region string")
    keys = join_keys(customers, table, join=join(), on="id")
    with pytest.raises(DataError, match="no customer is found") as refused:
        join_counts(customers, table, join=join(), on="id", keys=keys)
    assert "'id' there has values like 'Xx-99', '9999'" in str(refused.value)
    assert "of the customers like '9' " in str(refused.value)


AS_PANDAS_WRITES_HOLES = [13085.0, 17850.0, None]


@pytest.mark.parametrize(
    ("customers_type", "ids", "table_type", "keys", "expected"),
    [
        ("double", AS_PANDAS_WRITES_HOLES, "bigint", [13085, 17850, 9], 2),
        ("int", [13085, 17850, 9], "double", AS_PANDAS_WRITES_HOLES, 2),
        ("double", AS_PANDAS_WRITES_HOLES, "string", ["13085", " 17850", "9"], 2),
        ("string", ["13085.0", "17850.0", None], "string", ["13085", "17850", "9"], 2),
        ("string", ["13085.0", "17850.0", ""], "bigint", [13085, 17850, 9], 2),
        ("bigint", [13085, 17850, 9], "string", ["13085.0", "17850.0", None], 2),
        ("string", ["13085.0", "17850.0", None], "double", AS_PANDAS_WRITES_HOLES, 2),
        ("decimal(9,2)", [Decimal("13085.00"), Decimal("0.50"), None], "int", [13085, 50, 0], 1),
        # Versions: not all end in ".0", so each is a text of its own.
        ("string", ["1.0", "1.1", "2.0"], "string", ["1", "2", "1.1"], 1),
        # Ids with leading zeros are texts, whatever they end in.
        ("string", ["007.0", "008.0", None], "string", ["007", "008", "7"], 0),
        ("double", [0.5, 1e300, -3.0], "string", ["0.5", "-3", "1"], 2),
        # Beyond 2**53 doubles share their text with whole numbers that they are not.
        ("double", [2.0**60, None, 5.0], "bigint", [2**60 + 1, 5, 6], 1),
    ],
)
def test_whole_numbers_find_each_other_whatever_their_type(
    spark, customers_type, ids, table_type, keys, expected
):
    """Compared with pandas: whoever is found has the row that an exact comparison finds."""
    customers = spark.createDataFrame([(i,) for i in ids], f"id {customers_type}")
    table = spark.createDataFrame(list(zip(keys, "xyz", strict=True)), f"id {table_type}, w string")
    how = join_keys(customers, table, join=join(columns=["w"]), on="id")
    made = joined(customers, table, join=join(columns=["w"]), keys=how)
    found = {str(row.id): row.w for row in made.collect() if row.w is not None}
    assert len(found) == expected
    number = {str(i): float(i) for i in ids if i not in (None, "")}
    assert all(number[i] == float(keys["xyz".index(w)]) for i, w in found.items())


def test_a_default_key_on_both_sides_is_refused_before_anything_is_joined(spark):
    """100,000 rows of either side share it: their product would be 10**10 rows."""
    many = spark.range(100_000).select(F.lit("n/a").alias("id"))
    with pytest.raises(DataError, match="occur on more than one row, one of them on 100,000"):
        join_keys(many, many.withColumn("w", F.lit(1)), join=join(), on="id")


@pytest.mark.parametrize(
    ("ddl", "config", "told"),
    [
        ("who string, region string", {}, r"column 'id' \(join.key\) does not exist"),
        ("id string, region string", {"columns": ["regoin"]}, "join.columns names 'regoin'"),
        ("id string, spend string", {}, "both have 'spend'"),
        ("id string, region string", {"on": "nobody"}, r"column 'nobody' \(join.on\)"),
    ],
)
def test_columns_that_will_not_do_are_named(spark, customers, ddl, config, told):
    table = spark.createDataFrame([], ddl)
    with pytest.raises(SchemaError, match=told):
        check_join(customers, table, join=join(**config), on=config.get("on", "id"))
