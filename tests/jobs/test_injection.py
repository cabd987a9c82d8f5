"""Data, column names and configuration values that would be code: none runs, none leaks."""

import json
import shutil
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from playwright.sync_api import sync_playwright

from segmentation.cli import main
from tests.jobs.test_report_in_browser import BROWSERS, FLAGS
from tests.parts import EVIDENCE, MODEL, REPORT

CHROMIUM = next(filter(None, map(shutil.which, BROWSERS)), None)

OWNED = "/tmp/segmentation-owned"
NASTY = (
    "'; DROP TABLE customers; --",
    "1' OR '1'='1",
    "x`; DROP VIEW v; --",
    "`",
    "a`b``c",
    "${env:HOME}",
    "${spark.master}",
    "__THIS__",
    "\\",
    "\\'",
    "it's",
    '"quoted"',
    "$(touch " + OWNED + ")",
    "`touch " + OWNED + "`",
    "; touch " + OWNED,
    "| cat /etc/passwd",
    "../../../etc/passwd",
    "file:///etc/passwd",
    "<script>window.owned=1</script>",
    "</script><script>window.owned=1</script>",
    "<img src=x onerror='window.owned=1'>",
    "<a href='javascript:window.owned=1'>x</a>",
    "--><svg onload=window.owned=1>",
    "{{ 7 * 7 }}",
    "{% include '/etc/passwd' %}",
    "%{customdata}",
    "&lt;b&gt;",
    "=HYPERLINK(1)",
    "@SUM(1+1)",
    "\u202egnp.exe",
    "line\nbreak",
    "tab\tstop",
    "*",
    "[a-z]?{1}",
    "NULL",
    "a.b.c",
    "😀 Größe",
)
SUBSTITUTED = ("${env:HOME}", "${spark.master}", "__THIS__")


@pytest.fixture(scope="module")
def numbers():
    random = np.random.default_rng(8)
    group = random.integers(0, 3, 30 * len(NASTY))
    return np.column_stack([10.0 ** (1 + group), 5.0 * (1 + group)]) * random.uniform(
        0.9, 1.1, (len(group), 2)
    )


def job(segment, folder: Path, table: pd.DataFrame, *, without=(), **features):
    """A run on a table written as Parquet."""
    folder.mkdir()
    table.to_parquet(folder / "customers.parquet")
    sections = {
        "input": {"path": str(folder / "customers.parquet"), "format": "parquet",
                  "customer_id": features.pop("customer_id")},
        "features": features,
    }  # fmt: skip
    lines = ["[sweep]", "k_min = 3", "k_max = 3", "[choose]", "k = 3", "[output]", "path = 'out'"]
    for section, keys in sections.items():
        lines += [f"[{section}]", *(f"{k} = {_toml(v)}" for k, v in keys.items())]
    (folder / "config.toml").write_text("\n".join(lines), encoding="utf-8")
    return segment(folder / "config.toml", output=folder / "out", without=without)


def _toml(value: object) -> str:
    if isinstance(value, dict):
        return "{ " + ", ".join(f"{k} = {_toml(v)}" for k, v in value.items()) + " }"
    if isinstance(value, list):
        return "[" + ", ".join(map(_toml, value)) + "]"
    return json.dumps(value, ensure_ascii=False)


@pytest.fixture(scope="module")
def as_values(segment, numbers, tmp_path_factory):
    values = [NASTY[i % len(NASTY)] for i in range(len(numbers))]
    table = pd.DataFrame(
        {
            "id": [f"{value}{i}" for i, value in enumerate(values)],
            "spend": numbers[:, 0],
            "visits": numbers[:, 1],
            "kind": values,
            "who": values[::-1],
        }
    )
    many = {"name": "kind", "top": len(NASTY), "weight": 0.1}
    described = {"name": "who", "top": len(NASTY)}
    run = job(
        segment,
        tmp_path_factory.mktemp("values") / "run",
        table,
        customer_id="id",
        numeric=["visits", "spend"],
        categorical=[many],
        describe=[described],
    )
    return table, run


def groups(customers, key="id"):
    return {frozenset(own[key]) for _, own in customers.groupby("segment")}


def planted(table, numbers):
    nearest = np.rint(np.log10(numbers[:, 0])).astype(int)
    return {frozenset(table["id"][nearest == group]) for group in set(nearest)}


def test_values_stay_themselves_and_labels_are_right(as_values, numbers):
    table, run = as_values
    customers = run.table("customers")
    merged = customers.merge(table, on="id", suffixes=("", "_given"))
    assert len(merged) == len(table)
    assert (merged["kind"] == merged["kind_given"]).all()
    assert groups(customers) == planted(table, numbers)
    profile = run.table("segment_profile")
    for feature in ("kind", "who"):
        own = profile[profile["feature"] == feature]
        # blanks around a value are not told apart
        assert set(own["value"]) == {value.strip() for value in NASTY}
        for segment, shares in own.groupby("segment"):
            of_it = customers[customers["segment"] == segment][feature].value_counts(normalize=True)
            for value, mean in zip(shares["value"], shares["mean"], strict=True):
                assert mean == pytest.approx(of_it.get(value, 0.0)), (feature, value)
    assert not Path(OWNED).exists()


@pytest.fixture(scope="module")
def as_names(segment, numbers, tmp_path_factory):
    names = [name for name in NASTY if name not in SUBSTITUTED]
    folder = tmp_path_factory.mktemp("names")
    table = pd.DataFrame({"id": [f"c{i}" for i in range(len(numbers))]})
    runs = {}
    for kind in ("nasty", "plain"):
        shown = names if kind == "nasty" else [f"column_{j}" for j in range(len(names))]
        columns = {
            name: numbers[:, j % 2] * (1 + j / 7) if j < 8 else ["x"] * len(numbers)
            for j, name in enumerate(shown)
        }
        runs[kind] = job(
            segment,
            folder / kind,
            table.assign(**columns),
            without=() if kind == "nasty" else (MODEL, REPORT, EVIDENCE),
            customer_id="id",
            numeric=shown[:8],
            categorical=shown[8:10],
            describe=shown[10:12],
        )
    return names, runs


def test_names_stay_themselves_and_labels_are_those_of_plain_names(as_names):
    names, runs = as_names
    customers, plain = (runs[kind].table("customers") for kind in ("nasty", "plain"))
    assert set(names) <= set(customers.columns)
    label = ["id", "segment", "distance", "margin"]
    pd.testing.assert_frame_equal(
        *(each[label].sort_values("id", ignore_index=True) for each in (customers, plain))
    )
    assert set(names[:8]) <= set(runs["nasty"].table("segment_profile")["feature"])


@pytest.mark.parametrize("name", SUBSTITUTED)
def test_names_that_spark_would_replace_are_refused(segment, tmp_path, capsys, name):
    table = pd.DataFrame({"id": ["a", "b"], name: [1.0, 2.0]})
    with pytest.raises(SystemExit) as stopped:
        job(segment, tmp_path / "run", table, customer_id="id", numeric=[name])
    assert stopped.value.code == 2
    assert "Spark replaces in SQL" in capsys.readouterr().err


@pytest.mark.parametrize("value", NASTY)
@pytest.mark.parametrize("key", ["segments.value", "choose.k", "input.format", "--run-id"])
def test_configuration_values_are_refused_in_one_line(tmp_path, capsys, key, value):
    (tmp_path / "config.toml").write_text(
        '[input]\npath = "x"\n[features]\nnumeric = ["a"]\n[output]\npath = "out"\n'
    )
    quoted = json.dumps(value, ensure_ascii=True)
    told = ["--run-id", value] if key == "--run-id" else ["--set", f"{key}={quoted}"]
    with pytest.raises(SystemExit) as stopped:
        main(["run", str(tmp_path / "config.toml"), f"--output={tmp_path}/out", *told])
    said = capsys.readouterr().err
    assert stopped.value.code == 2
    assert said.count("\n") == 1
    assert not (tmp_path / "out").exists() or not list((tmp_path / "out").glob("run=*"))
    assert not Path(OWNED).exists()


def visited(page, address):
    """What a page asks for, and the errors it meets, from the start."""
    asked, errors = [], []
    page.on("request", lambda request: asked.append(request.url))
    page.on("pageerror", lambda error: errors.append(str(error)))
    page.goto(address)
    page.wait_for_timeout(1500)
    return asked, errors


@pytest.mark.skipif(CHROMIUM is None, reason="no Chromium")
def test_the_report_runs_none_of_it(as_values, as_names):
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=list(FLAGS))
        for run in (as_values[1], as_names[1]["nasty"]):
            page = browser.new_page()
            asked, errors = visited(page, (run.folder / "report.html").as_uri())
            assert page.evaluate("window.owned") is None
            assert not errors
            assert [url for url in asked if not url.startswith(("file:", "blob:", "data:"))] == []
            assert page.locator("main a[href^='javascript:']").count() == 0
        browser.close()
