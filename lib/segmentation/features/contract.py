"""The contract: every input row is usable or rejected with a reason, and each is counted."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import reduce
from hashlib import sha256
from operator import or_

from pyspark.sql import Column, DataFrame, Row, Window
from pyspark.sql import functions as F
from pyspark.sql import types as T

from segmentation.config import Config, Feature, Features, Input
from segmentation.errors import DataError
from segmentation.results import Rejection
from segmentation.schemas import MALFORMED, quoted

REJECTION = "__rejection"
LARGEST = 1e100
"""Beyond this a square overflows a double; such a value is not an amount of anything."""

JAVA_ONLY_NUMBERS = r"(?i)x|[0-9.][df]\s*$"
"""Texts that Java reads as numbers and nobody else does: ``12d``, ``1f``, ``0x1p3``."""


@dataclass(frozen=True)
class Range:
    """The smallest and largest value of a feature over the usable rows, original units."""

    low: float
    high: float


@dataclass(frozen=True)
class Audit:
    """What one reading of the input found; ``ranges`` has a range for every feature."""

    rows: int
    usable: int
    rejections: tuple[Rejection, ...]
    ranges: Mapping[str, Range]
    fingerprint: str


def is_log(feature: Feature, features: Features) -> bool:
    """Whether a feature is transformed by the plain logarithm, which refuses negatives."""
    return transform_of(feature, features) == "log1p"


def transform_of(feature: Feature, features: Features) -> str:
    """``log1p``, ``signed`` or ``none``, the section's defaults applied."""
    transform = feature.transform or features.transform
    is_signed = transform == "log1p" and negative_of(feature, features) == "signed"
    return "signed" if is_signed else transform


def negative_of(feature: Feature, features: Features) -> str:
    """``reject``, ``clip`` or ``signed``, the section's default applied."""
    return feature.negative or features.negative


def number(name: str) -> str:
    """The SQL of a column as a double; null where it is no number."""
    return f"try_cast({quoted(name)} AS DOUBLE)"


def with_rejection(customers: DataFrame, *, input: Input, features: Features) -> DataFrame:
    """The table plus a struct ``(reason, reason_column)``, null where the row is usable.

    The first rule that a row breaks is its reason. With ``duplicates = "reject"`` every row
    of a repeated customer id is rejected, as none has a better claim; that costs a shuffle.
    """
    texts = {f.name for f in customers.schema.fields if isinstance(f.dataType, T.StringType)}
    rules: list[Column] = []
    if MALFORMED in customers.columns:
        rules.append(_rejected("malformed", None, F.col(MALFORMED).isNotNull()))
    if input.customer_id is not None:
        rules.append(_rejected("null", input.customer_id, _is_blank(input.customer_id, texts)))
    for feature in features.numeric:
        rules += _feature_rules(feature, features, is_text=feature.name in texts)
    if input.customer_id is not None and input.duplicates == "reject":
        same_id = Window.partitionBy(F.col(quoted(input.customer_id)))
        is_repeated = F.count(F.lit(1)).over(same_id) > 1
        rules.append(_rejected("duplicate_id", input.customer_id, is_repeated))
    return customers.withColumn(REJECTION, F.coalesce(*rules))


def usable(audited: DataFrame) -> DataFrame:
    """The rows that keep the contract, without the audit's own columns."""
    return audited.where(F.col(REJECTION).isNull()).drop(REJECTION, MALFORMED)


def rejected(audited: DataFrame) -> DataFrame:
    """The rows that break it, with the rejection struct."""
    return audited.where(F.col(REJECTION).isNotNull()).drop(MALFORMED)


def identity(customers: DataFrame, config: Config) -> list[str]:
    """The columns, quoted, that tell one customer from another: id and features, or all."""
    customer_id = config.input.customer_id
    names = [customer_id, *config.features.names] if customer_id else _hashable(customers)
    return [quoted(name) for name in names]


def audit(audited: DataFrame, *, features: Features) -> Audit:
    """Counts, reasons, ranges and fingerprint of an audited table; reads it once.

    The fingerprint depends on the rows and not on their order: two sums over a hash of each.

    Raises
    ------
    DataError
        If there is no row, or no usable one.
    """
    ranges = [
        bound
        for j, name in enumerate(features.names)
        for bound in (
            F.expr(f"min({number(name)})").alias(f"low_{j}"),
            F.expr(f"max({number(name)})").alias(f"high_{j}"),
        )
    ]
    row_hash = F.xxhash64(*[F.col(quoted(c)) for c in _hashable(audited)])
    groups = (
        audited.withColumn("__hash", row_hash)
        .groupBy(REJECTION)
        .agg(
            F.count(F.lit(1)).alias("rows"),
            F.sum(F.col("__hash").bitwiseAND(0xFFFFFFFF)).alias("hash_low"),
            F.sum(F.shiftrightunsigned("__hash", 32)).alias("hash_high"),
            *ranges,
        )
        .collect()
    )
    rows = sum(group.rows for group in groups)
    if rows == 0:
        raise DataError("the input has no rows: input.path leads to a table without customers")
    rejections = _rejections(groups)
    kept = next((group for group in groups if group[REJECTION] is None), None)
    if kept is None:
        raise DataError(
            f"none of the {rows:,} input rows is usable ({in_words(rejections)}): "
            "see features, input.options and input.duplicates"
        )
    found = {
        name: Range(kept[f"low_{j}"], kept[f"high_{j}"]) for j, name in enumerate(features.names)
    }
    fingerprint = _fingerprint(audited, groups, rows)
    return Audit(rows, kept.rows, rejections, found, fingerprint)


def check_share(audit: Audit, *, min_usable: float) -> None:
    """Whether enough of the rows are usable.

    Raises
    ------
    DataError
        If the usable share is below ``min_usable``; says which reasons took the rest.
    """
    share = audit.usable / audit.rows
    if share < min_usable:
        raise DataError(
            f"{share:.1%} of the {audit.rows:,} input rows are usable, input.min_usable asks for "
            f"{min_usable:.1%}; left out: {in_words(audit.rejections)}"
        )


def duplicates(usable: DataFrame, *, customer_id: str) -> tuple[int, int]:
    """How many ids stand on more than one row, and on how many rows; costs a shuffle of ids.

    Whole numbers are grouped by 64 at first, each a bit of a word: dense ids, as databases
    give them, then take a 64th of the shuffle, and mostly none is found to be repeated.
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
    return ", ".join(
        f"{r.rows:,} {r.reason}" + (f" in {r.column!r}" if r.column else "") for r in rejections
    )


def _feature_rules(feature: Feature, features: Features, *, is_text: bool) -> list[Column]:
    name, value = feature.name, F.expr(number(feature.name))
    rules = [_rejected("null", name, _is_blank(name, {name} if is_text else set()))]
    if is_text:
        is_no_number = value.isNull() | F.col(quoted(name)).rlike(JAVA_ONLY_NUMBERS)
        rules.append(_rejected("not_a_number", name, is_no_number))
    rules += [
        _rejected("nan", name, F.isnan(value)),
        _rejected("infinite", name, F.abs(value) == float("inf")),
        _rejected("too_large", name, F.abs(value) > LARGEST),
    ]
    if is_log(feature, features) and negative_of(feature, features) == "reject":
        rules.append(_rejected("negative", name, value < 0))
    return rules


def _rejected(reason: str, column: str | None, condition: Column) -> Column:
    verdict = F.struct(
        F.lit(reason).alias("reason"), F.lit(column).cast("string").alias("reason_column")
    )
    return F.when(condition, verdict)


def _is_blank(name: str, texts: set[str]) -> Column:
    column = F.col(quoted(name))
    conditions = [column.isNull()]
    if name in texts:
        conditions.append(F.trim(column) == "")
    return reduce(or_, conditions)


def _hashable(audited: DataFrame) -> list[str]:
    """Every column of the input that Spark can hash: it refuses maps and variants."""
    return [
        field.name
        for field in audited.schema.fields
        if field.name != REJECTION
        and not any(unhashable in _type(field) for unhashable in ("map<", "variant"))
    ]


def _type(field: T.StructField) -> str:
    return field.dataType.simpleString()


def _rejections(groups: Sequence[Row]) -> tuple[Rejection, ...]:
    found = [
        Rejection(group[REJECTION].reason, group[REJECTION].reason_column, group.rows)
        for group in groups
        if group[REJECTION] is not None
    ]
    return tuple(sorted(found, key=lambda r: (-r.rows, r.reason, r.column or "")))


def _fingerprint(audited: DataFrame, groups: Sequence[Row], rows: int) -> str:
    columns = [(f.name, _type(f)) for f in audited.schema.fields if f.name != REJECTION]
    low = sum(group.hash_low for group in groups)
    high = sum(group.hash_high for group in groups)
    return sha256(repr((columns, rows, low, high)).encode()).hexdigest()[:16]
