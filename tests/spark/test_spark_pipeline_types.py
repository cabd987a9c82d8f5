"""The frozen model takes what the contract takes, of whatever type a column comes in."""

import math
import re
from contextlib import contextmanager
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from itertools import product

import numpy as np
import pytest
from pyspark.ml import PipelineModel
from pyspark.sql import functions as F

from segmentation.features import contract
from segmentation.model.preparation import counted_from
from segmentation.model.spark_columns import CLUSTER, with_nearest
from segmentation.model.spark_pipeline import at_day, pipeline_model
from segmentation.schemas import SEGMENT
from tests.rotation import SEED, rotation
from tests.spark.tables import fitted, prepared, with_coordinates, with_rejection
from tests.spark.test_spark_pipeline import frozen

AS_OF = date(2026, 6, 30)
AMOUNTS = ["1", "2.5", " 7 ", "1e2", "12d", "1f", "0x1p3", "NaN", "Infinity", "-3", "1e101",
           "", " ", None, "abc", "1,5", "40", "0"]  # fmt: skip
DAYS = ["2026-06-30", "2026-07-01", "2024-02-29", "2025-02-30", "", None, "soon", "2020-01-01",
        "2019-12-31", "2026-05-17"]  # fmt: skip
FLAGS = ["yes", "no", "true", "F", "1", "0", "1.0", "2", "maybe", "", None]
BANDS = ["1", "2", "3", "4", "", None]
FEATURES = {
    "dates": [{"name": "since", "format": "yyyy-MM-dd"}],
    "boolean": ["news"],
    "ordered": [{"name": "band", "order": ["1", "2", "3"]}],
    "as_of": AS_OF.isoformat(),
}
NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?")
ELSEWHERE = ["Pacific/Auckland", "America/Los_Angeles"]


def amount_of(text):
    """What the text says, None if it is no amount that a customer may have."""
    if text is None or not NUMBER.fullmatch(text.strip()):
        return None
    return float(text) if 0 <= float(text) <= 1e100 else None


def day_of(text):
    try:
        day = date.fromisoformat((text or "").strip())
    except ValueError:
        return None
    return day if day <= AS_OF else None


def flag_of(text):
    return {"yes": 1, "true": 1, "1": 1, "1.0": 1, "no": 0, "F": 0, "0": 0}.get(text or "")


def band_of(text):
    return text if text in ("1", "2", "3") else None


def is_usable(row):
    amount, day, flag, band = row
    values = (amount_of(amount), day_of(day), flag_of(flag), band_of(band))
    return all(value is not None for value in values)


@pytest.fixture(scope="module")
def rows():
    """Texts of every kind in every column, others every day, half of the rows without a fault."""
    draw = np.random.default_rng(SEED)
    pools = [AMOUNTS, DAYS, FLAGS, BANDS]
    checks = [amount_of, day_of, flag_of, band_of]
    good = [
        [text for text in pool if check(text) is not None]
        for pool, check in zip(pools, checks, strict=True)
    ]
    return [tuple(p[draw.integers(len(p))] for p in (good if i % 2 else pools)) for i in range(400)]


def as_texts(spark, rows):
    numbered = [(i, *row) for i, row in enumerate(rows)]
    return spark.createDataFrame(
        numbered, "id int, a string, since string, news string, band string"
    )


TYPES = {
    "double": float,
    "float": float,
    "decimal(20,2)": lambda value: Decimal(repr(value)),
    "int": int,
    "bigint": int,
}


def as_typed(spark, rows, *, amount, day, flag, band):
    """The rows as a Parquet file would have them; ids of those whose amount is another value."""
    made, others = [], []
    for i, (a, since, news, step) in enumerate(rows):
        value = amount_of(a)
        if amount in ("double", "float") and (a or "").strip() in ("NaN", "Infinity", "-3"):
            typed = float(a)
        elif value is None:
            typed = None
        else:
            typed = TYPES[amount](value)  # type: ignore[operator]
            if float(typed) != value:
                others.append(i)
        read = (
            date.fromisoformat(since)
            if since and re.fullmatch(r"[\d-]+", since) and since != "2025-02-30"
            else None
        )
        if read is not None and day == "timestamp":
            read = datetime(read.year, read.month, read.day, 23, 59, 59, 999_999, tzinfo=UTC)
        elif read is not None and day == "timestamp_ntz":
            read = datetime.fromisoformat(f"{read}T23:59:59.999999")
        yes = flag_of(news)
        yes = None if yes is None else bool(yes) if flag == "boolean" else float(yes)
        made.append(
            (
                i,
                typed,
                read,
                yes,
                None if not step else float(step) if band == "double" else int(step),
            )
        )
    schema = f"id int, a {amount}, since {day}, news {flag}, band {band}"
    return spark.createDataFrame(made, schema), others


VARIANTS = [
    {"amount": "double", "day": "date", "flag": "boolean", "band": "int"},
    {"amount": "float", "day": "timestamp", "flag": "double", "band": "double"},
    {"amount": "decimal(20,2)", "day": "timestamp_ntz", "flag": "boolean", "band": "bigint"},
    {"amount": "int", "day": "date", "flag": "double", "band": "double"},
    {"amount": "bigint", "day": "timestamp", "flag": "boolean", "band": "int"},
]


@contextmanager
def zone(spark, name):
    """The session in another time zone, as a stranger's may be."""
    before = spark.conf.get("spark.sql.session.timeZone")
    spark.conf.set("spark.sql.session.timeZone", name)
    try:
        yield
    finally:
        spark.conf.set("spark.sql.session.timeZone", before)


def model_of(customers):
    """The contract's preparation of a table, its centres, and the model."""
    made = prepared(customers, numeric=["a"], features=FEATURES)
    points = made.rows.select(*made.coordinates).distinct().orderBy(*made.coordinates)
    values = points.toPandas().to_numpy()
    centres = np.asarray(values[:: len(values) // 4], dtype=np.float64)
    return made, centres, frozen(made, centres)


def labels_of_table(customers, made, centres):
    """The label of every usable row as the job computes it, by id."""
    kept = contract.usable(with_rejection(customers, made.config))
    rows = with_nearest(with_coordinates(kept, made.preparation), made.preparation.layout, centres)
    return {row.id: row[CLUSTER] for row in rows.select("id", CLUSTER).collect()}


def labels_of_model(customers, model):
    found = model.transform(customers).select("id", SEGMENT).collect()
    return {row.id: row[SEGMENT] for row in found if row[SEGMENT] is not None}


@pytest.fixture(scope="module")
def of_texts(spark, rows, tmp_path_factory):
    customers = as_texts(spark, rows)
    made, centres, model = model_of(customers)
    folder = str(tmp_path_factory.mktemp("texts") / "model")
    model.write().save(folder)
    return made, centres, PipelineModel.load(folder), labels_of_table(customers, made, centres)


def test_a_model_of_texts_labels_what_the_contract_takes(spark, rows, of_texts):
    _, _, model, labels = of_texts
    assert set(labels) == {i for i, row in enumerate(rows) if is_usable(row)}
    assert len(set(labels.values())) > 1
    for name in ELSEWHERE:
        with zone(spark, name):
            assert labels_of_model(as_texts(spark, rows), model) == labels


@pytest.mark.parametrize(("variant", "place"), rotation(product(VARIANTS, ELSEWHERE), daily=3))
def test_a_model_of_texts_takes_other_types_as_the_contract_does(
    spark, rows, of_texts, variant, place
):
    made, centres, model, of_text = of_texts
    customers, others = as_typed(spark, rows, **variant)
    expected = labels_of_table(customers, made, centres)
    with zone(spark, place):
        assert labels_of_model(customers, model) == expected
    alike = {i: label for i, label in of_text.items() if i not in others}
    assert alike == {i: label for i, label in expected.items() if i not in others}


def test_a_model_of_numbers_takes_texts_as_the_contract_does(spark, rows, of_texts):
    of_text = of_texts[3]
    customers, _ = as_typed(spark, rows, **VARIANTS[0])
    _, _, model = model_of(customers)
    for name in ELSEWHERE:
        with zone(spark, name):
            assert labels_of_model(as_texts(spark, rows), model) == of_text


def test_nan_is_missing_in_any_type_where_that_is_filled(spark):
    rows = [(i, str(value)) for i, value in enumerate([1, 2, 4, 8, 16])]
    texts = spark.createDataFrame([*rows, (5, ""), (6, "NaN"), (7, "x")], "id int, a string")
    made = prepared(texts, numeric=["a"], features={"missing": "impute"})
    points = sorted({row["__q0"] for row in made.rows.collect()})
    model = frozen(made, np.array([[points[0]], [points[-1]]]))
    expected = {0: 0, 1: 0, 2: 0, 3: 1, 4: 1, 5: 0, 6: 0}
    assert labels_of_model(texts, model) == expected
    numbers = [(i, float(text)) for i, text in rows]
    doubles = [*numbers, (5, None), (6, math.nan)]
    assert labels_of_model(spark.createDataFrame(doubles, "id int, a double"), model) == expected


@pytest.mark.parametrize("type_", ["string", "int", "double"])
def test_a_segment_that_is_there_is_replaced(spark, of_texts, rows, type_):
    _, _, model, labels = of_texts
    stale = F.lit("Gold" if type_ == "string" else 9).cast(type_)
    customers = as_texts(spark, rows).withColumn("Segment", stale).withColumn("x", F.lit(1))
    spark.conf.set("spark.sql.caseSensitive", "false")  # as in any other session
    try:
        found = model.transform(customers)
        assert found.columns == ["id", "a", "since", "news", "band", "x", SEGMENT]
        assert {
            row.id: row[SEGMENT] for row in found.collect() if row[SEGMENT] is not None
        } == labels
    finally:
        spark.conf.set("spark.sql.caseSensitive", "true")


@pytest.mark.parametrize("moves", rotation([True, False]))
def test_a_date_counts_from_the_day_of_the_run_or_of_scoring(spark, moves, tmp_path):
    today = spark.sql("SELECT current_date()").collect()[0][0]
    days = [AS_OF - timedelta(days=each) for each in (10, 20, 600, 700)]
    customers = spark.createDataFrame(
        [(i, str(day)) for i, day in enumerate(days)], "id int, since string"
    )
    features = {"dates": ["since"], "as_of": AS_OF.isoformat(), "transform": "none"}
    made = prepared(customers, numeric=[], features=features)
    points = sorted({row["__q0"] for row in made.rows.collect()})
    preparation = counted_from(made.preparation, None) if moves else made.preparation
    centres = np.array([[points[0]], [points[-1]]])
    pipeline_model(spark, fitted(preparation, centres)).write().save(str(tmp_path / "model"))
    model = PipelineModel.load(str(tmp_path / "model"))
    joined = [today - timedelta(days=5), today - timedelta(days=650), today + timedelta(days=2)]
    scored = spark.createDataFrame(list(enumerate(joined)), "id int, since date")
    found = labels_of_model(scored, model)
    if moves:
        assert found == {0: 0, 1: 1}
    else:  # who joined after the run's day breaks the contract
        expected = {
            i: int((AS_OF - day).days > 355) for i, day in enumerate(joined) if day <= AS_OF
        }
        assert found == expected
    assert labels_of_model(customers, at_day(model, AS_OF)) == {0: 0, 1: 0, 2: 1, 3: 1}
