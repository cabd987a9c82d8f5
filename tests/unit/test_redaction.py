"""Credentials: none gets out, and what is none stays."""

import pytest

from segmentation.redaction import redacted, redacted_tree


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
        # none of these holds one
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
