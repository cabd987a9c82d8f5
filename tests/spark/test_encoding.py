"""The encoding: bands, dates, flags, categories, filled cells; by hand and by scikit-learn."""

from datetime import date

import numpy as np
import pandas as pd
import pytest
from scipy.stats import skew
from sklearn.preprocessing import OneHotEncoder, StandardScaler

from segmentation.errors import DataError
from segmentation.model.features import code, labels, number
from segmentation.model.preparation import column_name
from segmentation.model.spark_columns import spark_column
from segmentation.schemas import quoted
from tests.rotation import rotation
from tests.spark.tables import audit_of, config, in_partitions, prepared, with_rejection

NONE = {"transform": "none"}


def values(made, name):
    """One number or share for every usable row, by its key, before the transform."""
    ((feature, value),) = [
        (feature, value)
        for feature, value in model_columns(made)
        if column_name(feature.name, value) == name
    ]
    expression = number(feature) if value is None else code(feature)
    rows = made.usable.select("key", spark_column(expression)).collect()
    if value is None:
        return {row[0]: row[1] for row in rows}
    own = labels(feature).index(value)
    return {row[0]: float(row[1] == own) for row in rows if row[1] is not None}


def model_columns(made):
    """Every feature with every value that has a share, in the configuration's order."""
    return [(feature, each) for feature in made.encoding.features for each in of_feature(feature)]


def of_feature(feature):
    named = (feature.other, feature.absent)
    return (*feature.categories, *filter(None, named)) if feature.kind == "categorical" else (None,)


def rejections(customers, settings):
    rows = with_rejection(customers, settings).select("key", "__rejection").collect()
    return {row.key: tuple(row[1]) if row[1] else None for row in rows}


def test_ordered_bands_are_their_places(spark):
    rows = [(1, "18-24"), (2, " 25-34 "), (3, "35+"), (4, "old"), (5, None)]
    customers = spark.createDataFrame(rows, "key int, age string")
    features = {"ordered": [{"name": "age", "order": ["18-24", "25-34", "35+"]}]}
    made = prepared(customers, numeric=["key"], features=features)
    assert values(made, "age") == {1: 0.0, 2: 1.0, 3: 2.0}
    assert rejections(customers, made.config) == {
        1: None, 2: None, 3: None, 4: ("unknown_band", "age"), 5: ("null", "age"),
    }  # fmt: skip


@pytest.mark.parametrize("type_", rotation(["string", "date", "timestamp"]))
def test_dates_are_days_before_as_of(spark, type_):
    rows = [(1, "2026-01-31"), (2, "2025-12-31"), (3, "2026-02-01"), (4, None)]
    customers = spark.createDataFrame(rows, "key int, since string").selectExpr(
        "key", f"CAST(since AS {type_}) AS since"
    )
    features = {"dates": ["since"], "as_of": date(2026, 1, 31), **NONE}
    made = prepared(customers, numeric=["key"], features=features)
    assert values(made, "since") == {1: 0.0, 2: 31.0}
    assert rejections(customers, made.config)[3] == ("after_as_of", "since")
    assert rejections(customers, made.config)[4] == ("null", "since")


def test_texts_that_name_no_day_are_no_dates(spark):
    texts = ["2026-01-30", "12:30", "40908", "2026", "2026-01-30 or so", "2026-01-30 23:30 BST"]
    customers = spark.createDataFrame(list(enumerate(texts)), "key int, since string")
    settings = config(["key"], features={"dates": ["since"], "as_of": date(2026, 2, 1), **NONE})
    expected = {0: None} | dict.fromkeys(range(1, len(texts)), ("not_a_date", "since"))
    assert rejections(customers, settings) == expected


def test_dates_of_a_format_of_their_own(spark):
    customers = spark.createDataFrame(
        [(1, "31.01.2026"), (2, "2026-01-30")], "key int, since string"
    )
    since = {"name": "since", "format": "dd.MM.yyyy"}
    features = {"dates": [since], "as_of": date(2026, 2, 1), **NONE}
    settings = config(["key"], features=features)
    assert rejections(customers, settings) == {1: None, 2: ("not_a_date", "since")}


@pytest.mark.parametrize(
    ("type_", "yes", "no", "neither"),
    rotation([("string", "Yes", "f", "maybe"), ("boolean", True, False, None), ("int", 1, 0, 2)]),
)
def test_booleans_are_one_and_zero(spark, type_, yes, no, neither):
    customers = spark.createDataFrame([(1, yes), (2, no), (3, neither)], f"key int, news {type_}")
    made = prepared(customers, numeric=["key"], features={"boolean": ["news"]})
    assert values(made, "news") == {1: 1.0, 2: 0.0}
    reason = "null" if neither is None else "not_a_boolean"
    assert rejections(customers, made.config)[3] == (reason, "news")


@pytest.fixture(scope="module")
def people():
    random = np.random.default_rng(12)
    return pd.DataFrame(
        {
            "key": np.arange(300),
            "spend": random.normal(50, 9, 300),
            "country": random.choice(
                ["UK", "France", "it's", "Ünder €"], 300, p=[0.6, 0.2, 0.1, 0.1]
            ),
        }
    )


def test_one_hot_is_that_of_scikit_learn_and_weighs_as_much_as_a_number(spark, people):
    categorical = [{"name": "country", "weight": 2.0}]
    made = prepared(
        spark.createDataFrame(people),
        numeric=["spend"],
        features={"categorical": categorical, **NONE},
    )
    names = [column.name for column in made.preparation.columns]
    counts = people["country"].value_counts()
    assert names == [*sorted(f"country = {each}" for each in counts.index), "spend"]
    found = made.rows.orderBy("key").select(*made.coordinates).toPandas().to_numpy()
    found = found / 2.0**made.preparation.bits
    hot = OneHotEncoder(
        categories=[[name.removeprefix("country = ") for name in names[:-1]]], sparse_output=False
    ).fit_transform(people[["country"]])
    centred = hot - hot.mean(axis=0)
    spread = np.sqrt(centred.var(axis=0, ddof=1).sum())
    assert found[:, :-1] == pytest.approx(2 * centred / spread, abs=1e-5)
    # all its columns together have the variance of one scaled number, times the weight squared
    assert found[:, :-1].var(axis=0, ddof=1).sum() == pytest.approx(4, rel=1e-5)
    assert found[:, -1].var(ddof=1) == pytest.approx(1, rel=1e-5)


def test_rare_values_share_one_column(spark):
    rows = [(i, c) for i, c in enumerate(["a"] * 4 + ["b"] * 3 + ["c", "d", "x"])]
    customers = spark.createDataFrame(rows, "key int, kind string")
    made = prepared(
        customers, numeric=["key"], features={"categorical": [{"name": "kind", "top": 2}]}
    )
    names = [column_name(feature.name, value) for feature, value in model_columns(made)]
    assert names == ["key", "kind = a", "kind = b", "kind = (other)"]
    assert [key for key, value in values(made, "kind = (other)").items() if value] == [7, 8, 9]


MISSING = [(1, "x"), (2, "x"), (3, "y"), (4, None), (5, "  ")]


def test_a_missing_category_is_rejected_filled_or_one_of_its_own(spark):
    customers = spark.createDataFrame(MISSING, "key int, kind string")

    def made(missing):
        categorical = [{"name": "kind", "missing": missing}]
        return prepared(customers, numeric=["key"], features={"categorical": categorical})

    assert made("reject").audit.rejections[0].reason == "null"
    assert set(values(made("reject"), "kind = x")) == {1, 2, 3}
    assert values(made("impute"), "kind = x") == {1: 1, 2: 1, 3: 0, 4: 1, 5: 1}
    assert values(made("category"), "kind = x") == {1: 1, 2: 1, 3: 0, 4: 0, 5: 0}
    assert values(made("category"), "kind = (missing)") == {1: 0, 2: 0, 3: 0, 4: 1, 5: 1}


def test_missing_numbers_become_the_median_and_bad_ones_do_not(spark):
    rows = [(1, "1"), (2, "5"), (3, "9"), (4, None), (5, " "), (6, "many"), (7, "-2")]
    customers = spark.createDataFrame(rows, "key int, spend string")
    made = prepared(customers, numeric=["spend"], features={"missing": "impute"})
    assert values(made, "spend") == {1: 1, 2: 5, 3: 9, 4: 5, 5: 5}
    assert {r.reason for r in made.audit.rejections} == {"not_a_number", "negative"}
    assert [each.feature for each in made.encoding.imputations] == ["spend"]


def test_nan_of_pandas_is_missing_where_that_is_filled(spark):
    customers = spark.createDataFrame([(1, 2.0), (2, float("nan")), (3, 4.0)], "key int, a double")
    made = prepared(customers, numeric=["a"], features={"missing": "impute"})
    assert values(made, "a") == {1: 2, 2: 3, 3: 4}


def test_bands_and_flags_are_filled_with_values_that_occur(spark):
    rows = [(1, "lo", True), (2, "hi", True), (3, None, None), (4, "lo", False), (5, "hi", True)]
    customers = spark.createDataFrame(rows, "key int, band string, flag boolean")
    features = {
        "ordered": [{"name": "band", "order": ["lo", "hi"]}],
        "boolean": ["flag"],
        "missing": "impute",
    }
    made = prepared(customers, numeric=["key"], features=features)
    assert values(made, "band")[3] in (0, 1)
    assert values(made, "flag")[3] == 1


def test_nothing_to_impute_is_told(spark):
    rows = [(1, None), (2, None)]
    customers = spark.createDataFrame(rows, "key int, a string")
    for kind in ("numeric", "categorical"):
        numeric = ["key", "a"] if kind == "numeric" else ["key"]
        features = {"missing": "impute", **({"categorical": ["a"]} if kind != "numeric" else {})}
        with pytest.raises(DataError, match="'a' has no value on any usable row"):
            prepared(customers, numeric=numeric, features=features)


def test_winsorised_values_end_at_the_quantiles(spark):
    customers = spark.createDataFrame([(i, float(i)) for i in range(101)], "key int, a double")
    made = prepared(customers, numeric=["a"], features={"winsorise": [0.1, 0.9]})
    found = values(made, "a")
    assert (found[0], found[10], found[50], found[95]) == (10, 10, 50, 90)


def test_auto_takes_the_logarithm_where_that_makes_less_skew(spark, people):
    frame = people.assign(
        skewed=np.random.default_rng(1).lognormal(3, 1, 300),
        level=np.random.default_rng(2).normal(500, 50, 300),
        balance=np.random.default_rng(3).normal(0, 5, 300),
    )
    customers = spark.createDataFrame(frame)
    features = {"transform": "auto"}
    made = prepared(customers, numeric=["skewed", "level", "balance"], features=features)
    transforms = {each.name: each.transform for each in made.preparation.features}
    assert transforms["skewed"] == "log1p"
    assert transforms["balance"] == "none"  # and none of its negatives is rejected
    assert made.audit.rejections == ()
    level = frame["level"].to_numpy()
    less = "log1p" if abs(skew(np.log1p(level))) < abs(skew(level)) else "none"
    assert transforms["level"] == less


def test_order_and_partitions_change_no_bit(spark, people):
    features = {"categorical": ["country"], "transform": "auto", "missing": "impute"}
    once = prepared(spark.createDataFrame(people), numeric=["spend"], features=features)
    for partitions in (1, 7):
        rows = in_partitions(spark.createDataFrame(people), partitions)
        again = prepared(rows, numeric=["spend"], features=features)
        assert again.preparation == once.preparation
        assert again.encoding == once.encoding


def described(made):
    return {key: (each, key) for each in made.profiled.described for key in each.keys}


def known(made, reported):
    """The number or share for every usable row, by its key, of those who have one."""
    attribute, (_, value) = reported
    rows = made.usable.select("key", spark_column(attribute.expression)).collect()
    if attribute.is_number:
        return {row[0]: row[1] for row in rows if row[1] is not None}
    if value == attribute.absent:
        return {row[0]: float(row[1] is None) for row in rows}
    place = attribute.values.index(value)
    return {row[0]: float(row[1] == place) for row in rows if row[1] is not None}


def test_attributes_are_numbers_or_shares_as_their_values_say(spark):
    rows = [(i, str(20 + i), "ab"[i % 2], i % 3, "x" if i else None) for i in range(30)]
    customers = spark.createDataFrame(
        rows, "key int, age string, sex string, region int, other string"
    )
    names = ["age", "sex", "region", "other"]
    made = prepared(customers, numeric=["key"], features={"describe": names})
    found = described(made)
    assert known(made, found["age", None]) == {i: 20.0 + i for i in range(30)}
    assert {key for key in found if key[0] == "sex"} == {
        ("sex", "a"), ("sex", "b"), ("sex", "(missing)"),
    }  # fmt: skip
    assert ("region", "0") in found  # few numbers are codes
    # of those who have one; who has none is a share of all
    assert known(made, found["other", "x"]) == dict.fromkeys(range(1, 30), 1.0)
    assert known(made, found["other", "(missing)"]) == {i: float(i == 0) for i in range(30)}


@pytest.mark.parametrize(
    ("texts", "is_number"),
    rotation([(0, True), (3, False), (1, True), (40, False), (2, True)], daily=2),
)
def test_a_few_texts_make_no_categories_of_a_described_number(spark, texts, is_number):
    """Of 40 cells two are one in twenty."""
    rows = [(i, "n/a" if i < texts else f" {i} ") for i in range(40)] + [(40, None), (41, " ")]
    customers = spark.createDataFrame(rows, "key int, size string")
    made = prepared(customers, numeric=["key"], features={"describe": [{"name": "size", "top": 5}]})
    if texts == 40:
        assert set(described(made)) == {("size", "n/a"), ("size", "(missing)")}
    elif not is_number:
        assert ("size", "(other)") in described(made)
    else:
        assert known(made, described(made)["size", None]) == {i: i for i in range(texts, 40)}
    cells = [(each.attribute, each.customers) for each in made.profiled.non_numeric]
    assert cells == ([("size", texts)] if is_number and texts else [])


@pytest.mark.parametrize("nothing", rotation([None, float("nan")]))
def test_a_described_double_without_a_value_is_unknown_and_no_text(spark, nothing):
    rows = [(i, float(i) if i % 2 else nothing) for i in range(40)]
    customers = spark.createDataFrame(rows, "key int, age double")
    made = prepared(customers, numeric=["key"], features={"describe": ["age"]})
    (age,) = described(made).values()
    assert known(made, age) == {i: float(i) for i in range(1, 40, 2)}
    assert made.profiled.non_numeric == ()


def test_a_described_value_is_a_number_though_it_has_few_values(spark):
    rows = [(i, i % 3, "x") for i in range(30)]
    customers = spark.createDataFrame(rows, "key int, revenue int, word string")
    features = {"describe": ["revenue", "word"]}
    made = prepared(customers, numeric=["key"], features=features, segments={"value": "revenue"})
    assert known(made, described(made)["revenue", None]) == {i: float(i % 3) for i in range(30)}
    with pytest.raises(DataError, match="'word' has no numeric value on any usable row"):
        prepared(customers, numeric=["key"], features=features, segments={"value": "word"})


def test_what_is_known_is_raw(spark):
    """Imputed, winsorised, clipped or made a rank: that is for the clusters only."""
    rows = [
        (i, None if i in (3, 4) else i - 2.0, None if i == 5 else ["lo", "hi"][i % 2], i % 2 > 0)
        for i in range(12)
    ]
    customers = spark.createDataFrame(rows, "key int, a double, band string, flag boolean")
    features = {
        "numeric": ["a"],
        "ordered": [{"name": "band", "order": ["lo", "mid", "hi"]}],
        "boolean": ["flag"],
        "missing": "impute",
        "winsorise": [0.2, 0.8],
        "negative": "clip",
    }
    made = prepared(customers, numeric=["a"], features=features)
    attributes = {key: (each, key) for each in made.profiled.of_features for key in each.keys}
    assert known(made, attributes["a", None]) == {i: i - 2.0 for i in range(12) if i not in (3, 4)}
    assert values(made, "a")[3] == values(made, "a")[4] == 4.5  # median of -2, -1, 0, 3, ..., 9
    assert set(attributes) == {
        ("a", None), ("band", "lo"), ("band", "mid"), ("band", "hi"), ("flag", None),
    }  # fmt: skip
    assert known(made, attributes["band", "lo"]) == {
        i: float(i % 2 == 0) for i in range(12) if i != 5
    }
    assert not any(known(made, attributes["band", "mid"]).values())
    assert known(made, attributes["flag", None]) == {i: float(i % 2) for i in range(12)}
    imputed = [(each.feature, each.customers) for each in made.encoding.imputations]
    assert imputed == [("a", 2), ("band", 1)]
    assert made.encoding.imputations[0].share == 2 / 12


def test_a_constant_feature_is_profiled_only_as_the_value(spark):
    customers = spark.createDataFrame([(i, 7.0) for i in range(5)], "key int, a double")
    made = prepared(customers, numeric=["key", "a"])
    assert made.preparation.constant == ("a",)
    used = made.preparation.used
    keys = [key for each in made.profiled.attributes(used, value=None) for key in each.keys]
    assert keys == [("key", None)]
    keys = [key for each in made.profiled.attributes(used, value="a") for key in each.keys]
    assert keys == [("key", None), ("a", None)]


@pytest.mark.parametrize("type_", rotation(["double", "float"]))
def test_fractions_are_values_of_their_own(spark, type_):
    """And a whole double is the integer that it is."""
    cells = [0.0, 0.25, 0.5, 2.0, float("nan"), None]
    customers = spark.createDataFrame(list(enumerate(cells)), f"key int, rate {type_}")
    made = prepared(customers, numeric=["key"], features={"describe": ["rate"]})
    listed = {value for _, value in described(made)}
    assert listed >= {"0", "0.25", "0.5", "2"}


def test_many_fractions_are_a_number(spark):
    customers = spark.createDataFrame([(i, i / 40) for i in range(40)], "key int, rate double")
    made = prepared(customers, numeric=["key"], features={"describe": ["rate"]})
    assert known(made, described(made)["rate", None]) == {i: i / 40 for i in range(40)}


def test_what_the_scaler_sees_is_the_deviation_times_the_weight(spark, people):
    features = {"numeric": [{"name": "spend", "weight": 3.0}], **NONE}
    made = prepared(spark.createDataFrame(people), numeric=features["numeric"], features=features)
    expected = 3 * StandardScaler().fit_transform(people[["spend"]]) * np.sqrt(299 / 300)
    found = made.rows.orderBy("key").select(*made.coordinates).toPandas().to_numpy()
    assert found / 2.0**made.preparation.bits == pytest.approx(expected, abs=1e-5)


def test_values_with_any_letters_are_themselves(spark):
    strange = [
        "a'b",
        'a"b',
        "a\\b",
        "${env:HOME}",
        "__THIS__",
        "'; DROP TABLE x --",
        "`x`",
        "\u202e",
    ]
    customers = spark.createDataFrame(list(enumerate(strange)), "key int, kind string")
    made = prepared(customers, numeric=["key"], features={"categorical": ["kind"]})
    for key, value in enumerate(strange):
        hits = [k for k, hit in values(made, f"kind = {value}").items() if hit]
        assert hits == [key], value
    assert quoted("a`b") == "`a``b`"
    assert audit_of(customers, made.config).usable == len(strange)
