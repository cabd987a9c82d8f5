"""Credentials kept out of manifest, log and report: in addresses, and under telling keys."""

import re
from typing import Any

HIDDEN = "***"

_TELLING = (
    r"pass(word|wd|phrase)?|pwd|secret|token|credentials?|(api|access|account).?key|sas|"
    r"sig(nature)?"
)
_KEY = re.compile(rf"(?i)(^|[^a-z])({_TELLING})([^a-z]|$)|secret|password|passwd|accesskey|token")
_USER = re.compile(r"(?i)\b([a-z][a-z0-9+.-]*://)[^/@\s'\"]+@")
_PARAMETER = re.compile(
    rf"(?i)((?:^|[?&;\s'\"])[^=&;\s'\"]*?(?:{_TELLING})[^=&;\s'\"]*=)[^&;\s'\"]+"
)


def redacted(text: str) -> str:
    """The text with user and password of every address in it hidden, and telling parameters."""
    text = _USER.sub(rf"\g<1>{HIDDEN}@", text)
    return _PARAMETER.sub(rf"\g<1>{HIDDEN}", text)


def redacted_tree(tree: Any) -> Any:
    """A tree of JSON types with every text redacted, and whole what a telling key holds."""
    if isinstance(tree, dict):
        return {
            key: HIDDEN
            if isinstance(value, str | list | tuple | dict) and _KEY.search(key)
            else redacted_tree(value)
            for key, value in tree.items()
        }
    if isinstance(tree, list | tuple):
        return [redacted_tree(each) for each in tree]
    return redacted(tree) if isinstance(tree, str) else tree
