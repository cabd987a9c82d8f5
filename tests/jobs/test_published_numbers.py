"""Published sums, means, quantiles and shares are those of the published customers, by pandas.

Whatever shapes the clusters: imputation, winsorising, clipping, weights, transforms. A random
table every day, another each day; ``SEGMENTATION_NUMBERS=FIRST:LAST`` says which seeds
``--thorough`` tries.
"""

import json
import math
import os
from datetime import date, timedelta
from shutil import rmtree

import numpy as np
import pandas as pd
import pytest

from tests.rotation import SEED

DAILY = 1
FIRST, LAST = map(int, os.environ.get("SEGMENTATION_NUMBERS", "0:200").split(":"))
AS_OF = date(2026, 6, 30)
BANDS = ["18-24", "25-34", "35-44", "45+"]
YES, NO = ["yes", "Y", "true", "1"], ["no", "n", "F", "0"]
REL = 1e-9
ADD_UP = {"monetary", "frequency", "units"}


def with_holes(random, values, share):
    """The values with some missing; at least two are left."""
    result = np.array(values, dtype=object)
    result[random.random(len(values)) < share] = None
    result[:2] = values[:2]
    return result


def amounts(random, rows):
    kind = random.integers(4)
    if kind == 0:
        return random.lognormal(4, 1.5, rows).round(2)
    if kind == 1:
        return random.normal(0, 50, rows).round(3)  # refunds
    if kind == 2:
        return random.poisson(3, rows).astype(float)
    return np.ldexp(random.uniform(1, 2, rows), random.integers(-20, 40, rows))


def customers_job(random):
    """A table of customers and a configuration: every kind of feature, prepared in every way."""
    rows = int(random.integers(40, 130))
    share = random.choice([0.0, 0.1, 0.6])
    days = [AS_OF - timedelta(int(d)) for d in random.integers(0, 900, rows)]
    columns = {
        "id": [f"P{i:03}" for i in range(rows)],
        "spend": with_holes(random, amounts(random, rows), share),
        "visits": with_holes(random, random.integers(0, 9, rows).astype(float), 0.1),
        "age": with_holes(random, [f" {b}" for b in random.choice(BANDS[:3], rows)], share),
        "since": with_holes(random, days, 0.2),
        "news": with_holes(random, random.choice([*YES, *NO], rows), share),
        "plan": with_holes(random, random.choice([*"aaabbccde"], rows), share),
        "income": with_holes(random, [f"{v:.2f}" for v in random.normal(3000, 900, rows)], share),
        "region": with_holes(random, random.choice(["N", "S", "it's", "7"], rows), share),
        "revenue": with_holes(random, random.lognormal(3, 2, rows), share),
    }  # fmt: skip
    if random.random() < 0.5:
        columns["income"][int(random.integers(rows))] = random.choice(["n/a", "NaN", "12d", "inf"])
    is_text = bool(random.random() < 0.5)
    missing = {"missing": "impute"}
    features: dict[str, object] = {
        "numeric": [
            {"name": "spend", "weight": float(random.choice([0.5, 1, 3]))},
            {"name": "visits", "transform": "none"},
        ],
        "ordered": [{"name": "age", "order": BANDS}],
        "dates": ["since"],
        "boolean": ["news"],
        "categorical": [
            {"name": "plan", "top": int(random.integers(2, 6)),
             "missing": str(random.choice(["reject", "impute", "category"]))},
        ],
        "describe": ["income", {"name": "region", "top": 3}, "revenue"],
        "transform": str(random.choice(["log1p", "signed", "none", "auto"])),
        "negative": str(random.choice(["clip", "signed"])),
        "as_of": AS_OF,
        **missing,
    }  # fmt: skip
    if random.random() < 0.6:
        features["winsorise"] = [0.1, 0.8]
    value = random.choice(["spend", "since", "news", "revenue", ""])
    segments: dict[str, object] = {"value": str(value)} if value else {}
    if value in ("spend", "revenue") and random.random() < 0.3:
        segments["value_adds_up"] = False
    config = {"input": {"customer_id": "id", "min_usable": 0.0}, "features": features}
    return pd.DataFrame(columns), is_text, {**config, "segments": segments}


def transactions_job(random):
    """Lines with returns and a configuration."""
    people, lines = int(random.integers(20, 50)), 400
    quantity = random.integers(1, 9, lines) * np.where(random.random(lines) < 0.1, -1, 1)
    days = [AS_OF - timedelta(int(d)) for d in random.integers(0, 400, lines)]
    frame = pd.DataFrame(
        {
            "who": random.integers(0, people, lines).astype(str),
            "day": days,
            "order": random.integers(0, 150, lines).astype(str),
            "quantity": quantity.astype(float),
            "price": random.lognormal(1, 1, lines).round(2),
            "country": with_holes(random, random.choice(["UK", "FR", "DE"], lines), 0.2),
        }
    )
    features: dict[str, object] = {
        "numeric": ["recency_days", "frequency", "monetary"],
        "describe": [
            {"name": "units", "kind": "numeric"},
            {"name": "return_rate", "kind": "numeric"},
            "country",
        ],
        "negative": "clip",
    }
    if random.random() < 0.5:
        features["winsorise"] = [0.05, 0.7]
    value = random.choice(["", "", "units", "return_rate", "frequency", "recency_days"])
    config = {
        "input": {"kind": "transactions"},
        "transactions": {
            "customer": "who", "timestamp": "day", "order": "order", "quantity": "quantity",
            "unit_price": "price", "attributes": ["country"], "net_spend": "any",
        },
        "features": features,
        "segments": {"value": str(value)} if value else {},
    }  # fmt: skip
    return frame, bool(random.random() < 0.5), config


def number_of(published, feature, kind):
    """The published column as the numbers that a profile is of."""
    column = published[feature]
    if kind == "date":
        days = pd.to_datetime(column).dt.normalize()
        return (pd.Timestamp(AS_OF) - days).dt.days.astype(float)
    if kind == "boolean":
        return column.map(dict.fromkeys([*YES, True], 1.0) | dict.fromkeys([*NO, False], 0.0))
    found = pd.to_numeric(column, errors="coerce").astype(float)
    return found.where(np.isfinite(found))


def same(found, expected):
    if pd.isna(expected):
        assert found is None or pd.isna(found)
    else:
        assert found == pytest.approx(expected, rel=REL, abs=1e-300)


def check_profile(run):
    """Every row of ``segment_profile``; returns how many."""
    published, profile = run.table("customers"), run.table("segment_profile")
    for (feature, kind), rows in profile.groupby(["feature", "kind"]):
        if rows["value"].isna().all():
            values = number_of(published, feature, kind)
            for row in rows.itertuples():
                own = values[published["segment"] == row.segment].dropna()
                assert row.known == len(own)
                same(row.mean, own.mean())
                same(row.median, own.median())
                same(row.p10, own.quantile(0.1))
                same(row.p90, own.quantile(0.9))
                same(row.overall_mean, values.mean())
            continue
        text = published[feature].map(lambda cell: None if pd.isna(cell) else str(cell).strip())
        listed = set(rows["value"])
        for row in rows.itertuples():
            own = text[published["segment"] == row.segment]
            everybody = text
            if row.value == "(missing)":
                assert row.known == len(own)
                has, has_all = own.isna(), everybody.isna()
            else:
                own, everybody = own.dropna(), everybody.dropna()
                assert row.known == len(own)
                is_other = row.value == "(other)"
                has = ~own.isin(listed) if is_other else own == row.value
                has_all = ~everybody.isin(listed) if is_other else everybody == row.value
            same(row.mean, has.mean())
            same(row.overall_mean, has_all.mean())
            assert pd.isna(row.median)
    return len(profile)


def check_value(run, config):
    """The columns of value in ``segments``, and the segments' order."""
    published, segments = run.table("customers"), run.table("segments").set_index("segment")
    sizes = published.groupby("segment").size()
    assert segments["customers"].to_dict() == sizes.to_dict()
    value = run.manifest["value_feature"]
    is_lines = "transactions" in config
    assert value == config["segments"].get("value", "monetary" if is_lines else None)
    if value is None:
        assert segments[["value_mean", "value_sum", "value_share"]].isna().all(axis=None)
        assert sizes.is_monotonic_decreasing
        return
    kind = {"since": "date", "news": "boolean"}.get(value, "numeric")
    values = number_of(published, value, kind)
    means = values.groupby(published["segment"]).mean()
    assert means.dropna().is_monotonic_decreasing
    adds_up = value in ADD_UP if is_lines else kind == "numeric"
    adds_up = config["segments"].get("value_adds_up", adds_up)
    for row in segments.itertuples():
        own = values[published["segment"] == row.Index].dropna()
        same(row.value_mean, own.mean())
        if not adds_up:
            assert pd.isna(row.value_sum)
            assert pd.isna(row.value_share)
            continue
        if value in published.select_dtypes("float"):
            assert row.value_sum == math.fsum(own)  # to the last bit
        same(row.value_sum, own.sum())
        total = math.fsum(values.dropna())
        same(row.value_share, math.fsum(own) / total if total > 0 else None)


def check_imputed(run, frame):
    """Imputed shares in the manifest, of the labelled customers."""
    published = run.table("customers")
    for each in run.manifest["imputed"]:
        holes = published[each["feature"]].isna().sum()
        assert each["customers"] == holes > 0
        assert each["share"] == holes / len(published)
        assert any(repr(each["feature"]) in warning for warning in run.manifest["warnings"])
    named = ", ".join(published["imputed"].dropna()).split(", ")
    assert {each["feature"] for each in run.manifest["imputed"]} == {*named} - {""}
    assert len(published) <= len(frame)


def check_table(segment, folder, seed):
    """A random table segmented, and every published number recomputed."""
    random = np.random.default_rng(seed)
    job = transactions_job if seed % 4 == 3 else customers_job
    frame, is_text, config = job(random)
    path = folder / ("table.csv" if is_text else "table.parquet")
    if is_text:
        frame.to_csv(path, index=False)
    else:
        frame.to_parquet(path)
    config["input"] |= {"path": str(path), "format": "csv" if is_text else "parquet"}
    k = int(random.integers(1, 4))
    config |= {"sweep": {"k_min": k, "k_max": k}, "output": {"path": "x"}}
    (folder / "config.toml").write_text(
        "\n".join(f"{section} = {toml(keys)}" for section, keys in config.items()),
        encoding="utf-8",
    )
    run = segment(folder / "config.toml", output=folder / "out")
    assert check_profile(run) > k
    check_value(run, config)
    if "transactions" not in config:
        check_imputed(run, frame)


def toml(value):
    if isinstance(value, dict):
        return "{" + ", ".join(f"{json.dumps(k)} = {toml(v)}" for k, v in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(map(toml, value)) + "]"
    return str(value) if isinstance(value, date) else json.dumps(value)


def todays():
    """So many seeds that are others every day; four in a row hold every kind of table."""
    return [1000 + DAILY * SEED + i for i in range(DAILY)]


@pytest.mark.usefixtures("without_model", "without_evidence")
@pytest.mark.parametrize("seed", todays())
def test_published_numbers_are_those_of_the_published_customers(segment, tmp_path, seed):
    print(f"seed {seed}")
    check_table(segment, tmp_path, seed)


@pytest.mark.thorough
@pytest.mark.usefixtures("without_model", "without_evidence")
@pytest.mark.parametrize("seed", range(FIRST, LAST))
def test_numbers_of_many_tables(segment, tmp_path, seed):
    check_table(segment, tmp_path, seed)
    rmtree(tmp_path)  # a report has some megabytes
