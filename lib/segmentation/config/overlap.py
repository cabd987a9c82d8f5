"""Whether one address lies within another, without looking at either."""

import os
import re
from fnmatch import fnmatchcase

_URI = re.compile(r"([A-Za-z][A-Za-z0-9+.-]*)://([^/]*)(.*)", re.DOTALL)
_HADOOP = {"s3a": "s3", "s3n": "s3"}


def is_within(folder: str, pattern: str) -> bool:
    """Whether a folder is what a path or glob names, or lies below it."""
    parts, wanted = _parts(folder), _parts(pattern)
    return len(parts) >= len(wanted) and all(
        part == glob or fnmatchcase(part, glob) for part, glob in zip(parts, wanted, strict=False)
    )


def _parts(address: str) -> list[str]:
    """Where it lies, and then the folders on the way, one by one."""
    uri = _URI.fullmatch(address)
    if uri is not None and uri[1].lower() != "file":
        scheme = _HADOOP.get(uri[1].lower(), uri[1].lower())
        return [scheme, uri[2], *(part for part in uri[3].split("/") if part)]
    path = re.sub(r"^file:(//(localhost)?(?=/))?", "", address)
    return ["file", "", *(part for part in os.path.realpath(path).split("/") if part)]
