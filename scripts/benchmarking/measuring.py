"""A command run to its end: wall time, processor time and peak memory of it and its children."""

import os
import re
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
SHORT_LINGER_S = 10
"""How long a process that is ended at the time limit may take to leave."""

ERRORS = (re.compile(r"\b(?:OutOfMemory|StackOverflow|Memory)Error\b"), re.compile(r"\b\w+Error\b"))
"""What names a failure: first what ran out, which Spark wraps into an error of its own."""
LAST_LINES = 25
MEBIBYTE = 2**20

DRIVER, JVM, WORKERS, TOTAL = "driver", "jvm", "workers", "total"


class BenchmarkError(Exception):
    """One line, or a contestant's last ones, for whoever runs the benchmark."""


class ContestantError(BenchmarkError):
    """A contestant that failed or was cut off: ``reason`` in a few words, and what it took."""

    def __init__(self, reason: str, found: "Measured", lines: Sequence[str]) -> None:
        super().__init__("\n".join([reason, *lines]))
        self.reason, self.measured = reason, found


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


def measured(
    command: Sequence[str],
    *,
    environment: Mapping[str, str],
    log: Path,
    time_limit: float | None = None,
) -> Measured:
    """Run a command, its output in ``log``; returns when all its processes are gone.

    After ``time_limit`` seconds it is ended, with all processes that it started.

    Raises
    ------
    ContestantError
        If it fails or is cut off, with the last lines of its output.
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
            status = _ended(process, time_limit)
            seconds = time.monotonic() - began
        except BaseException:
            os.killpg(process.pid, signal.SIGTERM)
            process.wait()
            raise
        finally:
            sampler.stop()
    _, alive = psutil.wait_procs(
        sampler.seen, timeout=SHORT_LINGER_S if status is None else LINGER_S
    )
    for process_left in alive if status is None else ():
        process_left.kill()
    peaks = {role: round(most / MEBIBYTE, 1) for role, most in sampler.peaks.items()}
    found = Measured(round(seconds, 3), round(sum(sampler.cpu.values()), 2), peaks)
    if status is None:
        raise ContestantError(f"cut off after {time_limit:.0f} s", found, [])
    if status != 0:
        lines = log.read_text(encoding="utf-8", errors="replace").splitlines()
        raise ContestantError(_failure(status, lines), found, lines[-LAST_LINES:])
    return found


def _ended(process: "subprocess.Popen[bytes]", time_limit: float | None) -> int | None:
    """The status of a process that has ended; None if it was ended at the limit."""
    try:
        return process.wait(time_limit)
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGTERM)
    try:
        process.wait(SHORT_LINGER_S)
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()
    return None


def _failure(status: int, lines: Sequence[str]) -> str:
    """A failure in a few words: a signal, or an error that the output names."""
    if status == -signal.SIGKILL:
        return "killed, as where memory runs out"
    named = (word for error in ERRORS for line in lines for word in error.findall(line))
    return f"exit {status}: {next(named, 'see its log')}"


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
