"""Transactions: every line counts or is left out with a reason; the others become customers.

Amounts and quantities become whole ten-thousandths, so that sums do not depend on the order of
lines: one order's amount split over two lines is the same amount. Days are those of the calendar
at ``transactions.timezone``.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta

from pyspark.sql import Column, DataFrame, Window
from pyspark.sql import functions as F
from pyspark.sql import types as T

from segmentation.config import Returns, Transactions
from segmentation.errors import DataError
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
"""Which customers no segment is for: with nothing bought; with returns that outweigh it."""

_ZONE = r"\d:\d\d.*(Z|[+-]\d\d(:?\d\d)?)\s*$"
"""How a text ends that names its zone: ``2011-12-09T12:50:00Z``, ``... 12:50 +01:00``."""

_DAY, _AMOUNT, _UNITS, _IS_RETURN = "__day", "__amount", "__units", "__is_return"


@dataclass(frozen=True)
class Lines:
    """The lines with their days, amounts and reasons, and what was counted of them."""

    table: DataFrame
    as_of: date
    counts: LineCounts

    @property
    def left_out(self) -> DataFrame:
        """Those that count for nobody, without the job's own columns but the reason."""
        own = (MALFORMED, _DAY, _AMOUNT, _UNITS, _IS_RETURN)
        return self.table.where(F.col(REJECTION).isNotNull()).drop(*own)


def with_reason(lines: DataFrame, *, transactions: Transactions) -> DataFrame:
    """The lines plus day, amount, units, whether a return, and ``(reason, reason_column)``.

    No line is left out for its day yet: that takes ``as_of``. Dropping duplicates costs a
    shuffle of all columns.
    """
    types = types_of(lines)
    given = transactions
    numbers = [name for name in (given.amount, given.quantity, given.unit_price) if name]
    broken = []
    if MALFORMED in lines.columns:
        broken.append(rejected_if("malformed", None, F.col(MALFORMED).isNotNull()))
    for name in [given.customer, given.timestamp, *([given.order] if given.order else [])]:
        broken.append(rejected_if("null", name, F.expr(is_blank(name, types[name]))))
    for name in numbers:
        rules = numeric_rules(name, types[name], largest=LARGEST_AMOUNT)
        rules = [("null", is_blank(name, types[name])), *rules]
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
    timed = lines.withColumn(_DAY, _day(given.timestamp, types[given.timestamp], given))
    reasoned = timed.withColumn(REJECTION, F.coalesce(*broken))
    if given.duplicates == "drop":
        copies = Window.partitionBy(*[F.col(quoted(name)) for name in lines.columns])
        is_copy = F.row_number().over(copies.orderBy(F.lit(0))) > 1
        copied = rejected_if("duplicate_line", None, is_copy)
        reasoned = reasoned.withColumn(REJECTION, F.coalesce(REJECTION, copied))
    is_return = _is_return(given)
    amount = _whole(_amount(given))
    if isinstance(given.returns, Returns):  # what the prefix says outweighs the sign
        amount = F.when(is_return, -F.abs(amount)).otherwise(amount)
    units = _whole(F.expr(number(given.quantity))) if given.quantity else F.lit(0).cast("bigint")
    return reasoned.withColumns({_AMOUNT: amount, _UNITS: units, _IS_RETURN: is_return})


def in_time(lines: DataFrame, *, transactions: Transactions) -> Lines:
    """The lines of :func:`with_reason` with those outside the time left out too, and counted.

    ``as_of`` is the last day of any line that counts where it is not configured. Reads the
    lines once, or twice without ``as_of``.

    Raises
    ------
    DataError
        If no line counts.
    """
    given = transactions
    as_of = given.as_of
    if as_of is None:
        as_of = lines.where(F.col(REJECTION).isNull()).agg(F.max(_DAY)).collect()[0][0]
    late = [] if as_of is None else [_reject(given, "after_as_of", F.col(_DAY) > F.lit(as_of))]
    if as_of is not None and given.window_days is not None:
        first = as_of - timedelta(days=given.window_days)
        late.append(_reject(given, "before_window", F.col(_DAY) <= F.lit(first)))
    # A product or not, a line outside the time is no sign of a customer.
    order = [F.when(F.col(REJECTION)["reason"] != NOT_A_PRODUCT, F.col(REJECTION)), *late]
    timed = lines.withColumn(REJECTION, F.coalesce(*order, REJECTION))
    groups = by_reason(timed, [F.count_if(_IS_RETURN).alias("returns")])
    returns = sum(group.returns for group in groups if group[REJECTION] is None)
    rows = sum(group.rows for group in groups)
    left_out = reasons(groups)
    counted = rows - sum(each.rows for each in left_out)
    if rows == 0:
        raise DataError("the input has no rows: input.path leads to a table without transactions")
    if not counted or as_of is None:
        raise DataError(
            f"none of the {rows:,} lines counts ({in_words(left_out)}): see transactions and "
            "input.options"
        )
    counts = LineCounts(
        rows, counted, returns, left_out, as_of.isoformat(), fingerprint(timed, groups)
    )
    return Lines(timed, as_of, counts)


def customers_of(lines: Lines, *, transactions: Transactions) -> DataFrame:
    """One row a customer: the id, features, attributes, and first and last purchase.

    One grouped scan. A purchase is a line that counts and is no return; an order has one
    purchase at least. Customers with lines of no product only have no purchase.

    ``recency_days`` and ``tenure_days`` are days from the last and first purchase to
    ``as_of``, ``frequency`` is the number of orders, or of purchases where no column tells
    orders apart, ``monetary`` the amount of purchases less that of returns,
    ``average_order_value`` their ratio, ``days_between_orders`` the mean, null for one order,
    ``return_rate`` the returned part of the amount purchased, ``units`` the quantity net of
    returns, ``distinct_products`` and ``category_spread`` how many different ones were bought.
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
    latest = F.max(F.struct(_DAY, *[F.col(quoted(name)) for name in given.attributes]))
    if given.attributes:
        aggregates["__latest"] = latest
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
        *[F.col("__latest")[name].alias(name) for name in given.attributes],
        "first_purchase",
        "last_purchase",
    )


def customer_rules(transactions: Transactions) -> Sequence[Rule]:
    """The rules by which customers are left out whom no segment is for."""
    return CUSTOMER_RULES if transactions.net_spend == "positive" else CUSTOMER_RULES[:1]


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
    """The nearest whole number of units; null where it is out of reach, as such lines count not."""
    is_near = F.abs(value) <= LARGEST_AMOUNT
    return F.when(is_near, F.rint(value * UNIT).cast("bigint")).otherwise(F.lit(0))


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


def _day(name: str, type_: T.DataType, given: Transactions) -> Column:
    """The day at the shop's clock. A text or time without a zone is that clock's own."""
    column = quoted(name)
    zone = given.timezone
    if isinstance(type_, T.DateType):
        return F.col(column)
    if isinstance(type_, T.TimestampNTZType):
        return F.col(column).cast("date")
    if isinstance(type_, T.TimestampType):
        return F.from_utc_timestamp(F.col(column), zone).cast("date")
    text = F.trim(F.col(column).cast("string"))
    if given.timestamp_format is not None:
        return F.try_to_timestamp(text, F.lit(given.timestamp_format)).cast("date")
    moment = text.try_cast("timestamp")
    has_zone = text.rlike(_ZONE)
    return F.when(has_zone, F.from_utc_timestamp(moment, zone)).otherwise(moment).cast("date")
