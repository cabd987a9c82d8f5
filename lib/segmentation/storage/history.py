"""The runs of an output folder: which there are, which is current, which may go."""

import json
import re
from typing import Any

import pyarrow.parquet as pq

from segmentation.errors import StorageError, nearest
from segmentation.results import PastRun
from segmentation.storage.filesystem import Folder

MANIFEST, LATEST = "manifest.json", "latest"
STAGING, TRASH = "_staging-", "_trash-"
RUNNING = "_running.json"
"""In a run's own folder while it is written there, as on an object store: that it is ours."""

_LEFTOVER = re.compile(r"\.(latest\.json|latest)\.[0-9a-f]{32}")


def runs(output: Folder) -> list[PastRun]:
    """Every complete run, the newest first; one is complete when its manifest is there."""
    now = current(output)
    found = []
    for name in output.names():
        manifest = _manifest(output, name) if name.startswith("run=") else None
        if manifest is not None:
            choice = manifest["choice"]
            found.append(
                PastRun(
                    run=manifest["run"],
                    created_at=manifest["created_at"],
                    k=choice["k"],
                    strength=choice["verdict"]["strength"],
                    labelled=manifest["labelled"],
                    rejected=manifest["rejected"],
                    is_current=manifest["run"] == now,
                )
            )
    return sorted(found, key=lambda past: (past.created_at, past.run), reverse=True)


def current(output: Folder) -> str | None:
    """The run that readers are shown, None where there is none yet."""
    text = output.read(f"{LATEST}.json")
    return None if text is None else str(json.loads(text)["run"])


def manifest_of(output: Folder, run: str) -> dict[str, Any] | None:
    """The manifest of a run, None where there is no such complete run."""
    return _manifest(output, f"run={run}")


def point_at(output: Folder, run: str) -> None:
    """Show readers this run: the pointer is replaced in one step."""
    output.write(f"{LATEST}.json", json.dumps({"run": run, "path": f"run={run}"}) + "\n")
    output.link(LATEST, f"run={run}")


def rolled_back(output: Folder, run: str | None) -> str:
    """Make a run current again, the one before the current if none is named; returns it.

    Raises
    ------
    StorageError
        If there is no such run.
    """
    known = [past.run for past in runs(output)]
    if run is None:
        now = current(output)
        older = known[known.index(now) + 1 :] if now in known else known
        if not older:
            raise StorageError(
                f"{output.uri} has no run before {now}: segment runs lists them; segment mirror "
                "brings views and a database up to the current one"
            )
        run = older[0]
    if run not in known:
        raise StorageError(f"{output.uri} has no run {run!r}{nearest(run, known)}")
    point_at(output, run)
    return run


def tables(output: Folder, run: str | None) -> dict[str, list[dict[str, Any]]]:
    """The rows of a run's segments and cost curve; of the current run if none is named.

    Raises
    ------
    StorageError
        If there is no such run.
    """
    known = [past.run for past in runs(output)]
    run = run or current(output)
    if run is None or run not in known:
        raise StorageError(f"{output.uri} has no run {run or 'yet'}: segment runs lists them")
    folder = output.child(f"run={run}")
    return {
        name: pq.read_table(f"{folder.path}/{name}", filesystem=folder.filesystem)
        .sort_by(key)
        .to_pylist()
        for name, key in (("segments", "segment"), ("cost_curve", "k"))
    }


def clean(output: Folder) -> list[str]:
    """Remove what dead runs left; only for whoever holds the lock. Returns the folders' names."""
    removed = []
    for name in output.names():
        is_dead_run = (
            name.startswith("run=")
            and output.child(name).read(RUNNING) is not None
            and _manifest(output, name) is None
        )
        if is_dead_run or name.startswith((STAGING, TRASH)):
            output.child(name).delete()
            removed.append(name)
        elif _LEFTOVER.fullmatch(name):
            output.remove(name)
    return removed


def prune(output: Folder, *, keep: int) -> list[str]:
    """Remove all but the newest runs and the current one; returns those removed.

    A run gets another name first, so that it is never seen half removed.
    """
    old = [past.run for past in runs(output)[keep:] if not past.is_current]
    for run in old:
        folder = output.child(f"run={run}")
        if output.renames:
            trash = output.child(f"{TRASH}{run}")
            folder.move(trash)
            trash.delete()
        else:
            folder.write(RUNNING, "{}")
            folder.remove(MANIFEST)
            folder.delete()
    return old


def _manifest(output: Folder, name: str) -> dict[str, Any] | None:
    text = output.child(name).read(MANIFEST)
    return None if text is None else dict(json.loads(text))
