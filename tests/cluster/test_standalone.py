"""The job under ``spark-submit`` on a standalone master and two workers, as on a real cluster.

Neither the workers' Python nor the driver's has the package: all of it comes with --py-files.
"""

import json
import shutil
import subprocess
from contextlib import ExitStack
from dataclasses import dataclass

import pandas as pd
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
from tests.months import written

pytestmark = [pytest.mark.cluster, pytest.mark.turn(1, of=5)]

WORKERS = 2
CHAIN = ("first", "same", "warmer")


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
def test_a_chain_of_runs_is_bit_equal_on_one_core_and_on_the_workers(
    cluster, archive, machine, tmp_path
):
    """Three months, the first model kept and then warmed, with other partitions each way."""
    config = written(tmp_path)
    masters = {"local[1]": "4m", "local[3]": "9k", cluster.address: "5k"}
    found: dict[str, list[tuple[str, dict[str, object], dict[str, str]]]] = {}
    for master, largest in masters.items():
        output = tmp_path / f"out-{len(found)}"
        for month in CHAIN:
            command = [
                *(machine.spark_home / "bin" / "spark-submit", "--master", master),
                *("--deploy-mode", "client", "--py-files", archive),
                *(part for pair in QUIET.items() for part in ("--conf", "=".join(pair))),
                *("--conf", f"spark.sql.files.maxPartitionBytes={largest}"),
                *("--conf", "spark.executor.memory=512m", "--conf", "spark.cores.max=2"),
                *(ROOT / "jobs" / "segment_customers.py", config, "--output", output),
                *("--set", f"input.path={tmp_path / month}.csv", "--run-id", month),
                *("--set", "output.shared=true"),
            ]
            folder = tmp_path / f"log-{len(found)}-{month}"
            with Program("submit", command, folder, machine.environment()) as submitted:
                assert submitted.process.wait(RUN_S) == 0
        found[master] = [chained(output / f"run={month}") for month in CHAIN]
    first, *others = found.values()
    assert all(each == first for each in others)
    assert [decision for decision, *_ in first] == ["first", "keep", "warm"]


def chained(run):
    """What the runs of a chain must agree on: the decision, its costs, and every table."""
    refresh = json.loads((run / "manifest.json").read_text())["refresh"]
    costs = {key: value for key, value in refresh.items() if not key.endswith("created_at")}
    tables = {}
    for table in ("customers", "segments", "migration", "drift", "segment_history"):
        rows = pd.read_parquet(run / table).drop(columns="created_at", errors="ignore")
        rows = rows.astype({"segment": int}) if table == "customers" else rows
        ordered = rows.sort_values("id") if table == "customers" else rows
        tables[table] = ordered.to_csv(index=False, float_format="%.17g")
    return refresh["decision"], costs, tables


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
