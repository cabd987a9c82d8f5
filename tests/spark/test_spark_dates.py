"""Days read from texts, times and dates: those of Python's own calendar and zones."""

import random
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from pyspark.sql import types as T

from segmentation.errors import ConfigError
from segmentation.features.patterns import check_expression, check_patterns, check_zone
from segmentation.model.spark_dates import day, moment
from tests.rotation import SEED

PARIS = "Europe/Paris"
ZONES = (
    "UTC", "Europe/Paris", "Europe/London", "America/New_York", "America/Sao_Paulo",
    "Asia/Kolkata", "Asia/Tokyo", "Australia/Lord_Howe", "Pacific/Auckland", "Pacific/Apia",
)  # fmt: skip


def days(spark, texts, *, format=None, zone="UTC", type_=None):
    """The days of a column of these values."""
    schema = T.StructType(
        [T.StructField("i", T.IntegerType()), T.StructField("d", type_ or T.StringType())]
    )
    table = spark.createDataFrame(list(enumerate(texts)), schema)
    sql = day("d", schema["d"].dataType.simpleString(), format=format, zone=zone)
    return [row[1] for row in table.selectExpr("i", sql).orderBy("i").collect()]


def test_texts_of_a_local_day_are_that_day_anywhere(spark):
    texts = {
        "2026-01-31": date(2026, 1, 31),
        " 2026-01-31 ": date(2026, 1, 31),
        "2026-1-5": date(2026, 1, 5),
        "2026-02": date(2026, 2, 1),
        "2026-01-31 23:59:59.999999": date(2026, 1, 31),
        "2026-01-31T00:00": date(2026, 1, 31),
        "0001-01-01": date(1, 1, 1),
        "9999-12-31 23:59": date(9999, 12, 31),
    }
    assert days(spark, texts, zone=PARIS) == list(texts.values())


NO_DAYS = [
    "12:30", "12:30:00", "T12:30", "12:30 UTC",  # Spark's cast: today
    "40908", "409080", "2026", "-2026-01-01", "+12026-01-01", "12026-01-01",
    "0000-01-01", "2026-02-30", "2026-01-31 someday", "2026-01-31Z", "someday", "", " ",
    "2026-01-31 25:00", "31/01/2026", "2026-01-31 23:30:00 Europe/Nowhere",
    "2026-01-31 23:30:00 BST", "2026-07-31 23:30:00CST",  # of several places
    "9999-12-31 23:30:00 -08:00", "0001-01-01 00:30:00 +08:00",  # beyond Python's years
]  # fmt: skip


def test_what_names_no_day_is_none(spark):
    found = dict(zip(NO_DAYS, days(spark, NO_DAYS), strict=True))
    assert {text: day for text, day in found.items() if day is not None} == {}


def test_a_text_with_a_zone_is_moved(spark):
    january, february = date(2026, 1, 31), date(2026, 2, 1)
    texts = {
        "2026-01-31 23:30:00 UTC": february,
        "2026-01-31 22:30:00 UTC": january,
        "2026-01-31 23:30:00.123456 UTC": february,
        "2026-01-31T23:30:00Z": february,
        "2026-01-31 23:30:00 Europe/Paris": january,
        "2026-01-31 23:30 America/New_York": february,
        "2026-01-31 23:30:00+00": february,  # PostgreSQL's
        "2026-01-31 23:30+01": january,
        "2026-01-31 23:30:00-0130": february,
        "2026-02-01 00:30:00 +03:00": january,
        "2026-01-31 23:30:00 GMT": february,
    }
    found = days(spark, list(texts), zone=PARIS)
    assert dict(zip(texts, found, strict=True)) == texts


def test_a_pattern_with_a_zone_is_moved_too(spark):
    assert days(spark, ["31.01.2026 23:30 UTC"], format="dd.MM.yyyy HH:mm VV", zone=PARIS) == [
        date(2026, 2, 1)
    ]
    assert days(spark, ["20260131T2330+0000"], format="yyyyMMdd'T'HHmmxx", zone=PARIS) == [
        date(2026, 2, 1)
    ]
    assert days(  # quoted, a Z is a letter and no zone
        spark, ["2026-01-31 23:30Z"], format="yyyy-MM-dd HH:mm'Z'", zone=PARIS
    ) == [date(2026, 1, 31)]
    assert days(spark, ["20260131"], format="yyyyMMdd", zone=PARIS) == [date(2026, 1, 31)]
    assert days(spark, ["2014"], format="yyyy") == [date(2014, 1, 1)]


def test_days_are_those_of_pythons_zones(spark):
    """Random moments, and those about every change of the clocks of ten years."""
    chance = random.Random(SEED)  # noqa: S311 - a test is no secret
    first = datetime(1971, 1, 1, tzinfo=UTC)
    instants = [first + timedelta(seconds=chance.randrange(66 * 365 * 86_400)) for _ in range(600)]
    for zone in (PARIS, "America/New_York", "Australia/Lord_Howe"):
        hours = [datetime(2015, 1, 1, tzinfo=UTC) + timedelta(hours=h) for h in range(87_000)]
        offsets = [each.astimezone(ZoneInfo(zone)).utcoffset() for each in hours]
        changes = [a for a, b, c in zip(hours, offsets, offsets[1:], strict=False) if b != c]
        assert len(changes) > 15
        instants += [each + timedelta(minutes=chance.randrange(-90, 90)) for each in changes]
    for zone in chance.sample(ZONES, 2):
        written, expected = [], []
        for instant in instants:
            other = ZoneInfo(chance.choice(ZONES))
            local = instant.astimezone(other)
            shape = chance.randrange(5)
            if shape == 0 and local.fold:
                shape = 1  # a named zone cannot say which of the two hours it is
            written.append(
                [
                    f"{local:%Y-%m-%d %H:%M:%S} {other.key}",
                    local.isoformat(),
                    f"{instant:%Y-%m-%d %H:%M:%S} UTC",
                    f"{instant:%Y-%m-%dT%H:%M:%S.%fZ}",
                    f"{instant:%Y-%m-%d %H:%M:%S}+00",
                ][shape]
            )
            expected.append(instant.astimezone(ZoneInfo(zone)).date())
        found = days(spark, written, zone=zone)
        wrong = [each for each in zip(written, found, expected, strict=True) if each[1] != each[2]]
        assert wrong == [], zone
        assert days(spark, instants, zone=zone, type_=T.TimestampType()) == expected


def test_a_text_in_an_hour_that_is_skipped_or_comes_twice_is_read_as_python_does(spark):
    texts = ["2026-03-29 02:30:00", "2026-10-25 02:30:00"]
    for text in texts:
        as_python = datetime.fromisoformat(text).replace(tzinfo=ZoneInfo(PARIS))
        expected = as_python.astimezone(ZoneInfo("Asia/Kolkata")).date()
        assert days(spark, [f"{text} {PARIS}"], zone="Asia/Kolkata") == [expected]


def test_the_sessions_zone_has_no_say(spark):
    written = ["2026-01-31 23:30:00 UTC", "2026-01-31 23:30:00", "2026-01-31"]
    expected = [date(2026, 2, 1), date(2026, 1, 31), date(2026, 1, 31)]
    instants = [datetime(2026, 1, 31, 23, 30, tzinfo=UTC)]
    try:
        for zone in ("America/Los_Angeles", "Pacific/Auckland"):
            spark.conf.set("spark.sql.session.timeZone", zone)
            assert days(spark, written, zone=PARIS) == expected
            assert days(spark, instants, zone=PARIS, type_=T.TimestampType()) == [date(2026, 2, 1)]
            assert days(spark, ["01/31/2026"], format="MM/dd/yyyy") == [date(2026, 1, 31)]
    finally:
        spark.conf.set("spark.sql.session.timeZone", "UTC")


def test_years_beyond_pythons_are_no_days(spark):
    table = spark.range(1).selectExpr(
        "date_from_unix_date(14220000) AS d", "timestamp_seconds(1228608000000) AS t"
    )
    types = {"d": "date", "t": "timestamp"}
    for name, type_ in types.items():
        sql = day(name, type_, format=None, zone="UTC")
        assert table.selectExpr(sql).collect()[0][0] is None
    assert days(spark, ["+40908-01-01"], format="yyyy-MM-dd") == [None]


def test_moments_order_lines_by_the_shops_clock(spark):
    texts = ["2026-01-31 23:30:00 UTC", "2026-02-01 00:10", "2026-02-01 00:40 +01:00"]
    table = spark.createDataFrame([(each,) for each in texts], "d string")
    sql = moment("d", "string", format=None, zone=PARIS)
    found = [str(row[0]) for row in table.selectExpr(f"CAST({sql} AS STRING)").collect()]
    assert found == ["2026-02-01 00:30:00", "2026-02-01 00:10:00", "2026-02-01 00:40:00"]


def test_a_pattern_that_cannot_work_is_told_by_its_key(spark):
    bad = [
        "YYYY-MM-DD", "%d/%m/%Y", "yyyy-MM-dd'", "yyyy-MM-dd{", "yyyyMMddTHH", "uuuu", "yyyy e",
        "HH:mm", "mm/dd/yyyy", "dd.MM", "foo", "yyyy b",
    ]  # fmt: skip
    good = [
        "yyyyMMdd", "dd/MM/yyyy HH:mm", "MMM d, yyyy", "yyyy", "yyyy-DDD", "yyyy-MM-dd HH:mm VV",
    ]  # fmt: skip
    with pytest.raises(ConfigError) as raised:
        check_patterns(spark, {f"features.dates.{p}": p for p in [*bad, *good]})
    said = str(raised.value)
    assert "\n" not in said
    assert [p for p in [*bad, *good] if f"features.dates.{p} is " in said] == bad
    check_patterns(spark, {pattern: pattern for pattern in good})


def test_an_expression_is_one_as_java_has_them(spark):
    for expression in ("(?P<x>a)", "(", "[a"):
        with pytest.raises(ConfigError, match=r"transactions.product_pattern is .*Java"):
            check_expression(spark, "transactions.product_pattern", expression)
    for expression in (r"\p{L}+", r"(?<x>a)\d++"):
        check_expression(spark, "transactions.product_pattern", expression)


def test_a_zone_is_one_that_java_has(spark):
    for zone in ("Factory", "posixrules", "Europe/Nowhere"):
        with pytest.raises(ConfigError, match=r"^transactions.timezone is .*'Europe/London'"):
            check_zone(spark, "transactions.timezone", zone)
    for zone in ("UTC", "Europe/Paris", "Etc/GMT+8"):
        check_zone(spark, "transactions.timezone", zone)
