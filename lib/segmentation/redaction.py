"""Credentials kept out of messages, manifest, log and report.

Three filters in turn: the forms in which credentials are written (URLs, keys with values,
headers), credentials with a known format, and the values from the configuration, wherever they
are repeated.
"""

import re
from collections.abc import Iterator
from typing import Any
from urllib.parse import quote, quote_plus, unquote, unquote_plus

HIDDEN = "***"

MIN_REMEMBERED = 8
"""A shorter secret may be an ordinary word; hiding it everywhere would garble messages."""

_TELLING = re.compile(
    r"(?i)(^|[^a-z])(pass(word|wd|phrase)?|pwd|secret|token|credentials?|authorization|sas|"
    r"sig(nature)?|(api|access|account|private|storage|shared|encryption).?key)([^a-z]|$)"
    r"|secret|passw(or)?d|passphrase|accesskey|apikey|token|pwd$"
)
_CAMEL = re.compile(r"(?<=[a-z0-9])(?=[A-Z])")
_FILE = re.compile(r"(?i)\.(toml|csv|tsv|txt|jsonl?|parquet|avro|orc|xlsx?|html|py|properties|gz)$")

# After a colon before the first slash comes a password, which may contain slashes, or a port:
# it is a password if an "@" follows; the last one ends it.
_USER = re.compile(r"""(?i)\b([a-z][a-z0-9+.-]{0,30}://)([^/@\s'"]*:[^\s'"]*|[^/@\s'"]+)@""")

_KEY = re.compile(
    r"""(?x) (?<![\w.-])(?P<key>[\w.-]+)
    (?: \\?["']?\s*(?: [=-]> | = | (?P<colon>:(?!//)) )\s* | ["'],\s*(?=["']) )"""
)
_OPTION = re.compile(r"(?<![\w-])--(?P<key>[\w-]+)[ \t]+(?=\S)")
_QUOTE = re.compile(r"""\\?["']""")
_SCHEME = re.compile(r"(?i)(bearer|basic|digest|negotiate|sharedkey(lite)?|aws[\w-]*)\s+")
_BRACKETS = {"[": "]", "{": "}", "(": ")"}
_IN_ADDRESS = re.compile(r"""[^&;\s'"]+""")
_IN_TEXT = re.compile(r"""[^\s'"]*[^\s'",;)\]}>]""")

_HEADER = re.compile(r"""(?i)\b(bearer\s+)[^\s'",;]+""")
_BASIC = re.compile(r"\b((?i:basic)\s+)(?=\S?[a-z]*[A-Z0-9+/=])[A-Za-z0-9+/]{6,}={0,2}(?![\w+/=])")
# AWS key ids, JSON web tokens, GitHub and Slack tokens, private keys.
_KNOWN = re.compile(
    r"\b(?:AKIA|ASIA)[0-9A-Z]{16}\b|\beyJ[\w-]{8,}\.[\w-]+\.[\w-]*|\bgh[pousr]_\w{20,}|"
    r"\bxox[abpr]-[\w-]{10,}|-----BEGIN [A-Z ]*PRIVATE KEY-----.*?(?:-----END[A-Z ]*-----|\Z)",
    re.DOTALL,
)

_remembered: tuple[str, ...] = ()


def redacted(text: str) -> str:
    """The text with every credential in it hidden.

    Hidden are users and passwords in URLs, the values of sensitive keys (``password=x``,
    ``"token": "x"``), authorization headers, and the credentials of :func:`remember`.
    """
    for secret in _remembered:
        text = text.replace(secret, HIDDEN)
    text = _KNOWN.sub(HIDDEN, text)
    text = _USER.sub(rf"\g<1>{HIDDEN}@", text)
    text = _without(text, _telling_values(text))
    text = _HEADER.sub(rf"\g<1>{HIDDEN}", text)
    return _BASIC.sub(rf"\g<1>{HIDDEN}", text)


def redacted_tree(tree: Any) -> Any:
    """A tree of JSON types with every string redacted, and the whole value of a sensitive key."""
    if isinstance(tree, dict):
        return {
            key: HIDDEN
            if isinstance(value, str | list | tuple | dict) and _is_telling(key)
            else redacted_tree(value)
            for key, value in tree.items()
        }
    if isinstance(tree, list | tuple):
        return [redacted_tree(each) for each in tree]
    return redacted(tree) if isinstance(tree, str) else tree


def remember(tree: Any) -> None:
    """Hide from now on the credentials of this tree of JSON types wherever they are repeated.

    A library may quote part of a URL, decoded, without its form. Replaces those of an earlier
    tree. Credentials shorter than ``MIN_REMEMBERED`` are hidden by their form only.
    """
    global _remembered
    found = {
        form
        for secret in _credentials(tree)
        for part in [secret, *re.split(r"[/@]", secret)]
        for form in (part, unquote(part), unquote_plus(part), quote(part, ""), quote_plus(part))
        if len(form) >= MIN_REMEMBERED
    }
    _remembered = tuple(sorted(found, key=lambda form: (-len(form), form)))


def _credentials(tree: Any, *, is_telling: bool = False) -> Iterator[str]:
    if isinstance(tree, dict):
        for key, value in tree.items():
            yield from _credentials(value, is_telling=is_telling or _is_telling(str(key)))
    elif isinstance(tree, list | tuple):
        for each in tree:
            yield from _credentials(each, is_telling=is_telling)
    elif isinstance(tree, str):
        if is_telling:
            yield tree
        for found in _USER.finditer(tree):
            yield found[2].partition(":")[2] or found[2]
        for start, end in _telling_values(tree):
            yield tree[start:end]


def _is_telling(key: str) -> bool:
    return _TELLING.search(_CAMEL.sub("_", key)) is not None


def _telling_values(text: str) -> Iterator[tuple[int, int]]:
    """The spans of the values of sensitive keys, without quotes; spans may be nested."""
    for found in (*_KEY.finditer(text), *_OPTION.finditer(text)):
        key = found["key"]
        is_colon = found.groupdict().get("colon") is not None
        is_path = is_colon and (text[: found.start()].endswith("/") or _FILE.search(key))
        if _is_telling(key) and not is_path:
            is_tight = text[found.end() - 1 : found.end()] == "="
            yield _value(text, found.end(), is_tight=is_tight)


def _value(text: str, start: int, *, is_tight: bool) -> tuple[int, int]:
    quoted = _QUOTE.match(text, start)
    if quoted:
        scheme = _SCHEME.match(text, quoted.end())
        start, mark = (scheme or quoted).end(), quoted[0]
        end = re.compile(rf"(?s)(?:\\(?!{mark[-1]}).|[^\\])*?(?={re.escape(mark)})")
        if len(mark) == 1:
            end = re.compile(rf"(?s)(?:\\.|[^\\{mark}])*")
        inside = end.match(text, start)
        return start, inside.end() if inside else len(text)
    if text[start : start + 1] in _BRACKETS:
        end_at = text.find(_BRACKETS[text[start]], start)
        return start, len(text) if end_at < 0 else end_at + 1
    scheme = _SCHEME.match(text, start)
    start = scheme.end() if scheme else start
    bare = (_IN_ADDRESS if is_tight else _IN_TEXT).match(text, start)
    return start, bare.end() if bare else start


def _without(text: str, spans: Iterator[tuple[int, int]]) -> str:
    """The text with the spans hidden."""
    pieces, at = [], 0
    for start, end in sorted(spans):
        if end <= max(at, start):
            continue
        pieces += [text[at:start], HIDDEN] if start >= at else []
        at = end
    return "".join([*pieces, text[at:]])
