"""The folder of Spark's temporary files, removed by the next start if its owner was killed."""

import contextlib
import fcntl
import os
import shutil
import tempfile
from pathlib import Path

NAME = "spark-customer-segments"
OWNER = "owner"
"""The lock on this file means that the folder is in use; it is released with its last holder."""


def scratch_folder() -> tuple[Path, int] | None:
    """A new folder below the temporary folder, and the descriptor that holds its lock.

    Pass the descriptor to every process that uses the folder. Folders of this user without a
    remaining holder are removed first. None if such a folder cannot be created safely.
    """
    base = Path(tempfile.gettempdir(), f"{NAME}-{os.getuid()}")
    try:
        base.mkdir(mode=0o700, exist_ok=True)
        if base.is_symlink() or base.stat().st_uid != os.getuid():
            return None  # of another user: not ours to remove
        with (base / "lock").open("w") as guard:
            fcntl.flock(guard, fcntl.LOCK_EX)
            for folder in base.glob("driver-*"):
                _remove_if_abandoned(folder)
            made = Path(tempfile.mkdtemp(prefix="driver-", dir=base))
            descriptor = os.open(made / OWNER, os.O_RDWR | os.O_CREAT, 0o600)
            fcntl.flock(descriptor, fcntl.LOCK_EX)
    except OSError:
        return None
    return made, descriptor


def _remove_if_abandoned(folder: Path) -> None:
    with contextlib.suppress(OSError):  # in use, or removed already
        if (folder / OWNER).exists():
            descriptor = os.open(folder / OWNER, os.O_RDWR | os.O_NOFOLLOW)
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            finally:
                os.close(descriptor)
        shutil.rmtree(folder)
