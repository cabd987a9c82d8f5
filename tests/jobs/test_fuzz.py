"""Whatever comes in: all rows are labelled or rejected, or one line says why. No traceback.

``SEGMENTATION_TABLES`` says how many tables ``--thorough`` tries, of some two seconds each.
"""

import json
import os
import tomllib
from collections import Counter
from shutil import rmtree

import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from segmentation.cli import main
from segmentation.config import parse
from segmentation.errors import ConfigError
from tests.jobs.conftest import Finished

TABLES = int(os.environ.get("SEGMENTATION_TABLES", "5200"))
MAX_LINE = 2_000
ANY_TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=12)
SCALARS = st.one_of(
    st.none(), st.booleans(), st.integers(-(2**70), 2**70), st.floats(), ANY_TEXT, st.dates()
)
ANYTHING = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(ANY_TEXT, inner, max_size=3),
    max_leaves=6,
)
KEYS = {
    "input": ["path", "format", "options", "customer_id", "kind", "duplicates", "min_usable"],
    "transactions": ["customer", "timestamp", "amount", "quantity", "unit_price", "order",
                     "returns", "as_of", "window_days", "timezone", "product_pattern"],
    "join": ["path", "key", "on", "columns"],
    "features": ["numeric", "ordered", "dates", "boolean", "categorical", "describe", "transform",
                 "scale", "negative", "missing", "winsorise", "as_of"],
    "sweep": ["k_min", "k_max", "seed", "engine", "coreset_size"],
    "choose": ["k", "min_share"],
    "segments": ["value"],
    "report": ["min_group", "points"],
    "output": ["path", "keep_runs", "catalog", "delta", "database"],
}  # fmt: skip
LEAST = {"input": {"path": "x"}, "features": {"numeric": ["a"]}, "output": {"path": "out"}}
TREES = st.fixed_dictionaries(
    {},
    optional={
        section: st.dictionaries(st.sampled_from(keys) | ANY_TEXT, ANYTHING, max_size=4) | ANYTHING
        for section, keys in KEYS.items()
    },
)


def refusal(tree):
    """What a configuration is refused with, nothing if it is one."""
    try:
        parse(tree, source="fuzz.toml")
    except ConfigError as error:
        return str(error)
    return ""


def check_tree(tree):
    for given_tree in (tree, LEAST | tree):
        told = refusal(given_tree)
        assert "\n" not in told
        assert not told or told.startswith("fuzz.toml: ")


@settings(max_examples=300, suppress_health_check=list(HealthCheck))
@given(TREES)
def test_any_configuration_is_one_or_refused_in_one_line(tree):
    check_tree(tree)


@pytest.mark.thorough
@settings(max_examples=10_000, suppress_health_check=list(HealthCheck))
@given(TREES)
def test_ten_thousand_configurations(tree):
    check_tree(tree)


NUMBERS = st.one_of(
    st.integers(-5, 60),
    st.floats(allow_nan=True, allow_infinity=True),
    st.floats(0, 1e4).map(lambda value: round(value, 2)),
)
CELLS = {
    "whole": st.integers(-3, 40),
    "float": st.floats() | st.floats(0, 100),
    "number in words": st.one_of(st.none(), NUMBERS.map(str), ANY_TEXT),
    "text": st.none() | ANY_TEXT | st.sampled_from(["a", "b", "c"]),
    "flag": st.none() | st.booleans(),
    "day": st.none() | st.dates().map(str),
    "nothing": st.none(),
}
NAMES = st.text(st.characters(exclude_categories=["Cs", "Cc"]), min_size=1, max_size=8)
KINDS = ("numeric", "categorical", "boolean", "dates", "describe")
MOSTLY = {
    "whole": "numeric",
    "float": "numeric",
    "number in words": "numeric",
    "text": "categorical",
    "flag": "boolean",
    "day": "dates",
    "nothing": "describe",
}


@st.composite
def jobs(draw):
    """A table and a configuration that uses its columns, mostly for what they hold."""
    names = draw(st.lists(NAMES, min_size=1, max_size=5, unique=True))
    rows = draw(st.integers(0, 30))
    columns = {}
    features: dict[str, object] = {}
    kinds = []
    for name in names:
        cells = draw(st.sampled_from(list(CELLS)))
        columns[name] = draw(st.lists(CELLS[cells], min_size=rows, max_size=rows))
        kinds.append(draw(st.sampled_from([*[MOSTLY[cells]] * 15, *KINDS])))
    for kind in kinds:
        features[kind] = [name for name, its in zip(names, kinds, strict=True) if its == kind]
    features |= draw(
        st.fixed_dictionaries(
            {},
            optional={
                "transform": st.sampled_from(["log1p", "signed", "none", "auto"]),
                "scale": st.sampled_from(["standard", "none"]),
                "negative": st.sampled_from(["reject", "clip", "signed"]),
                "missing": st.sampled_from(["reject", "impute"]),
                "winsorise": st.just([0.05, 0.95]),
            },
        )
    )
    if "dates" in features:
        features["as_of"] = str(draw(st.dates()))
    k_min = draw(st.integers(1, 4))
    given_input = {"format": "parquet", "min_usable": 0.0}
    config = {
        "input": given_input,
        "features": features,
        "sweep": {"k_min": k_min, "k_max": k_min + draw(st.integers(0, 3))},
    }
    if draw(st.booleans()):
        columns["the id"] = draw(
            st.lists(ANY_TEXT, min_size=rows, max_size=rows, unique=draw(st.booleans()))
        )
        given_input["customer_id"] = draw(st.sampled_from(["the id"] * 9 + names[:1]))
    return columns, config


def as_toml(value):
    if isinstance(value, dict):
        return (
            "{"
            + ", ".join(
                f"{json.dumps(k, ensure_ascii=False)} = {as_toml(v)}" for k, v in value.items()
            )
            + "}"
        )
    return json.dumps(value, ensure_ascii=False)


def check_job(folder, capsys, columns, config):
    for left in folder.glob("*.parquet"):
        left.unlink()
    number = len(list(folder.glob("out*")))
    table = pd.DataFrame(columns)
    try:
        table.to_parquet(folder / "customers.parquet")
    except (ValueError, TypeError, OverflowError):
        return None  # pandas itself cannot write it
    config["input"]["path"] = str(folder / "customers.parquet")
    config["output"] = {"path": str(folder / f"out{number}")}
    (folder / "config.toml").write_text(
        "\n".join(f"{section} = {as_toml(keys)}" for section, keys in config.items()),
        encoding="utf-8",
    )
    assert tomllib.loads((folder / "config.toml").read_text(encoding="utf-8"))
    status: object = 0
    try:
        main(["run", str(folder / "config.toml")])
    except SystemExit as stopped:
        status = stopped.code
    if status:
        told = capsys.readouterr().err
        assert status == 2, told
        lines = [line for line in told.splitlines() if line.startswith("segment: ")]
        assert len(lines) == 1, told
        assert len(lines[0]) < MAX_LINE
        assert "Traceback" not in told
        return "refused"
    manifest = Finished.latest(folder / f"out{number}").manifest
    assert manifest["rows_in"] == len(table) == manifest["labelled"] + manifest["rejected"]
    return "published"


@settings(max_examples=3, suppress_health_check=list(HealthCheck))
@given(jobs())
def test_any_table_is_segmented_or_refused_in_one_line(spark, tmp_path_factory, capsys, job):
    assert spark is not None
    check_job(tmp_path_factory.mktemp("fuzz"), capsys, *job)


@pytest.mark.thorough
def test_many_tables(spark, tmp_path_factory, capsys):
    assert spark is not None
    outcomes: Counter[str | None] = Counter()

    @settings(max_examples=TABLES, suppress_health_check=list(HealthCheck))
    @given(jobs())
    def check(job):
        folder = tmp_path_factory.mktemp("fuzz")
        outcomes[check_job(folder, capsys, *job)] += 1
        rmtree(folder)  # a report has some megabytes

    check()
    with capsys.disabled():
        print(f"{TABLES} tables: {dict(outcomes)}")
    assert outcomes["published"]
    assert outcomes["refused"]
