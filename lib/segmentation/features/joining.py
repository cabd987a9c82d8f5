"""Attributes from other tables: one row a customer there, so that no customer is counted twice."""

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from segmentation.config import Join
from segmentation.errors import DataError, SchemaError, listed, nearest
from segmentation.features.measures import text
from segmentation.redaction import redacted
from segmentation.results import JoinCounts
from segmentation.schemas import MALFORMED, quoted

_KEY = "__key"


def check_join(customers: DataFrame, table: DataFrame, *, join: Join, on: str) -> None:
    """Whether the join's columns are there, and named as no column of the customers.

    Raises
    ------
    SchemaError
        Names every column at fault.
    """
    problems = []
    for name, known, key in ((on, customers.columns, "on"), (join.key, table.columns, "key")):
        if name not in known:
            problems.append(
                f"join.{key} is {name!r}, which is no column{nearest(name, known)}: there are "
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


def joined(customers: DataFrame, table: DataFrame, *, join: Join, on: str) -> DataFrame:
    """The customers plus the joined table's columns, null where it has no such customer.

    Keys are compared as texts without blanks around them, so that 17 finds "17". Lazy.
    """
    added = _keyed(table, join).select(_KEY, *[quoted(name) for name in _added(table, join)])
    return (
        customers.withColumn("__on", F.expr(text(on)))
        .join(added, F.col("__on") == F.col(_KEY), "left")
        .drop("__on", _KEY)
    )


def join_counts(customers: DataFrame, table: DataFrame, *, join: Join, on: str) -> JoinCounts:
    """How many rows of each side find none on the other; reads both, with a shuffle of keys.

    Raises
    ------
    DataError
        If a key stands on several rows, which would count a customer twice, or if no customer
        is found at all.
    """
    keys = _keyed(table, join).groupBy(_KEY).agg(F.count(F.lit(1)).alias("rows"))
    repeated = keys.where("rows > 1").orderBy(F.desc("rows"), _KEY).limit(1).collect()
    if repeated:
        raise DataError(
            f"{_shown(join)} has {repeated[0].rows:,} rows with {join.key} = "
            f"{repeated[0][_KEY]!r}: a join needs one row a customer"
        )
    wanted = customers.groupBy(F.expr(text(on)).alias("__on")).agg(
        F.count(F.lit(1)).alias("customers")
    )
    both = wanted.join(keys, F.col("__on") == F.col(_KEY), "full")
    found = both.agg(
        F.sum(F.when(F.col("rows").isNull(), F.col("customers"))).alias("lonely"),
        F.sum(F.when(F.col("rows").isNotNull(), F.col("customers"))).alias("matched"),
        F.count("rows").alias("keys"),
        F.sum(F.when(F.col("customers").isNull(), F.col("rows"))).alias("unmatched"),
    ).collect()[0]
    matched = found.matched or 0
    if not matched:
        raise DataError(
            f"no customer is found in {_shown(join)}: {join.key!r} there holds no value of {on!r}"
        )
    rows = table.count()
    without_key = rows - found["keys"]
    return JoinCounts(
        path=redacted(", ".join(join.paths)),
        rows=rows,
        unmatched=(found.unmatched or 0) + without_key,
        customers=matched,
        customers_unmatched=found.lonely or 0,
    )


def _keyed(table: DataFrame, join: Join) -> DataFrame:
    """The rows that have a key and could be read, with the key as text."""
    if MALFORMED in table.columns:
        table = table.where(F.col(MALFORMED).isNull())
    return table.withColumn(_KEY, F.expr(text(join.key))).where(F.col(_KEY).isNotNull())


def _added(table: DataFrame, join: Join) -> list[str]:
    rest = [name for name in table.columns if name not in (join.key, MALFORMED)]
    return list(join.columns or rest)


def _shown(join: Join) -> str:
    return f"join.path = {', '.join(map(repr, join.paths))}"
