"""One job at a time on one output folder."""

import contextlib
import json
import os
import stat
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

from segmentation.errors import StorageError
from segmentation.storage.filesystem import Folder
from segmentation.storage.lease import HEARTBEAT_S, Clock, Lease, holder, in_use

LOCK = ".lock"


class Right(Protocol):
    """A lock on an output folder: the kernel's lock on a file, or a lease."""

    holder: dict[str, str]
    lost: str | None

    def renew(self) -> None:
        """Raise a :class:`StorageError` if the lock has been lost."""

    def release(self) -> None:
        """Release it."""


@dataclass
class Lock:
    """Held from :meth:`acquire` to :meth:`release`; a killed process does not hold it any more.

    On the local disk it is the kernel's lock on a file, released with the process. Elsewhere
    it is a lease that a thread renews while the job runs; see :mod:`~segmentation.storage.lease`.
    """

    right: Right
    _ends: threading.Event = field(default_factory=threading.Event)
    _turn: threading.Lock = field(default_factory=threading.Lock)

    @classmethod
    def acquire(cls, output: Folder, *, run_id: str, clock: Clock = time) -> "Lock":
        """Lock an existing output folder.

        Raises
        ------
        StorageError
            If another job holds it, or the folder cannot be written to.
        """
        if output.is_local:
            return cls(FileLock.acquire(output, run_id=run_id))
        lease = Lease.acquire(output, run_id=run_id, clock=clock)
        lock = cls(lease)
        threading.Thread(target=lock._keep, args=(lease,), daemon=True).start()
        return lock

    @classmethod
    @contextlib.contextmanager
    def held(cls, output: Folder, *, run_id: str) -> Iterator["Lock"]:
        """Like :meth:`acquire`, for the enclosed block."""
        lock = cls.acquire(output, run_id=run_id)
        try:
            yield lock
        finally:
            lock.release()

    @property
    def token(self) -> str:
        """The unique token of this attempt."""
        return self.right.holder["token"]

    def check(self) -> None:
        """Raise a :class:`StorageError` if the lock is known to be lost, without checking it."""
        if self.right.lost is not None:
            raise StorageError(self.right.lost)

    def confirm(self) -> None:
        """Raise a :class:`StorageError` if the lock has been lost; called before readers see it."""
        with self._turn:
            self.right.renew()

    def release(self) -> None:
        """Release the lock; a second call does nothing."""
        with self._turn:
            if not self._ends.is_set():
                self._ends.set()
                self.right.release()

    def _keep(self, lease: Lease) -> None:
        while not self._ends.wait(HEARTBEAT_S):
            with self._turn:
                if not self._ends.is_set():
                    lease.beat()


@dataclass
class FileLock:
    """The kernel's lock on a file."""

    output: Folder
    holder: dict[str, str]
    descriptor: int
    lost: str | None = None

    @classmethod
    def acquire(cls, output: Folder, *, run_id: str) -> "FileLock":
        """Lock the file ``.lock``, which is kept after release."""
        import fcntl  # not on every system

        path = Path(output.path) / LOCK
        try:
            # never through a link, which may lead to any file
            flags = os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
            descriptor = os.open(path, flags, 0o666)
        except OSError as error:
            raise cls._refused(output, path, error.strerror) from None
        try:
            if not stat.S_ISREG(os.fstat(descriptor).st_mode):
                raise cls._refused(output, path, "no file")
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            lock = cls(output, holder(run_id), descriptor)
            lock.renew()
            lock._sign()
        except BlockingIOError:
            held = _said(descriptor) or {}
            os.close(descriptor)
            raise in_use(output, held) from None
        except OSError as error:
            os.close(descriptor)
            raise cls._refused(output, path, error.strerror) from None
        except StorageError:
            os.close(descriptor)
            raise
        return lock

    def renew(self) -> None:
        """Raise a :class:`StorageError` if the file was removed: the next job locks another."""
        try:
            there = os.stat(Path(self.output.path) / LOCK, follow_symlinks=False)  # noqa: PTH116
        except OSError:
            there = None
        if there is None or not os.path.samestat(there, os.fstat(self.descriptor)):
            self.lost = (
                f"nothing is published: {self.output.uri}/{LOCK} was removed or replaced while "
                f"run {self.holder['run']} held it; run it again"
            )
            raise StorageError(self.lost)

    def release(self) -> None:
        """Release it."""
        os.close(self.descriptor)

    def _sign(self) -> None:
        """Write the holder into the file, unless it has foreign content."""
        if _said(self.descriptor) is not None:
            os.ftruncate(self.descriptor, 0)
            os.pwrite(self.descriptor, json.dumps(self.holder).encode(), 0)

    @staticmethod
    def _refused(output: Folder, path: Path, reason: str | None) -> StorageError:
        if path.is_symlink():
            reason = "it is a link, needs to be a file or missing"
        elif path.exists() and not path.is_file():
            reason = "it is not a file, needs to be one or missing"
        return StorageError(f"{output.uri}/{LOCK} cannot be locked: {reason}; see output.path")


def _said(descriptor: int) -> dict[str, Any] | None:
    """The holder recorded in the file, None if the content is foreign."""
    content = os.pread(descriptor, 10_000, 0)
    with contextlib.suppress(ValueError):
        said = json.loads(content or b"{}")
        return said if isinstance(said, dict) and not said.keys() - holder("").keys() else None
    return None
