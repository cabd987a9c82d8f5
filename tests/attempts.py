"""Jobs without Spark: they open, stage, publish and discard a run as the pipeline does."""

import json
import re
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any

from segmentation import __version__
from segmentation.config import Config, Output
from segmentation.results import Choice, Run, Verdict
from segmentation.schemas import Column, Table
from segmentation.storage.filesystem import Folder
from segmentation.storage.lease import Clock, Lease
from segmentation.storage.locking import FileLock, Lock
from segmentation.storage.pointer import COPY, POINTER
from segmentation.storage.run_writer import StagedRun

CONFIG = Config.model_validate(
    {
        "input": {"path": "x.csv"},
        "features": {"numeric": ["age"]},
        "output": {"path": "mem"},
    }
).redacted_dump()
TABLES = tuple(Table(name, "", (Column("by", "string", ""),)) for name in ("customers", "segments"))


@dataclass
class SimulatedClock:
    """Time that passes when somebody sleeps."""

    now: float = 0.0

    def monotonic(self):
        return self.now

    def sleep(self, seconds, /):
        self.now += seconds


@dataclass
class Places:
    """Where addresses lead and whose clock counts there; put in place of ``Folder.at``."""

    folders: dict[str, Folder] = field(default_factory=dict)
    clocks: dict[str, Clock] = field(default_factory=dict)
    locks: dict[str, Lock] = field(default_factory=dict)
    turn: Callable[[], Any] | None = None

    def add(self, folder, clock=None):
        self.folders[folder.uri] = folder
        self.clocks[folder.uri] = clock or SimulatedClock()
        return folder

    def acquire(self, output, *, run_id):
        if output.is_local:
            lock = Lock(FileLock.acquire(output, run_id=run_id))
        else:
            lock = Lock(Lease.acquire(output, run_id=run_id, clock=self.clocks[output.uri]))
        self.locks[output.uri] = lock
        if self.turn is not None:
            lock._turn = self.turn()
        return lock

    def install(self, monkeypatch):
        monkeypatch.setattr(Folder, "at", self.folders.__getitem__)
        monkeypatch.setattr(Lock, "acquire", self.acquire)
        return self


def publish(address, run_id, *, by, keep_runs=None, created=None, work=lambda: None):
    """One attempt from start to end; its tables say who wrote them. Returns the run's address."""
    store = StagedRun.open(
        output=Output(path=address, keep_runs=keep_runs),
        run_id=run_id,
        config=CONFIG,
        session=lambda: None,  # type: ignore[arg-type, return-value]
    )
    try:
        if store.is_published("same"):
            return store.publish()
        for table in TABLES:
            store.stage_rows(table, [SimpleNamespace(by=by)])
            work()
        now = created or datetime.now(UTC).isoformat(timespec="seconds")
        store.stage_texts(run=manifest(run_id, by=by, created=now), report="<html></html>")
        return store.publish()
    finally:
        store.discard()


def manifest(run_id, *, by="", created="2026-01-01T00:00:00+00:00", **changes):
    """The manifest of a run of one customer; ``by`` says who wrote it."""
    verdict = Verdict(2, "clear", 2, "two groups", (), (), {})
    run = Run(
        run=run_id,
        created_at=created,
        input={"paths": ["x.csv"], "format": "csv"},
        fingerprint="same",
        rows_in=1,
        labelled=1,
        rejected=0,
        rejections=(),
        warnings=(),
        choice=Choice(2, "verdict", "two groups", verdict),
        value_feature=None,
        features=(),
        seed=42,
        config=CONFIG,
        versions={"segmentation": __version__, "by": by},
        timings=(),
    )
    return replace(run, **changes)


def is_whole(read, run):
    """Whether a run's manifest and tables are of one attempt; ``read`` gives a file's bytes."""
    text = read(f"run={run}/manifest.json")
    if not text:
        return False
    (by,) = re.findall(rb'"by": "(\w+)"', text)
    parts = [read(f"run={run}/{table.name}/part-00000.parquet") for table in TABLES]
    return all(part and by in part for part in parts)


def shown(read):
    """The run that a reader finds by the documented protocol, None where it finds none."""
    for name in (POINTER, COPY, POINTER):
        text = read(name)
        if text:
            return json.loads(text)["run"]
    return None
