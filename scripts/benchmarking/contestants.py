"""The contestants as commands: each is started the same way, measured, and asked for its answer."""

import os
import shutil
import sys
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from scripts.benchmarking.job import published, write_config
from scripts.benchmarking.measuring import Measured, measured
from scripts.benchmarking.records import COPY, EARLIER, JOB, LOOP, MEMORY
from scripts.benchmarking.task import Answer, Task
from segmentation.runtime.java import archive_options, class_archive

ROOT = Path(__file__).resolve().parents[2]
MODULES = {LOOP: "mllib_loop", MEMORY: "in_memory", COPY: "plain_copy"}
JOBS = (JOB, EARLIER)
OUTSIDE_STEPS = "start, report, publish, exit"


@dataclass(frozen=True)
class Arena:
    """Where contestants meet: the folder for what they write, and the same Spark for all.

    ``java_home`` is for those that do not look for a Java themselves, as this job does. After
    ``time_limit`` seconds a contestant is cut off. ``earlier`` is a checkout of this project in
    another state, which runs with this one's packages.
    """

    folder: Path
    cores: int
    driver_memory: str
    java_home: str
    time_limit: float | None = None
    earlier: Path | None = None

    def properties(self, root: Path = ROOT) -> Path:
        """The project's own properties file for one machine, with these cores and memory.

        Where ``scripts/run`` has left its archive of Spark's classes, all start from that.
        """
        changed = {
            "spark.master": f"local[{self.cores}]",
            "spark.driver.memory": self.driver_memory,
            "spark.local.dir": str(self.folder / "spark"),
        }
        archive = class_archive(self.java_home, Path(sys.prefix))
        if archive.exists():
            changed["spark.driver.defaultJavaOptions"] = archive_options(archive)
        kept = [
            line
            for line in (root / "conf" / "spark-local.conf").read_text("utf-8").splitlines()
            if line and not line.startswith("#") and line.split()[0] not in changed
        ]
        path = self.folder / "spark.conf"
        lines = [*kept, *(f"{key} {value}" for key, value in changed.items())]
        path.write_text("\n".join(lines) + "\n", encoding="utf-8")
        return path

    def environment(self, contestant: str) -> dict[str, str]:
        """What a contestant finds in its environment; for this job that of ``scripts/run``."""
        root = self.earlier if contestant == EARLIER and self.earlier else ROOT
        found = {
            **os.environ,
            "PYSPARK_SUBMIT_ARGS": f'--properties-file "{self.properties(root)}" pyspark-shell',
            "PYSPARK_PYTHON": sys.executable,
            "SPARK_LOCAL_IP": "127.0.0.1",
            "LOG4J_CONFIGURATION_FILE": str(root / "conf" / "log4j2.properties"),
        }
        if contestant == EARLIER:
            found["PYTHONPATH"] = str(root / "lib")
        if contestant == MEMORY:
            found["OMP_NUM_THREADS"] = found["OPENBLAS_NUM_THREADS"] = str(self.cores)
        elif contestant not in JOBS:
            found["JAVA_HOME"] = self.java_home
        return found


def contest(
    contestant: str, arena: Arena, task: Task, *, settings: Mapping[str, object] | None = None
) -> tuple[Measured, Answer]:
    """A contestant run once: what it took and what it found. Its output is removed again.

    ``settings`` override this job's configuration, as with ``--set``.

    Raises
    ------
    ContestantError
        If it fails or is cut off at the arena's time limit.
    """
    arena.folder.mkdir(parents=True, exist_ok=True)
    output = Path(tempfile.mkdtemp(prefix=f"{contestant}-", dir=arena.folder))
    task, log = replace(task, output=str(output)), arena.folder / f"{contestant}.log"
    try:
        if contestant in JOBS:
            command = ["-m", "segmentation", "run", str(write_config(task))]
            for key, value in (settings or {}).items():
                command += ["--set", f"{key}={value}"]
        else:
            command = ["-m", f"scripts.benchmarking.{MODULES[contestant]}", str(task.write())]
        result = measured(
            [sys.executable, "-P", *command],
            environment=arena.environment(contestant),
            log=log,
            time_limit=arena.time_limit,
        )
        answer = published(task, log) if contestant in JOBS else Answer.read(output)
        return result, answer
    finally:
        shutil.rmtree(output)
