"""One table gives one answer in every format: its columns' types and order say nothing of it."""

import json

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from pyspark.ml import PipelineModel

from segmentation.schemas import SEGMENT
from tests.parts import MODEL, REPORT
from tests.rotation import rotation

CUSTOMERS = 2_500
CONFIG = """
[input]
path = "{path}"
format = "{format}"
customer_id = "id"

[features]
numeric = {numeric}
categorical = ["plan"]
describe = ["visits"]
transform = "auto"

[segments]
value = "spend"

[sweep]
k_min = 3
k_max = 3
coreset_size = 1000

[choose]
k = 3

[output]
path = "x"
"""
NUMERIC = ["spend", "orders", "visits"]
TABLES = ("cost_curve", "segments", "segment_profile")


FORMATS = rotation(["csv", "doubles", "texts", "json", "permuted"])
"""Each is a run of its own, beside that of integers in Parquet."""


@pytest.fixture(scope="module")
def customers():
    random = np.random.default_rng(31)
    group = random.integers(0, 3, CUSTOMERS)
    return pd.DataFrame(
        {
            "id": np.arange(1, CUSTOMERS + 1),
            "spend": random.lognormal(3 + group, 0.8).round(2),
            "orders": random.poisson(3 + 2 * group),
            "visits": random.poisson(9, CUSTOMERS),
            "plan": random.choice(["gold", "tin", "lead"], CUSTOMERS),
        }
    )


def as_parquet(customers, path, **types):
    pq.write_table(pa.Table.from_pandas(customers.astype(types), preserve_index=False), path)


WRITERS = {
    "csv": lambda customers, path: customers.to_csv(path, index=False),
    "integers": as_parquet,
    "doubles": lambda customers, path: as_parquet(
        customers, path, id=float, orders=float, visits=float
    ),
    "texts": lambda customers, path: as_parquet(customers, path, id=str, spend=str, orders=str),
    "json": lambda customers, path: customers.to_json(path, orient="records", lines=True),
    "permuted": lambda customers, path: as_parquet(customers[customers.columns[::-1]], path),
}


def published(run):
    """Every value of the tables of segments, and who is in which."""
    tables = {name: run.table(name).drop(columns="since_run", errors="ignore") for name in TABLES}
    rows = {
        name: sorted(json.dumps(row, sort_keys=True) for row in table.to_dict("records"))
        for name, table in tables.items()
    }
    labels = run.table("customers")
    ids = labels["id"].astype(float).astype(int)
    return {**rows, "labels": sorted(zip(ids, labels["segment"], strict=True))}


@pytest.fixture(scope="module")
def runs(segment, customers, tmp_path_factory):
    """The run of each format; a function, so that a test makes those that it needs."""
    folder, made = tmp_path_factory.mktemp("formats"), {}

    def run_of(name):
        if name not in made:
            WRITERS[name](customers, folder / name)
            format_ = name if name in ("csv", "json") else "parquet"
            numeric = NUMERIC[::-1] if name == "permuted" else NUMERIC
            config = CONFIG.format(path=folder / name, format=format_, numeric=numeric)
            (folder / f"{name}.toml").write_text(config)
            without = (REPORT,) if name == "integers" else (MODEL, REPORT)
            made[name] = segment(
                folder / f"{name}.toml", output=folder / f"out-{name}", without=without
            )
        return made[name]

    return run_of


@pytest.mark.parametrize("name", FORMATS)
def test_the_format_changes_nothing(runs, name):
    once, again = published(runs("integers")), published(runs(name))
    for table in once:
        assert again[table] == once[table], table


@pytest.mark.parametrize("name", ["integers", pytest.param("csv", marks=pytest.mark.turn(0, of=5))])
def test_last_months_customers_are_labelled_again_by_the_model(spark, runs, name):
    """The published table goes into the model as it is, and every label comes out again."""
    customers = spark.read.parquet(str(runs(name).folder / "customers"))
    model = PipelineModel.load(str(runs("integers").folder / "model"))
    labelled = model.transform(customers.withColumn("before", customers[SEGMENT]))
    assert labelled.columns.count(SEGMENT) == 1
    assert labelled.where(~labelled["before"].eqNullSafe(labelled[SEGMENT])).count() == 0


@pytest.fixture
def _arabic(spark):
    """The JVM as where people write other digits, as ``-Duser.language=ar`` and so on make it."""
    locale = spark.sparkContext._jvm.java.util.Locale
    before = locale.getDefault()
    locale.setDefault(locale.forLanguageTag("ar-EG-u-nu-arab"))
    yield
    locale.setDefault(before)


@pytest.mark.turn(1, of=2)
@pytest.mark.usefixtures("_arabic")
def test_the_digits_of_the_country_and_unbounded_batches_change_nothing(
    spark, segment, runs, tmp_path
):
    expected = published(runs("integers"))
    batch = "spark.sql.execution.arrow.maxRecordsPerBatch"
    before = spark.conf.get(batch)
    spark.conf.set(batch, "0")
    try:
        config = runs("integers").folder.parents[1] / "integers.toml"
        run = segment(config, output=tmp_path / "out", without=(REPORT,))
    finally:
        spark.conf.set(batch, before)
    assert all(path.name.isascii() for path in run.folder.rglob("*"))
    assert published(run) == expected
