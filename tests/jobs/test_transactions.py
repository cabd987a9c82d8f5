"""Real transactions end to end: every line accounted for, features those of pandas."""

import gzip
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from pyspark.ml import PipelineModel

from tests.parts import EVIDENCE, MODEL, REPORT

pytestmark = pytest.mark.generated

CONF = Path(__file__).resolve().parents[2] / "conf"
LINES, NOBODY, CUSTOMERS = 541_909, 135_080, 4_372
RETAIL, CDNOW = pytest.mark.turn(0, of=2), pytest.mark.turn(1, of=2)
"""The two files of transactions take turns: a run of the larger one takes half a minute."""


@pytest.fixture(scope="module")
def retail(segment, shared_data, tmp_path_factory):
    path = shared_data / "online_retail.csv.gz"
    output = tmp_path_factory.mktemp("retail")
    told = (f"--set=input.path={path}", "--set=sweep.k_max=6")
    return segment(CONF / "online-retail.toml", *told, output=output)


@pytest.fixture(scope="module")
def retail_lines(shared_data):
    with gzip.open(shared_data / "online_retail.csv.gz", "rt", encoding="utf-8") as text:
        return pd.read_csv(text, dtype={"CustomerID": str, "InvoiceNo": str, "StockCode": str})


def everybody(run):
    """The customers of a run, labelled or rejected."""
    return pd.concat([run.table("customers"), run.table("rejected")])


@RETAIL
def test_every_line_is_accounted_for(retail, retail_lines):
    counts = retail.manifest["transactions"]
    excluded = {(each["reason"], each["column"]): each["rows"] for each in counts["excluded"]}
    known = retail_lines[retail_lines["CustomerID"].notna()]
    is_product = known["StockCode"].str.contains("^[0-9]{5}")
    assert counts["lines"] == LINES == len(retail_lines)
    assert excluded == {
        ("null", "CustomerID"): NOBODY,
        ("not_a_product", "StockCode"): (~is_product).sum(),
    }
    assert counts["counted"] == LINES - sum(excluded.values())
    products = known[is_product]
    is_return = products["InvoiceNo"].str.startswith("C") | (products["Quantity"] < 0)
    assert counts["returns"] == is_return.sum() > 8_000
    written = retail.table("rejected_transactions")
    assert written.groupby("reason").size().to_dict() == {
        reason: rows for (reason, _), rows in excluded.items()
    }
    assert sorted(written["InvoiceNo"]) == sorted(
        [*retail_lines[retail_lines["CustomerID"].isna()]["InvoiceNo"],
         *known[~is_product]["InvoiceNo"]]
    )  # fmt: skip


@RETAIL
def test_every_customer_is_labelled_or_rejected(retail, retail_lines):
    manifest, all_of_them = retail.manifest, everybody(retail)
    assert manifest["rows_in"] == CUSTOMERS == retail_lines["CustomerID"].nunique()
    assert manifest["labelled"] + manifest["rejected"] == CUSTOMERS
    assert sorted(all_of_them["CustomerID"]) == sorted(retail_lines["CustomerID"].dropna().unique())
    reasons = retail.table("rejected").groupby("reason").size().to_dict()
    assert set(reasons) == {"no_purchase", "no_net_spend"}


@RETAIL
def test_recency_frequency_and_monetary_are_those_of_pandas(retail, retail_lines):
    lines = retail_lines[
        retail_lines["CustomerID"].notna() & retail_lines["StockCode"].str.contains("^[0-9]{5}")
    ].copy()
    lines["amount"] = lines["Quantity"] * lines["UnitPrice"]
    lines["day"] = pd.to_datetime(lines["InvoiceDate"]).dt.normalize()
    bought = lines[~lines["InvoiceNo"].str.startswith("C") & (lines["Quantity"] >= 0)]
    expected = pd.DataFrame({"monetary": lines.groupby("CustomerID")["amount"].sum()})
    by_customer = bought.groupby("CustomerID")
    expected["frequency"] = by_customer["InvoiceNo"].nunique()
    expected["recency_days"] = (pd.Timestamp("2011-12-09") - by_customer["day"].max()).dt.days
    found = everybody(retail).set_index("CustomerID")
    assert (found.loc[expected.index, "monetary"] - expected["monetary"]).abs().max() < 0.005
    for name in ("frequency", "recency_days"):
        both = found.loc[expected.index, name].fillna(0), expected[name].fillna(0)
        assert (both[0] == both[1]).all(), name
    # The country on the latest line of a product, of the highest order number at that moment.
    lines["order"] = pd.to_numeric(lines["InvoiceNo"], errors="coerce").fillna(-1)
    for column in ("InvoiceDate", "order"):
        last = lines.groupby("CustomerID")[column].transform("max")
        lines = lines[lines[column] == last]
    assert (lines.groupby("CustomerID")["Country"].nunique() == 1).all()
    country = lines.groupby("CustomerID")["Country"].first()
    assert (found.loc[country.index, "Country"] == country).all()
    assert (retail_lines.groupby("CustomerID")["Country"].nunique() > 1).any()


@RETAIL
def test_the_model_gives_no_segment_to_whom_the_job_rejects(retail, spark):
    model = PipelineModel.load(str(retail.folder / "model"))
    rejected = spark.read.parquet(str(retail.folder / "rejected")).drop("reason", "reason_column")
    assert {row.segment for row in model.transform(rejected).collect()} == {None}
    labelled = retail.table("customers").drop(columns=["segment_name", "distance", "runner_up"])
    some = labelled.head(200).drop(columns=["margin", "imputed"])
    found = model.transform(spark.createDataFrame(some.drop(columns="segment"))).toPandas()
    assert (found["segment"].to_numpy() == some["segment"].to_numpy()).all()


@RETAIL
def test_there_is_a_verdict_and_no_segment_of_nearly_all(retail):
    choice = retail.manifest["choice"]
    assert choice["verdict"]["strength"] in ("clear", "weak", "none")
    shares = retail.table("segments")["share"]
    assert len(shares) == choice["k"] > 1
    assert shares.max() < 0.99


@RETAIL
def test_who_they_are_is_profiled_by_country(retail):
    profile = retail.table("segment_profile")
    countries = profile[profile["feature"] == "Country"]
    customers = retail.table("customers")
    for segment, own in countries.groupby("segment"):
        assert own["mean"].sum() == pytest.approx(1)
        of_it = customers[customers["segment"] == segment]["Country"]
        british = own[own["value"] == "United Kingdom"]["mean"].item()
        assert british == pytest.approx((of_it == "United Kingdom").mean())
    assert countries["difference"].isna().all()
    assert "Who the customers are" in (retail.folder / "report.html").read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def cdnow_lines(shared_data):
    return pd.read_csv(
        shared_data / "CDNOW_master.txt", sep=r"\s+", dtype={"customer_id": str, "date": str}
    )


@pytest.fixture(scope="module")
def cdnow(segment, tmp_path_factory):
    """A function: the run of a file of CDNOW's lines, for one k."""

    def run_of(path, *settings):
        told = [f"--set=input.path={path}", "--set=sweep.k_min=3", "--set=sweep.k_max=3", *settings]
        output = tmp_path_factory.mktemp("cdnow")
        return segment(CONF / "cdnow.toml", *told, output=output, without=(MODEL, REPORT, EVIDENCE))

    return run_of


@CDNOW
def test_cdnow_customers_keep_their_zeros_and_are_those_of_pandas(cdnow, shared_data, cdnow_lines):
    made = everybody(cdnow(shared_data / "CDNOW_master.txt")).set_index("customer_id")
    assert len(made) == 23_570
    assert made.index.str.fullmatch(r"\d{5}").all()
    assert "00001" in made.index
    by_customer = cdnow_lines.groupby("customer_id")
    last = pd.to_datetime(by_customer["date"].max())
    expected = pd.DataFrame(
        {
            "recency_days": (pd.Timestamp("1998-06-30") - last).dt.days,
            "frequency": by_customer.size(),
            "monetary": by_customer["dollar_value"].sum(),
            "units": by_customer["number_of_cds"].sum(),
        }
    )
    made = made.loc[expected.index]
    for name in ("recency_days", "frequency", "units"):
        assert (made[name] == expected[name]).all(), name
    assert (made["monetary"] - expected["monetary"]).abs().max() < 0.005


@pytest.mark.thorough
def test_as_of_a_day_is_what_a_file_cut_at_that_day_gives(cdnow, shared_data, tmp_path):
    """Every day with few lines: later lines change nothing, in ../spark/test_transactions.py."""
    path, cut = shared_data / "CDNOW_master.txt", tmp_path / "cut.txt"
    lines = path.read_bytes().split(b"\r\n")
    kept = [line for line in lines[1:] if line and line.split()[1] <= b"19970930"]
    cut.write_bytes(b"\r\n".join([lines[0], *kept, b""]))
    runs = [cdnow(each, "--set=transactions.as_of=1997-09-30") for each in (path, cut)]
    of_whole, of_cut = (
        run.table("customers").sort_values("customer_id", ignore_index=True) for run in runs
    )
    assert len(of_whole) > 20_000
    pd.testing.assert_frame_equal(of_whole, of_cut)
    excluded = [run.manifest["transactions"]["excluded"] for run in runs]
    assert [[each["reason"] for each in those] for those in excluded] == [["after_as_of"], []]


def test_mall_by_gender(segment, shared_data, tmp_path):
    run = segment(
        CONF / "mall.toml",
        f"--set=input.path={shared_data / 'Mall_Customers.csv'}",
        '--set=features.categorical=["Gender"]',
        '--set=features.describe=["Age"]',
        "--set=sweep.k_min=5",
        "--set=sweep.k_max=5",
        output=tmp_path,
        without=(MODEL, REPORT, EVIDENCE),
    )
    customers, profile = run.table("customers"), run.table("segment_profile")
    gender = profile[profile["feature"] == "Gender"].set_index(["segment", "value"])
    assert gender["difference"].notna().all()  # it shapes them
    age = profile[profile["feature"] == "Age"].set_index("segment")
    assert age["difference"].isna().all()
    for segment_, own in customers.groupby("segment"):
        for value in ("Female", "Male"):
            share = (own["Gender"] == value).mean()
            assert gender.loc[(segment_, value), "mean"] == pytest.approx(share)
        ages = own["Age"].astype(float)
        assert age.loc[segment_, "mean"] == pytest.approx(ages.mean())
        quantiles = np.quantile(ages, [0.1, 0.5, 0.9])
        assert age.loc[segment_, ["p10", "median", "p90"]].tolist() == pytest.approx(quantiles)
    assert run.manifest["labelled"] == 200
