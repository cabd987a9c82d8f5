"""The files of a staged run, held against what is there before it is published."""

from collections.abc import Set
from dataclasses import dataclass, field

from segmentation.errors import StorageError
from segmentation.storage.filesystem import Folder

DELTA_LOG = "_delta_log"


@dataclass
class WrittenFiles:
    """What this attempt has written into a folder where a lease is all that keeps others away.

    On this machine's disk, where the kernel does, nothing is looked up.
    """

    _paths: set[str] = field(default_factory=set)

    def add(self, folder: Folder) -> None:
        """Remember the files of a folder that was just written."""
        if not folder.is_local:
            self._paths.update(folder.files())

    def check(self, staging: Folder, *, others: Set[str]) -> None:
        """Whether the staged folder holds these files, the named ``others`` and Delta's log alone.

        A job that stood still while this one took over may have removed or added files since.

        Raises
        ------
        StorageError
            If it holds anything else, or less.
        """
        if staging.is_local:
            return
        known = {f"{staging.path}/{name}" for name in others}
        there = {path for path in staging.files() if f"/{DELTA_LOG}/" not in path} - known
        if there != self._paths:
            strange = sorted(there ^ self._paths)
            raise StorageError(
                f"{staging.uri} does not hold what was written, {len(strange)} files differ, such "
                f"as {strange[0]}: another job interfered; run it again"
            )
