"""The driver killed at any moment: readers see the old run or the new one, whole, every time."""

import json
import os
import random
import shutil
import signal
import subprocess
import sys
import threading
import time
from dataclasses import dataclass
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from segmentation.cli import main
from tests.conftest import SPARK_PATH
from tests.jobs.conftest import Finished
from tests.jobs.shop import CONFIG
from tests.rotation import SEED

ROOT = Path(__file__).resolve().parents[2]
STEPS = ("read", "features", "contract", "prepare", "compress", "sweep", "score", "choose",
         "refine", "identify", "describe", "freeze", "label", "check", "report",
         "publish")  # fmt: skip
POINTS = (*STEPS, "before the move", "after the move", "within the pointer", "after the pointer")
RANDOM_MOMENTS = 50

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
def job(customers, published, tmp_path_factory):
    """A job with a good run behind it, started as the command starts itself."""
    folder = tmp_path_factory.mktemp("faults")
    shutil.copytree(published, folder / "out", symlinks=True)
    config = CONFIG.format(customers=customers, output=folder / "out")
    (folder / "config.toml").write_text(f"{config}keep_runs = 1\n")
    kept = {k: v for k, v in os.environ.items() if not k.startswith(("PYTHON", "SPARK", "PYSPARK"))}
    own = {"PYTHONPATH": f"{ROOT / 'lib'}:{SPARK_PATH}", "SEGMENT_CLASS_ARCHIVES": ""}
    return Job(folder, kept | own)


def survives(job, deaths):
    """Let the job die so often while a reader looks on; then a whole run, and nothing left over.

    The keys of the last good run live on, and their history has no run that nobody saw.
    """
    before = history_of(job.output)
    reader = Reader(job.output)
    reader.start()
    for number, death in enumerate(deaths):
        process = job(death if isinstance(death, str) else "never", f"dies-{number}-{id(reader)}")
        if not isinstance(death, str):
            time.sleep(death)
            process.send_signal(signal.SIGKILL)
        assert process.wait() == -signal.SIGKILL or not isinstance(death, str)
    main(["run", str(job.folder / "config.toml"), "--run-id", f"whole-{id(reader)}"])
    time.sleep(1)
    reader.ends.set()
    reader.join()
    assert reader.problems == []
    assert reader.reads > 10
    assert f"whole-{id(reader)}" in reader.runs
    left = [p.name for p in job.output.iterdir() if p.name.startswith(("_", ".latest"))]
    assert left == []
    after = history_of(job.output)
    assert after[: len(before)] == before
    assert {key for _, key in after} == {key for _, key in before}
    since = {run for run, _ in after[len(before) :]}
    assert since <= reader.runs | {f"whole-{id(reader)}"}


def history_of(output):
    """The runs and keys in the history of the current run, in their order."""
    rows = Finished.latest(output).table("segment_history")
    return list(zip(rows.run, rows.segment_key, strict=True))


@pytest.mark.parametrize(
    ("told", "step"),
    [
        pytest.param(signal.SIGINT, "contract", marks=pytest.mark.turn(0, of=4)),
        pytest.param(signal.SIGTERM, "sweep", marks=pytest.mark.turn(2, of=4)),
    ],
)
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


@pytest.mark.turn(1, of=2)
def test_a_driver_killed_at_the_days_point(job):
    point = POINTS[SEED % len(POINTS)]
    print(f"killed at: {point}")
    survives(job, [point])


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
