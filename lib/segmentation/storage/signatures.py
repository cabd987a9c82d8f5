"""File types by first bytes and names, before Spark opens the files."""

from glob import glob
from pathlib import Path

from segmentation.config import Source
from segmentation.errors import StorageError, listed

SNIFFED_BYTES = 16
MAX_SNIFFED = 1_000

PARQUET, ORC = "parquet", "orc"
SIGNATURES = (
    # first bytes; type; format that reads it; usual extensions
    (b"PAR1", "a Parquet file", PARQUET, ()),
    (b"ORC", "an ORC file", ORC, ()),
    (b"PK\x03\x04", "a zip archive or an Excel workbook", None, ()),
    (b"PK\x05\x06", "an empty zip archive", None, ()),
    (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", "an old Excel workbook", None, ()),
    (b"\xff\x06\x00\x00sNaPpY", "a file compressed as a Snappy stream", None, ()),
    (b"SQLite format 3\x00", "an SQLite database", None, ()),
    (b"%PDF-", "a PDF document", None, ()),
    (b"Obj\x01", "an Avro file", None, ()),
    (b"7z\xbc\xaf\x27\x1c", "a 7z archive", None, ()),
    (b"Rar!\x1a\x07", "a RAR archive", None, ()),
    (b"\xfd7zXZ\x00", "a file compressed with xz", None, ()),
    (b"\x1f\x8b", "a file compressed with gzip, and not named .gz", None, (".gz",)),
    (b"BZh", "a file compressed with bzip2, and not named .bz2", None, (".bz2",)),
    (b"\x28\xb5\x2f\xfd", "a file compressed with zstd, and not named .zst", None, (".zst",)),
)
TEXTS = ("csv", "json")
UNREADABLE_EXTENSIONS = (".snappy", ".xz", ".7z", ".rar", ".zip", ".xlsx", ".xls", ".z", ".br")
NOT_DATA = ("_SUCCESS", "_metadata", "_common_metadata", "_delta_log", "_committed_", "_started_")


def check_files(source: Source) -> str | None:
    """Refuse local files that the format does not read; returns a warning or None.

    The warning is of files that Spark skips because of their names. What lies elsewhere is not
    looked at.

    Raises
    ------
    StorageError
        Names the type of the file, and the remedy.
    """
    if source.format == "table":
        return None
    hidden: list[str] = []
    for path in source.paths:
        local = _on_disk(path)
        if local is None:
            continue
        there = Path(local).exists()
        found = [local] if there else glob(local)  # noqa: PTH207 - Path.glob takes no absolute pattern
        for each in map(Path, found):
            if _is_hidden(each) and each.is_file():
                raise StorageError(
                    f"{source.section}.path = {path!r}: Spark skips files whose names begin "
                    f"with '_' or '.': rename {each.name!r}"
                )
            inside = sorted(each.rglob("*"))[:MAX_SNIFFED] if each.is_dir() else [each]
            for file in inside:
                if not file.is_file():
                    continue
                within = file.relative_to(each).parts
                if any(_is_hidden(Path(part)) for part in within):
                    if not any(_is_bookkeeping(part) for part in within):
                        hidden.append(file.name)
                else:
                    _check_signature(file, source)
    if not hidden:
        return None
    return (
        f"{source.section}.path: {len(hidden):,} files are not read, as Spark skips names "
        f"that begin with '_' or '.': {listed(hidden)}"
    )


def _on_disk(path: str) -> str | None:
    """The local path of an input, None if it is on another file system."""
    if path.startswith("file:"):
        return "/" + path.removeprefix("file:").lstrip("/")
    return None if "://" in path or "\0" in path else path


def _check_signature(file: Path, source: Source) -> None:
    try:
        with file.open("rb") as opened:
            start = opened.read(SNIFFED_BYTES)
    except OSError:
        return  # Spark reports why
    for signature, what, format_, endings in SIGNATURES:
        if not start.startswith(signature) or format_ == source.format:
            continue
        if source.format not in TEXTS or (endings and file.name.lower().endswith(endings)):
            continue
        if signature.isalnum() and start.isascii() and start.decode().isprintable():
            continue  # text that begins with these characters
        cure = (
            f"set {source.section}.format = {format_!r}"
            if format_
            else f"save it as CSV or Parquet, and change {source.section}.path"
        )
        raise StorageError(f"{source.section}.path: {str(file)!r} is {what}: {cure}")
    if source.format in TEXTS and file.suffix.lower() in UNREADABLE_EXTENSIONS:
        raise StorageError(
            f"{source.section}.path: {str(file)!r} has an extension that is not read as "
            f"{source.format}: unpack it, or compress it with gzip or zstd"
        )


def _is_hidden(path: Path) -> bool:
    # as Spark: partition folders may begin with an underscore, as in _region=UK
    name = path.name
    return name.startswith(".") or (name.startswith("_") and "=" not in name)


def _is_bookkeeping(part: str) -> bool:
    return part.startswith(NOT_DATA) or part.endswith(".crc") or part in (".", "..", ".DS_Store")
