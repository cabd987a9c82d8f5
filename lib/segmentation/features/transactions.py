"""Transactions: every line counts or is excluded with a reason.

Amounts and quantities become whole ten-thousandths, so that sums do not depend on the order of
lines or on how an order is split into lines. Days are those of the calendar
at ``transactions.timezone``.
"""

from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta

from pyspark.sql import Column, DataFrame, SparkSession, Window
from pyspark.sql import functions as F

from segmentation.config import Returns, Transactions
from segmentation.errors import DataError
from segmentation.features.as_of import doubt_about, lines_per_day
from segmentation.features.contract import (
    REJECTION,
    by_reason,
    fingerprint,
    in_words,
    reasons,
    types_of,
)
from segmentation.features.decimals import as_read
from segmentation.features.examples import Examples, examples
from segmentation.features.examples import in_words as examples_in_words
from segmentation.features.patterns import check_expression, check_patterns, check_zone
from segmentation.features.rejection import comparable, rejected_if
from segmentation.model.expressions import IsBlank, Number
from segmentation.model.features import numeric_rules
from segmentation.model.spark_columns import spark_column
from segmentation.model.spark_dates import day, moment
from segmentation.results import LineCounts
from segmentation.schemas import MALFORMED, quoted

NOT_A_PRODUCT = "not_a_product"
"""Lines of postage, fees etc. are excluded, but their customers are kept."""

UNIT = 10_000
"""Amounts and quantities are whole multiples of 1 / this."""

MAX_AMOUNT = 1e11
"""Beyond this a double cannot represent ten-thousandths."""

DAY, MOMENT, AMOUNT, UNITS, IS_RETURN = (
    "__day",
    "__moment",
    "__amount",
    "__units",
    "__is_return",
)
_OWN = (MALFORMED, DAY, MOMENT, AMOUNT, UNITS, IS_RETURN)


@dataclass(frozen=True)
class Lines:
    """The lines with their days, amounts and reasons, and their counts.

    ``doubt`` is a warning if ``as_of`` looks mistyped, else None.
    """

    table: DataFrame
    as_of: date
    counts: LineCounts
    doubt: str | None
    examples: Examples

    @property
    def excluded(self) -> DataFrame:
        """The excluded lines, with the reason but no other internal columns."""
        return as_read(self.table.where(F.col(REJECTION).isNotNull()).drop(*_OWN))


def check_settings(spark: SparkSession, transactions: Transactions) -> None:
    """Check the patterns of ``[transactions]`` with Spark.

    Raises
    ------
    ConfigError
        If it does not know the time zone, the date pattern or the regular expression.
    """
    check_zone(spark, "transactions.timezone", transactions.timezone)
    if transactions.timestamp_format is not None:
        check_patterns(spark, {"transactions.timestamp_format": transactions.timestamp_format})
    if transactions.product_pattern is not None:
        check_expression(spark, "transactions.product_pattern", transactions.product_pattern)


def with_reason(lines: DataFrame, *, transactions: Transactions) -> DataFrame:
    """The lines plus day, amount, units, whether a return, and ``(reason, reason_column)``.

    No line is excluded by its day yet, which needs ``as_of``. The amount and units of a return are
    negative, whatever their signs in the table. Dropping duplicates costs a shuffle of all columns.
    """
    types = types_of(lines)
    given = transactions
    numbers = [name for name in (given.amount, given.quantity, given.unit_price) if name]
    broken = []
    if MALFORMED in lines.columns:
        broken.append(rejected_if("malformed", None, F.col(MALFORMED).isNotNull()))
    for name in [given.customer, given.timestamp, *([given.order] if given.order else [])]:
        broken.append(rejected_if("null", name, spark_column(IsBlank(name))))
    for name in numbers:
        rules = (("null", IsBlank(name)), *numeric_rules(name, largest=MAX_AMOUNT))
        broken += [rejected_if(reason, name, spark_column(rule)) for reason, rule in rules]
    broken.append(rejected_if("not_a_date", given.timestamp, F.col(DAY).isNull()))
    if given.amount is None:
        broken.append(
            rejected_if("too_large", given.unit_price, F.abs(_amount(given)) > MAX_AMOUNT)
        )
    if given.product is not None and given.product_pattern is not None:
        is_product = F.col(quoted(given.product)).cast("string").rlike(given.product_pattern)
        broken.append(
            rejected_if(NOT_A_PRODUCT, given.product, ~F.coalesce(is_product, F.lit(False)))
        )
    name, format_ = given.timestamp, given.timestamp_format
    type_ = types[name].simpleString()
    timed = lines.withColumns(
        {
            DAY: F.expr(day(name, type_, format=format_, zone=given.timezone)),
            MOMENT: F.expr(moment(name, type_, format=format_, zone=given.timezone)),
        }
    )
    reasoned = timed.withColumn(REJECTION, F.coalesce(*broken))
    if given.duplicates == "drop":
        copies = Window.partitionBy(*[comparable(name, types[name]) for name in lines.columns])
        is_copy = F.row_number().over(copies.orderBy(F.lit(0))) > 1
        copied = rejected_if("duplicate_line", None, is_copy)
        reasoned = reasoned.withColumn(REJECTION, F.coalesce(REJECTION, copied))
    is_return = _is_return(given)
    units = spark_column(Number(given.quantity)) if given.quantity else F.lit(0.0)
    return reasoned.withColumns(
        {
            AMOUNT: _signed(_whole(_amount(given)), is_return),
            UNITS: _signed(_whole(units), is_return),
            IS_RETURN: is_return,
        }
    )


def in_time(lines: DataFrame, *, transactions: Transactions) -> Lines:
    """The lines of :func:`with_reason`, also excluded by day, and counted.

    The default of ``as_of`` is the last day of any counted line. Reads the lines once, or twice
    without ``as_of``, which then collects the number of lines per day.

    Raises
    ------
    DataError
        If every line is excluded.
    """
    given = transactions
    as_of, days = given.as_of, []
    if as_of is None:
        days = lines_per_day(lines.where(F.col(REJECTION).isNull()), day=DAY)
        as_of = days[-1][0] if days else None
    late = [] if as_of is None else [_reject(given, "after_as_of", F.col(DAY) > F.lit(as_of))]
    if as_of is not None and given.window_days is not None:
        first = as_of - timedelta(days=given.window_days)
        late.append(_reject(given, "before_window", F.col(DAY) <= F.lit(first)))
    # A line outside the period is ignored for a customer, whether of a product or not.
    order = [F.when(F.col(REJECTION)["reason"] != NOT_A_PRODUCT, F.col(REJECTION)), *late]
    timed = lines.withColumn(REJECTION, F.coalesce(*order, REJECTION))
    # as text: excluded lines may have years beyond the range of Python dates
    span = [F.min(DAY).cast("string").alias("first"), F.max(DAY).cast("string").alias("last")]
    groups = by_reason(timed, [F.count_if(IS_RETURN).alias("returns"), *span])
    kept = [group for group in groups if group[REJECTION] is None]
    returns = sum(group.returns for group in kept)
    rows = sum(group.rows for group in groups)
    excluded = reasons(groups)
    counted = rows - sum(each.rows for each in excluded)
    if rows == 0:
        raise DataError("the input has no rows: input.path leads to a table without transactions")
    numbers = [name for name in (given.amount, given.quantity, given.unit_price) if name]
    shown = examples(timed, excluded, rows=rows, columns=[*numbers, given.timestamp])
    if not counted or as_of is None:
        said = f"; {examples_in_words(shown)}" if shown else ""
        raise DataError(
            f"all of the {rows:,} lines were excluded ({in_words(excluded)}): see "
            f"transactions and input.options{said}"
        )
    counts = LineCounts(
        rows,
        counted,
        returns,
        excluded,
        as_of.isoformat(),
        fingerprint(timed, groups),
        first_day=kept[0].first,
        last_day=kept[0].last,
    )
    doubt = doubt_about(as_of, days, today=datetime.now(UTC).date())
    return Lines(timed, as_of, counts, doubt, shown)


def _amount(given: Transactions) -> Column:
    if given.amount is not None:
        return spark_column(Number(given.amount))
    if given.quantity is None or given.unit_price is None:
        raise ValueError("an amount, or quantity and unit price, are needed")
    return spark_column(Number(given.quantity)) * spark_column(Number(given.unit_price))


def _whole(value: Column) -> Column:
    """The nearest whole number of units; 0 if out of range, as such lines are excluded."""
    is_near = F.abs(value) <= MAX_AMOUNT
    return F.when(is_near, F.rint(value * UNIT).cast("bigint")).otherwise(F.lit(0))


def _signed(size: Column, is_return: Column) -> Column:
    """Negative for a return, whichever of its numbers carries a sign in the table."""
    return F.when(is_return, -F.abs(size)).otherwise(size)


def _is_return(given: Transactions) -> Column:
    is_negative = _amount(given) < 0
    if given.quantity is not None:
        is_negative = is_negative | (spark_column(Number(given.quantity)) < 0)
    if isinstance(given.returns, Returns):
        column = F.col(quoted(given.returns.column)).cast("string")
        is_negative = is_negative | column.startswith(given.returns.prefix)
    return F.coalesce(is_negative, F.lit(False))


def _reject(given: Transactions, reason: str, condition: Column) -> Column:
    return rejected_if(reason, given.timestamp, condition)
