"""The run before a new one, and the segment keys that an output folder has given so far."""

from segmentation.errors import DamagedError
from segmentation.storage.filesystem import Folder
from segmentation.storage.history import RUN, current
from segmentation.storage.manifests import read_run
from segmentation.storage.run_reader import PublishedRun


def previous_run(output: Folder) -> PublishedRun | None:
    """The current run of an output folder; None if there is none yet.

    Raises
    ------
    StorageError
        If the pointer or the run's manifest is damaged, or of a newer version.
    """
    name = current(output)
    return None if name is None else PublishedRun.open(output, name)


def keys_given(output: Folder) -> int:
    """How many segment keys the folder has given: runs before there were any count as s1 to sk.

    Reads every run's manifest, so that a key is not given again after a rollback; damaged ones are
    passed over.
    """
    given = 0
    for name in output.names():
        if name.startswith(RUN):
            try:
                run = read_run(output, name.removeprefix(RUN))
            except DamagedError:
                continue
            if run is not None:
                given = max(given, run.keys_given or run.choice.k)
    return given
