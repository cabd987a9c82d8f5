"""One model, three renderings: numpy, Spark's columns and the saved PipelineModel agree.

On random tables with every kind of feature, prepared in every way, with holes, cells that break the
contract, and new customers whose columns are of other types and hold values that no fit has seen.
"""

import json
import math
import os
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal

import numpy as np
import pyarrow as pa
import pytest
from pyspark.ml import PipelineModel
from pyspark.sql import functions as F

from segmentation.model.fitted import FittedModel
from segmentation.model.labelling import assign, points
from segmentation.model.spark_columns import CLUSTER, spark_column, with_nearest
from segmentation.model.spark_pipeline import pipeline_model
from segmentation.schemas import SEGMENT
from tests import rotation
from tests.spark.tables import fitted, from_arrow, prepared, with_coordinates

FIRST, LAST = map(int, os.environ.get("SEGMENTATION_LABELLINGS", "0:200").split(":"))
"""The tables of --thorough, so that they can run in parts."""

CLEAN_ROWS = 8
"""So many first rows break no rule: there is always something to fit."""

AS_OF = date(2026, 6, 30)
BANDS = ["1", "2", "3", "4"]
BAD_NUMBERS = ["", " ", "n/a", "NaN", "inf", "12d", "0x1p3", "1e101", "-5", " 7 ", "1e2", "+3"]
BAD_DAYS = ["", "2026-02-30", "2026-07-01", "soon", "40908", "2026-06", "2026-06-30 23:30:00 UTC",
            "31.12.2025", "2026-06-29 12:30"]  # fmt: skip
BAD_FLAGS = ["", "maybe", "2", "1.0", " Y ", "\tno"]


def numbers(random, rows):
    """Amounts of customers, small and large, some of them negative."""
    kind = random.integers(4)
    if kind == 0:
        return random.lognormal(4, 1.5, rows).round(2)
    if kind == 1:
        return random.normal(0, 50, rows).round(3)
    if kind == 2:
        return random.poisson(3, rows).astype(float)
    return np.ldexp(random.uniform(1, 2, rows), random.integers(-20, 40, rows))


def with_faults(random, values, faults, *, share):
    """The values, of which some but the first are missing or at fault."""
    return [
        value
        if row < CLEAN_ROWS or random.random() >= share
        else None
        if random.random() < 0.5
        else faults[random.integers(len(faults))]
        for row, value in enumerate(values)
    ]


def number_column(random, values, *, share):
    """Numbers as a file may have them: texts, doubles, floats, decimals or integers."""
    kind = random.integers(5)
    if kind == 0:
        return pa.array(
            with_faults(random, [f"{v:.4f}" for v in values], BAD_NUMBERS, share=share), pa.string()
        )
    if kind == 1:
        faults = [math.nan, math.inf, -math.inf, 1e101, -5.0]
        return pa.array(with_faults(random, values.tolist(), faults, share=share), pa.float64())
    if kind == 2:
        cells = np.float32(values).astype(float).tolist()
        return pa.array(with_faults(random, cells, [math.nan, -5.0], share=share), pa.float32())
    if kind == 3:
        cells = [Decimal(f"{value:.3f}") for value in values]
        return pa.array(
            with_faults(random, cells, [Decimal("-5.000")], share=share), pa.decimal128(20, 3)
        )
    cells = np.rint(values).astype(int).tolist()
    return pa.array(with_faults(random, cells, [-5], share=share), pa.int64())


def day_column(random, days, *, pattern, share):
    """Days as dates, times, instants or texts."""
    kind = random.integers(4)
    clock = time(int(random.integers(24)), 30)
    if kind == 0:
        return pa.array(with_faults(random, days, [AS_OF + timedelta(1)], share=share), pa.date32())
    if kind < 3:
        zone = UTC if kind == 1 else None
        cells = [datetime.combine(day, clock, zone) for day in days]
        late = [datetime.combine(AS_OF + timedelta(2), clock, zone)]
        type_ = pa.timestamp("us", "UTC" if kind == 1 else None)
        return pa.array(with_faults(random, cells, late, share=share), type_)
    written = "%d.%m.%Y" if pattern else "%Y-%m-%d"
    texts = [f"{day:{written}}" for day in days]
    return pa.array(with_faults(random, texts, BAD_DAYS, share=share), pa.string())


def flag_column(random, flags, *, share):
    """Yes and no as booleans, numbers or texts."""
    kind = random.integers(3)
    if kind == 0:
        return pa.array(with_faults(random, flags.tolist(), [None], share=share), pa.bool_())
    if kind == 1:
        cells = flags.astype(float).tolist()
        return pa.array(with_faults(random, cells, [2.0, math.nan], share=share), pa.float64())
    cells = [("yes", "Y", "TRUE")[row % 3] if flag else "no" for row, flag in enumerate(flags)]
    return pa.array(with_faults(random, cells, BAD_FLAGS, share=share), pa.string())


def code_column(random, codes, *, unseen, share):
    """Codes as texts, integers or doubles."""
    kind = random.integers(3)
    if kind == 0:
        texts = [f" {code}" for code in codes]
        return pa.array(
            with_faults(random, texts, ["", "it's", str(unseen)], share=share), pa.string()
        )
    cells = codes.tolist() if kind == 1 else codes.astype(float).tolist()
    return pa.array(
        with_faults(random, cells, [unseen], share=share), pa.int32() if kind == 1 else pa.float64()
    )


def customers(random, *, pattern, share):
    """A table of customers; the type of every column is drawn too."""
    rows = int(random.integers(30, 80))
    days = [AS_OF - timedelta(int(d)) for d in random.integers(2, 900, rows)]
    return pa.table(
        {
            "id": pa.array(range(rows), pa.int32()),
            "spend": number_column(random, np.abs(numbers(random, rows)), share=share),
            "balance": number_column(random, numbers(random, rows), share=share),
            "band": code_column(random, random.integers(1, 4, rows), unseen=9, share=share),
            "since": day_column(random, days, pattern=pattern, share=share),
            "news": flag_column(random, random.random(rows) < 0.5, share=share),
            "plan": code_column(random, random.poisson(1.5, rows), unseen=77, share=share),
        }
    )


def features(random, *, pattern):
    """A configuration of the features that prepares them in some of all ways."""
    choice = random.choice
    missing = str(choice(["reject", "impute"]))
    since: dict[str, object] = {"name": "since", "transform": str(choice(["none", "log1p"]))}
    if pattern:
        since["format"] = pattern
    found: dict[str, object] = {
        "numeric": [
            {"name": "spend", "weight": float(choice([0.5, 1, 3]))},
            {"name": "balance", "transform": str(choice(["signed", "none", "auto"]))},
        ],
        "ordered": [{"name": "band", "order": BANDS, "weight": 2.0}],
        "dates": [since],
        "boolean": ["news"],
        "categorical": [
            {"name": "plan", "top": int(random.integers(1, 5)),
             "missing": str(choice(["reject", "impute", "category"]))},
        ],
        "transform": str(choice(["log1p", "signed", "none", "auto"])),
        "negative": str(choice(["reject", "clip", "signed"])),
        "scale": str(choice(["standard", "none"])),
        "missing": missing,
        "as_of": AS_OF,
    }  # fmt: skip
    if random.random() < 0.6:
        found["winsorise"] = [0.1, 0.8]
    return found


def spark_labels(table, model, centres):
    """The segment of every row in Spark's own columns, by id; None where a rule is broken."""
    preparation = model.preparation
    rules = [spark_column(condition) for _, _, condition in preparation.rules]
    is_broken = F.coalesce(*[F.when(rule, True) for rule in rules], F.lit(False))
    rows = with_coordinates(table.withColumn("__is_broken", is_broken), preparation)
    found = with_nearest(rows, preparation.layout, centres)
    label = F.when(~F.col("__is_broken"), F.col(CLUSTER)).alias("label")
    return {row.id: row.label for row in found.select("id", label).collect()}


def ties(model, table):
    """The rows as near to a second centre as to their own, which MLlib may label otherwise.

    Here centres are customers; a run moves its centres off ties.
    """
    found = model.rule.assign(points(model.preparation, table)[0])
    return set(np.flatnonzero(found.square == found.runner_up_square).tolist())


def check_table(spark, folder, seed):
    """Fits a model to a random table and compares its renderings, of that table and of others."""
    random = np.random.default_rng(seed)
    pattern = "dd.MM.yyyy" if random.random() < 0.4 else None
    share = float(random.choice([0.0, 0.1, 0.4]))
    table = customers(random, pattern=pattern, share=share)
    rows = from_arrow(spark, table)
    made = prepared(rows, numeric=[], features=features(random, pattern=pattern))

    coordinates = made.rows.select("id", *made.coordinates).toPandas().set_index("id").sort_index()
    distinct = np.unique(coordinates.to_numpy(np.float64), axis=0)
    k = min(int(random.integers(1, 6)), len(distinct))
    centres = distinct[random.choice(len(distinct), k, replace=False)]
    model = fitted(made.preparation, centres)
    pipeline_model(spark, model).write().save(str(folder / f"{seed}"))
    saved = PipelineModel.load(str(folder / f"{seed}"))
    read = FittedModel.from_json(json.loads(json.dumps(model.to_json())))
    assert read == model

    found, is_usable = points(read.preparation, table)
    assert np.flatnonzero(is_usable).tolist() == coordinates.index.tolist()
    assert np.array_equal(found[is_usable].coordinates, coordinates.to_numpy())
    labels = with_nearest(made.rows, made.preparation.layout, centres)
    published = {row.id: row[CLUSTER] for row in labels.select("id", CLUSTER).collect()}
    ours = dict(enumerate(assign(read, table).to_pylist()))
    assert {i: label for i, label in ours.items() if label is not None} == published

    others = customers(random, pattern=pattern, share=0.4)
    scored = from_arrow(spark, others)
    theirs = dict(enumerate(assign(read, others).to_pylist()))
    assert theirs == spark_labels(scored, model, centres)
    for each, arrow, expected in ((rows, table, ours), (scored, others, theirs)):
        by_model = saved.transform(each).select("id", SEGMENT).collect()
        tied = ties(read, arrow)
        assert len(tied) < len(expected)
        assert {i: label for i, label in expected.items() if i not in tied} == {
            row.id: row[SEGMENT] for row in by_model if row.id not in tied
        }


@pytest.mark.parametrize("seed", [1000 + rotation.SEED])
def test_numpy_spark_and_the_saved_model_give_the_same_segments(spark, tmp_path, seed):
    check_table(spark, tmp_path, seed)


@pytest.mark.thorough
@pytest.mark.usefixtures("interpreted")
@pytest.mark.parametrize("seed", range(FIRST, LAST))
def test_the_renderings_agree_on_many_tables(spark, tmp_path, seed):
    check_table(spark, tmp_path, seed)
