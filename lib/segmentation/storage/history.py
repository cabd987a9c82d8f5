"""The runs of an output folder, and which one is current."""

from collections.abc import Callable
from dataclasses import dataclass

from segmentation.errors import DamagedError, StorageError, nearest
from segmentation.results import PastRun
from segmentation.storage.filesystem import Folder
from segmentation.storage.manifests import read_run
from segmentation.storage.pointer import COPY, LATEST, POINTER, point_at, pointer, read_pointer

RUN = "run="


@dataclass(frozen=True)
class History:
    """The complete runs, newest first, and one line per damaged file."""

    runs: tuple[PastRun, ...]
    problems: tuple[str, ...]


def history(output: Folder) -> History:
    """Every complete run: one whose manifest exists and can be read.

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
        if not name.startswith(RUN):
            continue
        try:
            run = read_run(output, name.removeprefix(RUN))
        except DamagedError as error:
            problems.append(str(error))
            continue
        if run is not None:
            found.append(PastRun.of(run, name=name.removeprefix(RUN), current=now))
    newest_first = sorted(found, key=lambda past: (past.created_at, past.run), reverse=True)
    if found and not any(past.is_current for past in found) and not problems:
        problems.append(no_current_run(output))
    return History(tuple(newest_first), tuple(problems))


def runs(output: Folder) -> list[PastRun]:
    """Every complete run, newest first."""
    return list(history(output).runs)


def current(output: Folder) -> str | None:
    """The current run, None if there is none yet.

    Raises
    ------
    DamagedError
        If the pointer is damaged.
    """
    found = pointer(output)
    return None if found is None else found.run


def roll_back(
    output: Folder, run: str | None, *, confirm: Callable[[], None] = lambda: None
) -> str:
    """Make a run current, by default the previous one; returns it.

    Raises
    ------
    StorageError
        If there is no such run.
    """
    known = [past.run for past in runs(output)]
    if run is None:
        now = current(output)
        if known and now not in known:
            raise StorageError(no_current_run(output))
        older = known[known.index(now) + 1 :] if now in known else []
        if not older:
            raise StorageError(
                f"{output.uri} has no run before {now}: segment runs lists them; segment mirror "
                "updates views and a database to the current one"
            )
        run = older[0]
    if run not in known:
        raise StorageError(f"{output.uri} has no run {run!r}{nearest(run, known)}")
    point_at(output, run, confirm=confirm)
    return run


def repair(output: Folder, *, confirm: Callable[[], None] = lambda: None) -> str | None:
    """Repair a pointer that names no complete run; returns the run, None if it was intact.

    The run is the one in the pointer's copy, else the newest. The caller holds the lock.
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


def no_current_run(output: Folder) -> str:
    """The message for a pointer that names no complete run."""
    return f"{output.uri}/{POINTER} names no complete run: run segment repair"


def _whole_run(output: Folder, name: str) -> str | None:
    """The run that a pointer names, if both are intact."""
    try:
        found = read_pointer(output, name)
        return found.run if found and read_run(output, found.run) else None
    except DamagedError:
        return None
