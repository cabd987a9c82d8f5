"""The contract: every input row is usable or rejected with a reason, and each is counted."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from hashlib import sha256

from pyspark.sql import Column, DataFrame, Row
from pyspark.sql import functions as F
from pyspark.sql import types as T

from segmentation.errors import DataError, first_of
from segmentation.features.decimals import AS_READ, as_read
from segmentation.features.examples import REJECTION as REJECTION
from segmentation.features.examples import Examples, examples
from segmentation.features.examples import in_words as examples_in_words
from segmentation.features.rejection import BROKEN, hashable, own_fields
from segmentation.features.rejection import with_rejection as with_rejection
from segmentation.features.wide_audit import groups_and_ranges
from segmentation.model.expressions import Text
from segmentation.model.features import Feature, raw_number
from segmentation.model.spark_columns import spark_column
from segmentation.results import Rejection
from segmentation.schemas import MALFORMED, quoted

MAX_AGGREGATED = 32
"""Ranges of more numbers than this are computed in numpy: Spark's own aggregates take longer to
plan and compile than these take to read 20,000 rows."""


def is_wide(features: Sequence[Feature]) -> bool:
    """Whether there are so many features that work per column is saved where it can be."""
    return len(features) > MAX_AGGREGATED


@dataclass(frozen=True)
class Range:
    """The smallest and largest value of a feature over the usable rows, original units."""

    low: float
    high: float


@dataclass(frozen=True)
class Audit:
    """The result of one reading of the input; ``ranges`` has a range for every feature."""

    rows: int
    usable: int
    rejections: tuple[Rejection, ...]
    ranges: Mapping[str, Range]
    fingerprint: str
    examples: Examples = field(default_factory=dict)


def types_of(customers: DataFrame) -> dict[str, T.DataType]:
    """The type of every column, by name."""
    return {field.name: field.dataType for field in customers.schema.fields}


def usable(audited: DataFrame) -> DataFrame:
    """The usable rows, without the audit's own columns."""
    return audited.where(F.col(BROKEN).isNull()).drop(BROKEN, REJECTION, MALFORMED, AS_READ)


def rejected(audited: DataFrame) -> DataFrame:
    """The rejected rows, with the rejection struct."""
    return as_read(audited.where(F.col(BROKEN).isNotNull()).drop(BROKEN, MALFORMED))


def identity(features: Sequence[Feature], *, customer_id: str | None) -> list[Column]:
    """What distinguishes customers: the values of the features, and the id if there is one.

    Ordered by feature name, so that the result depends neither on column types nor on the order in
    which features are listed.
    """
    values = {
        each.name: Text(each.name) if each.kind == "categorical" else raw_number(each)
        for each in features
    }
    found = [spark_column(values[name]) for name in sorted(values)]
    if customer_id is not None:
        key = spark_column(Text(customer_id))
        # pandas writes integers as doubles if one is missing.
        found.append(F.when(key.endswith(".0"), F.left(key, F.length(key) - 2)).otherwise(key))
    return found


def audit(audited: DataFrame, *, features: Sequence[Feature]) -> Audit:
    """Counts, reasons, ranges and fingerprint of an audited table; reads it once.

    Ranges are those of numeric ``features``. The fingerprint does not depend on the order of rows:
    it is two sums over their hashes.

    Raises
    ------
    DataError
        If there is no row, or no usable one.
    """
    numbers = {e.name: spark_column(raw_number(e)) for e in features if e.kind != "categorical"}
    if len(numbers) > MAX_AGGREGATED:
        row_hash = F.xxhash64(*hashable(audited))
        groups, ends = groups_and_ranges(audited, list(numbers.values()), row_hash=row_hash)
    else:
        groups = by_reason(audited, _ranges(list(numbers.values())))
        kept = next((group for group in groups if group[REJECTION] is None), None)
        ends = [(kept[f"low_{j}"], kept[f"high_{j}"]) for j in range(len(numbers))] if kept else []
    rows = sum(group.rows for group in groups)
    if rows == 0:
        raise DataError("the input has no rows: input.path leads to a table without customers")
    rejections = reasons(groups)
    shown = examples(audited, rejections, rows=rows, columns=list(numbers))
    usable = rows - sum(each.rows for each in rejections)
    if not usable:
        raise DataError(
            f"none of the {rows:,} input rows is usable ({_with_examples(rejections, shown)}): "
            "see features, input.options and input.duplicates"
        )
    found = {name: Range(*each) for name, each in zip(numbers, ends, strict=True)}
    return Audit(rows, usable, rejections, found, fingerprint(audited, groups), shown)


def _ranges(numbers: Sequence[Column]) -> list[Column]:
    """The aggregates ``low_0``, ``high_0``, ``low_1``..."""
    return [
        bound
        for j, number in enumerate(numbers)
        for bound in (F.min(number).alias(f"low_{j}"), F.max(number).alias(f"high_{j}"))
    ]


def by_reason(audited: DataFrame, aggregates: Sequence[Column]) -> list[Row]:
    """Rows, two sums of hashes and the aggregates of every reason; reads the table once."""
    row_hash = F.xxhash64(*hashable(audited))
    return (
        audited.withColumn("__hash", row_hash)
        .groupBy(REJECTION)
        .agg(
            F.count(F.lit(1)).alias("rows"),
            F.sum(F.col("__hash").bitwiseAND(0xFFFFFFFF)).alias("hash_low"),
            F.sum(F.shiftrightunsigned("__hash", 32)).alias("hash_high"),
            *aggregates,
        )
        .collect()
    )


def check_share(audit: Audit, *, min_usable: float) -> None:
    """Check that enough rows are usable.

    Raises
    ------
    DataError
        If the usable share is below ``min_usable``; lists the reasons of the others.
    """
    share = audit.usable / audit.rows
    if share < min_usable:
        raise DataError(
            f"{share:.1%} of the {audit.rows:,} input rows are usable, input.min_usable requires "
            f"{min_usable:.1%}; rejected: {_with_examples(audit.rejections, audit.examples)}"
        )


def duplicates(usable: DataFrame, *, customer_id: str) -> tuple[int, int]:
    """How many ids occur on more than one row, and on how many rows; costs a shuffle of ids.

    Integers are first grouped by 64, each one bit of a word: dense ids, as assigned by databases,
    then need a 64th of the shuffle, and usually none is repeated.
    """
    if isinstance(usable.schema[customer_id].dataType, T.IntegralType):
        number = F.col(quoted(customer_id)).cast("bigint")
        bit = F.call_function(
            "shiftleft", F.lit(1).cast("bigint"), number.bitwiseAND(63).cast("int")
        )
        words = usable.groupBy(F.shiftright(number, 6)).agg(
            F.count(F.lit(1)).alias("rows"), F.bit_count(F.bit_or(bit)).alias("ids")
        )
        if words.where("rows > ids").isEmpty():
            return 0, 0
    repeated = usable.groupBy(F.col(quoted(customer_id))).count().where("count > 1")
    found = repeated.agg(F.count(F.lit(1)).alias("ids"), F.sum("count").alias("rows")).collect()[0]
    return found.ids, found.rows or 0


def in_words(rejections: Sequence[Rejection]) -> str:
    """Reasons and counts, the most frequent first: ``3 null in 'age', 1 malformed``."""
    return first_of(
        [f"{r.rows:,} {r.reason}" + (f" in {r.column!r}" if r.column else "") for r in rejections]
    )


def _with_examples(rejections: Sequence[Rejection], shown: Examples) -> str:
    said = examples_in_words(shown)
    return in_words(rejections) + (f"; {said}" if said else "")


def reasons(groups: Sequence[Row]) -> tuple[Rejection, ...]:
    """The number of rejected rows by reason, most frequent first."""
    found = [
        Rejection(group[REJECTION].reason, group[REJECTION].reason_column, group.rows)
        for group in groups
        if group[REJECTION] is not None
    ]
    return tuple(sorted(found, key=lambda r: (-r.rows, r.reason, r.column or "")))


def fingerprint(audited: DataFrame, groups: Sequence[Row]) -> str:
    """A hash of a table's schema and rows, from the groups of :func:`by_reason`."""
    rows = sum(group.rows for group in groups)
    columns = [(field.name, _type(field)) for field in own_fields(audited)]
    low = sum(group.hash_low for group in groups)
    high = sum(group.hash_high for group in groups)
    return sha256(repr((columns, rows, low, high)).encode()).hexdigest()[:16]


def _type(field: T.StructField) -> str:
    return field.dataType.simpleString()
