"""Every kind of feature in one run; the model alone labels as the table does."""

from collections import Counter

import numpy as np
import pandas as pd
import pytest

from segmentation.cli import main
from segmentation.model.labelling import assign
from segmentation.storage.filesystem import Folder
from segmentation.storage.run_reader import PublishedRun

CONFIG = """
[input]
path = "{folder}/customers.csv"
customer_id = "id"

[[join]]
path = "{folder}/places.csv"
key = "person"
columns = ["country"]

[features]
numeric = ["spend", {{ name = "visits", missing = "reject" }}]
ordered = [{{ name = "age", order = ["18-24", "25-34", "35-44", "45+"], weight = 0.5 }}]
dates = [{{ name = "since", format = "dd/MM/yyyy" }}]
boolean = ["news"]
categorical = [{{ name = "plan", top = 2, missing = "category" }}, "country"]
describe = ["income"]
transform = "auto"
missing = "impute"
winsorise = [0.01, 0.99]
as_of = 2026-06-30

[sweep]
k_min = 2
k_max = 3

[choose]
k = 3

[output]
path = "{folder}/out"
"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("kinds")
    random = np.random.default_rng(20)
    rows = 400
    days = pd.to_datetime("2026-06-30") - pd.to_timedelta(random.integers(0, 900, rows), "D")
    customers = pd.DataFrame(
        {
            "id": [f"P{i:03}" for i in range(rows)],
            "spend": random.lognormal(4, 1.2, rows).round(2).astype(str),
            "visits": random.poisson(4, rows).astype(str),
            "age": random.choice(["18-24", "25-34", "35-44", "45+"], rows),
            "since": days.strftime("%d/%m/%Y"),
            "news": random.choice(["yes", "no"], rows),
            "plan": random.choice(["gold", "it's", "tin", "lead"], rows, p=[0.5, 0.3, 0.1, 0.1]),
            "income": random.normal(3000, 500, rows).round().astype(int).astype(str),
        }
    )
    for column in ("spend", "age", "since", "news", "plan"):
        customers.loc[random.choice(rows, 20, replace=False), column] = ""
    customers.loc[3, "spend"] = "a lot"
    customers.loc[4, "visits"] = ""
    customers.loc[5, "age"] = "ancient"
    customers.loc[6, "since"] = "01/07/2026"
    customers.loc[7, "news"] = "perhaps"
    customers.to_csv(folder / "customers.csv", index=False)
    people = [*customers["id"][:350], "P999"]
    countries = random.choice(["UK", "France", "Spain"], len(people))
    places = pd.DataFrame({"person": people, "country": countries, "town": "x"})
    places.to_csv(folder / "places.csv", index=False)
    (folder / "config.toml").write_text(CONFIG.format(folder=folder), encoding="utf-8")
    return folder


@pytest.fixture(scope="module")
def run(segment, folder):
    return segment(folder / "config.toml", output=folder / "out")


def test_each_bad_cell_is_a_rejection_with_its_reason(run):
    found = run.table("rejected").set_index("id")
    assert found["reason"].to_dict() == {
        "P003": "not_a_number",
        "P004": "null",
        "P005": "unknown_band",
        "P006": "after_as_of",
        "P007": "not_a_boolean",
    }
    assert found["reason_column"].tolist() == ["spend", "visits", "age", "since", "news"]


def test_imputed_cells_are_told_and_published_as_they_came(run, folder):
    customers = run.table("customers").set_index("id")
    given = pd.read_csv(folder / "customers.csv", dtype=str, keep_default_na=False).set_index("id")
    joined = {f"P{i:03}" for i in range(350)}
    for id_, row in customers.iterrows():
        empty = [n for n in ("spend", "age", "since", "news") if not given.loc[id_, n].strip()]
        expected = [*empty, *([] if id_ in joined else ["country"])]
        told = row["imputed"]
        assert sorted([] if told is None else told.split(", ")) == sorted(expected), id_
    assert customers["spend"].isna().sum() == customers["imputed"].str.contains("spend").sum() > 10


def test_imputed_shares_are_in_the_manifest_and_a_warning(run):
    customers = run.table("customers")
    holes = customers["imputed"].str.split(", ").explode().value_counts()
    found = {each["feature"]: each["customers"] for each in run.manifest["imputed"]}
    assert found == holes.to_dict()
    (warning,) = [w for w in run.manifest["warnings"] if "imputed" in w]
    most = f"'country' {100 * found['country'] / len(customers):.1f} %"
    assert warning.startswith(f"missing values were imputed (features.missing): {most}")


def test_imputed_and_winsorised_values_are_in_no_sum_and_no_mean(run):
    """The run imputes and winsorises; the profile is that of the published column."""
    spend = run.table("customers").groupby("segment")["spend"]
    profile = run.table("segment_profile").set_index(["feature", "segment"]).loc["spend"]
    assert profile["known"].tolist() == spend.count().tolist()
    for name, expected in (("mean", spend.mean()), ("p90", spend.quantile(0.9))):
        assert profile[name].tolist() == pytest.approx(expected.tolist(), rel=1e-12)


def test_the_join_is_counted_on_both_sides(run):
    (counts,) = run.manifest["joins"]
    assert (counts["customers"], counts["customers_unmatched"]) == (350, 50)
    assert (counts["rows"], counts["unmatched"]) == (351, 1)
    assert "town" not in run.table("customers")


def test_the_page_rendered_again_is_the_published_page(run, folder):
    main(["report", str(folder / "out"), "--to", str(folder / "again.html")])
    assert (folder / "again.html").read_bytes() == (run.folder / "report.html").read_bytes()


def test_the_model_is_read_as_data(run, folder):
    published = PublishedRun.open(Folder.at(str(folder / "out")))
    model = published.model()
    assert model.model_id == run.manifest["model_id"]
    assert [each.name for each in model.segments] == [each.name for each in published.segments()]


def test_transforms_are_told(run):
    told = {each["name"]: each["transform"] for each in run.manifest["features"]}
    assert told["spend"] == "log1p"
    assert told["age"] == told["news"] == told["plan = gold"] == "none"
    assert {name for name in told if name.startswith("plan")} == {
        "plan = gold", "plan = it's", "plan = (other)", "plan = (missing)",
    }  # fmt: skip


@pytest.mark.turn(1, of=2)
def test_the_model_alone_labels_every_row_as_the_tables_do(run, folder, elsewhere):
    """Rejected rows get no segment; values it has never seen are others."""
    places = pd.read_csv(folder / "places.csv").drop(columns="town")
    given = pd.read_csv(folder / "customers.csv", dtype=str, keep_default_na=False)
    whole = given.merge(places, left_on="id", right_on="person", how="left").drop(columns="person")
    unseen = whole.iloc[[20]].assign(id="new", plan="diamond", country="Peru")
    pd.concat([whole, unseen]).to_csv(folder / "whole.csv", index=False)
    labelled = elsewhere(folder / "whole.csv", run.folder / "model")
    found = labelled.set_index("id")["segment"]
    expected = run.table("customers").set_index("id")["segment"]
    assert found["new"] in (0, 1, 2)
    assert found[run.table("rejected")["id"]].isna().all()
    assert (found[expected.index] == expected).all()
    fitted = PublishedRun.open(Folder.at(str(folder / "out"))).model()
    rows = pd.read_csv(folder / "whole.csv", dtype=str)
    without_spark = assign(fitted, rows).to_pylist()
    assert without_spark == [None if pd.isna(each) else each for each in found[rows["id"]]]
    assert Counter(expected) == Counter(
        dict(run.table("segments")[["segment", "customers"]].values)
    )
