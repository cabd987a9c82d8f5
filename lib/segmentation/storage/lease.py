"""A lease on a folder without file locks: a file that its owner renews.

Clocks of different hosts are never compared: an observer measures the time between renewals on
its own clock. Two jobs that start at the same time may both believe that they hold the lease; the
last to write it holds it, and the other one finds out before it publishes.
"""

import json
import logging
import socket
import time
import uuid
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Protocol

from segmentation.errors import DamagedError, StorageError
from segmentation.storage.filesystem import Folder

LEASE = "_lock.json"
HEARTBEAT_S, LEASE_TIMEOUT_S = 10.0, 300.0
"""Seconds between renewals, and without one until another job may take over."""

POLL_S, SETTLE_S = 2.0, 2.0
"""Seconds between looks of a waiting job, and until two jobs read the same after a write."""

LOGGER = logging.getLogger("segment")


class Clock(Protocol):
    """Monotonic time of this process."""

    def monotonic(self) -> float:
        """Seconds since an arbitrary moment."""

    def sleep(self, seconds: float, /) -> None:
        """Wait."""


def holder(run_id: str) -> dict[str, str]:
    """Who holds a lock, for messages, and the unique ``token`` of the attempt."""
    since = datetime.now(UTC).isoformat(timespec="seconds")
    return {
        "run": run_id,
        "since": since,
        "host": socket.gethostname(),
        "token": uuid.uuid4().hex,
    }


@dataclass
class Lease:
    """A lease on an output folder; see :meth:`acquire`. ``lost`` says how it was lost."""

    output: Folder
    holder: dict[str, str]
    clock: Clock
    lost: str | None = None
    _beats: int = 0
    _renewed: float = field(default=float("-inf"))

    @classmethod
    def acquire(cls, output: Folder, *, run_id: str, clock: Clock = time) -> "Lease":
        """Acquire the lease, which :meth:`renew` keeps.

        Waits while another job holds it: until that renews it, within ``HEARTBEAT_S``, or has
        not done so for ``LEASE_TIMEOUT_S``, as after a lost driver whose job is restarted.

        Raises
        ------
        StorageError
            If another job holds it.
        """
        lease = cls(output, holder(run_id), clock)
        lease._wait()
        lease._renewed = clock.monotonic()
        lease._write()
        clock.sleep(SETTLE_S)
        if not lease._is_own(held := lease._read()):
            raise in_use(output, _content(held))
        return lease

    def renew(self) -> None:
        """Renew the lease.

        Raises
        ------
        StorageError
            If the lease was lost, or cannot be written this time.
        """
        if self.lost is not None:
            raise StorageError(self.lost)
        held, now = self._read(), self.clock.monotonic()
        is_late = now - self._renewed > LEASE_TIMEOUT_S / 2
        # A missing lease: another job may have taken over, cleaned up, published and ended. A
        # half-written one is this job's own failure while nobody can have taken over yet.
        is_half = held is not None and not _content(held) and not is_late
        if not self._is_own(held) and not is_half:
            raise self._loss(_content(held))
        self._write()
        took = self.clock.monotonic() - now
        if took > (SETTLE_S if is_late else LEASE_TIMEOUT_S / 2):
            # this write may have overwritten that of a job that took over in the meantime
            raise self._loss({})
        if is_late or is_half:  # another job may be taking it now: the last to write holds it
            self.clock.sleep(SETTLE_S)
            if not self._is_own(held := self._read()):
                raise self._loss(_content(held))
        self._renewed = now

    def beat(self) -> None:
        """Renew; a failure is retried the next time, and the lease is lost after too long."""
        try:
            self.renew()
        except StorageError as error:
            if self.lost is None and self.clock.monotonic() - self._renewed > LEASE_TIMEOUT_S / 2:
                self.lost = (
                    f"nothing is published: the lease on {self.output.uri} could not be renewed "
                    f"for {LEASE_TIMEOUT_S / 2:.0f} s ({error}); run it again"
                )

    def release(self) -> None:
        """Release the lease, unless another job holds it by now."""
        try:
            if self._is_own(self._read()):
                self.output.remove(LEASE)
        except StorageError as error:
            LOGGER.warning("the lease expires in %.0f s: %s", LEASE_TIMEOUT_S, error)

    def _wait(self) -> None:
        seen, began = self._read(), self.clock.monotonic()
        if seen is None:
            return
        who = _content(seen)
        LOGGER.info(
            "%s is held by run %s from %s: waiting to see whether that lives, up to %.0f s",
            self.output.uri,
            who.get("run", "unknown"),
            who.get("host", "elsewhere"),
            LEASE_TIMEOUT_S,
        )  # fmt: skip
        while self.clock.monotonic() - began < LEASE_TIMEOUT_S:
            self.clock.sleep(POLL_S)
            now = self._read()
            if now is None:
                return
            if now != seen:
                raise in_use(self.output, _content(now))

    def _loss(self, held: dict[str, Any]) -> StorageError:
        own = self.holder["run"]
        if held:
            self.lost = (
                f"nothing is published: run {held.get('run')} from {held.get('host', 'elsewhere')} "
                f"took over {self.output.uri} from run {own}, which had not renewed its lease or "
                "started at the same moment; run it again, or change output.path"
            )
        else:
            self.lost = (
                f"nothing is published: the lease of run {own} on {self.output.uri} was not "
                "renewed in time, or removed: another job may have come and gone; run it again"
            )
        return StorageError(self.lost)

    def _write(self) -> None:
        self._beats += 1
        # in place: a file that is replaced by a rename is missing for a moment on HDFS
        self.output.overwrite(LEASE, json.dumps({**self.holder, "beat": self._beats}))

    def _read(self) -> str | None:
        try:
            return self.output.read(LEASE)
        except DamagedError as error:
            return str(error)

    def _is_own(self, text: str | None) -> bool:
        return _content(text).get("token") == self.holder["token"]


def in_use(output: Folder, held: dict[str, Any]) -> StorageError:
    """The error that another job writes to the folder."""
    return StorageError(
        f"{output.uri} is in use: run {held.get('run', 'of another job')} has been writing there "
        f"since {held.get('since', 'just now')} from {held.get('host', 'elsewhere')}; wait "
        "for it, or change output.path"
    )


def _content(text: str | None) -> dict[str, Any]:
    """The content of a lease; empty if it is missing or half written."""
    try:
        content = json.loads(text or "{}")
    except ValueError:
        return {}
    return content if isinstance(content, dict) else {}
