"""The contract: each reason on a row of its own, counted, and no row lost."""

import decimal
from collections import Counter
from datetime import date
from itertools import product

import pandas as pd
import pytest
from pyspark.sql import functions as F
from pyspark.sql import types as T

from segmentation.errors import DataError, SchemaError
from segmentation.features import contract
from segmentation.features.columns import check_columns
from segmentation.features.contract import Range
from segmentation.results import Rejection
from segmentation.schemas import MALFORMED
from tests.rotation import rotation
from tests.spark.tables import audit_of as audit
from tests.spark.tables import config, identity_of
from tests.spark.tables import with_rejection as audited


def reasons(customers, settings, *, key):
    """For every row its key and ``(reason, column)``, None where it is usable."""
    rows = audited(customers, settings).select(key, contract.REJECTION).collect()
    return {row[0]: tuple(row[1]) if row[1] else None for row in rows}


TEXTS = [
    ("7", None),
    ("-0.0", None),  # not negative
    (" 12.5 ", None),
    ("1e3", None),
    ("+4", None),
    (None, "null"),
    ("", "null"),
    ("   ", "null"),
    ("abc", "not_a_number"),
    ("1,5", "not_a_number"),
    ("0x1p3", "not_a_number"),  # Java's own notations
    ("12d", "not_a_number"),
    ("1.5F", "not_a_number"),
    ("NaN", "nan"),
    ("Infinity", "infinite"),
    ("-Infinity", "infinite"),
    ("1e400", "infinite"),
    ("1e101", "too_large"),
    ("-1e101", "too_large"),
    ("-0.01", "negative"),
]


def test_every_text_is_usable_or_has_its_reason(spark):
    customers = spark.createDataFrame(list(enumerate(t for t, _ in TEXTS)), "row int, spend string")
    found = reasons(customers, config(["spend"]), key="row")
    assert found == {
        i: None if reason is None else (reason, "spend") for i, (_, reason) in enumerate(TEXTS)
    }


@pytest.mark.parametrize(
    ("type_", "good", "bad"),
    [
        ("double", 1.5, [float("nan"), float("inf"), float("-inf"), -1.0, 1e101, None]),
        ("float", 1.5, [float("nan"), float("inf"), -1.0, None]),
        ("int", 3, [-1, None]),
        ("bigint", 2**53, [-1, None]),
        ("smallint", 3, [-1, None]),
        ("decimal(10,2)", decimal.Decimal("1.50"), [decimal.Decimal("-0.01"), None]),
        ("string", "3", ["x", "", None]),
    ],
)
def test_a_rejection_is_told_for_every_type_of_column(spark, type_, good, bad):
    values = [good, *bad]
    customers = spark.createDataFrame([(i, v) for i, v in enumerate(values)], f"row int, a {type_}")
    found = reasons(customers, config(["a"]), key="row")
    assert [row for row, reason in found.items() if reason is None] == [0]
    assert all(reason[1] == "a" for row, reason in found.items() if row)


def test_the_first_rule_that_a_row_breaks_is_its_reason(spark):
    rows = [(1, None, -1.0), (2, -1.0, None), (3, float("nan"), -1.0), (4, 1.0, -1.0)]
    customers = spark.createDataFrame(rows, "row int, a double, b double")
    assert reasons(customers, config(["a", "b"]), key="row") == {
        1: ("null", "a"),
        2: ("negative", "a"),
        3: ("nan", "a"),
        4: ("negative", "b"),
    }


def test_a_row_that_could_not_be_parsed_is_malformed_whatever_else_it_breaks(spark):
    rows = [(1, 5.0, None), (2, None, "1;2;oops"), (3, None, None)]
    customers = spark.createDataFrame(rows, f"row int, a double, {MALFORMED} string")
    settings = config(["a"])
    assert reasons(customers, settings, key="row") == {
        1: None,
        2: ("malformed", None),
        3: ("null", "a"),
    }
    assert MALFORMED not in contract.usable(audited(customers, settings)).columns
    assert MALFORMED not in contract.rejected(audited(customers, settings)).columns


@pytest.mark.parametrize(
    ("feature", "usable"),
    [
        ({"name": "a"}, False),
        ({"name": "a", "negative": "clip"}, True),
        ({"name": "a", "negative": "signed"}, True),
        ({"name": "a", "transform": "signed"}, True),
        ({"name": "a", "transform": "none"}, True),
    ],
)
def test_a_negative_is_left_out_only_where_the_logarithm_refuses_it(spark, feature, usable):
    customers = spark.createDataFrame([(1, -3.0), (2, 1.0)], "row int, a double")
    expected = None if usable else ("negative", "a")
    assert reasons(customers, config([feature]), key="row") == {1: expected, 2: None}


IDS = [("a", 1), ("a", 2), ("b", 3), (None, 4), (" ", 5), ("c", 6), ("c", 7), ("c", 8)]


def test_repeated_ids_are_kept_and_counted(spark):
    customers = spark.createDataFrame(IDS, "id string, spend int")
    settings = config(["spend"], input={"path": "x", "customer_id": "id"})
    found = audited(customers, settings)
    assert contract.duplicates(contract.usable(found), customer_id="id") == (2, 5)
    assert contract.usable(found).count() == 6


def test_repeated_ids_are_rejected_all_of_them_on_request(spark):
    customers = spark.createDataFrame(IDS, "id string, spend int")
    settings = config(["spend"], input={"path": "x", "customer_id": "id", "duplicates": "reject"})
    found = reasons(customers, settings, key="spend")
    assert [spend for spend, reason in found.items() if reason is None] == [3]
    assert found[4] == found[5] == ("null", "id")
    assert {found[spend] for spend in (1, 2, 6, 7, 8)} == {("duplicate_id", "id")}


@pytest.mark.parametrize(
    ("type_", "step"), rotation(product(("bigint", "int", "string"), (1, 1009)), daily=2)
)
def test_repeated_ids_are_counted_whatever_their_type(spark, type_, step):
    ids = spark.range(-500 * step, 500 * step, step).select(F.col("id").cast(type_).alias("id"))
    assert contract.duplicates(ids, customer_id="id") == (0, 0)
    again = ids.where("id in (0, -1009, 64, 63)").unionAll(ids).unionAll(ids.limit(1))
    counted = pd.Series([row.id for row in again.collect()]).value_counts()
    repeated = counted[counted > 1]
    assert contract.duplicates(again, customer_id="id") == (len(repeated), repeated.sum())
    assert len(repeated) > 1


def test_no_repeated_id_is_no_row(spark):
    customers = spark.createDataFrame([("a",), ("b",)], "id string")
    assert contract.duplicates(customers, customer_id="id") == (0, 0)


def test_an_audit_on_paper(spark):
    rows = [(1.0, "5"), (4.0, "2"), (4.0, "2"), (None, "1"), (-1.0, "9"), (2.0, "x"), (None, "3")]
    customers = spark.createDataFrame(rows, "a double, b string")
    found = audit(customers, config(["a", "b"]))
    assert (found.rows, found.usable) == (7, 3)
    assert found.rejections == (
        Rejection("null", "a", 2),
        Rejection("negative", "a", 1),
        Rejection("not_a_number", "b", 1),
    )
    assert found.ranges == {"a": Range(1.0, 4.0), "b": Range(2.0, 5.0)}


def test_in_is_labelled_plus_rejected(spark):
    customers = spark.createDataFrame([(t, i) for i, (t, _) in enumerate(TEXTS)], "a string, b int")
    settings = config(["a"])
    found = audit(customers, settings)
    kept = contract.usable(audited(customers, settings))
    excluded = contract.rejected(audited(customers, settings))
    assert found.usable == kept.count() == 5
    assert found.rows - found.usable == excluded.count() == sum(r.rows for r in found.rejections)
    both = kept.select("b").unionAll(excluded.select("b"))
    assert sorted(row.b for row in both.collect()) == list(range(len(TEXTS)))


def test_ranges_and_counts_are_those_of_pandas(spark):
    frame = pd.DataFrame({"a": [3.5, None, 7.0, 0.0, 3.5], "b": [1, 2, 3, 4, -5]})
    found = audit(spark.createDataFrame(frame), config(["a", "b"]))
    kept = frame[(frame["a"] >= 0) & (frame["b"] >= 0)]
    assert found.usable == len(kept)
    for name, bounds in found.ranges.items():
        assert (bounds.low, bounds.high) == (kept[name].min(), kept[name].max())


def fingerprint(customers):
    return audit(customers, config(["a"])).fingerprint


def test_the_fingerprint_is_of_the_rows_and_not_of_their_order(spark):
    rows = [(float(i), f"c{i % 5}") for i in range(40)]
    customers = spark.createDataFrame(rows, "a double, b string")
    same = {fingerprint(customers.orderBy(F.desc("a")).repartition(n)) for n in (1, 7)}
    assert same == {fingerprint(customers)}
    changed = [(0.5, "c0"), *rows[1:]]
    others = [
        spark.createDataFrame(changed, "a double, b string"),
        spark.createDataFrame(rows + rows[:1], "a double, b string"),
        spark.createDataFrame(rows, "a double, c string"),
        spark.createDataFrame([(a, b[::-1]) for a, b in rows], "a double, b string"),
    ]
    assert len({fingerprint(other) for other in others} | same) == 5


def test_columns_that_cannot_be_hashed_do_no_harm(spark):
    customers = spark.createDataFrame([(1.0, {"k": 1})], "a double, tags map<string,int>")
    assert audit(customers, config(["a"])).usable == 1


@pytest.mark.parametrize("change", ["value", "key"])
def test_a_change_in_a_map_is_another_input(spark, change):
    tags = {"value": {"k": 2}, "key": {"l": 1}}[change]
    once, again = (
        fingerprint(spark.createDataFrame([(1.0, each)], "a double, tags map<string,int>"))
        for each in ({"k": 1}, tags)
    )
    assert once != again


def test_identity_is_what_the_values_are_and_not_their_types_or_order(spark):
    rows = [(7, 1.5, "x"), (12, 2.0, None), (13, -0.0, "y")]
    tables = [
        (rows, "id int, a double, b string", ["a", "b"]),
        ([(float(i), a, b) for i, a, b in rows], "id double, a double, b string", ["a", "b"]),
        ([(str(i), str(a), b) for i, a, b in rows], "id string, a string, b string", ["a", "b"]),
        ([(f"{i}.0", str(a), b) for i, a, b in rows], "id string, a string, b string", ["a", "b"]),
        ([(a, b, i) for i, a, b in rows], "a double, b string, id bigint", ["a", "b"]),
    ]
    found = []
    for its, schema, _ in tables:
        settings = config(
            ["a"], features={"categorical": ["b"]}, input={"path": "x", "customer_id": "id"}
        )
        values = identity_of(settings)
        hashes = F.xxhash64(*values).alias("hash")
        found.append(
            {row.hash for row in spark.createDataFrame(its, schema).select(hashes).collect()}
        )
    assert all(each == found[0] for each in found)
    assert len(found[0]) == len(rows)


def test_rows_without_an_id_are_not_one_window(spark):
    rows = [(None, float(i)) for i in range(50)] + [("", 1.0), ("x", 1.0), ("x", 2.0), ("y", 1.0)]
    customers = spark.createDataFrame(rows, "id string, a double")
    settings = config(["a"], input={"path": "x", "customer_id": "id", "duplicates": "reject"})
    checked = audited(customers, settings).select(
        "id", contract.REJECTION, F.spark_partition_id().alias("task")
    )
    spark.conf.set("spark.sql.adaptive.enabled", "false")  # which joins small tasks
    try:
        found = checked.collect()
    finally:
        spark.conf.unset("spark.sql.adaptive.enabled")
    reasons = Counter(row[1].reason if row[1] else None for row in found)
    assert reasons == {"null": 51, "duplicate_id": 2, None: 1}
    assert len({row.task for row in found if row.id is None}) > 1


def test_any_name_may_be_a_feature(spark):
    names = ["a b", "a.b", "Größe (€)", "a`b", "50%", "$x", "A"]
    schema = T.StructType([T.StructField(name, T.StringType()) for name in names])
    rows = [["x" if at == place else "3" for at in range(len(names))] for place in range(8)]
    found = audit(spark.createDataFrame(rows, schema), config(names))
    assert set(found.rejections) == {Rejection("not_a_number", name, 1) for name in names}
    assert found.usable == 1


def test_no_rows_and_no_usable_rows_are_told(spark):
    nothing = spark.createDataFrame([], "a double")
    with pytest.raises(DataError, match="no rows"):
        audit(nothing, config(["a"]))
    bad = spark.createDataFrame([(None,), (-1.0,), (None,)], "a double")
    with pytest.raises(DataError, match=r"none of the 3.*2 null in 'a', 1 negative in 'a'"):
        audit(bad, config(["a"]))


def test_too_small_a_usable_share_stops_the_run_with_the_reasons(spark):
    customers = spark.createDataFrame([(1.0,), (None,), (-1.0,), (None,)], "a double")
    found = audit(customers, config(["a"]))
    contract.check_share(found, min_usable=0.25)
    with pytest.raises(DataError, match=r"25\.0% of the 4.*min_usable.*2 null in 'a'"):
        contract.check_share(found, min_usable=0.26)


@pytest.mark.parametrize(
    ("schema", "numeric", "told"),
    [
        ("spend double", ["spent"], "no column 'spent'.*did you mean 'spend'"),
        ("spend date", ["spend"], "'spend' is of type date"),
        ("spend boolean", ["spend"], "'spend' is of type boolean"),
        ("spend array<double>", ["spend"], "'spend' is of type array<double>"),
        ("spend double, __x int", ["spend"], "'__x' begins with '__'"),
        ("segment double", ["segment"], "'segment'.*rename it"),
        ("a double, distance int, distance_input int", ["a"], "both be published"),
        ("`spend;age` string", ["spend"], "set input.options.sep = ';'"),
    ],
)
def test_columns_that_will_not_do_are_named(spark, schema, numeric, told):
    with pytest.raises(SchemaError, match=told):
        check_columns(spark.createDataFrame([], schema), config(numeric))


def test_every_problem_of_the_columns_is_told_at_once(spark):
    customers = spark.createDataFrame([(date(2026, 1, 1),)], "when date")
    with pytest.raises(SchemaError) as refused:
        check_columns(customers, config(["when", "spend", "age"]))
    for name in ("'when' is of type date", "'spend'", "'age'"):
        assert name in str(refused.value)
