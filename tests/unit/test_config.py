"""The configuration: what is accepted, what is refused, and in which words."""

import json
import tomllib
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import ClassVar

import pytest
from hypothesis import given
from hypothesis import strategies as st

from segmentation.config import MAX_K, Config, load, loading, parse
from segmentation.errors import ConfigError

SHIPPED = sorted((Path(__file__).resolve().parents[2] / "conf").glob("*.toml"))


def tree(**sections):
    """The least that is a configuration, with whole sections added or laid over."""
    least = {
        "input": {"path": "customers.csv"},
        "features": {"numeric": ["orders", "spend"]},
        "output": {"path": "out"},
    }
    return least | sections


def refusal(**sections):
    """The message with which a configuration is refused."""
    with pytest.raises(ConfigError) as refused:
        parse(tree(**sections), source="run.toml")
    return str(refused.value)


@pytest.fixture
def toml(tmp_path):
    """Writes a configuration file and returns its path."""

    def written(text, *, encoding="utf-8"):
        path = tmp_path / "run.toml"
        path.write_text(text, encoding=encoding)
        return path

    return written


LEAST = """
[input]
path = "customers.csv"
[features]
numeric = ["spend"]
[output]
path = "out"
"""


@pytest.mark.parametrize("weight", [0, 1e-200, 9e-7, 1.1e6])
def test_a_weight_is_from_a_millionth_to_a_million(weight):
    tree = {
        "input": {"path": "x"},
        "features": {"numeric": [{"name": "a", "weight": weight}]},
        "output": {"path": "out"},
    }
    with pytest.raises(ConfigError, match="weight"):
        parse(tree, source="test")


def test_the_defaults_are_those_of_the_design():
    settings = parse(tree(), source="run.toml")
    assert (settings.input.format, settings.input.kind, settings.input.duplicates) == (
        "csv",
        "customers",
        "keep",
    )
    assert (settings.input.min_usable, settings.input.customer_id) == (0.5, None)
    assert (settings.features.transform, settings.features.scale, settings.features.negative) == (
        "log1p",
        "standard",
        "reject",
    )
    assert (settings.sweep.k_min, settings.sweep.k_max, settings.sweep.seed) == (1, 12, 42)
    assert (settings.sweep.engine, settings.choose.k) == ("coreset", "auto")


@pytest.mark.parametrize("path", SHIPPED, ids=lambda path: path.stem)
def test_every_configuration_that_is_shipped_is_one(path):
    assert load(path).features.names


def test_features_are_names_or_tables():
    settings = parse(
        tree(features={"numeric": ["spend", {"name": "age", "transform": "none"}]}), source="x"
    )
    assert settings.features.names == ("spend", "age")
    assert [feature.transform for feature in settings.features.numeric] == [None, "none"]


def test_one_path_or_several():
    one, several = (
        parse(tree(input={"path": path}), source="x").input.paths for path in ("a", ["a", "b"])
    )
    assert (one, several) == (("a",), ("a", "b"))


def test_reader_options_become_the_strings_that_spark_takes():
    options = {"header": True, "inferSchema": False, "maxColumns": 7, "samplingRatio": 0.5}
    assert parse(tree(input={"path": "a", "options": options}), source="x").input.options == {
        "header": "true",
        "inferSchema": "false",
        "maxColumns": "7",
        "samplingRatio": "0.5",
    }


LINES = {
    "input": {"path": "a", "kind": "transactions"},
    "transactions": {"customer": "c", "timestamp": "t", "amount": "a", "quantity": "q"},
}


@pytest.mark.parametrize(
    ("sections", "feature", "adds_up"),
    [
        ({}, None, False),
        ({"segments": {"value": "orders"}}, "orders", True),
        ({"segments": {"value": "orders", "value_adds_up": False}}, "orders", False),
        (LINES | {"features": {}}, "monetary", True),
        (LINES | {"features": {"numeric": ["recency_days", "frequency"]}}, None, False),
        (
            LINES | {"features": {"numeric": ["frequency"], "describe": ["monetary"]}},
            "monetary",
            True,
        ),
        (LINES | {"features": {}, "segments": {"value": "recency_days"}}, "recency_days", False),
        (
            LINES | {"features": {"describe": ["units"]}, "segments": {"value": "units"}},
            "units",
            True,
        ),
        (
            {
                "features": {"numeric": ["a"], "boolean": ["is_vip"]},
                "segments": {"value": "is_vip"},
            },
            "is_vip",
            False,
        ),
        (
            {
                "features": {"numeric": ["a"], "describe": ["revenue"]},
                "segments": {"value": "revenue"},
            },
            "revenue",
            True,
        ),
    ],
)
def test_the_value_feature_and_whether_it_adds_up(sections, feature, adds_up):
    found = parse(tree(**sections), source="x")
    assert (found.value_feature, found.value_adds_up) == (feature, adds_up)


@pytest.mark.parametrize(
    ("sections", "told"),
    [
        # a key that is not known, on every floor
        ({"sweeep": {}}, ["unknown key sweeep", "did you mean 'sweep'?"]),
        ({"sweep": {"kmax": 3}}, ["unknown key sweep.kmax", "did you mean 'k_max'?"]),
        (
            {"features": {"numeric": [{"name": "a", "tranform": "none"}]}},
            ["unknown key features.numeric.0.tranform", "did you mean 'transform'?"],
        ),
        ({"choose": {"zzz": 3}}, ["unknown key choose.zzz", "(known: k, min_share)"]),
        # values out of range or of the wrong type
        ({"sweep": {"k_min": 0}}, ["sweep.k_min = 0", "at least 1"]),
        ({"sweep": {"k_max": MAX_K + 1}}, ["sweep.k_max", f"at most {MAX_K}"]),
        ({"sweep": {"k_max": 3.5}}, ["sweep.k_max = 3.5", "a whole number"]),
        ({"sweep": {"k_max": True}}, ["sweep.k_max = True", "a whole number"]),
        ({"sweep": {"seed": 2**63}}, ["sweep.seed", "less than"]),
        ({"sweep": {"engine": "spark"}}, ["sweep.engine = 'spark'", "'coreset' or 'mllib'"]),
        ({"input": {"path": ""}}, ["input.path = ''", "text that is not empty"]),
        ({"input": {"path": []}}, ["input.path = []", "at least one entry"]),
        ({"input": {"path": "a", "min_usable": 1.5}}, ["input.min_usable = 1.5", "at most 1"]),
        ({"input": {"path": "a", "min_usable": float("nan")}}, ["input.min_usable", "finite"]),
        ({"input": {"path": "a", "options": 3}}, ["input.options = 3", "table of keys"]),
        ({"input": {}}, ["input.path is missing"]),
        ({"features": {"numeric": []}}, ["features.numeric = []", "at least one entry"]),
        ({"features": {"numeric": ["a"], "scale": "max"}}, ["features.scale = 'max'", "'none'"]),
        ({"choose": {"k": "best"}}, ["choose.k = 'best'", "'auto'"]),
        ({"choose": {"k": 0}}, ["choose.k = 0", "at least 1"]),
        # sections that do not agree
        ({"sweep": {"k_min": 5, "k_max": 4}}, ["sweep.k_max is 4", "sweep.k_min = 5"]),
        (
            {"sweep": {"k_min": 2, "k_max": 3}, "choose": {"k": "elbow"}},
            ["sweep.k_max is 3", "at least 4", "an elbow"],
        ),
        ({"choose": {"k": "knee"}}, ["choose.k = 'knee'", "'elbow'", "'gap'"]),
        ({"choose": {"min_share": 1}}, ["choose.min_share = 1", "less than 1"]),
        ({"choose": {"k": 13}}, ["choose.k is 13", "sweep.k_max = 12"]),
        ({"segments": {"value": "spent"}}, ["segments.value is 'spent'", "did you mean 'spend'?"]),
        (
            {
                "features": {"numeric": ["a"], "ordered": [{"name": "tier", "order": ["x", "y"]}]},
                "segments": {"value": "tier"},
            },
            ["segments.value is 'tier'", "a numeric column of features"],
        ),
        (
            {
                "features": {"numeric": ["a"], "describe": [{"name": "b", "kind": "categorical"}]},
                "segments": {"value": "b"},
            },
            ["segments.value is 'b'", "a numeric column of features"],
        ),
        ({"segments": {"value_adds_up": True}}, ["segments.value_adds_up needs segments.value"]),
        (
            LINES | {"features": {}, "segments": {"value": "recency_days", "value_adds_up": True}},
            ["segments.value_adds_up is true", "'recency_days' is a rate, a mean"],
        ),
        ({"features": {"numeric": ["a", "b", "a"]}}, ["features names a feature twice: a"]),
        (
            {"input": {"path": "a", "customer_id": "spend"}},
            ["input.customer_id is 'spend'", "an id is not a feature"],
        ),
        (
            {"input": {"path": "a", "options": {"Mode": "dropmalformed"}}},
            ["input.options.Mode is 'dropmalformed'", "PERMISSIVE or FAILFAST"],
        ),
    ],
    ids=lambda value: ", ".join(value) if isinstance(value, dict) else "",
)
def test_a_refusal_names_file_key_value_and_rule_in_one_line(sections, told):
    message = refusal(**sections)
    assert message.startswith("run.toml: ")
    assert "\n" not in message
    for words in told:
        assert words in message


def test_every_problem_is_reported_at_once():
    message = refusal(
        input={"path": 3}, features={"numeric": ["a"], "scle": "none"}, sweep={"k_min": "two"}
    )
    for key in ("input.path", "features.scle", "sweep.k_min"):
        assert key in message


def test_problems_between_sections_are_reported_at_once_too():
    message = refusal(choose={"k": 40}, segments={"value": "age"})
    assert "choose.k is 40" in message
    assert "segments.value is 'age'" in message


def test_an_elbow_needs_three_points_but_a_fixed_k_does_not():
    assert parse(tree(sweep={"k_min": 4, "k_max": 4}, choose={"k": 4}), source="x").choose.k == 4
    assert parse(tree(sweep={"k_min": 4, "k_max": 6}), source="x").choose.k == "auto"


@given(st.integers(-3, MAX_K + 3), st.integers(-3, MAX_K + 3))
def test_a_range_of_k_is_accepted_when_it_can_be_swept(k_min, k_max):
    sections = tree(sweep={"k_min": k_min, "k_max": k_max})
    if 1 <= k_min <= k_max <= MAX_K:
        settings = parse(sections, source="x")
        assert (settings.sweep.k_min, settings.sweep.k_max) == (k_min, k_max)
    else:
        with pytest.raises(ConfigError, match="sweep"):
            parse(sections, source="x")


def test_a_file_may_begin_with_a_byte_order_mark(toml):
    assert load(toml(LEAST, encoding="utf-8-sig")).features.names == ("spend",)


@pytest.mark.parametrize(
    ("override", "section", "key", "value"),
    [
        ("sweep.k_max=7", "sweep", "k_max", 7),
        ("sweep.engine=mllib", "sweep", "engine", "mllib"),
        ("output.path=s3://bucket/a=b", "output", "path", "s3://bucket/a=b"),
        ("input.min_usable = 0.25", "input", "min_usable", 0.25),
        ("input.options={ sep = ';' }", "input", "options", {"sep": ";"}),
        ("input.options.header=true", "input", "options", {"header": "true"}),
        ("segments.value=spend", "segments", "value", "spend"),
    ],
)
def test_an_override_lies_over_the_file(toml, override, section, key, value):
    settings = load(toml(LEAST), overrides=[override])
    assert getattr(getattr(settings, section), key) == value


def test_the_last_override_wins(toml):
    settings = load(toml(LEAST), overrides=["sweep.k_max=7", "sweep.k_max=9"])
    assert settings.sweep.k_max == 9


@pytest.mark.parametrize("override", ["sweep.k_max", "k_max=3", "sweep.=3", ".k_max=3", "=3"])
def test_an_override_has_a_section_a_key_and_a_value(toml, override):
    with pytest.raises(ConfigError, match=r"section\.key=VALUE"):
        load(toml(LEAST), overrides=[override])


def test_an_override_cannot_make_a_value_a_section(toml):
    with pytest.raises(ConfigError, match="'path' is a value, not a section"):
        load(toml(LEAST), overrides=["output.path.deep=3"])


def test_an_override_cannot_smuggle_in_a_second_key(toml):
    settings = load(toml(LEAST), overrides=['output.path="a"\nother = 3'])
    assert settings.output.path == '"a"\nother = 3'


@given(st.text(st.characters(exclude_categories=["C"]), min_size=1))
def test_an_override_in_quotes_is_taken_to_the_letter(text):
    overlaid = tomllib.loads(LEAST)
    loading._override(overlaid, f"output.path={json.dumps(text, ensure_ascii=False)}")
    assert Config.model_validate(overlaid).output.path == text


def test_a_file_that_is_not_there_or_not_toml_is_named(toml, tmp_path):
    with pytest.raises(ConfigError, match=r"absent\.toml.*cannot be read: No such file"):
        load(tmp_path / "absent.toml")
    with pytest.raises(ConfigError, match=r"run\.toml.*is not TOML"):
        load(toml("[input\npath = 3"))
    with pytest.raises(ConfigError, match=r"run\.toml.*is not UTF-8"):
        load(toml("# Käufer", encoding="latin-1"))


def test_a_whole_section_can_be_set(toml):
    path = toml(LEAST + '\n[[join]]\npath = "old.csv"\nkey = "k"\non = "spend"\n')
    joins = load(path, overrides=['join=[{path="x.csv", key="id", on="spend"}]']).join
    assert [(each.path, each.key) for each in joins] == [("x.csv", "id")]
    with pytest.raises(ConfigError, match=r"unknown key joins.*did you mean 'join'"):
        load(path, overrides=["joins=[]"])
    with pytest.raises(ConfigError, match=r"--set join: needs the form section\.key=VALUE"):
        load(path, overrides=["join"])


class Bucket(BaseHTTPRequestHandler):
    """A store of one object, which remembers who asked and where."""

    asked: ClassVar[list[tuple[str, str]]] = []

    def do_GET(self):
        self.asked.append((self.path, self.headers.get("Authorization", "")))
        content = LEAST.encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(content)))
        self.send_header("ETag", '"1"')
        self.send_header("Last-Modified", "Wed, 12 Oct 2022 17:50:00 GMT")
        self.end_headers()
        if self.command == "GET":
            self.wfile.write(content)

    do_HEAD = do_GET  # noqa: N815

    def log_message(self, *_):
        pass


@pytest.mark.parametrize("scheme", ["s3", "s3a"])
def test_the_configuration_may_lie_in_an_object_store(scheme, monkeypatch):
    """Pyarrow takes keys and endpoint from the environment, where session.py puts Spark's."""
    with ThreadingHTTPServer(("127.0.0.1", 0), Bucket) as server:
        Thread(target=server.serve_forever, daemon=True).start()
        monkeypatch.setenv("AWS_ENDPOINT_URL", f"http://127.0.0.1:{server.server_port}")
        monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKIAEXAMPLE")
        monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "none")
        assert load(f"{scheme}://bucket/customers.toml").input.path == "customers.csv"
        server.shutdown()
    where, who = Bucket.asked[-1]
    assert where.startswith("/bucket/customers.toml")
    assert "Credential=AKIAEXAMPLE/" in who


def test_a_configuration_at_an_address_that_is_none_is_one_line(toml):
    assert load(f"file://{toml(LEAST)}").input.path == "customers.csv"
    for address in ("file:///not/there.toml", "ftp://host/x.toml"):
        with pytest.raises(ConfigError, match="the configuration cannot be read") as refused:
            load(address)
        assert "\n" not in str(refused.value)


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("customers.csv", "csv"),
        ("s3://bucket/CUSTOMERS.CSV.GZ", "csv"),
        ("customers.parquet", "parquet"),
        ("in/*.pq", "parquet"),
        (["a.jsonl", "b.ndjson.zst"], "json"),
        ("customers.orc", "orc"),
        ("customers", "csv"),
        (["a.json", "b.parquet"], "csv"),  # they disagree, so the default stands
    ],
)
def test_the_format_follows_from_the_files_names(path, expected):
    assert parse(tree(input={"path": path}), source="x").input.format == expected
    given = {"path": path, "format": "json"}
    assert parse(tree(input=given), source="x").input.format == "json"


def test_tabs_separate_where_the_name_says_so_unless_told_otherwise():
    told = [{}, {"sep": ";"}, {"delimiter": "|"}]
    inputs = [parse(tree(input={"path": "a.tsv.gz", "options": o}), source="x").input for o in told]
    assert [each.reader_options.get("sep") for each in inputs] == ["\t", ";", None]


def test_options_that_drop_files_are_refused():
    options = {"ignoreCorruptFiles": True}
    assert "ignoreCorruptFiles is 'true', needs to be false" in refusal(
        input={"path": "in", "options": options}
    )


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ({}, ("id", "id")),
        ({"key": "kunde"}, ("kunde", "id")),
        ({"on": "region"}, ("region", "region")),
        ({"key": "name", "on": "region"}, ("name", "region")),
    ],
)
def test_a_join_is_by_the_id_unless_told_otherwise(given, expected):
    sections = tree(input={"path": "x.csv", "customer_id": "id"}, join=[{"path": "y.csv", **given}])
    join, on = parse(sections, source="x").join[0].looked_up_by("id")
    assert (join.key, on) == expected
