"""What a run costs that continues another one: the same table with and without a previous run."""

import shutil
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from statistics import median

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from scripts.benchmarking.contestants import OUTSIDE_STEPS, Arena
from scripts.benchmarking.data import Customers, in_blocks
from scripts.benchmarking.job import run_manifest, write_config
from scripts.benchmarking.measuring import measured
from scripts.benchmarking.records import JOB
from scripts.benchmarking.task import Task

FIRST, AUTO, KEEP, FRESH = "no previous run", "auto", "keep", "fresh"
TURNOVER, NOISE = 0.1, 0.05
"""The share of customers who are replaced in a month, and the deviation of log values."""


@dataclass(frozen=True)
class MonthTimes:
    """One table with and without a previous run: seconds by kind of run, and by its steps.

    ``decisions`` are what became of the model. Medians of all repeats.
    """

    rows: int
    features: int
    seconds: dict[str, float]
    steps: dict[str, dict[str, float]]
    decisions: dict[str, str]

    def ratio(self, kind: str, base: str = FIRST) -> float:
        """The seconds of one kind of run over those of another."""
        return self.seconds[kind] / self.seconds[base]


def time_months(arena: Arena, task: Task, table: Customers, *, repeats: int) -> MonthTimes:
    """The job on a table's next month, in turns: without a previous run, and continuing one.

    Every run continues a copy of the same previous run, that of the table itself.
    """
    arena.folder.mkdir(parents=True, exist_ok=True)
    later = next_month(table)
    work = Path(tempfile.mkdtemp(prefix="months-", dir=arena.folder))
    try:
        before = work / "before"
        before.mkdir()
        _run(arena, replace(task, output=str(before)))
        found: dict[str, list[dict[str, float]]] = {}
        decisions = {}
        for number in range(repeats):
            for kind in (FIRST, AUTO, KEEP, FRESH):
                output = work / f"{kind}-{number}"
                if kind == FIRST:
                    output.mkdir()
                else:
                    shutil.copytree(before, output, symlinks=True)
                policy = [] if kind == FIRST else [f"--refresh={kind}"]
                own = replace(task, table=str(later), output=str(output))
                run, decisions[kind] = _run(arena, own, *policy)
                found.setdefault(kind, []).append(run)
                shutil.rmtree(output)
    finally:
        shutil.rmtree(work)
    steps = {kind: _medians(runs) for kind, runs in found.items()}
    seconds = {kind: median(sum(run.values()) for run in runs) for kind, runs in found.items()}
    return MonthTimes(table.rows, table.shape.features, seconds, steps, decisions)


def next_month(table: Customers) -> Path:
    """The table a month later: some customers are new, all values are a little different."""
    folder = table.path.with_name(f"{table.path.name}-next")
    files = sorted(table.path.glob("*.parquet"))
    first = pq.read_metadata(files[0]).num_rows

    def block(number: int) -> pa.Table:
        random = np.random.default_rng([table.seed, number, 1])
        old = pq.read_table(files[number])
        columns = {}
        for name in old.schema.names:
            values = old[name].to_numpy()
            if np.issubdtype(values.dtype, np.floating):
                values = values * random.lognormal(0, NOISE, len(values))
            elif name == "customer_id":
                is_new = random.random(len(values)) < TURNOVER
                values = np.where(is_new, values + table.rows, values)
            columns[name] = values
        return pa.table(columns)

    return in_blocks(folder, table.rows, block, block_rows=first)


def _run(arena: Arena, task: Task, *arguments: str) -> tuple[dict[str, float], str]:
    """One run of the job: seconds by step, and what became of the model."""
    found = measured(
        [sys.executable, "-P", "-m", "segmentation", "run", str(write_config(task)), *arguments],
        environment=arena.environment(JOB),
        log=arena.folder / "months.log",
        time_limit=arena.time_limit,
    )
    manifest = run_manifest(task)
    steps = {step["step"]: step["seconds"] for step in manifest["timings"]}
    steps[OUTSIDE_STEPS] = found.seconds - sum(steps.values())
    return steps, manifest["refresh"]["decision"]


def _medians(runs: Sequence[dict[str, float]]) -> dict[str, float]:
    return {step: median(run.get(step, 0.0) for run in runs) for step in runs[0]}
