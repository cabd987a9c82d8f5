"""What the end-to-end tests share: the command called in this process, and the run it left."""

import json
import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pandas as pd
import pyarrow.parquet as pq
import pytest

from segmentation.cli import main
from segmentation.runtime.java import java_home
from segmentation.runtime.jvm import C1_ONLY
from tests.jobs.shop import CSV, Shop
from tests.parts import EVIDENCE, MODEL, REPORT, left_out

ROOT = Path(__file__).resolve().parents[2]
CUSTOMERS_MADE, SEED = 3000, 42
ELSEWHERE = """
import json, sys
sys.modules["segmentation"] = None  # whoever needs it fails
from pyspark.ml import PipelineModel
from pyspark.sql import SparkSession
spark = SparkSession.builder.master("local[2]").getOrCreate()
for line in sys.stdin:
    csv, model, labelled = json.loads(line)
    customers = spark.read.csv(csv, header=True)
    PipelineModel.load(model).transform(customers).write.parquet(labelled)
    print(flush=True)
"""


@dataclass(frozen=True)
class Finished:
    """A published run, its tables as pandas frames."""

    folder: Path

    @classmethod
    def latest(cls, output):
        """The run that ``latest.json`` points at."""
        pointer = json.loads((output / "latest.json").read_text())
        return cls(output / pointer["path"])

    @property
    def manifest(self):
        return json.loads((self.folder / "manifest.json").read_text())

    def table(self, name) -> pd.DataFrame:
        """One published table; ``segment`` of ``customers/`` is read from the folders' names."""
        rows: pd.DataFrame = pq.read_table(self.folder / name).to_pandas()
        if name == "customers":
            rows["segment"] = rows["segment"].astype(int)
        return rows


@pytest.fixture(scope="session")
def segment(spark):  # noqa: ARG001 - the command finds the session that this one started
    """The command ``segment run``, in this process and on the tests' own session.

    What it returns is the run that it published, without the parts that :func:`parts.left_out` is
    given. A failure is a ``SystemExit``.
    """

    def run(config, *arguments, output, without=()):
        command = ["run", str(config), "--output", str(output), *arguments]
        with left_out(*without):
            main(command)
        return Finished.latest(output)

    return run


@pytest.fixture(scope="session")
def demo(segment, tmp_path_factory):
    """The generated customers, segmented; with Delta logs."""
    folder = tmp_path_factory.mktemp("demo")
    return segment(
        ROOT / "conf" / "demo.toml",
        f"--set=input.path={folder / 'customers.csv'}",
        f"--set=input.generate={CUSTOMERS_MADE}",
        f"--set=sweep.seed={SEED}",
        "--set=sweep.k_max=6",
        "--set=output.delta=true",
        output=folder / "out",
        without=(MODEL, REPORT),
    )


@pytest.fixture(scope="session")
def customers(tmp_path_factory):
    """The customers of every :class:`Shop`."""
    path: Path = tmp_path_factory.mktemp("customers") / "customers.csv"
    path.write_text(CSV)
    return path


@pytest.fixture(scope="session")
def published(spark, customers, tmp_path_factory):  # noqa: ARG001 - the session of the command
    """The output folder of a shop with one run, ``first``; to be copied, not to be changed."""
    shop = Shop.opened(tmp_path_factory.mktemp("published"), customers)
    shop("--run-id", "first")
    return shop.output


@pytest.fixture(scope="session")
def elsewhere(tmp_path_factory):
    """A program that has PySpark and models and nothing else of ours.

    Called with a CSV file and a model, it labels the file; what it returns is that table.
    """
    folder = tmp_path_factory.mktemp("elsewhere")
    kept = {k: v for k, v in os.environ.items() if not k.startswith(("PYTHON", "SPARK"))}
    arguments = f"--conf spark.driver.defaultJavaOptions={C1_ONLY} pyspark-shell"
    own = {"JAVA_HOME": java_home(), "SPARK_LOCAL_IP": "127.0.0.1"}
    with (
        (folder / "log").open("w") as log,
        subprocess.Popen(
            [sys.executable, "-P", "-c", ELSEWHERE],
            cwd=folder,
            env={**kept, **own, "PYSPARK_SUBMIT_ARGS": arguments},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=log,
            text=True,
        ) as program,
    ):

        def labelled(csv: Path, model: Path) -> pd.DataFrame:
            table = folder / f"table-{len(list(folder.iterdir()))}"
            assert program.stdin is not None
            assert program.stdout is not None
            program.stdin.write(json.dumps([str(csv), str(model), str(table)]) + "\n")
            program.stdin.flush()
            assert program.stdout.readline(), (folder / "log").read_text()
            rows: pd.DataFrame = pq.read_table(table).to_pandas()
            return rows

        yield labelled


@pytest.fixture
def without_model():
    """No model and no report, half of the time of a small run: for tests of the tables alone."""
    with left_out(MODEL, REPORT):
        yield


@pytest.fixture
def without_evidence():
    """No evidence on k, where it is given."""
    with left_out(EVIDENCE):
        yield
