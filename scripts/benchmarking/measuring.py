"""A command run to its end: wall time, processor time and peak memory of it and its children."""

import os
import signal
import subprocess
import threading
import time
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import psutil

SAMPLE_EVERY_S = 0.05
LOOK_FOR_CHILDREN_EVERY = 5
"""Samples between two searches for new children: a search reads about every process there is."""

LINGER_S = 60
LAST_LINES = 25
MEBIBYTE = 2**20

DRIVER, JVM, WORKERS, TOTAL = "driver", "jvm", "workers", "total"


class BenchmarkError(Exception):
    """One line, or a contestant's last ones, for whoever runs the benchmark."""


@dataclass(frozen=True)
class Measured:
    """Wall and processor seconds, and the highest resident memory seen of each role in MiB.

    ``driver`` is the process that was started, ``jvm`` Spark's Java (driver and executors are
    one in local mode), ``workers`` Spark's Python workers, ``total`` all at one moment. Memory
    that forked workers share is counted with each.
    """

    seconds: float
    cpu_seconds: float
    peak_mib: Mapping[str, float]


def measured(command: Sequence[str], *, environment: Mapping[str, str], log: Path) -> Measured:
    """Run a command, its output in ``log``; returns when all its processes are gone.

    Raises
    ------
    BenchmarkError
        If it fails, with the last lines of its output.
    """
    with log.open("wb") as output:
        began = time.monotonic()
        process = subprocess.Popen(
            command,
            env=dict(environment),
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
        sampler = _Sampler(process.pid)
        sampler.start()
        try:
            status = process.wait()
            seconds = time.monotonic() - began
        except BaseException:
            os.killpg(process.pid, signal.SIGTERM)
            process.wait()
            raise
        finally:
            sampler.stop()
    psutil.wait_procs(sampler.seen, timeout=LINGER_S)
    if status != 0:
        lines = log.read_text(encoding="utf-8", errors="replace").splitlines()[-LAST_LINES:]
        raise BenchmarkError("\n".join([f"{log.stem} ended with {status}:", *lines]))
    peaks = {role: round(most / MEBIBYTE, 1) for role, most in sampler.peaks.items()}
    return Measured(round(seconds, 3), round(sum(sampler.cpu.values()), 2), peaks)


@dataclass
class _Sampler:
    """A thread that looks at a process and its descendants some twenty times a second."""

    root: int
    peaks: dict[str, int] = field(default_factory=dict)
    cpu: dict[psutil.Process, float] = field(default_factory=dict)
    _roles: dict[psutil.Process, str] = field(default_factory=dict)
    _ended: threading.Event = field(default_factory=threading.Event)

    def start(self) -> None:
        """Begin to look."""
        self._thread = threading.Thread(target=self._watch, daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Look no more."""
        self._ended.set()
        self._thread.join()

    @property
    def seen(self) -> list[psutil.Process]:
        """All processes that were ever seen, but the first."""
        return [process for process in self.cpu if process.pid != self.root]

    def _watch(self) -> None:
        try:
            first = psutil.Process(self.root)
        except psutil.NoSuchProcess:
            return
        family, turn = [first], 0
        while True:
            if turn % LOOK_FOR_CHILDREN_EVERY == 0:
                family = _with_descendants(first, family)
            self._look_at(family)
            turn += 1
            if self._ended.wait(SAMPLE_EVERY_S):
                return

    def _look_at(self, family: Sequence[psutil.Process]) -> None:
        now: Counter[str] = Counter()
        for process in family:
            try:
                with process.oneshot():
                    resident, times = process.memory_info().rss, process.cpu_times()
                    role = self._role(process)
            except psutil.Error:
                continue
            self.cpu[process] = times.user + times.system
            if role is not None:
                now[role] += resident
                now[TOTAL] += resident
        for role, resident in now.items():
            self.peaks[role] = max(resident, self.peaks.get(role, 0))

    def _role(self, process: psutil.Process) -> str | None:
        """None for what will yet become something else: a shell, a fork before its exec."""
        if process.pid == self.root:
            return DRIVER
        if process not in self._roles:
            if process.name() == "java":
                self._roles[process] = JVM
            elif process.cmdline()[1:3] == ["-m", "pyspark.daemon"]:
                self._roles[process] = WORKERS
        return self._roles.get(process)


def _with_descendants(
    first: psutil.Process, family: Sequence[psutil.Process]
) -> list[psutil.Process]:
    """The process and all below it, without those that are gone."""
    try:
        return [first, *first.children(recursive=True)]
    except psutil.Error:
        return [process for process in family if process.is_running()]
