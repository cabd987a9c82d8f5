"""The runs of an output folder: which there are, and which is current."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from segmentation.errors import DamagedError, StorageError, nearest, one_line
from segmentation.results import PastRun
from segmentation.schemas import VERSION
from segmentation.storage.filesystem import Folder
from segmentation.storage.pointer import (
    COPY,
    LATEST,
    POINTER,
    parsed,
    point_at,
    pointer,
    read_object,
)

MANIFEST = "manifest.json"


@dataclass(frozen=True)
class History:
    """The whole runs, the newest first, and a line for every file that is damaged."""

    runs: tuple[PastRun, ...]
    problems: tuple[str, ...]


def history(output: Folder) -> History:
    """Every run; one is whole when its manifest is there and can be read.

    Raises
    ------
    StorageError
        If a run was written by a newer version of this package.
    """
    found, problems = [], []
    try:
        now = current(output)
    except DamagedError as error:
        now = None
        problems.append(str(error))
    for name in output.names():
        try:
            manifest = _manifest(output, name) if name.startswith("run=") else None
            if manifest is not None:
                found.append(_past(manifest, output.child(name), is_current=name == f"run={now}"))
        except DamagedError as error:
            problems.append(str(error))
    newest_first = sorted(found, key=lambda past: (past.created_at, past.run), reverse=True)
    if found and not any(past.is_current for past in found) and not problems:
        problems.append(_no_pointer(output))
    return History(tuple(newest_first), tuple(problems))


def runs(output: Folder) -> list[PastRun]:
    """Every whole run, the newest first."""
    return list(history(output).runs)


def current(output: Folder) -> str | None:
    """The run that readers are shown, None where there is none yet.

    Raises
    ------
    DamagedError
        If the pointer is none.
    """
    found = pointer(output)
    return None if found is None else found.run


def manifest_of(output: Folder, run: str) -> dict[str, Any] | None:
    """The manifest of a run, None where there is no such whole run.

    Raises
    ------
    StorageError
        If it is damaged, or of a newer version of this package.
    """
    return _manifest(output, f"run={run}")


def rolled_back(
    output: Folder, run: str | None, *, confirm: Callable[[], None] = lambda: None
) -> str:
    """Make a run current again, the one before the current if none is named; returns it.

    Raises
    ------
    StorageError
        If there is no such run.
    """
    known = [past.run for past in runs(output)]
    if run is None:
        now = current(output)
        if known and now not in known:
            raise StorageError(_no_pointer(output))
        older = known[known.index(now) + 1 :] if now in known else []
        if not older:
            raise StorageError(
                f"{output.uri} has no run before {now}: segment runs lists them; segment mirror "
                "brings views and a database up to the current one"
            )
        run = older[0]
    if run not in known:
        raise StorageError(f"{output.uri} has no run {run!r}{nearest(run, known)}")
    point_at(output, run, confirm=confirm)
    return run


def repaired(output: Folder, *, confirm: Callable[[], None] = lambda: None) -> str | None:
    """Point at a whole run where the pointer does not; returns it, None where nothing was wrong.

    It is the run that the pointer's copy names, else the newest. Only for whoever holds the lock.
    """
    named = [_whole_run(output, name) for name in (POINTER, COPY)]
    if named[0] is not None:
        if not output.is_local and named[1] is None:
            point_at(output, named[0], confirm=confirm)
        output.link(LATEST, f"run={named[0]}")
        return None
    known = [*filter(None, named), *(past.run for past in runs(output))]
    if not known:
        return None
    point_at(output, known[0], confirm=confirm)
    return known[0]


def tables(output: Folder, run: str | None) -> dict[str, list[dict[str, Any]]]:
    """The rows of a run's segments and cost curve; of the current run if none is named.

    Raises
    ------
    StorageError
        If there is no such run, or its tables cannot be read.
    """
    named = run or current(output)
    if named is None or not manifest_of(output, named):
        if run is None and runs(output):
            raise StorageError(_no_pointer(output))
        raise StorageError(f"{output.uri} has no run {named or 'yet'}: segment runs lists them")
    folder = output.child(f"run={named}")
    try:
        return {
            name: pq.read_table(f"{folder.path}/{name}", filesystem=folder.filesystem)
            .sort_by(key)
            .to_pylist()
            for name, key in (("segments", "segment"), ("cost_curve", "k"))
        }
    except (OSError, pa.ArrowException) as error:
        raise StorageError(
            f"the tables of {folder.uri} cannot be read: {one_line(str(error))}; choose another "
            "run, or write it again"
        ) from None


def _manifest(output: Folder, name: str) -> dict[str, Any] | None:
    folder = output.child(name)
    manifest = read_object(folder, MANIFEST)
    if manifest is None:
        if folder.read(MANIFEST) is not None:
            raise DamagedError(f"{folder.uri}/{MANIFEST} is damaged: it is empty")
        return None
    version = manifest.get("schema_version", 1)
    if not isinstance(version, int):
        raise DamagedError(f"{folder.uri}/{MANIFEST} is damaged: schema_version is {version!r}")
    if version > VERSION:
        raise StorageError(
            f"{folder.uri} was written by a newer version of this package: its schema_version is "
            f"{version}, and this one reads up to {VERSION}; upgrade the package"
        )
    _past(manifest, folder, is_current=False)
    return manifest


def _no_pointer(output: Folder) -> str:
    return f"{output.uri}/{POINTER} names no whole run: segment repair makes it name one"


def _past(manifest: dict[str, Any], folder: Folder, *, is_current: bool) -> PastRun:
    try:
        return PastRun(
            run=folder.name.removeprefix("run="),
            created_at=str(manifest["created_at"]),
            k=int(manifest["choice"]["k"]),
            strength=str(manifest["choice"]["verdict"]["strength"]),
            labelled=int(manifest["labelled"]),
            rejected=int(manifest["rejected"]),
            is_current=is_current,
        )
    except (KeyError, TypeError, ValueError) as error:
        raise DamagedError(
            f"{folder.uri}/{MANIFEST} is damaged, or of another program: {one_line(repr(error))}"
        ) from None


def _whole_run(output: Folder, name: str) -> str | None:
    """The run that a pointer names, where both are whole."""
    try:
        found = parsed(output, name)
        return found.run if found and _manifest(output, f"run={found.run}") else None
    except DamagedError:
        return None
