"""Transactions: every line counts or is excluded with a reason; customers are made of the others.

Amounts and quantities become whole ten-thousandths, so that sums do not depend on the order of
lines: one order's amount split over two lines is the same amount. Days are those of the calendar
at ``transactions.timezone``.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta

from pyspark.sql import Column, DataFrame, SparkSession, Window
from pyspark.sql import functions as F
from pyspark.sql import types as T

from segmentation.config import Returns, Transactions
from segmentation.errors import DataError
from segmentation.features.as_of import doubt_about, lines_per_day
from segmentation.features.contract import (
    REJECTION,
    Rule,
    by_reason,
    fingerprint,
    in_words,
    reasons,
    rejected_if,
    types_of,
)
from segmentation.features.days import check_expression, check_patterns, check_zone, day, moment
from segmentation.features.decimals import as_read
from segmentation.features.examples import Examples, examples
from segmentation.features.examples import in_words as examples_in_words
from segmentation.features.measures import is_blank, number, numeric_rules
from segmentation.results import LineCounts
from segmentation.schemas import MALFORMED, quoted

NOT_A_PRODUCT = "not_a_product"
"""Lines of postage, fees and the like count for nothing, but the customer is one."""

UNIT = 10_000
"""Amounts and quantities are whole numbers of this part of one."""

LARGEST_AMOUNT = 1e11
"""Beyond this a double cannot tell ten-thousandths apart."""

CUSTOMER_RULES: tuple[Rule, ...] = (
    ("no_purchase", "frequency", "`frequency` = 0"),
    ("no_net_spend", "monetary", "`monetary` <= 0"),
)
"""Customers that no segment is for: with nothing bought; with returns that outweigh it."""

_DAY, _MOMENT, _AMOUNT, _UNITS, _IS_RETURN = (
    "__day",
    "__moment",
    "__amount",
    "__units",
    "__is_return",
)
_OWN = (MALFORMED, _DAY, _MOMENT, _AMOUNT, _UNITS, _IS_RETURN)


@dataclass(frozen=True)
class Lines:
    """The lines with their days, amounts and reasons, and what was counted of them.

    ``doubt`` is what makes ``as_of`` look mistyped, None where nothing does.
    """

    table: DataFrame
    as_of: date
    counts: LineCounts
    doubt: str | None
    examples: Examples

    @property
    def left_out(self) -> DataFrame:
        """Those that are excluded, without the job's own columns but the reason."""
        return as_read(self.table.where(F.col(REJECTION).isNotNull()).drop(*_OWN))


def check_settings(spark: SparkSession, transactions: Transactions) -> None:
    """Whether Spark can read the patterns of ``[transactions]``.

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

    No line is excluded for its day yet: that takes ``as_of``. The amount and units of a return are
    negative, however the table writes them. Dropping duplicates costs a shuffle of all columns.
    """
    types = types_of(lines)
    given = transactions
    numbers = [name for name in (given.amount, given.quantity, given.unit_price) if name]
    broken = []
    if MALFORMED in lines.columns:
        broken.append(rejected_if("malformed", None, F.col(MALFORMED).isNotNull()))
    for name in [given.customer, given.timestamp, *([given.order] if given.order else [])]:
        broken.append(rejected_if("null", name, F.expr(is_blank(name))))
    for name in numbers:
        rules = numeric_rules(name, largest=LARGEST_AMOUNT)
        rules = [("null", is_blank(name)), *rules]
        broken += [rejected_if(why, name, F.expr(sql)) for why, sql in rules]
    broken.append(rejected_if("not_a_date", given.timestamp, F.col(_DAY).isNull()))
    if given.amount is None:
        broken.append(
            rejected_if("too_large", given.unit_price, F.abs(_amount(given)) > LARGEST_AMOUNT)
        )
    if given.product is not None and given.product_pattern is not None:
        is_product = F.col(quoted(given.product)).cast("string").rlike(given.product_pattern)
        broken.append(
            rejected_if(NOT_A_PRODUCT, given.product, ~F.coalesce(is_product, F.lit(False)))
        )
    name, type_, format_ = given.timestamp, types[given.timestamp], given.timestamp_format
    timed = lines.withColumns(
        {
            _DAY: F.expr(day(name, type_, format=format_, zone=given.timezone)),
            _MOMENT: F.expr(moment(name, type_, format=format_, zone=given.timezone)),
        }
    )
    reasoned = timed.withColumn(REJECTION, F.coalesce(*broken))
    if given.duplicates == "drop":
        copies = Window.partitionBy(*[_comparable(name, types[name]) for name in lines.columns])
        is_copy = F.row_number().over(copies.orderBy(F.lit(0))) > 1
        copied = rejected_if("duplicate_line", None, is_copy)
        reasoned = reasoned.withColumn(REJECTION, F.coalesce(REJECTION, copied))
    is_return = _is_return(given)
    units = F.expr(number(given.quantity)) if given.quantity else F.lit(0.0)
    return reasoned.withColumns(
        {
            _AMOUNT: _signed(_whole(_amount(given)), is_return),
            _UNITS: _signed(_whole(units), is_return),
            _IS_RETURN: is_return,
        }
    )


def in_time(lines: DataFrame, *, transactions: Transactions) -> Lines:
    """The lines of :func:`with_reason` with those outside the time excluded too, and counted.

    ``as_of`` is the last day of any line that counts where it is not configured. Reads the
    lines once, or twice without ``as_of``, which then collects how many lines each day has.

    Raises
    ------
    DataError
        If no line counts.
    """
    given = transactions
    as_of, days = given.as_of, []
    if as_of is None:
        days = lines_per_day(lines.where(F.col(REJECTION).isNull()), day=_DAY)
        as_of = days[-1][0] if days else None
    late = [] if as_of is None else [_reject(given, "after_as_of", F.col(_DAY) > F.lit(as_of))]
    if as_of is not None and given.window_days is not None:
        first = as_of - timedelta(days=given.window_days)
        late.append(_reject(given, "before_window", F.col(_DAY) <= F.lit(first)))
    # A product or not, a line outside the time is no sign of a customer.
    order = [F.when(F.col(REJECTION)["reason"] != NOT_A_PRODUCT, F.col(REJECTION)), *late]
    timed = lines.withColumn(REJECTION, F.coalesce(*order, REJECTION))
    # as text: what is excluded may lie in a year that Python's dates do not reach
    span = [F.min(_DAY).cast("string").alias("first"), F.max(_DAY).cast("string").alias("last")]
    groups = by_reason(timed, [F.count_if(_IS_RETURN).alias("returns"), *span])
    kept = [group for group in groups if group[REJECTION] is None]
    returns = sum(group.returns for group in kept)
    rows = sum(group.rows for group in groups)
    left_out = reasons(groups)
    counted = rows - sum(each.rows for each in left_out)
    if rows == 0:
        raise DataError("the input has no rows: input.path leads to a table without transactions")
    numbers = [name for name in (given.amount, given.quantity, given.unit_price) if name]
    shown = examples(timed, left_out, rows=rows, columns=[*numbers, given.timestamp])
    if not counted or as_of is None:
        said = f"; {examples_in_words(shown)}" if shown else ""
        raise DataError(
            f"all of the {rows:,} lines were excluded ({in_words(left_out)}{said}): see "
            "transactions and input.options"
        )
    counts = LineCounts(
        rows,
        counted,
        returns,
        left_out,
        as_of.isoformat(),
        fingerprint(timed, groups),
        first_day=kept[0].first,
        last_day=kept[0].last,
    )
    doubt = doubt_about(as_of, days, today=datetime.now(UTC).date())
    return Lines(timed, as_of, counts, doubt, shown)


def customers_of(lines: Lines, *, transactions: Transactions) -> DataFrame:
    """One row per customer: the id, features, attributes, and first and last purchase.

    One grouped scan. A purchase is a line that counts and is no return; an order has one
    purchase at least. Customers with lines of no product only have no purchase.

    ``recency_days`` and ``tenure_days`` are days from the last and first purchase to
    ``as_of``, ``frequency`` is the number of orders, or of purchases where no column tells
    orders apart, ``monetary`` the amount of purchases less that of returns,
    ``average_order_value`` their ratio, ``days_between_orders`` the mean, null for one order,
    ``return_rate`` the returned part of the amount purchased, ``units`` the quantity net of
    returns, ``distinct_products`` and ``category_spread`` how many different ones were bought.
    Attributes are those of the customer's latest line; see :func:`_latest`.
    """
    given = transactions
    is_counted = F.col(REJECTION).isNull()
    is_purchase = is_counted & ~F.col(_IS_RETURN)
    gross = F.try_sum(F.when(is_purchase, F.col(_AMOUNT)).otherwise(F.lit(0)))
    net = F.try_sum(F.when(is_counted, F.col(_AMOUNT)).otherwise(F.lit(0)))
    aggregates = {
        "first_purchase": F.min(F.when(is_purchase, F.col(_DAY))),
        "last_purchase": F.max(F.when(is_purchase, F.col(_DAY))),
        "frequency": _orders(given, is_purchase),
        "__net": net,
        "__gross": gross,
    }
    if given.quantity is not None:
        units = F.try_sum(F.when(is_counted, F.col(_UNITS)).otherwise(F.lit(0)))
        aggregates["units"] = units / F.lit(float(UNIT))
    for name, column in (("distinct_products", given.product), ("category_spread", given.category)):
        if column is not None:
            aggregates[name] = F.count_distinct(F.when(is_purchase, F.col(quoted(column))))
    if given.attributes:
        aggregates["__latest"] = _latest(given, is_counted)
    takes_part = is_counted | (F.col(REJECTION)["reason"] == NOT_A_PRODUCT)
    found = (
        lines.table.where(takes_part)
        .groupBy(F.col(quoted(given.customer)))
        .agg(*[column.alias(name) for name, column in aggregates.items()])
    )
    as_of, frequency = F.lit(lines.as_of), F.col("frequency")
    several = F.when(frequency > 1, frequency - 1)
    features = {
        "recency_days": F.datediff(as_of, "last_purchase"),
        "frequency": frequency,
        "monetary": F.col("__net") / F.lit(float(UNIT)),
        "average_order_value": F.col("__net") / F.lit(float(UNIT)) / F.nullif(frequency, F.lit(0)),
        "tenure_days": F.datediff(as_of, "first_purchase"),
        "days_between_orders": F.datediff("last_purchase", "first_purchase") / several,
        "return_rate": 1 - F.col("__net") / F.nullif(F.col("__gross"), F.lit(0)),
    }
    computed = [name for name in given.features if name not in features]
    return found.select(
        F.col(quoted(given.customer)),
        *[column.alias(name) for name, column in features.items()],
        *computed,
        *[
            F.col("__latest")[f"attribute_{i}"].alias(name)
            for i, name in enumerate(given.attributes)
        ],
        "first_purchase",
        "last_purchase",
    )


def customer_rules(transactions: Transactions) -> Sequence[Rule]:
    """The rules that reject customers without a purchase, or without net spend."""
    return CUSTOMER_RULES if transactions.net_spend == "positive" else CUSTOMER_RULES[:1]


def _latest(given: Transactions, is_counted: Column) -> Column:
    """The attributes on the latest line: by the clock, then by the order's number.

    A line that counts comes before any of postage and the like. Of lines alike in all of that the
    attributes' hash decides: no value wins by its place in the alphabet, and none by chance.
    """
    ranks = [is_counted, F.col(_MOMENT)]
    if given.order is not None:
        order = F.col(quoted(given.order)).cast("string")
        ranks += [order.try_cast("decimal(38, 0)"), order]  # 10 comes after 9
    attributes = [F.col(quoted(name)) for name in given.attributes]
    ranks.append(F.xxhash64(*[each.cast("string") for each in attributes]))
    ranked = [rank.alias(f"rank_{i}") for i, rank in enumerate(ranks)]
    named = [each.alias(f"attribute_{i}") for i, each in enumerate(attributes)]
    return F.max(F.struct(*ranked, *named))


def _orders(given: Transactions, is_purchase: Column) -> Column:
    if given.order is None:
        return F.count(F.when(is_purchase, F.lit(1)))
    return F.count_distinct(F.when(is_purchase, F.col(quoted(given.order))))


def _amount(given: Transactions) -> Column:
    if given.amount is not None:
        return F.expr(number(given.amount))
    if given.quantity is None or given.unit_price is None:
        raise ValueError("an amount, or quantity and unit price, are needed")
    return F.expr(f"{number(given.quantity)} * {number(given.unit_price)}")


def _whole(value: Column) -> Column:
    """The nearest whole number of units; 0 where it is out of reach, as such lines are excluded."""
    is_near = F.abs(value) <= LARGEST_AMOUNT
    return F.when(is_near, F.rint(value * UNIT).cast("bigint")).otherwise(F.lit(0))


def _signed(size: Column, is_return: Column) -> Column:
    """Below zero for a return, whichever of its numbers the table writes with a sign."""
    return F.when(is_return, -F.abs(size)).otherwise(size)


def _comparable(name: str, type_: T.DataType) -> Column:
    """The column, or its JSON where Spark cannot tell two values apart: maps and variants."""
    if any(kind in type_.simpleString() for kind in ("map<", "variant")):
        return F.to_json(F.struct(F.col(quoted(name))))
    return F.col(quoted(name))


def _is_return(given: Transactions) -> Column:
    is_negative = _amount(given) < 0
    if given.quantity is not None:
        is_negative = is_negative | (F.expr(number(given.quantity)) < 0)
    if isinstance(given.returns, Returns):
        column = F.col(quoted(given.returns.column)).cast("string")
        is_negative = is_negative | column.startswith(given.returns.prefix)
    return F.coalesce(is_negative, F.lit(False))


def _reject(given: Transactions, reason: str, condition: Column) -> Column:
    return rejected_if(reason, given.timestamp, condition)
