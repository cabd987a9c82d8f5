"""The published tables of customers."""

from datetime import datetime
from decimal import Decimal

from pyspark.sql import functions as F

from segmentation.config import Config
from segmentation.features import contract
from segmentation.model.expressions import Number
from segmentation.model.spark_columns import spark_column
from segmentation.schemas import CUSTOMERS, MALFORMED, REJECTED, SEGMENT
from segmentation.segments.labelled import (
    FRESH_SEGMENT,
    PREVIOUS_KEY,
    PREVIOUS_MODEL_KEY,
    PREVIOUS_VALUE,
    Label,
    labelled_customers,
    rejected_rows,
)
from tests.spark.tables import config, with_rejection


def labelled(rows, *, columns, numbers=(), names=("Best", "Rest")):
    before = {
        PREVIOUS_KEY: F.lit("s2"),
        PREVIOUS_MODEL_KEY: F.lit("s1"),
        PREVIOUS_VALUE: F.lit(7.5),
        FRESH_SEGMENT: F.lit(4),
    }
    return labelled_customers(
        rows.withColumns(before),
        columns=columns,
        numbers={name: spark_column(Number(name)) for name in numbers},
        labels=[Label(name, f"s{i + 1}", 3.0) for i, name in enumerate(names)],
        imputed=F.lit(None).cast("string"),
        bits=1,
    )


LABEL = "__cluster int, __second_cluster int, __square double, __second_square double"


def test_a_label_on_paper(spark):
    # squares of 36 and 144 steps of a half: distances 3 and 6, so halfway to the border
    rows = [("a", 1, 0, 36.0, 144.0), ("b", 0, 1, 0.0, 4.0), ("c", 0, 1, 49.0, 49.0)]
    customers = labelled(spark.createDataFrame(rows, f"id string, {LABEL}"), columns=["id"])
    assert [tuple(row) for row in customers.orderBy("id").collect()] == [
        ("a", "Rest", 3.0, 0, 0.5, None, "s2", "s2", "s1", 7.5, False, 4, 1),
        ("b", "Best", 0.0, 1, 1.0, None, "s1", "s2", "s1", 7.5, False, 4, 0),
        ("c", "Best", 3.5, 1, 0.0, None, "s1", "s2", "s1", 7.5, True, 4, 0),
    ]
    assert customers.columns == ["id", *CUSTOMERS.column_names]
    assert [customers.schema[c.name].dataType.simpleString() for c in CUSTOMERS.columns] == [
        column.type for column in CUSTOMERS.columns
    ]


def test_a_single_segment_has_neither_runner_up_nor_margin(spark):
    rows = [("a", 0, None, 16.0, None)]
    customers = labelled(
        spark.createDataFrame(rows, f"id string, {LABEL}"), columns=["id"], names=["All"]
    )
    assert tuple(customers.collect()[0]) == (
        *("a", "All", 2.0, None, None, None, "s1", "s2", "s1", 7.5, False, 4, 0),
    )


def test_texts_of_features_become_numbers_and_other_columns_stay_as_they_are(spark):
    rows = [("007", " 1.5 ", 3, 0, 1, 1.0, 4.0)]
    customers = labelled(
        spark.createDataFrame(rows, f"id string, spend string, orders int, {LABEL}"),
        columns=["id", "spend", "orders"],
        numbers=["spend", "orders"],
    )
    assert tuple(customers.collect()[0])[:3] == ("007", 1.5, 3)
    assert customers.schema["orders"].dataType.simpleString() == "int"


def test_a_column_that_has_the_job_s_name_gives_way(spark):
    rows = [("old", 9, 0, 1, 1.0, 4.0)]
    customers = labelled(
        spark.createDataFrame(rows, f"Segment string, margin int, {LABEL}"),
        columns=["Segment", "margin"],
    )
    assert customers.columns[:2] == ["Segment_input", "margin_input"]
    assert customers.collect()[0].Segment_input == "old"
    assert customers.collect()[0][SEGMENT] == 0


def rejected(customers, settings: Config):
    audited = with_rejection(customers, settings)
    return rejected_rows(contract.rejected(audited), rejection=contract.REJECTION)


TYPES = {
    "text": ("string", "x"),
    "yes": ("boolean", True),
    "small": ("tinyint", 1),
    "large": ("bigint", 2**60),
    "single": ("float", 0.5),
    "amount": ("decimal(38,18)", Decimal("0.5")),
    "day": ("timestamp", datetime(2026, 1, 2)),  # noqa: DTZ001 - Spark's are without a zone too
    "bytes": ("binary", b"\x00"),
    "list": ("array<int>", [1, None]),
    "record": ("struct<a:int,b:string>", (1, None)),
    "map": ("map<string,int>", {"a": 1}),
}


def test_rejected_rows_keep_every_column_as_it_came_full_or_null(spark):
    ddl = ", ".join(f"`{name}` {type_}" for name, (type_, _) in TYPES.items())
    full, empty = [v for _, v in TYPES.values()], [None] * len(TYPES)
    rows = [(-1.0, *full), (None, *empty), (5.0, *empty)]
    customers = spark.createDataFrame(rows, f"a double, {ddl}")
    found = rejected(customers, config(["a"]))
    assert found.columns == [*customers.columns, *REJECTED.column_names]
    assert found.count() == 2
    by_reason = {row.reason: row for row in found.collect()}
    assert by_reason["null"].reason_column == by_reason["negative"].reason_column == "a"
    for name, (_, value) in TYPES.items():
        assert by_reason["null"][name] is None
        kept = by_reason["negative"][name]
        assert (tuple(kept) if name == "record" else kept) == value


def test_a_malformed_row_names_no_column(spark):
    customers = spark.createDataFrame([(None, "1;x")], f"a double, {MALFORMED} string")
    assert [tuple(row) for row in rejected(customers, config(["a"])).collect()] == [
        (None, "malformed", None)
    ]
