"""Transactions: each line counts or has its reason; what they add up to, on paper and by pandas."""

from datetime import date, datetime

import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pyspark.sql import types as T

from segmentation.config import Transactions
from segmentation.errors import DataError
from segmentation.features.contract import REJECTION
from segmentation.features.purchases import customers_of
from segmentation.features.transactions import in_time, with_reason
from segmentation.results import Rejection

LEAST = {"customer": "who", "timestamp": "when", "amount": "paid"}
DDL = "who string, when string, paid string, bill string, what string"


def counted(lines, **config):
    """The lines as the pipeline counts them."""
    transactions = Transactions(**{**LEAST, **config})
    return in_time(with_reason(lines, transactions=transactions), transactions=transactions)


def customers(lines, **config):
    """Every customer's features, by id."""
    transactions = Transactions(**{**LEAST, **config})
    made = customers_of(counted(lines, **config), transactions=transactions)
    return {row[transactions.customer]: row for row in made.collect()}


def lines(spark, *rows):
    """Lines of customer, time, amount, and perhaps bill and product."""
    return spark.createDataFrame([(*row, *[None] * (5 - len(row))) for row in rows], DDL)


def test_features_on_paper(spark):
    made = customers(
        lines(
            spark,
            ("ann", "2026-01-01", "10.00", "1"),
            ("ann", "2026-01-01", "5.50", "1"),  # the same order
            ("ann", "2026-01-11", "4.50", "2"),
            ("ann", "2026-01-21", "-8.00", "3"),  # a return is no order and no purchase
            ("bob", "2026-01-31", "7.00", "4"),
        ),
        order="bill",
    )
    ann, bob = made["ann"], made["bob"]
    assert (ann.recency_days, ann.frequency, ann.monetary) == (20, 2, 12.0)
    assert (ann.average_order_value, ann.tenure_days, ann.days_between_orders) == (6.0, 30, 10.0)
    assert ann.return_rate == pytest.approx(8 / 20)
    assert (ann.first_purchase, ann.last_purchase) == (date(2026, 1, 1), date(2026, 1, 11))
    assert (bob.recency_days, bob.frequency, bob.monetary, bob.return_rate) == (0, 1, 7.0, 0.0)
    assert bob.days_between_orders is None  # one order has none before it


def test_quantity_times_price_units_products_and_spread(spark):
    rows = [
        ("ann", date(2026, 1, 1), 6, 2.55, "tea", "drink"),
        ("ann", date(2026, 1, 2), 1, 3.35, "mug", "ware"),
        ("ann", date(2026, 1, 3), 2, 1.0, "tea", "drink"),
        ("ann", date(2026, 1, 3), -1, 2.55, "tea", "drink"),
    ]
    ddl = "who string, when date, units int, price double, what string, kind string"
    config = {"amount": None, "quantity": "units", "unit_price": "price"}
    (ann,) = customers(
        spark.createDataFrame(rows, ddl), **config, product="what", category="kind"
    ).values()
    assert ann.monetary == 6 * 255 / 100 + 3.35 + 2 - 2.55
    assert (ann.units, ann.distinct_products, ann.category_spread) == (8.0, 2, 2)
    assert ann.frequency == 3  # without an order's number every purchase is one


REASONS = [
    (("ann", "2026-01-02", "1"), None),
    ((None, "2026-01-02", "1"), ("null", "who")),
    (("  ", "2026-01-02", "1"), ("null", "who")),
    (("ann", None, "1"), ("null", "when")),
    (("ann", "someday", "1"), ("not_a_date", "when")),
    (("ann", "2026-02-30", "1"), ("not_a_date", "when")),
    (("ann", "2026-01-02", ""), ("null", "paid")),
    (("ann", "2026-01-02", "a lot"), ("not_a_number", "paid")),
    (("ann", "2026-01-02", "12d"), ("not_a_number", "paid")),
    (("ann", "2026-01-02", "NaN"), ("nan", "paid")),
    (("ann", "2026-01-02", "-Infinity"), ("infinite", "paid")),
    (("ann", "2026-01-02", "1e12"), ("too_large", "paid")),
    (("ann", "2026-01-04", "1"), ("after_as_of", "when")),
    (("ann", "2025-12-31", "1"), ("before_window", "when")),
    (("ann", "2026-01-01", "1"), None),
    (("ann", "2026-01-03 23:59:59", "1"), None),
]


def test_every_line_counts_or_has_its_reason(spark):
    table = lines(spark, *[(*row, str(i)) for i, (row, _) in enumerate(REASONS)])
    found = counted(table, as_of="2026-01-03", window_days=3)
    by_bill = {int(row.bill): row[REJECTION] for row in found.table.collect()}
    assert {i: tuple(r) if r else None for i, r in by_bill.items()} == {
        i: reason for i, (_, reason) in enumerate(REASONS)
    }
    assert (found.counts.lines, found.counts.counted) == (len(REASONS), 3)
    assert (found.counts.first_day, found.counts.last_day) == ("2026-01-01", "2026-01-03")
    assert sum(each.rows for each in found.counts.excluded) == len(REASONS) - 3
    excluded = found.excluded
    assert excluded.count() == len(REASONS) - 3
    assert excluded.columns == [*table.columns, REJECTION]


def test_what_is_no_product_counts_for_nothing_and_its_customer_is_one_still(spark):
    table = lines(
        spark,
        ("ann", "2026-01-01", "9", "1", "22139"),
        ("ann", "2026-01-05", "4", "2", "POST"),
        ("bob", "2026-01-05", "4", "3", "POST"),
        ("cat", "2026-01-05", "4", "4", None),
    )
    config = {"product": "what", "product_pattern": "^[0-9]{5}", "as_of": "2026-01-05"}
    made = customers(table, **config)
    assert (made["ann"].monetary, made["ann"].recency_days) == (9.0, 4)
    assert (made["bob"].frequency, made["bob"].monetary) == (0, 0.0)
    assert set(made) == {"ann", "bob", "cat"}
    assert counted(table, **config).counts.excluded == (Rejection("not_a_product", "what", 3),)


def test_a_prefix_makes_a_return_whatever_the_sign(spark):
    table = lines(
        spark,
        ("ann", "2026-01-01", "9", "77"),
        ("ann", "2026-01-02", "2", "C78"),
        ("ann", "2026-01-02", "-3", "C79"),
    )
    made = customers(table, order="bill", returns={"column": "bill", "prefix": "C"})
    assert (made["ann"].frequency, made["ann"].monetary) == (1, 4.0)
    found = counted(table, order="bill", returns={"column": "bill", "prefix": "C"})
    assert (found.counts.counted, found.counts.returns) == (3, 2)


def test_exact_duplicates_are_kept_or_dropped_and_counted(spark):
    twice = [("ann", "2026-01-01", "5")] * 3 + [("ann", "2026-01-01", "6")]
    kept = customers(lines(spark, *twice))
    assert kept["ann"].monetary == 21
    dropped = counted(lines(spark, *twice), duplicates="drop")
    assert dropped.counts.excluded == (Rejection("duplicate_line", None, 2),)
    assert customers(lines(spark, *twice), duplicates="drop")["ann"].monetary == 11


@pytest.mark.parametrize(
    ("text", "format_", "day"),
    [
        ("20260131", "yyyyMMdd", date(2026, 1, 31)),
        ("31/01/2026 23:30", "dd/MM/yyyy HH:mm", date(2026, 1, 31)),
        ("2026-01-31 23:30:00", None, date(2026, 1, 31)),  # the shop's own clock
        ("2026-01-31T23:30:00Z", None, date(2026, 2, 1)),  # half past midnight in Paris
        ("2026-01-31T23:30:00+01:00", None, date(2026, 1, 31)),
    ],
)
def test_days_are_those_of_the_shops_calendar(spark, text, format_, day):
    made = customers(
        lines(spark, ("ann", text, "1")), timestamp_format=format_, timezone="Europe/Paris"
    )
    assert made["ann"].last_purchase == day


@pytest.mark.parametrize(
    ("type_", "when", "day"),
    [
        (T.DateType(), date(2026, 1, 31), date(2026, 1, 31)),
        (T.TimestampNTZType(), datetime(2026, 1, 31, 23, 30), date(2026, 1, 31)),  # noqa: DTZ001
    ],
)
def test_days_of_typed_columns(spark, type_, when, day):
    schema = T.StructType(
        [
            T.StructField("who", T.IntegerType()),
            T.StructField("when", type_),
            T.StructField("paid", T.DoubleType()),
        ]
    )
    made = customers(spark.createDataFrame([(7, when, 1.0)], schema), timezone="Asia/Tokyo")
    assert made[7].last_purchase == day


def test_attributes_are_those_of_the_latest_line(spark):
    table = lines(
        spark,
        ("ann", "2026-01-02", "1", "b", "new"),
        ("ann", "2026-01-01", "1", "z", "old"),
    )
    assert customers(table, attributes=["what"])["ann"].what == "new"


def test_lines_of_which_none_counts_are_told(spark):
    with pytest.raises(
        DataError, match=r"all of the 1 lines were excluded \(1 not_a_date in 'when'\)"
    ):
        counted(lines(spark, ("ann", "x", "1")))
    with pytest.raises(DataError, match="no rows"):
        counted(spark.createDataFrame([], DDL))


CENTS = st.integers(-2_000, 20_000)
LINE = st.tuples(
    st.sampled_from(["ann", "bob", "cat"]), st.integers(1, 28), CENTS, st.integers(1, 6)
)
FEW = settings(
    max_examples=3,  # others every day
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)


def january(spark, drawn):
    """Lines of customer, day of January 2026, cents and bill."""
    return lines(
        spark,
        *[
            (who, f"2026-01-{day:02}", f"{cents / 100:.2f}", bill)
            for who, day, cents, bill in drawn
        ],
    )


def of_pandas(drawn, *, as_of):
    """Recency, frequency and net spend in cents by pandas, of the lines until a day."""
    frame = pd.DataFrame(drawn, columns=["who", "day", "cents", "bill"])
    frame = frame[frame["day"] <= as_of]
    bought = frame[frame["cents"] >= 0].groupby("who")
    found = pd.DataFrame({"cents": frame.groupby("who")["cents"].sum()})
    found["recency"] = as_of - bought["day"].max()
    found["frequency"] = bought["bill"].nunique()
    return found


@FEW
@given(st.lists(LINE, min_size=1, max_size=30), st.integers(1, 28))
def test_recency_frequency_and_spend_are_those_of_pandas(spark, drawn, as_of):
    expected = of_pandas(drawn, as_of=as_of)
    day = date(2026, 1, as_of)
    if expected.empty:
        with pytest.raises(DataError):
            customers(january(spark, drawn), order="bill", as_of=day)
        return
    made = customers(january(spark, drawn), order="bill", as_of=day)
    assert set(made) == set(expected.index)
    for who, row in expected.iterrows():
        assert made[who].monetary == row["cents"] / 100
        assert made[who].frequency == (0 if pd.isna(row["frequency"]) else row["frequency"])
        assert made[who].recency_days == (None if pd.isna(row["recency"]) else row["recency"])


@FEW
@given(st.lists(LINE, min_size=1, max_size=20), st.randoms(use_true_random=False))
def test_later_lines_their_order_and_split_amounts_change_nothing(spark, drawn, random):
    drawn = [(who, min(day, 20), cents, bill) for who, day, cents, bill in drawn]
    config = {"order": "bill", "as_of": date(2026, 1, 20)}
    once = customers(january(spark, drawn), **config)
    later = [(who, day + 8, cents, bill + 9) for who, day, cents, bill in drawn if day > 12]
    split = []
    for who, day, cents, bill in drawn:
        part = random.randint(0, cents) if cents > 0 else 0
        split += (
            [(who, day, part, bill), (who, day, cents - part, bill)]
            if part
            else [(who, day, cents, bill)]
        )
    shuffled = random.sample(split + later, len(split) + len(later))
    again = customers(january(spark, shuffled).repartition(random.randint(1, 5)), **config)
    assert again == once


LAYOUTS = {
    # how a till writes quantity, amount and the bill's number
    "signed both": lambda q, a, r: (-q if r else q, -a if r else a, "7"),
    "negative quantity": lambda q, a, r: (-q if r else q, a, "7"),
    "negative amount": lambda q, a, r: (q, -a if r else a, "7"),
    "unsigned, a prefix": lambda q, a, r: (q, a, "C7" if r else "7"),
    "signed, a prefix": lambda q, a, r: (-q if r else q, -a if r else a, "C7" if r else "7"),
    "negative quantity, a prefix": lambda q, a, r: (-q if r else q, a, "C7" if r else "7"),
}
BOUGHT = st.tuples(
    st.sampled_from(["ann", "bob"]), st.integers(1, 9), st.integers(1, 5_000), st.booleans()
)


@settings(FEW, max_examples=2)
@given(st.lists(BOUGHT, min_size=1, max_size=12))
def test_returns_subtract_however_a_table_writes_them(spark, drawn):
    truth = pd.DataFrame(drawn, columns=["who", "units", "cents", "is_return"])
    sign = truth["is_return"].map({True: -1, False: 1})
    truth["net_units"], truth["net"] = truth["units"] * sign, truth["cents"] * sign
    truth["gross"] = truth["cents"].where(~truth["is_return"], 0)
    expected = truth.groupby("who")[["net_units", "net", "gross"]].sum()
    rows = []
    for layout, write in LAYOUTS.items():
        for who, quantity, cents, is_return in drawn:
            units, paid, bill = write(quantity, cents / 100, is_return)
            rows.append((f"{who}, {layout}", "2026-01-05", units, paid, bill))
    ddl = "who string, when string, units int, paid double, bill string"
    table = spark.createDataFrame(rows, ddl)
    returns = {"column": "bill", "prefix": "C"}
    found = {
        "prefix": customers(table, quantity="units", returns=returns),
        "negative": customers(table.where("who NOT LIKE '%unsigned%'"), quantity="units"),
    }
    assert len(found["prefix"]) == len(LAYOUTS) * len(expected)
    for made in found.values():
        for customer, row in made.items():
            truly = expected.loc[customer.split(",")[0]]
            assert row.units == truly["net_units"], customer
            assert row.monetary == truly["net"] / 100, customer
            if truly["gross"] == 0:
                assert row.return_rate is None
            else:
                assert row.return_rate == pytest.approx(1 - truly["net"] / truly["gross"])
                assert row.return_rate >= 0
                assert truly["net"] < 0 or row.return_rate <= 1


def test_quantity_times_price_takes_its_sign_from_either(spark):
    rows = [
        ("ann", "2026-01-01", 3, 2.0),
        ("ann", "2026-01-02", 1, -2.0),
        ("ann", "2026-01-03", -1, 1.0),
    ]
    table = spark.createDataFrame(rows, "who string, when string, units int, price double")
    made = customers(table, amount=None, quantity="units", unit_price="price")["ann"]
    assert (made.monetary, made.units, made.frequency) == (3.0, 1.0, 1)
    assert made.return_rate == pytest.approx(0.5)


def test_the_latest_line_is_so_by_the_clock_and_not_by_the_alphabet(spark):
    table = lines(
        spark,
        ("ann", "2026-01-02 09:00", "1", "1", "United Kingdom"),
        ("ann", "2026-01-02 17:00", "1", "2", "France"),
        ("bob", "2026-01-02 23:30 UTC", "1", "3", "France"),  # 18:30 in New York
        ("bob", "2026-01-02 18:00", "1", "4", "United Kingdom"),
    )
    made = customers(table, attributes=["what"], timezone="America/New_York")
    assert (made["ann"].what, made["bob"].what) == ("France", "France")


def test_of_lines_at_one_time_the_last_order_is_the_latest(spark):
    table = lines(
        spark,
        ("ann", "2026-01-02", "1", "9", "United Kingdom"),
        ("ann", "2026-01-02", "1", "10", "France"),  # ten is after nine
        ("bob", "2026-01-02", "1", "A9", "France"),
        ("bob", "2026-01-02", "1", "A8", "United Kingdom"),
    )
    made = customers(table, attributes=["what"], order="bill")
    assert (made["ann"].what, made["bob"].what) == ("France", "France")


def test_of_lines_alike_in_time_and_order_the_alphabet_has_no_say(spark):
    """Among pairs of values on otherwise equal lines, the first by alphabet wins about half."""
    rows = []
    for i in range(200):
        rows += [(str(i), "2026-01-02", "1", "1", f"{letter}{i}") for letter in "az"]
    table = lines(spark, *rows)
    made = customers(table, attributes=["what"], order="bill")
    firsts = sum(row.what.startswith("a") for row in made.values())
    assert 60 < firsts < 140
    assert customers(table.repartition(5), attributes=["what"], order="bill") == made


def test_a_line_of_no_product_gives_an_attribute_only_where_there_is_no_other(spark):
    ddl = "who string, when string, paid string, what string, country string"
    rows = [
        ("ann", "2026-01-01", "9", "22139", "France"),
        ("ann", "2026-01-05", "4", "POST", "Spain"),
        ("bob", "2026-01-05", "4", "POST", "Spain"),
    ]
    made = customers(
        spark.createDataFrame(rows, ddl),
        product="what",
        product_pattern="^[0-9]{5}",
        attributes=["country"],
        as_of="2026-01-05",
    )
    assert (made["ann"].country, made["bob"].country) == ("France", "Spain")


def test_copies_of_lines_with_a_map_are_dropped(spark):
    rows = [("ann", "2026-01-01", "5", {"a": 1}), ("ann", "2026-01-01", "5", {"a": 1}),
            ("ann", "2026-01-01", "5", {"a": 2})]  # fmt: skip
    table = spark.createDataFrame(
        rows, "who string, when string, paid string, more map<string,int>"
    )
    found = counted(table, duplicates="drop")
    assert found.counts.excluded == (Rejection("duplicate_line", None, 1),)
    assert customers(table, duplicates="drop")["ann"].monetary == 10


def test_a_bare_time_or_number_is_no_day(spark):
    texts = ["2026-01-02", "12:30", "40908", "409080", "2026-01-31 23:30:00 BST"]
    found = counted(lines(spark, *[("ann", text, "1") for text in texts]))
    assert found.counts.excluded == (Rejection("not_a_date", "when", 4),)
    assert found.as_of == date(2026, 1, 2)


def test_a_pattern_with_a_zone_is_moved_to_the_shops(spark):
    made = customers(
        lines(spark, ("ann", "31.01.2026 23:30 UTC", "1")),
        timestamp_format="dd.MM.yyyy HH:mm VV",
        timezone="Europe/Paris",
    )
    assert made["ann"].last_purchase == date(2026, 2, 1)
