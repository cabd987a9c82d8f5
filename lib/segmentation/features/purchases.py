"""Customers from their transaction lines: recency, frequency, monetary value etc."""

from collections.abc import Sequence

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from segmentation.config import Transactions
from segmentation.features.contract import REJECTION
from segmentation.features.transactions import (
    AMOUNT,
    DAY,
    IS_RETURN,
    MOMENT,
    NOT_A_PRODUCT,
    UNIT,
    UNITS,
    Lines,
)
from segmentation.model.features import CUSTOMER_RULES, Rule
from segmentation.schemas import quoted


def customers_of(lines: Lines, *, transactions: Transactions) -> DataFrame:
    """One row per customer: the id, features, attributes, and first and last purchase.

    One grouped scan. A purchase is a counted line that is not a return; an order has at least one
    purchase. Customers with excluded products only have no purchase.

    ``recency_days`` and ``tenure_days`` are days from the last and first purchase to ``as_of``;
    ``frequency`` is the number of orders, or of purchases where there is no order column;
    ``monetary`` is the amount of purchases less that of returns, ``average_order_value`` their
    ratio, ``days_between_orders`` the mean, null for one order, ``return_rate`` the returned part
    of the amount purchased, ``units`` the quantity net of returns, ``distinct_products`` and
    ``category_spread`` the numbers of different ones bought. Attributes are those of the customer's
    latest line; see :func:`_latest`.
    """
    key = F.col(quoted(transactions.customer))
    is_counted = F.col(REJECTION).isNull()
    takes_part = is_counted | (F.col(REJECTION)["reason"] == NOT_A_PRODUCT)
    aggregates = _aggregates(transactions, is_counted)
    grouped = lines.table.where(takes_part).groupBy(key)
    found = grouped.agg(*[column.alias(name) for name, column in aggregates.items()])
    derived = _derived(F.lit(lines.as_of))
    attributes = [
        F.col("__latest")[f"attribute_{i}"].alias(name)
        for i, name in enumerate(transactions.attributes)
    ]
    return found.select(
        key,
        *[column.alias(name) for name, column in derived.items()],
        *[name for name in transactions.features if name not in derived],
        *attributes,
        "first_purchase",
        "last_purchase",
    )


def _aggregates(given: Transactions, is_counted: Column) -> dict[str, Column]:
    """The aggregates over a customer's lines, by name; amounts in units of ``UNIT``."""
    is_purchase = is_counted & ~F.col(IS_RETURN)
    found = {
        "first_purchase": F.min(F.when(is_purchase, F.col(DAY))),
        "last_purchase": F.max(F.when(is_purchase, F.col(DAY))),
        "frequency": _orders(given, is_purchase),
        "__net": _total(AMOUNT, is_counted),
        "__gross": _total(AMOUNT, is_purchase),
    }
    if given.quantity is not None:
        found["units"] = _total(UNITS, is_counted) / F.lit(float(UNIT))
    for name, column in (("distinct_products", given.product), ("category_spread", given.category)):
        if column is not None:
            found[name] = F.count_distinct(F.when(is_purchase, F.col(quoted(column))))
    if given.attributes:
        found["__latest"] = _latest(given, is_counted)
    return found


def _total(name: str, condition: Column) -> Column:
    """The sum of a column where a condition holds; null if it overflows a bigint."""
    return F.try_sum(F.when(condition, F.col(name)).otherwise(F.lit(0)))


def _derived(as_of: Column) -> dict[str, Column]:
    """The features that follow from a customer's aggregates."""
    net, frequency = F.col("__net") / F.lit(float(UNIT)), F.col("frequency")
    several = F.when(frequency > 1, frequency - 1)
    return {
        "recency_days": F.datediff(as_of, "last_purchase"),
        "frequency": frequency,
        "monetary": net,
        "average_order_value": net / F.nullif(frequency, F.lit(0)),
        "tenure_days": F.datediff(as_of, "first_purchase"),
        "days_between_orders": F.datediff("last_purchase", "first_purchase") / several,
        "return_rate": 1 - F.col("__net") / F.nullif(F.col("__gross"), F.lit(0)),
    }


def customer_rules(transactions: Transactions) -> Sequence[Rule]:
    """The rules that reject customers without a purchase, or without net spend."""
    return CUSTOMER_RULES if transactions.net_spend == "positive" else CUSTOMER_RULES[:1]


def _latest(given: Transactions, is_counted: Column) -> Column:
    """The attributes on the latest line: by the clock, then by the order's number.

    A counted line precedes lines of excluded products. Ties are decided by a hash of the
    attributes, so that neither the alphabet nor chance favours a value.
    """
    ranks = [is_counted, F.col(MOMENT)]
    if given.order is not None:
        order = F.col(quoted(given.order)).cast("string")
        ranks += [order.try_cast("decimal(38, 0)"), order]  # numerically: 10 comes after 9
    attributes = [F.col(quoted(name)) for name in given.attributes]
    ranks.append(F.xxhash64(*[each.cast("string") for each in attributes]))
    ranked = [rank.alias(f"rank_{i}") for i, rank in enumerate(ranks)]
    named = [each.alias(f"attribute_{i}") for i, each in enumerate(attributes)]
    return F.max(F.struct(*ranked, *named))


def _orders(given: Transactions, is_purchase: Column) -> Column:
    if given.order is None:
        return F.count(F.when(is_purchase, F.lit(1)))
    return F.count_distinct(F.when(is_purchase, F.col(quoted(given.order))))
