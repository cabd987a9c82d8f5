"""URIs and paths of files and folders: on the local disk, or elsewhere."""

import re
from glob import glob
from pathlib import Path

from segmentation.errors import StorageError

GLOB_CHARACTERS = re.compile(r"([\[\]{}*?\\])")
_SCHEME = re.compile(r"([A-Za-z][A-Za-z0-9+.-]*):(.*)", re.DOTALL)
_FILE = re.compile(r"(?://(?P<host>[^/]*))?(?P<path>/.*)?", re.DOTALL)


def local_path(address: str) -> str | None:
    """The local path of a URI or path, None for a URI elsewhere.

    Raises
    ------
    StorageError
        If it is neither.
    """
    key = f"output.path = {address!r}"
    if not address.strip() or "\0" in address:
        raise StorageError(f"{key} is empty or not a path: name a folder")
    if "${" in address:
        raise StorageError(f"{key}: variables are not expanded; write the full path")
    scheme = _SCHEME.fullmatch(address)
    if scheme is None:
        return address
    name, rest = scheme.groups()
    if name.lower() == "file":
        parts = _FILE.fullmatch(rest)
        if parts is None or not parts["path"]:
            raise StorageError(f"{key} needs an absolute path after file:, such as file:///path")
        if parts["host"] not in (None, "", "localhost"):
            raise StorageError(f"{key} names another host: needs file:///path on this one")
        return "/" + parts["path"].lstrip("/")
    if not rest.startswith("//"):
        raise StorageError(
            f"{key} needs {name}:// before the rest; or ./{address} for a folder of this name"
        )
    return None


def bytes_on_disk(path: str) -> int | None:
    """The size of an input's local files, None if there are none."""
    there = Path(path).exists()
    found = [path] if there else glob(path)  # noqa: PTH207 - Path.glob takes no absolute pattern
    files = [
        file
        for each in map(Path, found)
        for file in (each.rglob("*") if each.is_dir() else [each])
        if file.is_file()
    ]
    return sum(file.stat().st_size for file in files) if files else None


def escaped(path: str) -> str:
    """An input path for Spark: the name of an existing file is not read as a wildcard."""
    return GLOB_CHARACTERS.sub(r"\\\1", path) if Path(path).exists() else path
