"""The pointer to the current run: ``latest.json``, and its copy where replacing takes two steps."""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from segmentation.errors import DamagedError
from segmentation.storage.filesystem import Folder

LATEST, POINTER, COPY = "latest", "latest.json", "latest.copy.json"
GRACE = timedelta(hours=1)
"""Time for which a formerly current run is kept: a reader may just have looked it up."""


@dataclass(frozen=True)
class Pointer:
    """The current run, and when each earlier run ceased to be current, the latest last."""

    run: str
    superseded: Mapping[str, str] = field(default_factory=dict)


def pointer(output: Folder) -> Pointer | None:
    """The pointer as readers see it, None if there is none yet.

    This is the protocol for every reader: ``latest.json``; where it is missing or empty, its
    copy; and where that is missing too, ``latest.json`` again. On HDFS one of the two is missing
    while it is replaced, never both.

    Raises
    ------
    DamagedError
        If the first that exists is damaged.
    """
    for name in (POINTER, COPY, POINTER):
        found = read_pointer(output, name)
        if found is not None:
            return found
    return None


def read_pointer(output: Folder, name: str) -> Pointer | None:
    """The content of one of the two files, None if it is missing or empty."""
    content = read_object(output, name)
    if content is None:
        return None
    run, superseded = content.get("run"), content.get("superseded", {})
    if not isinstance(run, str) or not isinstance(superseded, dict):
        raise DamagedError(f"{output.uri}/{name} is damaged: it names no run; see segment repair")
    return Pointer(run, superseded)


def read_object(folder: Folder, name: str) -> dict[str, Any] | None:
    """A JSON object, None if the file is missing or empty.

    Raises
    ------
    DamagedError
        If it is anything else.
    """
    text = folder.read(name)
    if not text:
        return None
    try:
        content = json.loads(text)
    except ValueError as error:
        raise DamagedError(f"{folder.uri}/{name} is damaged: {error}; see segment repair") from None
    if not isinstance(content, dict):
        raise DamagedError(
            f"{folder.uri}/{name} is damaged: needs a JSON object, is a "
            f"{type(content).__name__}; see segment repair"
        )
    return content


def point_at(
    output: Folder,
    run: str,
    *,
    confirm: Callable[[], None] = lambda: None,
    now: datetime | None = None,
) -> None:
    """Make this run current. ``confirm`` raises if the lock has been lost.

    The copy is written first, so that it is intact while ``latest.json`` is replaced; unless a
    job was killed in that moment and left only the copy: then ``latest.json`` is written first.
    """
    now = now or datetime.now(UTC)
    before = _before(output)
    content = {
        "run": run,
        "path": f"run={run}",
        "superseded": {} if before is None else _superseded(before, run, now),
    }
    text = json.dumps(content) + "\n"
    if output.is_local:
        names = [POINTER]
    else:
        names = [COPY, POINTER] if _is_there(output, POINTER) else [POINTER, COPY]
    for name in names:
        confirm()
        output.write(name, text)
    output.link(LATEST, f"run={run}")


def runs_in_use(before: Pointer, *, now: datetime) -> set[str]:
    """The runs that may still be read: current, previous, and those that were current recently."""
    late = {run for run, until in before.superseded.items() if is_recent(until, now)}
    return {before.run, *late, *list(before.superseded)[-1:]}


def is_recent(moment: Any, now: datetime) -> bool:
    """Whether the grace period has not passed; true for anything but a time with a zone."""
    try:
        return now - datetime.fromisoformat(moment) < GRACE
    except (TypeError, ValueError):
        return True


def _is_there(output: Folder, name: str) -> bool:
    try:
        return bool(output.read(name))
    except DamagedError:
        return True


def _before(output: Folder) -> Pointer | None:
    try:
        return pointer(output)
    except DamagedError:
        return None


def _superseded(before: Pointer, run: str, now: datetime) -> dict[str, str]:
    recent = {
        old: until
        for old, until in before.superseded.items()
        if old in runs_in_use(before, now=now) and old not in (run, before.run)
    }
    if before.run == run:
        return recent
    return {**recent, before.run: now.isoformat(timespec="seconds")}
