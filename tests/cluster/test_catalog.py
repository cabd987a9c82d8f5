"""Views in a Hive catalog: whose they are, and what readers see through the Thrift server."""

import json
import subprocess

import pytest

from segmentation.storage import pointer
from segmentation.storage.filesystem import Folder
from tests.cluster.conftest import LOG_TAIL, LOOPBACK, QUIET, ROOT, RUN_S, Program
from tests.segment_totals import QUERY, free_port, same, segment_totals

pytestmark = [pytest.mark.cluster, pytest.mark.turn(2, of=5)]

CUSTOMERS = 2_000
SHORT = 4_000
"""Letters: what Java says before it says nothing, not the 18,000 lines of a Hive client."""
DRIVER = """
import sys
root, config, folder = sys.argv[1:]
sys.path[:0] = [root + "/lib", root]
from pyspark.sql import SparkSession
from segmentation.cli import main
from tests.parts import EVIDENCE, MODEL, REPORT, left_out

def status(*arguments):
    try:
        with left_out(MODEL, REPORT, EVIDENCE):
            main(list(arguments))
    except SystemExit as stop:
        return stop.code
    return 0

assert status("run", config, "--run-id", "old") == 0
spark = SparkSession.active()
# A view of ours whose table the next run lacks, and one as older releases made them.
mine = f"TBLPROPERTIES ('segmentation.output' = 'file://{folder}/out')"
spark.sql(f"CREATE VIEW shop.rejected_transactions {mine} AS SELECT 1 AS a")
source = f"parquet.`file://{folder}/out/run=old/segments`"
spark.sql(f"CREATE OR REPLACE VIEW shop.segments AS SELECT * FROM {source}")
assert status("run", config, "--run-id", "new") == 0
for stranger in ("VIEW other.segments AS SELECT 1 AS mine", "TABLE third.segments (mine INT)"):
    database = stranger.split()[1].split(".")[0]
    spark.sql(f"CREATE DATABASE {database}")
    spark.sql(f"CREATE {stranger}")
    assert status("run", config, "--run-id", "x", "--set", f"output.catalog={database}") == 2
    assert spark.table(f"{database}.segments").columns == ["mine"]
# Another output's views are a stranger's too.
assert status("run", config, "--run-id", "x", "--output", f"{folder}/elsewhere") == 2
"""

VIEWS = ("cost_curve", "customers", "plot_sample", "rejected", "segment_profile", "segments")


@pytest.fixture(scope="module")
def published(machine, tmp_path_factory):
    """Two runs that maintain views in a Hive catalog and write Delta logs; the catalog's Spark."""
    folder = tmp_path_factory.mktemp("catalog")
    settings = QUIET | {
        "spark.sql.catalogImplementation": "hive",
        "spark.sql.warehouse.dir": str(folder / "warehouse"),
        "spark.hadoop.javax.jdo.option.ConnectionURL": (
            f"jdbc:derby:;databaseName={folder}/metastore;create=true"
        ),
        "spark.driver.extraJavaOptions": f"-Dderby.system.home={folder}",
        "spark.master": "local[2]",
    }
    config = folder / "config.toml"
    config.write_text(
        f'[input]\npath = "{folder}/customers.csv"\ncustomer_id = "customer_id"\n'
        f"generate = {CUSTOMERS}\n"
        '[features]\nnumeric = ["products_purchased", "complains", "money_spent"]\n'
        "[sweep]\nk_max = 3\n[choose]\nk = 3\n[segments]\nvalue = 'money_spent'\n"
        f'[output]\npath = "{folder}/out"\ncatalog = "shop"\n'
    )
    submit = " ".join(f"--conf {key}={value}" for key, value in settings.items())
    environment = machine.environment(PYSPARK_SUBMIT_ARGS=f"{submit} pyspark-shell")
    command = [machine.python, "-c", DRIVER, ROOT, config, folder]
    with Program("publisher", command, folder, environment) as program:
        assert program.process.wait(RUN_S) == 0, program.text()[-LOG_TAIL:]
    return folder, settings


def refusals(folder):
    """The lines with which the publisher was stopped."""
    log = (folder / "publisher.log").read_text().splitlines()
    return [line for line in log if line.startswith("segment: ")]


def test_views_of_somebody_else_are_never_replaced(published):
    folder, _ = published
    said = refusals(folder)
    assert len(said) == 3
    for line, names in zip(
        said, ("'other.segments'", "'third.segments'", "'shop.customers'"), strict=True
    ):
        assert "output.catalog" in line
        assert names in line
        assert "drop them, or choose another output.catalog" in line


@pytest.fixture(scope="module")
def run(published):
    folder, _ = published
    assert json.loads((folder / "out" / "latest.json").read_text())["run"] == "new"
    return folder / "out" / "run=new"


def test_beeline_through_the_thrift_server(published, machine, run):
    folder, settings = published
    port = free_port()
    connect = free_port()
    thrift = settings | {
        # Both in one process, as an embedded Derby serves one at a time.
        "spark.plugins": "org.apache.spark.sql.connect.SparkConnectPlugin",
        "spark.connect.grpc.binding.address": LOOPBACK,
        "spark.connect.grpc.binding.port": str(connect),
        "spark.hadoop.hive.server2.thrift.port": str(port),
        "spark.hadoop.hive.server2.thrift.bind.host": LOOPBACK,
        "spark.log.level": "INFO",
    }
    command = [
        *(machine.spark_home / "bin" / "spark-submit", "--class"),
        "org.apache.spark.sql.hive.thriftserver.HiveThriftServer2",
        *(part for key, value in thrift.items() for part in ("--conf", f"{key}={value}")),
        "spark-internal",
    ]
    with Program("thrift-server", command, folder / "thrift", machine.environment()) as server:
        server.wait_for("HiveThriftServer2 started")

        def asked(*queries):
            statements = [part for query in queries for part in ("-e", query)]
            done = subprocess.run(
                [machine.spark_home / "bin" / "beeline", "--silent=true", "--showHeader=false",
                 "--outputformat=csv2", "-u", f"jdbc:hive2://{LOOPBACK}:{port}/shop", *statements],
                env=machine.environment(), capture_output=True, text=True, check=False,
            )  # fmt: skip
            assert done.returncode == 0, done.stderr
            # silent or not, beeline writes its prompt before the first line
            rows = [line.rpartition("> ")[2] for line in done.stdout.splitlines()]
            return [row.split(",") for row in rows if row.strip()]

        names = {"customers": "customers", "segments": "segments"}
        rows = asked(QUERY.format(**names), "SHOW VIEWS")
        counted = [row for row in rows if row[0].isdecimal()]
        totals = segment_totals(run)
        assert totals["size"].sum() == CUSTOMERS
        same(counted, totals)
        # of a view: its namespace, its name, whether temporary
        assert {row[1] for row in rows if row not in counted} == set(VIEWS)
        assert server.open_to_others() == []

        # A job beside the server, with the same Derby, is refused in one line...
        submit = " ".join(f"--conf {key}={value}" for key, value in settings.items())
        beside = mirrored(folder, machine, PYSPARK_SUBMIT_ARGS=f"{submit} pyspark-shell")
        assert beside.returncode == 2
        said = [line for line in beside.stderr.splitlines() if line.startswith("segment: ")]
        assert len(said) == 1
        assert "output.catalog = 'shop'" in said[0]
        assert "an embedded Derby" in said[0]
        assert len(beside.stderr) < SHORT
        # ... and one through the server is not.
        pointer.point_at(Folder.at(str(folder / "out")), "old")
        through = mirrored(folder, machine, SPARK_REMOTE=f"sc://{LOOPBACK}:{connect}")
        assert through.returncode == 0, through.stderr
        assert "up to date: output.catalog" in through.stdout
        text = str(asked("SHOW CREATE TABLE segments"))
        assert "run=old/segments" in text
        assert "run=new" not in text


def mirrored(folder, machine, **environment):
    """``segment mirror`` of the configuration, as a process of its own."""
    return subprocess.run(
        [machine.python, "-m", "segmentation", "mirror", folder / "config.toml"],
        env=machine.environment(PYTHONPATH=str(ROOT / "lib"), **environment),
        cwd=folder, capture_output=True, text=True, check=False,
    )  # fmt: skip
