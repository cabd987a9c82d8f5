"""The driver killed at any moment: readers see the old run or the new one, whole, every time."""

import json
import os
import random
import shlex
import signal
import subprocess
import sys
import threading
import time
from dataclasses import dataclass, replace
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from segmentation.runtime.java import java_home
from tests.conftest import SPARK_PATH, UNCOMPILED

ROOT = Path(__file__).resolve().parents[2]
STEPS = ("read", "features", "contract", "prepare", "compress", "sweep", "score", "choose",
         "refine", "describe", "freeze", "label", "check", "report", "publish")  # fmt: skip
POINTS = (*STEPS, "before the move", "after the move", "within the pointer", "after the pointer")
RANDOM_MOMENTS = 50
SAMPLE = ("after the move",)

DRIVER = """
import os, signal, sys
from segmentation.cli import application
from segmentation.pipelines import steps
from segmentation.storage import history, run_writer
from segmentation.storage.filesystem import Folder
point = sys.argv.pop(1)
# where tests run in the background it is ignored
signal.signal(signal.SIGINT, signal.default_int_handler)

def die():
    os.kill(os.getpid(), signal.SIGKILL)

def around(owner, name, *, before="", after=""):
    real = getattr(owner, name)
    def wrapped(*args, **kwargs):
        if point == before: die()
        result = real(*args, **kwargs)
        if point == after: die()
        return result
    setattr(owner, name, wrapped)

real_call = steps.Steps.__call__
def call(self, step):
    if step == point: die()
    return real_call(self, step)
steps.Steps.__call__ = call
around(Folder, "move", before="before the move", after="after the move")
around(run_writer, "point_at", after="after the pointer")
if point == "within the pointer":
    class Dying(type(Folder.at("/").filesystem)):
        def move(self, source, target):
            if str(target).endswith("latest.json"): die()
            return super().move(source, target)
    from segmentation.storage import filesystem
    filesystem.fs.LocalFileSystem = Dying
application.main(sys.argv[1:])
"""


class Reader(threading.Thread):
    """Reads the newest run over and over, as a dashboard would, and notes what is not whole."""

    def __init__(self, output):
        super().__init__(daemon=True)
        self.output, self.ends = output, threading.Event()
        self.reads, self.runs, self.problems = 0, set(), []

    def run(self):
        while not self.ends.is_set():
            try:
                self.look()
            except Exception as error:  # noqa: BLE001 - whatever a reader stumbles over counts
                self.problems.append(repr(error))
            time.sleep(0.05)

    def look(self):
        run = json.loads((self.output / "latest.json").read_text())["run"]
        folder = self.output / f"run={run}"
        manifest = json.loads((folder / "manifest.json").read_text())
        rows = {
            name: pq.read_table(folder / name).num_rows
            for name in ("customers", "rejected", "segments", "cost_curve", "segment_profile")
        }
        assert rows["customers"] == manifest["labelled"]
        assert rows["customers"] + rows["rejected"] == manifest["rows_in"]
        assert rows["segments"] == manifest["choice"]["k"]
        assert (folder / "report.html").read_text().rstrip().endswith("</html>")
        assert (folder / "model" / "metadata").is_dir()
        self.reads += 1
        self.runs.add(run)


@dataclass
class Job:
    """Starts the job as a process of its own that dies at a point."""

    folder: Path
    environment: dict[str, str]

    @property
    def output(self):
        return self.folder / "out"

    def __call__(self, point, run, stderr=subprocess.DEVNULL):
        command = [
            sys.executable,
            "-P",
            "-c",
            DRIVER,
            point,
            "run",
            str(self.folder / "config.toml"),
        ]
        return subprocess.Popen(
            [*command, "--run-id", run],
            env=self.environment,
            cwd=self.folder,
            stdout=subprocess.DEVNULL,
            stderr=stderr,
            text=True,
        )


@pytest.fixture(scope="module")
def job(tmp_path_factory):
    """A job with a good run behind it."""
    folder = tmp_path_factory.mktemp("faults")
    rows = "".join(f"{i:03d},{1 + i % 4},{10 ** (1 + i % 3)}.{i % 10}\n" for i in range(24))
    (folder / "customers.csv").write_text("customer_id,visits,money_spent\n" + rows)
    (folder / "config.toml").write_text(
        f'[input]\npath = "{folder}/customers.csv"\ncustomer_id = "customer_id"\n'
        '[features]\nnumeric = ["visits", "money_spent"]\n[sweep]\nk_max = 3\n'
        f'[output]\npath = "{folder}/out"\nkeep_runs = 1\n'
    )
    environment = {
        **{k: v for k, v in os.environ.items() if not k.startswith(("PYTHON", "SPARK", "PYSPARK"))},
        "PYTHONPATH": f"{ROOT / 'lib'}:{SPARK_PATH}",
        "JAVA_HOME": java_home(),
        "SPARK_LOCAL_IP": "127.0.0.1",
        "LOG4J_CONFIGURATION_FILE": str(ROOT / "conf" / "log4j2.properties"),
    }
    started = Job(folder, environment | submitted("ArchiveClassesAtExit", folder))
    assert started("never", "first").wait() == 0
    return replace(started, environment=environment | submitted("SharedArchiveFile", folder))


def submitted(archive, folder):
    """Spark as scripts/run starts it, but for JVMs that live for seconds."""
    settings = UNCOMPILED | {
        "spark.driver.defaultJavaOptions": (
            f"-Xlog:cds*=off -XX:{archive}={folder}/classes.jsa -XX:TieredStopAtLevel=1"
        )
    }
    options = " ".join(f"--conf {shlex.quote(f'{k}={v}')}" for k, v in settings.items())
    properties = f"--properties-file {ROOT}/conf/spark-local.conf"
    return {"PYSPARK_SUBMIT_ARGS": f"{options} {properties} pyspark-shell"}


def survives(job, deaths):
    """Let the job die so often while a reader looks on; then a whole run, and nothing left over."""
    reader = Reader(job.output)
    reader.start()
    began, longest = time.monotonic(), 0.0
    for number, death in enumerate(deaths):
        process = job(death if isinstance(death, str) else "never", f"dies-{number}-{id(reader)}")
        if not isinstance(death, str):
            time.sleep(death)
            process.send_signal(signal.SIGKILL)
        assert process.wait() == -signal.SIGKILL or not isinstance(death, str)
        longest = max(longest, time.monotonic() - began)
    assert job("never", f"whole-{id(reader)}").wait() == 0
    time.sleep(1)
    reader.ends.set()
    reader.join()
    assert reader.problems == []
    assert reader.reads > 10
    assert f"whole-{id(reader)}" in reader.runs
    left = [p.name for p in job.output.iterdir() if p.name.startswith(("_", ".latest"))]
    assert left == []


@pytest.mark.parametrize(("told", "step"), [(signal.SIGINT, "contract"), (signal.SIGTERM, "sweep")])
def test_a_driver_that_is_told_to_stop_stops_in_one_line_and_cleans_up(job, told, step):
    before = {path.name for path in job.output.iterdir()}
    started = STEPS[STEPS.index(step) - 1]
    lines = []
    with job("never", f"stopped-{told}-{step}", stderr=subprocess.PIPE) as process:
        for line in process.stderr:
            lines.append(line)
            if f"segment: {started}: " in line:
                time.sleep(0.3)  # within the step, mostly in a call that waits for Spark
                process.send_signal(told)
                lines.clear()
    assert process.returncode == 130
    assert [line for line in lines if "INFO segment" not in line] == ["segment: interrupted\n"]
    assert {path.name for path in job.output.iterdir()} == before


def test_a_driver_killed_at_some_moments(job):
    survives(job, SAMPLE)


@pytest.mark.thorough
def test_a_driver_killed_at_every_step_and_point(job):
    survives(job, POINTS)


@pytest.mark.thorough
def test_a_driver_killed_at_random_moments(job):
    began = time.monotonic()
    assert job("never", "timed").wait() == 0
    whole = time.monotonic() - began
    chance = random.Random(6)  # noqa: S311 - moments, no secret
    survives(job, [chance.uniform(0.5, whole) for _ in range(RANDOM_MOMENTS)])
