"""Customers followed by their id from the previous run to this one."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Self

import numpy as np
from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from segmentation.clustering.overlap import BEFORE
from segmentation.config import Config
from segmentation.features.joining import key_text
from segmentation.model.fitted import ModelSegment
from segmentation.model.spark_columns import ASSIGNMENT, CLUSTER, ENTRIES, SQUARE, with_assignment
from segmentation.pipelines.as_before import AsBefore, reach
from segmentation.pipelines.description import BuiltSegments
from segmentation.pipelines.input import CheckedInput
from segmentation.pipelines.previous import PreviousRun
from segmentation.pipelines.refresh import Refreshed
from segmentation.pipelines.steps import Steps
from segmentation.schemas import KEY, SEGMENT, published_name, quoted
from segmentation.segments.labelled import (
    FRESH_SEGMENT,
    PREVIOUS_KEY,
    PREVIOUS_MODEL_KEY,
    PREVIOUS_VALUE,
)
from segmentation.segments.overlaps import Counts

ID = "__id_before"

HASHED_ROWS = 500_000
"""Customers of the previous run that one task of the join holds: some 50 MB."""


@dataclass(frozen=True)
class Followed:
    """The previous run's customers, to be found by their id.

    ``everyone`` has ``key`` and ``value`` of all, ``unique`` also the id ``ID`` of those whose id
    is on one row in both runs. ``id`` is today's id in the form of ``ID``, ``customers`` how many
    there were.
    """

    everyone: DataFrame
    unique: DataFrame
    id: Column
    customers: int

    def counts(self, assigned: DataFrame, *, keys: Sequence[str], clusters: int) -> Counts:
        """The customers of every previous key, by cluster; the last column has those who left.

        ``assigned`` are today's rows with their ``CLUSTER``. Starts a Spark job with a join.
        """
        today = assigned.select(self.id.alias("__id"), CLUSTER)
        both = self.unique.join(today, F.col(ID) == F.col("__id"), "left")
        found = both.groupBy("key", CLUSTER).count().collect()
        counts = np.zeros((len(keys), clusters + 1), dtype=np.int64)
        for row in found:
            column = clusters if row[CLUSTER] is None else row[CLUSTER]
            counts[keys.index(row.key), column] += row["count"]
        return counts


@dataclass(frozen=True)
class Ids:
    """How today's customers are identified: the id's name in the input, and its column.

    ``value`` is the published column of the value feature; ``repeated`` is how many ids are on
    more than one row.
    """

    name: str
    column: str
    value: str | None
    repeated: int

    @classmethod
    def of(cls, checked: CheckedInput, config: Config) -> Self | None:
        """Those of a run's input, None where it has no ids."""
        name, value = config.input.customer_id, config.value_feature
        if name is None:
            return None
        return cls(name, name, value and published_name(value), checked.repeated_ids)


def follow(
    previous: PreviousRun | None, today: DataFrame, ids: Ids | None, *, steps: Steps
) -> Followed | None:
    """The previous run's customers, where both runs have the same kind of id. Mostly lazy.

    An id that occurs on more than one row in one of the runs is not followed.
    """
    if previous is None or ids is None:
        return None
    before = previous.run.config.get("input", {}).get("customer_id")
    if before != ids.name:
        steps.warn(
            f"customers are not followed from run {previous.name}: its input.customer_id is "
            f"{before!r}, now {ids.name!r}"
        )
        return None
    customers, name = previous.reader.customers(today.sparkSession), published_name(before)
    is_alike = customers.schema[name].dataType == today.schema[ids.column].dataType
    old_id = F.col(quoted(name)) if is_alike else key_text(customers, name)
    new_id = F.col(quoted(ids.column)) if is_alike else key_text(today, ids.column)
    value = F.lit(None) if ids.value not in customers.columns else F.col(quoted(str(ids.value)))
    key = F.col(KEY) if KEY in customers.columns else _key_of(F.col(SEGMENT))
    rows = customers.select(old_id.alias(ID), key.alias("key"), value.cast("double").alias("value"))
    unique = rows.where(F.col(ID).isNotNull())
    if previous.refresh.repeated_ids != 0:
        first = [F.first(column).alias(column) for column in ("key", "value")]
        counted = unique.groupBy(ID).agg(F.count(F.lit(1)).alias("rows"), *first)
        unique = counted.where("rows = 1").drop("rows")
    if ids.repeated:
        repeated = today.groupBy(new_id.alias("__id")).count().where("count > 1")
        unique = unique.join(repeated, F.col(ID) == F.col("__id"), "left_anti")
    return Followed(rows.select("key", "value"), unique, new_id, previous.run.labelled)


def assigned_customers(
    refreshed: Refreshed,
    built: BuiltSegments,
    before: AsBefore | None,
    followed: Followed | None,
) -> DataFrame:
    """Every customer's segment, and what the previous run and its model say of it. Lazy."""
    customers = refreshed.prepared.customers
    rows = _with_fresh_segment(refreshed, before)
    if before is not None and not refreshed.is_kept:
        entries = BEFORE if refreshed.is_fresh else ENTRIES
        rows = with_previous_model_key(rows, before, entries=entries)
    assigned = with_assignment(rows, customers.layout, built.rule)
    if before is None:
        assigned = assigned.withColumn(PREVIOUS_MODEL_KEY, F.lit(None).cast("string"))
    elif refreshed.is_kept:
        model_key = _key_in_reach(built.of_model, bits=customers.bits)
        assigned = assigned.withColumn(PREVIOUS_MODEL_KEY, model_key)
    return with_previous(assigned, followed)


def with_previous(rows: DataFrame, followed: Followed | None) -> DataFrame:
    """The rows with the customer's key and value in the previous run; null for a new one. Lazy."""
    if followed is None:
        text, number = F.lit(None).cast("string"), F.lit(None).cast("double")
        return rows.withColumns({PREVIOUS_KEY: text, PREVIOUS_VALUE: number})
    known = followed.unique.select(
        ID, F.col("key").alias(PREVIOUS_KEY), F.col("value").alias(PREVIOUS_VALUE)
    )
    if followed.customers > HASHED_ROWS:
        # A hash table per task spares the sort of all rows with all their columns.
        shuffled = int(rows.sparkSession.conf.get("spark.sql.shuffle.partitions") or 1)
        tasks = max(shuffled, -(-followed.customers // HASHED_ROWS))
        known = known.repartition(tasks, ID).hint("shuffle_hash")
    return rows.join(known, followed.id == F.col(ID), "left").drop(ID)


def _with_fresh_segment(refreshed: Refreshed, before: AsBefore | None) -> DataFrame:
    """The prepared rows with the cluster of the fresh model that a combined one was made with."""
    fresh = refreshed.blended
    if fresh is None or before is None:
        own = refreshed.prepared.customers.rows
        rows = before.rows if before is not None and refreshed.is_fresh else own
        return rows.withColumn(FRESH_SEGMENT, F.lit(None).cast("int"))
    found = with_assignment(before.rows, fresh.layout, fresh.rule)
    named = found.withColumn(FRESH_SEGMENT, F.col(CLUSTER)).drop(*ASSIGNMENT, ENTRIES)
    return named.withColumnRenamed(BEFORE, ENTRIES)


def with_previous_model_key(rows: DataFrame, before: AsBefore, *, entries: str) -> DataFrame:
    """The rows with the key that the previous run's model gives them, null out of its reach.

    ``entries`` is the column of the entries on that model's grid; another one than ``ENTRIES`` is
    dropped.
    """
    own = "__own_entries"
    if entries != ENTRIES:
        rows = rows.withColumnsRenamed({ENTRIES: own, entries: ENTRIES})
    nearest = with_assignment(rows, before.preparation.layout, before.previous.model.rule)
    model_key = _key_in_reach(before.previous.model.segments, bits=before.preparation.bits)
    found = nearest.withColumn(PREVIOUS_MODEL_KEY, model_key).drop(*ASSIGNMENT)
    return found.drop(ENTRIES).withColumnRenamed(own, ENTRIES) if entries != ENTRIES else found


def _key_in_reach(segments: Sequence[ModelSegment], *, bits: int) -> Column:
    """The key of the nearest of a model's segments, null where the customer is beyond its reach."""
    keys = F.array(*[F.lit(each.key) for each in segments])
    limits = F.array(*[F.lit(reach(each, bits=bits) ** 2) for each in segments])
    place = F.col(CLUSTER) + 1
    return F.when(F.col(SQUARE) <= F.element_at(limits, place), F.element_at(keys, place))


def _key_of(segment: Column) -> Column:
    """The key of a segment of a run that was published before there were keys."""
    return F.concat(F.lit("s"), (segment + 1).cast("string"))
