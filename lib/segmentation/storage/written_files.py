"""The files of a staged run, compared with the folder before it is published."""

from collections.abc import Set
from dataclasses import dataclass, field

from segmentation.errors import StorageError
from segmentation.storage.filesystem import Folder

DELTA_LOG = "_delta_log"


@dataclass
class WrittenFiles:
    """The files that this attempt has written, to a folder that only a lease protects.

    On the local disk, where the kernel holds the lock, nothing is recorded.
    """

    _paths: set[str] = field(default_factory=set)

    def add(self, folder: Folder) -> None:
        """Record the files of a folder that was just written."""
        if not folder.is_local:
            self._paths.update(folder.files())

    def check(self, staging: Folder, *, others: Set[str]) -> None:
        """Check that the folder has only these files, the named ``others`` and a Delta log.

        A suspended job that this one replaced may have removed or added files since.

        Raises
        ------
        StorageError
            If files are missing or there are others.
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
