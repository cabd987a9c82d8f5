"""Removal from an output folder: remains of interrupted runs, and old runs."""

import re
from collections.abc import Callable
from datetime import UTC, datetime

from segmentation.errors import DamagedError
from segmentation.storage.filesystem import Folder
from segmentation.storage.history import runs
from segmentation.storage.manifests import MANIFEST
from segmentation.storage.pointer import COPY, POINTER, is_recent, read_pointer, runs_in_use

STAGING, TRASH = "_staging-", "_trash-"
RUNNING = "_running.json"
"""Marks a run's folder as ours while it is being written there, as on an object store."""

_LEFTOVER = re.compile(r"\.(latest\.json|latest\.copy\.json|latest)\.[0-9a-f]{32}")


def clean(output: Folder, *, confirm: Callable[[], None] = lambda: None) -> list[str]:
    """Remove the remains of interrupted runs; needs the lock. Returns the names of the folders."""
    removed = []
    for name in output.names():
        folder = output.child(name)
        if name.startswith((STAGING, TRASH)) or (name.startswith("run=") and _is_half(folder)):
            if folder.is_folder():
                confirm()
                remove_run(folder)
                removed.append(name)
        elif _LEFTOVER.fullmatch(name) and not folder.is_folder():
            output.remove(name)
    return removed


def prune(
    output: Folder,
    *,
    keep: int,
    confirm: Callable[[], None] = lambda: None,
    now: datetime | None = None,
) -> list[str]:
    """Remove all but the newest runs and those that may still be read; returns those removed.

    The current run and the one before it are kept, and any that was current or started within the
    grace period. A run is renamed first, so that it is never seen half removed.
    """
    now = now or datetime.now(UTC)
    shown = [found for name in (POINTER, COPY) if (found := read_pointer(output, name)) is not None]
    kept = set().union(*(runs_in_use(each, now=now) for each in shown))
    old = [
        past.run
        for past in runs(output)[keep:]
        if past.run not in kept and not is_recent(past.created_at, now)
    ]
    for run in old:
        confirm()
        folder = output.child(f"run={run}")
        if output.renames:
            trash = output.child(f"{TRASH}{run}")
            folder.move(trash)
            trash.delete()
        else:
            folder.write(RUNNING, "{}")
            folder.remove(MANIFEST)
            remove_run(folder)
    return old


def remove_run(folder: Folder) -> None:
    """Remove a run's folder; last of all the file that marks it as ours and incomplete.

    An object store removes one object after another, and the job may be killed in between.
    """
    if not folder.renames:
        for name in folder.names():
            if folder.child(name).is_folder():
                folder.child(name).delete()
            elif name != RUNNING:
                folder.remove(name)
    folder.delete()


def _is_half(run: Folder) -> bool:
    """Whether it is one of our runs without a manifest: incomplete, or being removed."""
    try:
        if run.read(MANIFEST):
            return False
        # the first and the last of a run on an object store is an empty folder
        return run.read(RUNNING) is not None or not (run.renames or run.files())
    except DamagedError:
        return False
