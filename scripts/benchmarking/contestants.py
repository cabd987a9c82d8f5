"""The contestants as commands: each is started the same way, measured, and asked for its answer."""

import json
import os
import shutil
import sys
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow.parquet as pq

from scripts.benchmarking.data import CUSTOMER_ID
from scripts.benchmarking.measuring import Measured, measured
from scripts.benchmarking.records import COPY, JOB, LOOP, MEMORY
from scripts.benchmarking.task import Answer, Task
from segmentation.runtime.java import archive_options, class_archive

ROOT = Path(__file__).resolve().parents[2]
LOCAL_CONF = ROOT / "conf" / "spark-local.conf"
MODULES = {LOOP: "mllib_loop", MEMORY: "in_memory", COPY: "plain_copy"}
OUTSIDE_STEPS = "start, report, publish, exit"


@dataclass(frozen=True)
class Arena:
    """Where contestants meet: the folder for what they write, and the same Spark for all.

    ``java_home`` is for those that do not look for a Java themselves, as this job does.
    """

    folder: Path
    cores: int
    driver_memory: str
    java_home: str

    def properties(self) -> Path:
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
            for line in LOCAL_CONF.read_text(encoding="utf-8").splitlines()
            if line and not line.startswith("#") and line.split()[0] not in changed
        ]
        path = self.folder / "spark.conf"
        lines = [*kept, *(f"{key} {value}" for key, value in changed.items())]
        path.write_text("\n".join(lines) + "\n", encoding="utf-8")
        return path

    def environment(self, contestant: str) -> dict[str, str]:
        """What a contestant finds in its environment; for this job that of ``scripts/run``."""
        found = {
            **os.environ,
            "PYSPARK_SUBMIT_ARGS": f'--properties-file "{self.properties()}" pyspark-shell',
            "PYSPARK_PYTHON": sys.executable,
            "SPARK_LOCAL_IP": "127.0.0.1",
            "LOG4J_CONFIGURATION_FILE": str(ROOT / "conf" / "log4j2.properties"),
        }
        if contestant == MEMORY:
            found["OMP_NUM_THREADS"] = found["OPENBLAS_NUM_THREADS"] = str(self.cores)
        elif contestant != JOB:
            found["JAVA_HOME"] = self.java_home
        return found


def contest(
    contestant: str,
    arena: Arena,
    *,
    table: Path,
    features: Sequence[str],
    ks: Sequence[int],
    seed: int,
    settings: Mapping[str, object] | None = None,
) -> tuple[Measured, Answer]:
    """A contestant run once: what it took and what it found. Its output is removed again.

    ``settings`` override this job's configuration, as with ``--set``.
    """
    arena.folder.mkdir(parents=True, exist_ok=True)
    output = Path(tempfile.mkdtemp(prefix=f"{contestant}-", dir=arena.folder))
    log = arena.folder / f"{contestant}.log"
    try:
        if contestant == JOB:
            config = output / "config.toml"
            config.write_text(
                _config(table=table, features=features, k_max=max(ks), seed=seed, output=output),
                encoding="utf-8",
            )
            command = ["-m", "segmentation", "run", str(config)]
            for key, value in (settings or {}).items():
                command += ["--set", f"{key}={value}"]
        else:
            some = [k for k in ks if k > 1] if contestant == LOOP else list(ks)
            task = Task(str(table), CUSTOMER_ID, list(features), some, seed, str(output))
            command = ["-m", f"scripts.benchmarking.{MODULES[contestant]}", str(task.write())]
        result = measured(
            [sys.executable, "-P", *command], environment=arena.environment(contestant), log=log
        )
        answer = _published(output, features) if contestant == JOB else Answer.read(output)
        return result, answer
    finally:
        shutil.rmtree(output)


def _config(*, table: Path, features: Sequence[str], k_max: int, seed: int, output: Path) -> str:
    """The job's configuration as TOML; a JSON text or list of texts is TOML's too."""
    return "\n".join(
        [
            "[input]",
            f"path = {json.dumps(str(table), ensure_ascii=False)}",
            'format = "parquet"',
            f"customer_id = {json.dumps(CUSTOMER_ID)}",
            "[features]",
            f"numeric = {json.dumps(list(features))}",
            'transform = "log1p"',
            'scale = "standard"',
            "[sweep]",
            "k_min = 1",
            f"k_max = {k_max}",
            f"seed = {seed}",
            "[output]",
            f"path = {json.dumps(str(output / 'published'), ensure_ascii=False)}",
            "",
        ]
    )


def _published(output: Path, features: Sequence[str]) -> Answer:
    """What this job published: the curve, the chosen k's centres and the times of its steps."""
    folder = output / "published"
    run = folder / json.loads((folder / "latest.json").read_text(encoding="utf-8"))["path"]
    manifest = json.loads((run / "manifest.json").read_text(encoding="utf-8"))
    curve = pq.read_table(run / "cost_curve").to_pylist()
    profile: pd.DataFrame = pq.read_table(run / "segment_profile").to_pandas()
    centroids = profile.pivot_table(index="segment", columns="feature", values="centroid")
    chosen = next(row["k"] for row in curve if row["chosen"])
    centres = np.log1p(centroids[list(features)].to_numpy())
    steps = {step["step"]: step["seconds"] for step in manifest["timings"]}
    costs = {row["k"]: row["cost"] for row in curve}
    return Answer({chosen: centres.tolist()}, steps, chosen, costs)
