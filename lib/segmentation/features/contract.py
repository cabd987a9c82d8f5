"""The contract: every input row is usable or rejected with a reason, and each is counted."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from hashlib import sha256

from pyspark.sql import Column, DataFrame, Row, Window
from pyspark.sql import functions as F
from pyspark.sql import types as T

from segmentation.config import Input
from segmentation.errors import DataError, first_of
from segmentation.features.decimals import AS_READ, as_read
from segmentation.features.examples import REJECTION as REJECTION
from segmentation.features.examples import Examples, examples
from segmentation.features.examples import in_words as examples_in_words
from segmentation.model.expressions import IsBlank, Text
from segmentation.model.features import Feature, Rule, raw_number, rules
from segmentation.model.spark_columns import spark_column
from segmentation.results import Rejection
from segmentation.schemas import MALFORMED, quoted


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


def with_rejection(
    customers: DataFrame,
    *,
    input: Input,
    features: Sequence[Feature],
    customer_rules: Sequence[Rule] = (),
) -> DataFrame:
    """The table plus a struct ``(reason, reason_column)``, null where the row is usable.

    The first rule that a row breaks is its reason; ``customer_rules`` come before those
    of the features. With ``duplicates = "reject"`` every row of a repeated customer id is rejected,
    because there is no basis for preferring one; that costs a shuffle.
    """
    broken: list[Column] = []
    if MALFORMED in customers.columns:
        broken.append(rejected_if("malformed", None, F.col(MALFORMED).isNotNull()))
    if input.customer_id is not None:
        has_no_id = spark_column(IsBlank(input.customer_id))
        broken.append(rejected_if("null", input.customer_id, has_no_id))
    for rule in [*customer_rules, *(rule for feature in features for rule in rules(feature))]:
        reason, column, condition = rule
        broken.append(rejected_if(reason, column, spark_column(condition)))
    if input.customer_id is not None and input.duplicates == "reject":
        # Rows without an id would all go to one task: each gets a partition of its own.
        without_id = F.when(has_no_id, F.xxhash64(*_hashable(customers)))
        same_id = Window.partitionBy(F.col(quoted(input.customer_id)), without_id)
        is_repeated = F.count(F.lit(1)).over(same_id) > 1
        broken.append(rejected_if("duplicate_id", input.customer_id, is_repeated))
    return customers.withColumn(REJECTION, F.coalesce(*broken))


def types_of(customers: DataFrame) -> dict[str, T.DataType]:
    """The type of every column, by name."""
    return {field.name: field.dataType for field in customers.schema.fields}


def rejected_if(reason: str, column: str | None, condition: Column) -> Column:
    """The struct ``(reason, reason_column)`` where the condition holds, else null."""
    verdict = F.struct(
        F.lit(reason).alias("reason"), F.lit(column).cast("string").alias("reason_column")
    )
    return F.when(condition, verdict)


def usable(audited: DataFrame) -> DataFrame:
    """The usable rows, without the audit's own columns."""
    return audited.where(F.col(REJECTION).isNull()).drop(REJECTION, MALFORMED, AS_READ)


def rejected(audited: DataFrame) -> DataFrame:
    """The rejected rows, with the rejection struct."""
    return as_read(audited.where(F.col(REJECTION).isNotNull()).drop(MALFORMED))


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
    ranges = [
        bound
        for j, number in enumerate(numbers.values())
        for bound in (F.min(number).alias(f"low_{j}"), F.max(number).alias(f"high_{j}"))
    ]
    groups = by_reason(audited, ranges)
    rows = sum(group.rows for group in groups)
    if rows == 0:
        raise DataError("the input has no rows: input.path leads to a table without customers")
    rejections = reasons(groups)
    shown = examples(audited, rejections, rows=rows, columns=list(numbers))
    kept = next((group for group in groups if group[REJECTION] is None), None)
    if kept is None:
        raise DataError(
            f"none of the {rows:,} input rows is usable ({_with_examples(rejections, shown)}): "
            "see features, input.options and input.duplicates"
        )
    found = {name: Range(kept[f"low_{j}"], kept[f"high_{j}"]) for j, name in enumerate(numbers)}
    return Audit(rows, kept.rows, rejections, found, fingerprint(audited, groups), shown)


def by_reason(audited: DataFrame, aggregates: Sequence[Column]) -> list[Row]:
    """Rows, two sums of hashes and the aggregates of every reason; reads the table once."""
    row_hash = F.xxhash64(*_hashable(audited))
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
    columns = [(field.name, _type(field)) for field in _own(audited)]
    low = sum(group.hash_low for group in groups)
    high = sum(group.hash_high for group in groups)
    return sha256(repr((columns, rows, low, high)).encode()).hexdigest()[:16]


def comparable(name: str, type_: T.DataType) -> Column:
    """The column, or its JSON where Spark cannot compare two values: maps and variants."""
    if any(kind in type_.simpleString() for kind in ("map<", "variant")):
        return F.to_json(F.struct(F.col(quoted(name))))
    return F.col(quoted(name))


def _hashable(audited: DataFrame) -> list[Column]:
    """Every input column in a form that Spark can hash."""
    return [comparable(field.name, field.dataType) for field in _own(audited)]


def _own(audited: DataFrame) -> list[T.StructField]:
    """The input's own columns, and the text of rows that could not be parsed."""
    return [
        field
        for field in audited.schema.fields
        if field.name == MALFORMED or not field.name.startswith("__") or field.name.endswith("__")
    ]


def _type(field: T.StructField) -> str:
    return field.dataType.simpleString()
