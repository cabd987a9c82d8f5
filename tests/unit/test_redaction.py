"""Credentials: none gets out, and what is none stays."""

import base64
import json
import subprocess
import sys
from unittest import mock
from urllib.parse import quote

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from segmentation.config.loading import parse
from segmentation.errors import ConfigError
from segmentation.pipelines.steps import Steps
from segmentation.redaction import redacted, redacted_tree, remember

SHAPES = (
    "s3a://KEY:{}@bucket/x",
    "cannot open 's3://me:{}@bucket/a b': no such bucket",
    "postgresql://me:{}@host:5432/db?sslmode=on",
    "https://account.blob.core/x?sv=2024&sig={}&se=2026",
    "SharedAccessSignature sv=2024&sig={}",
    "DefaultEndpointsProtocol=https;AccountName=a;AccountKey={};EndpointSuffix=x",
    "jdbc:postgresql://host:5432/db?user=me&password={}",
    "jdbc:sqlserver://host;user=me;password={};encrypt=true",
    "password: {}",
    "password = {}",
    "password = '{}'",
    "{{'password': '{}', 'user': 'me'}}",
    '{{"a": 1, "token": "{}"}}',
    '"{{\\"client_secret\\": \\"{}\\"}}"',
    "('fs.s3a.secret.key', '{}')",
    "spark.hadoop.fs.s3a.secret.key={}",
    "Map(secretKey -> {}, user -> me)",
    "Authorization: Basic {}",
    "{{'Authorization': 'Bearer {}'}}",
    "header Bearer {}, status 401",
    "Authorization: AWS4-HMAC-SHA256 Credential=AK/2026, Signature={}",
    "--set input.options.password={}",
    "run --api-key {} --k 3",
    "apiKey: {}",
    "export AWS_SECRET_ACCESS_KEY={}",
)
SECRETS = st.one_of(
    st.text("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/", min_size=12),
    st.binary(min_size=12, max_size=60).map(lambda raw: base64.b64encode(raw).decode()),
    st.binary(min_size=12, max_size=60).map(lambda raw: base64.urlsafe_b64encode(raw).decode()),
    st.binary(min_size=12, max_size=60).map(lambda raw: quote(base64.b64encode(raw), "")),
    st.binary(min_size=16, max_size=32).map(bytes.hex),
)


@pytest.fixture(autouse=True)
def _nothing_remembered():
    yield
    remember({})


def pieces(secret: str) -> set[str]:
    """Every stretch of a secret that is long enough to be of use to anybody, and not by chance."""
    return {secret[at : at + 6] for at in range(len(secret) - 5)}


@given(st.sampled_from(SHAPES), SECRETS, st.sampled_from(("{}", "read: {}; again", "x\n{}\ny")))
@example("s3a://KEY:{}@bucket/x", "0/+00000000000000", "{}")
def test_nothing_of_a_secret_is_left_in_any_shape(shape, secret, around):
    text = around.format(shape.format(secret))
    ours = around.format(shape.format(""))
    left = redacted(text)
    assert not {piece for piece in pieces(secret) if piece in left and piece not in ours}, left
    assert redacted(left) == left


@given(st.sampled_from(SHAPES), SECRETS)
def test_nothing_of_a_secret_is_left_in_a_tree(shape, secret):
    tree = {"input": {"path": [shape.format(secret)], "options": {"a": shape.format(secret)}}}
    left = json.dumps(redacted_tree(tree))
    ours = json.dumps({"input": {"path": [shape.format("")], "options": {"a": shape.format("")}}})
    assert not {piece for piece in pieces(secret) if piece in left and piece not in ours}, left


ORDINARY = st.one_of(
    st.from_regex(r"[a-z]{1,8}(/[a-z0-9_=.-]{1,12}){1,4}\.(csv|parquet)", fullmatch=True),
    st.from_regex(r"(s3a|hdfs|gs)://[a-z0-9-]{3,12}(:80)?(/[a-z0-9=-]{1,9}){1,3}", fullmatch=True),
    st.from_regex(r"[a-z.]{1,9}@[a-z]{2,9}\.(org|com)", fullmatch=True),
    st.datetimes().map(lambda when: when.isoformat()),
    st.times().map(str),
    st.integers().map("{:,}".format),
    st.sampled_from(["rows: 3", "k = 5", "column 'age' is missing", "'sep': ';'", "[a, b]"]),
)
TELLING = ("pass", "pwd", "secret", "token", "credential", "sas", "sig")


@given(st.lists(ORDINARY, min_size=1, max_size=5).map(", ".join))
def test_ordinary_text_is_left_as_it_is(text):
    if not any(word in text for word in TELLING):
        assert redacted(text) == text


@pytest.mark.parametrize(
    "repeated",
    ["no host 'KEY:wJalrXUtnFEMI'", "bad path /K7MDENG+bPxRfi@bucket", "decoded K7MDENG+bPxRfi",
     "encoded K7MDENG%2BbPxRfi", "an option was hunter2hunter2"],
)  # fmt: skip
def test_a_secret_of_the_configuration_is_hidden_wherever_it_is_repeated(repeated):
    tree = {
        "input": {
            "path": "s3a://KEY:wJalrXUtnFEMI/K7MDENG+bPxRfi@bucket/x",
            "options": {"password": "hunter2hunter2"},
        }
    }
    assert redacted(repeated) == repeated
    with pytest.raises(ConfigError):
        parse(tree, source="x")
    left = redacted(repeated)
    assert not any(piece in left for piece in ("wJalr", "MDENG", "bPx", "hunter2"))
    remember({})
    assert redacted(repeated) == repeated


def test_warnings_are_kept_and_shown_without_credentials():
    shown: list[str] = []
    listener = mock.Mock(warned=shown.append)
    steps = Steps(listener, lambda _: None)
    steps.warn("join 's3a://KEY:abc/def@bucket/x': 3 rows")
    assert steps.warnings == shown == ["join 's3a://***@bucket/x': 3 rows"]


@pytest.mark.parametrize(
    "failure",
    [
        "raise RuntimeError(TEXT)",
        "try:\n        raise OSError(TEXT)\n    except OSError:\n"
        "        logging.getLogger('segment').exception(TEXT)\n"
        "        raise StorageError(TEXT)",
    ],
)  # fmt: skip
def test_every_way_out_of_the_command_is_redacted(failure, tmp_path):
    program = f"""
import logging
from segmentation.cli import application
from segmentation.errors import StorageError
TEXT = "at s3a://KEY:abc/de+Fgh@bucket/x with {{'password': 'hunter2'}}"
def app(*_, **__):
    {failure}
application.app = app
application.main([])
"""
    done = subprocess.run(
        [sys.executable, "-c", program],
        capture_output=True, text=True, check=False, timeout=120, cwd=tmp_path,
    )  # fmt: skip
    said = done.stdout + done.stderr
    assert "s3a://***@bucket/x" in said
    quoted = "\n".join(line for line in said.splitlines() if 'TEXT = "at' not in line)
    assert "de+F" not in quoted
    assert "hunter2" not in quoted


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("s3a://KEY:SECRET@bucket/a", "s3a://***@bucket/a"),
        (
            "postgresql://me:pa%20ss@host:5432/db?sslmode=on",
            "postgresql://***@host:5432/db?sslmode=on",
        ),
        ("wasbs://box@acct.net/x", "wasbs://***@acct.net/x"),
        ("https://h/x?sv=1&sig=abc%3D&se=2", "https://h/x?sv=1&sig=***&se=2"),
        ("https://h/x?access_token=abc&k=2", "https://h/x?access_token=***&k=2"),
        ("jdbc:x://h;user=me;password=p!;a=b", "jdbc:x://h;user=me;password=***;a=b"),
        ("cannot read s3://u:p@b/x: no", "cannot read s3://***@b/x: no"),
        ("password=hunter2", "password=***"),
        ("options 'user=me' 'password=p!' denied", "options 'user=me' 'password=***' denied"),
        ("s3a://KEY:abc/def@bucket/x", "s3a://***@bucket/x"),
        ("refused: 's3://user:se/cret@x/y'", "refused: 's3://***@x/y'"),
        ("password: x", "password: ***"),
        ("{'password': 'x y', 'sep': ';'}", "{'password': '***', 'sep': ';'}"),
        ('{"token": "a \\"b\\" c"}', '{"token": "***"}'),
        ('"{\\"token\\": \\"abc\\", \\"n\\": 1}"', '"{\\"token\\": \\"***\\", \\"n\\": 1}"'),
        ("Bearer x", "Bearer ***"),
        ("Authorization: Basic dXNlcjpwYXNz", "Authorization: Basic ***"),
        ("got 'Basic dXNlcjpwYXNz', 401", "got 'Basic ***', 401"),
        ("{'Authorization': 'Bearer a.b/c+d='}", "{'Authorization': 'Bearer ***'}"),
        ("AccountName=a;AccountKey=a/b+==;Suffix=x", "AccountName=a;AccountKey=***;Suffix=x"),
        ("jdbc:x://h/db?user=me&password=a/b&k=1", "jdbc:x://h/db?user=me&password=***&k=1"),
        ("Map(password -> abc, user -> me)", "Map(password -> ***, user -> me)"),
        ("('password', 'x')", "('password', '***')"),
        ("run --password abc --k 3", "run --password *** --k 3"),
        ("'passwords': ['a', 'b'], 'k': 1", "'passwords': ***, 'k': 1"),
        ("options: password=x; token: y", "options: password=***; token: ***"),
        ("AKIAIOSFODNN7EXAMPLE was refused", "*** was refused"),
        # none of these holds one
        ("hdfs://namenode:8020/data/2026-11-26", "hdfs://namenode:8020/data/2026-11-26"),
        ("at 12:30:05 of 2026-11-26T12:30Z", "at 12:30:05 of 2026-11-26T12:30Z"),
        ("id 'a.b+c@example.org' occurs twice", "id 'a.b+c@example.org' occurs twice"),
        ("secrets.toml: cannot be read", "secrets.toml: cannot be read"),
        ("data/tokens: 3 rows", "data/tokens: 3 rows"),
        ("compass=3, passengers: 4, design = 5", "compass=3, passengers: 4, design = 5"),
        ("Basic authentication failed", "Basic authentication failed"),
        ("input.sep = ';': needs one letter", "input.sep = ';': needs one letter"),
        ("s3a://bucket/a@b", "s3a://bucket/a@b"),
        ("out/customers?a=1", "out/customers?a=1"),
        ("mail me@home", "mail me@home"),
    ],
)
def test_addresses(text, expected):
    assert redacted(text) == expected


@pytest.mark.parametrize(
    "key",
    ["password", "fs.s3a.secret.key", "fs.s3a.access.key", "apiKey", "accountKey", "sasToken",
     "oauth.token", "my_pwd", "client-secret", "sas", "X-Api-Key", "credential"],
)  # fmt: skip
def test_what_a_telling_key_holds_is_hidden(key):
    assert redacted_tree({"options": {key: "abc"}}) == {"options": {key: "***"}}
    assert redacted_tree({f"input.options.{key}": ["abc"]}) == {f"input.options.{key}": "***"}


@pytest.mark.parametrize(
    "key",
    ["sep", "customer_id", "key", "path", "header", "compass", "passengers", "sasha", "design"],
)
def test_what_other_keys_hold_is_told(key):
    assert redacted_tree({key: "abc", "n": [1, None, "x"]}) == {key: "abc", "n": [1, None, "x"]}
