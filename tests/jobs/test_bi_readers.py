"""What a run publishes, read by the tools that will read it and recomputed without Spark."""

import shutil
from pathlib import Path

import duckdb
import numpy as np
import pandas as pd
import pyarrow.parquet as pq
import pytest

from segmentation.schemas import CUSTOMERS, PUBLISHED, REJECTED_TRANSACTIONS, SEGMENTS, VERSION
from segmentation.storage.demo import demo_customers
from tests.jobs.conftest import CUSTOMERS_MADE, SEED

ROOT = Path(__file__).resolve().parents[2]
FEATURES = ["products_purchased", "complains", "money_spent"]


@pytest.fixture(scope="module")
def run(demo):
    """The generated customers, segmented; another run beside it must be in nobody's way."""
    shutil.copytree(demo.folder, demo.folder.parent / "run=another")
    return demo


@pytest.fixture(scope="module")
def customers(run):
    return run.table("customers")


@pytest.fixture(scope="module")
def profile(run):
    """The profile as ``profile[column]``, a frame of a row a segment and a column a feature."""
    return run.table("segment_profile").pivot(index="segment", columns="feature")


def query(name, output):
    """The statements of a query of the README, on the run under test."""
    text = (ROOT / "tests" / "jobs" / "queries" / name).read_text()
    assert text.count("out/customers/") == 2
    return [s for s in text.replace("out/customers", str(output)).split(";") if s.strip()]


def totals(customers):
    """Customers and value of each segment, by pandas from the customers alone."""
    grouped = customers.groupby(["segment", "segment_name"])["money_spent"]
    found = grouped.agg(["size", "sum"]).reset_index().itertuples(index=False, name=None)
    return [(segment, name, size, pytest.approx(total)) for segment, name, size, total in found]


def test_duckdb_query_of_the_readme(run, customers):
    with duckdb.connect() as connection:
        *before, last = query("duckdb.sql", run.folder.parent)
        for statement in before:
            connection.execute(statement)
        found = connection.execute(last).fetchall()
    assert found == totals(customers)


def test_spark_query_of_the_readme(spark, run, customers):
    *before, last = query("spark.sql", run.folder.parent)
    for statement in before:
        spark.sql(statement)
    assert [tuple(row) for row in spark.sql(last).collect()] == totals(customers)
    spark.sql("DROP TEMPORARY VARIABLE run")


def test_every_made_customer_is_there_once_with_its_values(customers):
    made = demo_customers(CUSTOMERS_MADE, seed=SEED)
    published = customers[made.columns].sort_values("customer_id").reset_index(drop=True)
    pd.testing.assert_frame_equal(published, made.astype(dict.fromkeys(FEATURES, float)))


def test_tables_have_the_documented_columns(run, customers):
    for table in PUBLISHED:
        if table == REJECTED_TRANSACTIONS:
            assert not (run.folder / table.name).exists()
            continue
        input_columns = (
            ["customer_id", *FEATURES] if table.name in ("customers", "rejected") else []
        )
        assert list(run.table(table.name).columns) == [*input_columns, *table.column_names]
    without_runner_up = customers[["runner_up", "margin"]].isna()
    assert not without_runner_up.any(axis=None)
    assert CUSTOMERS.column_names[-1] == "segment"


def test_columns_say_what_they_mean(spark, run):
    """Where Spark and Arrow keep a column's comment; and the version of the tables is told."""
    customers = spark.read.parquet(str(run.folder / "customers"))
    margin = customers.schema["margin"].metadata["comment"]
    assert margin == CUSTOMERS.comments["margin"]
    segments = pq.read_schema(next((run.folder / "segments").glob("*.parquet")))
    assert segments.field("share").metadata[b"comment"].decode() == SEGMENTS.comments["share"]
    assert run.manifest["schema_version"] == VERSION


def test_segments_have_few_files(run):
    for folder in run.folder.glob("customers/segment=*"):
        assert len(list(folder.glob("*.parquet"))) == 1


def test_segments_are_ordered_by_value_and_count_their_customers(run, customers):
    segments = run.table("segments").set_index("segment")
    assert list(segments.index) == list(range(len(segments)))
    spent = customers.groupby("segment")["money_spent"]
    assert spent.mean().is_monotonic_decreasing
    assert dict(segments["customers"]) == dict(spent.size())
    assert list(segments["value_mean"]) == pytest.approx(list(spent.mean()))
    assert list(segments["value_sum"]) == pytest.approx(list(spent.sum()))
    assert list(segments["share"]) == pytest.approx(list(spent.size() / len(customers)))
    value_share = spent.sum() / customers["money_spent"].sum()
    assert list(segments["value_share"]) == pytest.approx(list(value_share))
    mean_distance = customers.groupby("segment")["distance"].mean()
    assert list(segments["mean_distance"]) == pytest.approx(list(mean_distance), abs=1e-6)


def test_profile_is_what_pandas_says(customers, profile):
    grouped = customers.groupby("segment")[FEATURES]
    expected = {
        "mean": grouped.mean(),
        "median": grouped.median(),
        "p10": grouped.quantile(0.1),
        "p90": grouped.quantile(0.9),
    }
    for name, frame in expected.items():
        np.testing.assert_allclose(profile[name][FEATURES], frame, rtol=1e-6, err_msg=name)
    overall = customers[FEATURES].mean()
    for _, row in profile["overall_mean"][FEATURES].iterrows():
        assert list(row) == pytest.approx(list(overall))


@pytest.fixture(scope="module")
def scaled(run):
    """A function: values in original units, one column a feature, to scaled units."""
    prepared = {feature["name"]: feature for feature in run.manifest["features"]}
    assert list(prepared) == FEATURES
    mean = np.array([prepared[name]["mean"] for name in FEATURES])
    deviation = np.array([prepared[name]["deviation"] for name in FEATURES])

    def scale(values):
        return (np.log1p(values[FEATURES].to_numpy(float)) - mean) / deviation

    return scale


def test_preparation_standardises(customers, scaled):
    points = scaled(customers)
    assert points.mean(axis=0) == pytest.approx(0, abs=1e-6)
    assert points.std(axis=0, ddof=1) == pytest.approx(1, abs=1e-6)


def test_labels_distances_and_margins_follow_from_the_published_centres(customers, profile, scaled):
    points, centres = scaled(customers), scaled(profile["centroid"])
    distances = np.linalg.norm(points[:, None, :] - centres[None, :, :], axis=2)
    order = np.argsort(distances, axis=1)
    nearest, second = np.sort(distances, axis=1)[:, :2].T
    is_clear = second - nearest > 1e-4
    assert is_clear.mean() > 0.99
    assert (order[is_clear, 0] == customers["segment"][is_clear]).all()
    third_is_clear = is_clear & (np.diff(np.sort(distances, axis=1), axis=1)[:, 1] > 1e-4)
    assert (order[third_is_clear, 1] == customers["runner_up"][third_is_clear]).all()
    np.testing.assert_allclose(customers["distance"], nearest, atol=1e-4)
    np.testing.assert_allclose(customers["margin"], 1 - nearest / second, atol=1e-4)
    overall = points.mean(axis=0)
    np.testing.assert_allclose(profile["difference"][FEATURES], centres - overall, atol=1e-4)


def test_centres_are_the_means_of_their_customers(customers, profile, scaled):
    points = pd.DataFrame(scaled(customers)).groupby(customers["segment"]).mean()
    np.testing.assert_allclose(points, scaled(profile["centroid"]), atol=1e-3)


def test_cost_of_the_chosen_k_is_the_sum_of_squared_distances(run, customers):
    curve = run.table("cost_curve")
    assert list(curve["k"]) == [1, 2, 3, 4, 5, 6]
    assert curve["cost"].is_monotonic_decreasing
    chosen = curve[curve["chosen"]]
    assert list(chosen["k"]) == [run.manifest["choice"]["k"]] == [customers["segment"].nunique()]
    assert chosen["cost"].item() == pytest.approx((customers["distance"] ** 2).sum(), rel=1e-6)
    # Standardised with n - 1: one cluster costs so much for every feature.
    assert curve["cost"][0] == pytest.approx(len(FEATURES) * (CUSTOMERS_MADE - 1), rel=1e-6)
