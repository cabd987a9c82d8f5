"""The job under ``spark-submit`` on a standalone master and two workers, as on a real cluster.

Neither the workers' Python nor the driver's has the package: all of it comes with --py-files.
"""

import shutil
import subprocess
from contextlib import ExitStack
from dataclasses import dataclass

import pytest

from tests.cluster.conftest import (
    LOOPBACK,
    QUIET,
    ROOT,
    RUN_S,
    SAMPLED,
    Program,
)
from tests.cluster.digests import digest

pytestmark = [pytest.mark.cluster, pytest.mark.turn(1, of=5)]

WORKERS = 2


@dataclass(frozen=True)
class Cluster:
    """A master and its workers; ``address`` is the master's."""

    address: str
    programs: tuple[Program, ...]


@pytest.fixture(scope="module")
def cluster(machine, tmp_path_factory):
    folder = tmp_path_factory.mktemp("standalone")
    spark_class = machine.spark_home / "bin" / "spark-class"
    environment = machine.environment(SPARK_DAEMON_MEMORY="256m")
    listen = ("--host", LOOPBACK, "--port", "0", "--webui-port", "0")

    def daemon(name, of, *arguments):
        command = (spark_class, f"org.apache.spark.deploy.{of}", *listen, *arguments)
        return Program(name, command, folder, environment)

    with ExitStack() as running:
        master = running.enter_context(daemon("master", "master.Master"))
        address = f"spark://{LOOPBACK}:" + master.line_after(f"at spark://{LOOPBACK}:")
        sizes = ("--cores", "1", "--memory", "700m")
        workers = [
            daemon(f"worker-{i}", "worker.Worker", *sizes, "--work-dir", folder / str(i), address)
            for i in range(WORKERS)
        ]
        programs = (master, *[running.enter_context(worker) for worker in workers])
        for worker in workers:
            worker.wait_for("Successfully registered with master")
        yield Cluster(address, programs)


@pytest.fixture(scope="module")
def archive(tmp_path_factory):
    """``dist/segmentation.zip`` as scripts/package makes it, of a copy of the sources."""
    project = tmp_path_factory.mktemp("project")
    shutil.copytree(ROOT / "scripts", project / "scripts")
    shutil.copytree(ROOT / "lib" / "segmentation", project / "lib" / "segmentation")
    subprocess.run([project / "scripts" / "package"], check=True, capture_output=True)
    return project / "dist" / "segmentation.zip"


@pytest.fixture
def submit(cluster, archive, machine, inputs, tmp_path):
    """The job under spark-submit, on a core of each worker; not started yet."""
    layout = inputs.parquet(files=7, shuffled=1)
    settings = QUIET | {"spark.executor.memory": "512m", "spark.cores.max": str(WORKERS)}
    # the job says "run" itself
    _, config, *arguments = inputs.arguments(layout, tmp_path / "out", SAMPLED)
    command = [
        *(machine.spark_home / "bin" / "spark-submit", "--master", cluster.address),
        *("--deploy-mode", "client", "--py-files", archive),
        *(part for key, value in settings.items() for part in ("--conf", f"{key}={value}")),
        *("--files", config, ROOT / "jobs" / "segment_customers.py"),
        *(f"file://{config}", *arguments),
    ]
    return Program("spark-submit", command, tmp_path / "elsewhere", machine.environment())


def test_a_submitted_job_publishes_what_a_local_one_does(cluster, submit, reference, tmp_path):
    with submit:
        submit.wait_for("INFO segment: prepare: ")
        listening = [a for p in (*cluster.programs, submit) for a in p.open_to_others()]
        assert submit.process.wait(RUN_S) == 0
        assert listening == []
        assert digest(tmp_path / "out" / "run=it") == reference(SAMPLED)
        assert cluster.programs[0].text().count("Launching executor") == WORKERS


@pytest.mark.thorough
def test_a_killed_worker_changes_no_number(cluster, submit, reference, tmp_path):
    """The last test here: its worker, with the executor on it, does not come back."""
    with submit:
        submit.wait_for("INFO segment: compress: ")
        for process in reversed(cluster.programs[-1].family()):
            process.kill()
        assert submit.process.wait(RUN_S) == 0
        assert "Lost executor" in submit.text() or "lost" in submit.text()
        assert digest(tmp_path / "out" / "run=it") == reference(SAMPLED)
