"""The real files beside the repository, each with its configuration in ``conf/``."""

import csv
from collections import Counter
from functools import cache
from html import unescape
from pathlib import Path

import duckdb
import numpy as np
import pytest
from sklearn import metrics

from segmentation.schemas import PUBLISHED
from tests import headline
from tests.rotation import rotation

pytestmark = pytest.mark.generated

ROOT = Path(__file__).resolve().parents[2]
FILES = {
    "customers-data": "customers-data.csv",
    "wholesale": "Wholesale customers data.csv",
    "mall": "Mall_Customers.csv",
}
DESCRIBED = {"mall": 3}
"""Age, and two genders: rows of the profile for each segment, beside the features."""

ROWS = {"customers-data": 24_000, "wholesale": 440, "mall": 200}


EACH = pytest.mark.parametrize("name", rotation(FILES))
"""A file every day, all of them with --thorough."""
TUTORIAL, WHOLESALE, MALL = (pytest.mark.turn(place, of=len(FILES)) for place in range(len(FILES)))
"""The day of each file, in their order above."""


@pytest.fixture(scope="module")
def runs(segment, shared_data, tmp_path_factory):
    """A function: the run of a file, as its configuration says."""
    folder = tmp_path_factory.mktemp("real")

    @cache
    def run_of(name):
        path = f"--set=input.path={shared_data / FILES[name]}"
        return segment(ROOT / "conf" / f"{name}.toml", path, output=folder / name)

    return run_of


def rows_of(path):
    with path.open(newline="", encoding="utf-8") as lines:
        return list(csv.DictReader(lines))


@EACH
def test_every_row_is_labelled_or_rejected(runs, shared_data, name):
    manifest = runs(name).manifest
    assert len(rows_of(shared_data / FILES[name])) == ROWS[name]
    assert manifest["rows_in"] == ROWS[name]
    assert manifest["labelled"] == len(runs(name).table("customers"))
    assert manifest["rejected"] == len(runs(name).table("rejected"))
    assert manifest["labelled"] + manifest["rejected"] == manifest["rows_in"]
    assert manifest["rejected"] == 0  # every value of these files is in order


@EACH
def test_customers_hold_the_file_as_it_is(runs, shared_data, name):
    """Texts as they stand in the file, features as numbers."""
    features = {feature["name"] for feature in runs(name).manifest["config"]["features"]["numeric"]}
    rows = rows_of(shared_data / FILES[name])
    customers = runs(name).table("customers")
    published = customers[list(rows[0])].itertuples(index=False, name=None)
    expected = [
        tuple(float(v) if column in features else v for column, v in row.items()) for row in rows
    ]
    assert Counter(published) == Counter(expected)


@EACH
@pytest.mark.turn(1, of=2)
def test_model_labels_as_the_table_does_without_this_project(runs, shared_data, elsewhere, name):
    customers = runs(name).table("customers")
    labelled = elsewhere(shared_data / FILES[name], runs(name).folder / "model")
    columns = list(labelled.columns)
    assert columns[-1] == "segment"
    assert labelled["segment"].nunique() == runs(name).manifest["choice"]["k"] > 1
    numbers = {column: float for column in columns[:-1] if customers[column].dtype.kind == "f"}
    found = labelled.astype(numbers).itertuples(index=False, name=None)
    assert Counter(found) == Counter(customers[columns].itertuples(index=False, name=None))


@EACH
def test_duckdb_reads_every_table(runs, name):
    manifest, folder = runs(name).manifest, runs(name).folder
    k = manifest["choice"]["k"]
    rows = {
        "customers": manifest["labelled"],
        "rejected": manifest["rejected"],
        "segments": k,
        "segment_profile": k * (len(manifest["features"]) + DESCRIBED.get(name, 0)),
        "cost_curve": manifest["config"]["sweep"]["k_max"],
        "segment_history": k,
        "migration": 0,
        "drift": 0,
        "combination": 0,
    }
    assert {*rows, "plot_sample", "rejected_transactions"} == {table.name for table in PUBLISHED}

    def counted(table):
        files = f"{folder}/{table}/**/*.parquet"
        query = "SELECT count(*) FROM read_parquet($files)"
        return duckdb.execute(query, {"files": files}).fetchall()

    for table, expected in rows.items():
        assert counted(table) == [(expected,)], table
    assert counted("plot_sample") > [(0,)]
    by_segment = duckdb.execute(
        """
        SELECT segment, count(*), any_value(segments.customers), any_value(segments.name)
            = any_value(customers.segment_name)
        FROM read_parquet($customers) AS customers
        JOIN read_parquet($segments) AS segments USING (segment)
        GROUP BY segment
        """,
        {
            "customers": f"{folder}/customers/*/*.parquet",
            "segments": f"{folder}/segments/*.parquet",
        },
    ).fetchall()
    assert len(by_segment) == k
    for segment, counted, told, is_named_alike in by_segment:
        assert counted == told, segment
        assert is_named_alike, segment


@TUTORIAL
def test_fifteen_ids_on_24000_rows_are_kept_and_told(runs):
    manifest = runs("customers-data").manifest
    told = [line for line in manifest["warnings"] if "'customer_id'" in line]
    assert len(told) == 1
    assert "15 values" in told[0]
    assert "24,000 rows" in told[0]


@pytest.mark.parametrize(
    "name", [pytest.param("wholesale", marks=WHOLESALE), pytest.param("mall", marks=MALL)]
)
def test_the_chosen_ks_indices_are_scikit_learns_of_every_customer(runs, name):
    """From the labelled table alone: prepared, then judged, by others."""
    customers, manifest = runs(name).table("customers"), runs(name).manifest
    prepared = np.column_stack(
        [
            ((np.log1p(values) if feature["transform"] == "log1p" else values) - feature["mean"])
            / feature["deviation"]
            for feature in manifest["features"]
            for values in [customers[feature["name"]].to_numpy(float)]
        ]
    )
    labels = customers["segment"].to_numpy()
    curve = runs(name).table("cost_curve")
    chosen = curve[curve["chosen"]].iloc[0]
    silhouette = metrics.silhouette_score(prepared, labels, metric="sqeuclidean")
    assert chosen["silhouette"] == pytest.approx(silhouette, abs=1e-5)
    assert manifest["choice"]["silhouette"] == chosen["silhouette"]
    ratio = metrics.calinski_harabasz_score(prepared, labels)
    assert chosen["calinski_harabasz"] == pytest.approx(ratio, rel=1e-5)
    smallest = np.bincount(labels).min() / len(labels)
    assert chosen["smallest_share"] == pytest.approx(smallest)


@EACH
def test_the_headline_is_true_of_the_published_customers(runs, name):
    manifest, customers = runs(name).manifest, runs(name).table("customers")
    value = manifest["value_feature"]
    headline.check(manifest["headline"], customers, value=value)
    assert (value is None) == any("segments.value" in each for each in manifest["headline"])
    report = (runs(name).folder / "report.html").read_text(encoding="utf-8")
    assert all(each in unescape(report) for each in manifest["headline"])


@MALL
def test_the_mall_has_five_clear_groups(runs):
    verdict = runs("mall").manifest["choice"]["verdict"]
    assert (verdict["k"], verdict["strength"]) == (5, "clear")


@WHOLESALE
def test_the_wholesale_customers_groups_are_weak(runs):
    assert runs("wholesale").manifest["choice"]["verdict"]["strength"] == "weak"


@TUTORIAL
def test_24_distinct_customers_speak_against_any_verdict(runs):
    run = runs("customers-data")
    assert "24 distinct" in str(run.manifest["choice"]["verdict"]["against"])
    assert "only 24 distinct customers" in " ".join(run.manifest["warnings"])
    report = (run.folder / "report.html").read_text(encoding="utf-8")
    assert "only 24 distinct customers" in report
