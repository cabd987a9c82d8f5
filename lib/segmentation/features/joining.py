"""Attributes from other tables, which must have one row per customer."""

import re
from dataclasses import dataclass

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F
from pyspark.sql import types as T

from segmentation.config import Join
from segmentation.errors import DataError, SchemaError, listed, nearest
from segmentation.model.expressions import Text
from segmentation.model.spark_columns import spark_column
from segmentation.redaction import redacted
from segmentation.results import JoinCounts
from segmentation.schemas import MALFORMED, quoted

_KEY = "__key"

DECIMAL_ID = r"^(0|[1-9][0-9]*)[.]0$"
WHOLE_DOUBLES = 2**53
"""Up to here every whole number is represented exactly by a double."""


def check_join(customers: DataFrame, table: DataFrame, *, join: Join, on: str) -> None:
    """Check that the join's columns exist and do not clash with customer columns.

    Raises
    ------
    SchemaError
        Names every offending column.
    """
    problems = []
    for name, known, key in ((on, customers.columns, "on"), (join.key, table.columns, "key")):
        if name not in known:
            problems.append(
                f"column {name!r} (join.{key}) does not exist{nearest(name, known)}: there are "
                f"{listed(known)}"
            )
    for name in join.columns or ():
        if name not in table.columns:
            problems.append(f"join.columns names {name!r}, which {_shown(join)} lacks")
    clashing = [name for name in _added(table, join) if name in customers.columns]
    if clashing:
        problems.append(
            f"{_shown(join)} and the customers both have {listed(clashing)}: name the columns to "
            "add in join.columns"
        )
    if problems:
        raise SchemaError("; ".join(problems))


@dataclass(frozen=True)
class JoinKeys:
    """The key on either side, as text; null where a row has none."""

    customers: Column
    table: Column


def join_keys(customers: DataFrame, table: DataFrame, *, join: Join, on: str) -> JoinKeys:
    """How the keys of both sides are compared; reads the key columns before joining.

    Keys are compared as trimmed text, so that 17 matches "17". A whole number is the same key as a
    double and as an integer: 13085.0, as pandas writes integers with missing values, matches
    13085. So does the text "13085.0" if every key on its side ends like that and none begins
    with a zero.

    Raises
    ------
    DataError
        If a key of the table occurs on more than one row, which would count a customer twice
        or, where customers share it too, write their product.
    """
    keys = JoinKeys(key_text(_readable(customers), on), key_text(_readable(table), join.key))
    repeated = (
        _keyed(table, keys)
        .groupBy(_KEY)
        .agg(F.count(F.lit(1)).alias("rows"))
        .where("rows > 1")
        .agg(F.count(F.lit(1)).alias("keys"), F.max("rows").alias("rows"))
        .collect()[0]
    )
    if repeated["keys"]:
        raise DataError(
            f"{_shown(join)}: {repeated['keys']:,} values of {join.key!r} occur on more than one "
            f"row, one of them on {repeated.rows:,}: a join needs one row per customer"
        )
    return keys


def joined(customers: DataFrame, table: DataFrame, *, join: Join, keys: JoinKeys) -> DataFrame:
    """The customers plus the joined table's columns, null where it has no such customer. Lazy."""
    added = _keyed(table, keys).select(_KEY, *[quoted(name) for name in _added(table, join)])
    return (
        customers.withColumn("__on", keys.customers)
        .join(added, F.col("__on") == F.col(_KEY), "left")
        .drop("__on", _KEY)
    )


def join_counts(
    customers: DataFrame, table: DataFrame, *, join: Join, on: str, keys: JoinKeys
) -> JoinCounts:
    """The number of rows on each side without a match; reads both, with a shuffle of keys.

    Raises
    ------
    DataError
        If no customer has a match; shows the form of three keys of each side, not the keys.
    """
    there = _keyed(table, keys).select(_KEY)
    wanted = customers.groupBy(keys.customers.alias("__on")).agg(
        F.count(F.lit(1)).alias("customers")
    )
    both = wanted.join(there, F.col("__on") == F.col(_KEY), "full")
    has_key = F.col(_KEY).isNotNull()
    found = both.agg(
        F.sum(F.when(~has_key, F.col("customers"))).alias("lonely"),
        F.sum(F.when(has_key, F.col("customers"))).alias("matched"),
        F.count(F.when(F.col("customers").isNotNull(), F.col(_KEY))).alias("found"),
    ).collect()[0]
    matched = found.matched or 0
    if not matched:
        raise DataError(
            f"no customer is found in {_shown(join)}: {join.key!r} there has values like "
            f"{_forms(_readable(table), keys.table)}, {on!r} of the customers like "
            f"{_forms(customers, keys.customers)} (9 is a digit, x a letter); see join.key"
        )
    rows = table.count()
    return JoinCounts(
        path=redacted(", ".join(join.paths)),
        rows=rows,
        unmatched=rows - found.found,
        customers=matched,
        customers_unmatched=found.lonely or 0,
    )


def _readable(table: DataFrame) -> DataFrame:
    return table.where(F.col(MALFORMED).isNull()) if MALFORMED in table.columns else table


def _keyed(table: DataFrame, keys: JoinKeys) -> DataFrame:
    """The parsed rows with a key, and the key as text."""
    return _readable(table).withColumn(_KEY, keys.table).where(F.col(_KEY).isNotNull())


def key_text(rows: DataFrame, name: str) -> Column:
    """A key column as text, whole numbers without their decimals."""
    column, type_ = F.col(quoted(name)), rows.schema[name].dataType
    text = spark_column(Text(name))
    if isinstance(type_, T.DoubleType | T.FloatType):
        is_whole = (F.abs(column) <= WHOLE_DOUBLES) & (column == F.rint(column))
        return F.when(is_whole, column.cast("bigint").cast("string")).otherwise(text)
    ends_so = isinstance(type_, T.DecimalType) and type_.scale > 0
    if isinstance(type_, T.StringType):
        keys = rows.select(text.alias(_KEY)).where(F.col(_KEY).isNotNull())
        # Usually the first row decides; only a column of such ids is read completely.
        ends_so = keys.where(~F.col(_KEY).rlike(DECIMAL_ID)).isEmpty() and not keys.isEmpty()
    return F.regexp_replace(text, "[.]0+$", "") if ends_so else text


def _forms(rows: DataFrame, key: Column) -> str:
    """The form of three keys: ids are personal data and do not belong in a log."""
    keys = rows.select(key.alias(_KEY)).where(F.col(_KEY).isNotNull())
    forms = [
        re.sub(r"[^\W\d_]", lambda m: "X" if m[0].isupper() else "x", re.sub(r"\d", "9", row[0]))
        for row in keys.limit(3).collect()
    ]
    return listed(list(dict.fromkeys(forms))) or "none"


def _added(table: DataFrame, join: Join) -> list[str]:
    rest = [name for name in table.columns if name not in (join.key, MALFORMED)]
    return list(join.columns or rest)


def _shown(join: Join) -> str:
    return f"join.path = {', '.join(map(repr, join.paths))}"
