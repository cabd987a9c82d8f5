"""One job at a time on one output folder."""

import json
import socket
import threading
import time
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import IO, Any

from pyarrow import fs

from segmentation.errors import StorageError
from segmentation.storage.filesystem import Folder

LOCK, LEASE = ".lock", "_lock.json"
BEAT_S, DEAD_S = 30.0, 300.0
"""A lease is renewed so often, and taken for a dead job's after so long without."""

SETTLES_S = 1.0
"""After so long the last of two that wrote a lease at once is the one that both read."""


@dataclass
class Lock:
    """Held from :meth:`taken` to :meth:`release`; a killed process holds it no longer.

    On this machine's disk it is the kernel's lock on a file, gone with the process. Elsewhere
    it is a lease that is renewed while the job lives: two jobs that start within
    a second may rarely both get it, and then the later one to publish is the newest run.
    """

    output: Folder
    content: dict[str, str]
    file: IO[str] | None = None
    _ends: threading.Event = field(default_factory=threading.Event)

    @classmethod
    def taken(cls, output: Folder, *, run_id: str) -> "Lock":
        """The lock on an output folder, which has to be there.

        Raises
        ------
        StorageError
            If another job holds it.
        """
        since = datetime.now(UTC).isoformat(timespec="seconds")
        lock = cls(output, {"run": run_id, "since": since, "host": socket.gethostname()})
        if isinstance(output.filesystem, fs.LocalFileSystem):
            lock._lock_file()
        else:
            lock._take_lease()
        return lock

    def release(self) -> None:
        """Let the next job in; nothing happens the second time."""
        if self.file is not None:
            self.file.close()
        elif not self._ends.is_set():
            self._ends.set()
            self.output.remove(LEASE)

    def _lock_file(self) -> None:
        import fcntl  # not on every system

        file = (Path(self.output.path) / LOCK).open("a+", encoding="utf-8")
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            file.seek(0)
            said = file.read()
            file.close()
            raise self._refused(json.loads(said) if said else {}) from None
        file.truncate(0)
        file.write(json.dumps(self.content))
        file.flush()
        self.file = file

    def _take_lease(self) -> None:
        held = self._read()
        if held is not None and time.time() - float(held.get("beat", 0)) < DEAD_S:
            raise self._refused(held)
        self._beat()
        time.sleep(SETTLES_S)
        held = self._read()
        if held is None or {k: held.get(k) for k in self.content} != self.content:
            raise self._refused(held or {})
        threading.Thread(target=self._keep_beating, daemon=True).start()

    def _keep_beating(self) -> None:
        while not self._ends.wait(BEAT_S):
            self._beat()

    def _beat(self) -> None:
        self.output.write(LEASE, json.dumps({**self.content, "beat": time.time()}))

    def _read(self) -> dict[str, Any] | None:
        text = self.output.read(LEASE)
        return None if text is None else dict(json.loads(text))

    def _refused(self, held: dict[str, Any]) -> StorageError:
        return StorageError(
            f"{self.output.uri} is in use: run {held.get('run', 'of another job')} writes there "
            f"since {held.get('since', 'just now')} from {held.get('host', 'elsewhere')}; wait "
            "for it, or change output.path"
        )
