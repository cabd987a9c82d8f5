"""How fast published models label: the saved PipelineModel, and the same model in pandas."""

import shutil
import sys
import tempfile
from dataclasses import dataclass, replace
from pathlib import Path

import pyarrow.compute as pc
import pyarrow.parquet as pq

from scripts.benchmarking.contestants import Arena
from scripts.benchmarking.data import Customers
from scripts.benchmarking.job import run_folder, write_config
from scripts.benchmarking.label_pandas import LABEL, READ, WRITE
from scripts.benchmarking.label_spark import FIRST, LOAD, SECOND
from scripts.benchmarking.measuring import measured
from scripts.benchmarking.records import JOB, LOOP, MEMORY
from scripts.benchmarking.task import Answer, Task


@dataclass(frozen=True)
class LabelTimes:
    """A table labelled by both; ``seconds`` by what was done, ``different`` labels in all.

    The PipelineModel's passes read the table and write the labels, as pandas does in three steps.
    """

    rows: int
    dimensions: int
    seconds: dict[str, float]
    different: int

    def rates(self) -> dict[str, float]:
        """Rows per second: of both passes of the PipelineModel, of pandas with and without I/O."""
        pandas = sum(self.seconds[step] for step in (READ, LABEL, WRITE))
        return {
            "PipelineModel, cold JVM": self.rows / self.seconds[FIRST],
            "PipelineModel, second pass": self.rows / self.seconds[SECOND],
            "pandas, read to written": self.rows / pandas,
            "pandas, labelling alone": self.rows / self.seconds[LABEL],
        }


def time_labelling(arena: Arena, fitted_on: Task, table: Customers) -> LabelTimes:
    """The job on one table, then its model on another one of the same columns."""
    arena.folder.mkdir(parents=True, exist_ok=True)
    output = Path(tempfile.mkdtemp(prefix="labels-", dir=arena.folder))
    try:
        job = replace(fitted_on, output=str(output))
        command = ["segmentation", "run", str(write_config(job))]
        _run(arena, JOB, command, log="labels-job")
        model = run_folder(job) / "model"
        seconds: dict[str, float] = {}
        found = []
        for name, contestant in (("label_spark", LOOP), ("label_pandas", MEMORY)):
            folder = output / name
            folder.mkdir()
            task = replace(job, table=str(table.path), output=str(folder))
            command = [f"scripts.benchmarking.{name}", str(task.write()), str(model)]
            _run(arena, contestant, command, log=name)
            seconds |= Answer.read(folder).steps
            found.append(pq.read_table(task.labelled).sort_by(task.customer_id)["segment"])
        different = pc.sum(pc.not_equal(*found)).as_py()
        kept = {step: seconds[step] for step in (LOAD, FIRST, SECOND, READ, LABEL, WRITE)}
        return LabelTimes(table.rows, table.shape.dimensions, kept, different)
    finally:
        shutil.rmtree(output)


def _run(arena: Arena, contestant: str, module: list[str], *, log: str) -> None:
    """Run a module as the environment of a contestant has it."""
    measured(
        [sys.executable, "-P", "-m", *module],
        environment=arena.environment(contestant),
        log=arena.folder / f"{log}.log",
        time_limit=arena.time_limit,
    )
