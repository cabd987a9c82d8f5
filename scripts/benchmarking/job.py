"""Contestant (a), this job: the configuration that it is given, and what it published."""

import json
import re
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
import pyarrow.dataset
import pyarrow.parquet as pq

from scripts.benchmarking.costs import OTHER
from scripts.benchmarking.measuring import MEBIBYTE
from scripts.benchmarking.task import Answer, Published, Task

PUBLISHED = "published"
GENERATED = re.compile(r"64 KB|/\* \d{3,} \*/|StackOverflowError|WholeStageCodegen")
"""What a line of the output has that shows Spark's generated code, or that it was too long."""


def write_config(task: Task) -> Path:
    """The job's configuration for the task, as a file in the task's output folder."""
    path = Path(task.output, "config.toml")
    path.write_text(_config(task), encoding="utf-8")
    return path


def published(task: Task, log: Path) -> Answer:
    """What the job published: the curve, the chosen k's centres and the times of its steps."""
    run, manifest = run_folder(task), run_manifest(task)
    curve = pq.read_table(run / "cost_curve").to_pylist()
    chosen = next(row["k"] for row in curve if row["chosen"])
    return Answer(
        {chosen: _centres(task, pq.read_table(run / "segment_profile").to_pandas()).tolist()},
        {step["step"]: step["seconds"] for step in manifest["timings"]},
        chosen,
        {row["k"]: row["cost"] for row in curve},
        Published(
            labels=_labels(task, run),
            groups=manifest["choice"]["verdict"]["groups"],
            strength=manifest["choice"]["verdict"]["strength"],
            warnings=len(manifest["warnings"]),
            report_mib=round((run / "report.html").stat().st_size / MEBIBYTE, 2),
            generated_lines=generated_lines(log.read_text(encoding="utf-8", errors="replace")),
        ),
    )


def run_folder(task: Task) -> Path:
    """The folder of the newest run."""
    folder = Path(task.output, PUBLISHED)
    latest = json.loads((folder / "latest.json").read_text(encoding="utf-8"))
    return folder / str(latest["path"])


def run_manifest(task: Task) -> dict[str, Any]:
    """The manifest of the newest run."""
    manifest: dict[str, Any] = json.loads((run_folder(task) / "manifest.json").read_text("utf-8"))
    return manifest


def generated_lines(output: str) -> int:
    """How many lines of an output are generated code, or tell of code that was too long."""
    return sum(GENERATED.search(line) is not None for line in output.splitlines())


def _labels(task: Task, run: Path) -> npt.NDArray[np.int64]:
    """The segment of every customer, in the order of their ids."""
    columns = [task.customer_id, "segment"]
    customers = pyarrow.dataset.dataset(run / "customers", partitioning="hive")
    found = customers.to_table(columns=columns).sort_by(task.customer_id)
    labels: npt.NDArray[np.int64] = found["segment"].to_numpy().astype(np.int64)
    return labels


def _centres(task: Task, profile: pd.DataFrame) -> npt.NDArray[np.float64]:
    """The centres with coordinates in the order of an answer."""
    is_other = profile["value"] == OTHER
    profile = profile.assign(last=is_other, value=profile["value"].fillna(""))
    centroids = profile.pivot_table(
        index="segment", columns=["feature", "last", "value"], values="centroid", sort=True
    )
    logs = np.log1p(np.column_stack([centroids[name] for name in task.features]))
    return np.column_stack([logs, *(centroids[name].to_numpy() for name in task.categories)])


def _config(task: Task) -> str:
    """The job's configuration as TOML; a JSON text or list of texts is TOML's too."""
    categories = ", ".join(
        f"{{ name = {_text(name)}, top = {task.top} }}" for name in task.categories
    )
    return "\n".join(
        [
            "[input]",
            f"path = {_text(task.table)}",
            'format = "parquet"',
            f"customer_id = {_text(task.customer_id)}",
            "[features]",
            f"numeric = {_text(task.features)}",
            f"categorical = [{categories}]",
            'transform = "log1p"',
            'scale = "standard"',
            "[sweep]",
            f"k_min = {min(task.ks)}",
            f"k_max = {max(task.ks)}",
            f"seed = {task.seed}",
            "[output]",
            f"path = {_text(str(Path(task.output, PUBLISHED)))}",
            "",
        ]
    )


def _text(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False)
