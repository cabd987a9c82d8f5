"""Real readers of a run, and the same totals in each.

Hive views through the Thrift server, a Delta log, small tables in PostgreSQL and DuckDB.
"""

import json
import os
import shutil
import socket
import subprocess
import tempfile
from contextlib import suppress
from pathlib import Path

import duckdb
import pandas as pd
import pyarrow.parquet as pq
import pytest
import sqlalchemy as sql
from deltalake import DeltaTable

from segmentation.storage import pointer
from segmentation.storage.database import check_database, load
from segmentation.storage.filesystem import Folder
from segmentation.storage.run_reader import PublishedRun
from tests.cluster.conftest import LOG_TAIL, LOOPBACK, QUIET, RUN_S, Program

pytestmark = pytest.mark.cluster

CUSTOMERS = 2_000
SHORT = 4_000
"""Letters: what Java says before it says nothing, not the 18,000 lines of a Hive client."""
DRIVER = """
import sys; sys.path.insert(0, sys.argv[1])
from pyspark.sql import SparkSession
from segmentation.cli import main

def status(*arguments):
    try:
        main(list(arguments))
    except SystemExit as stop:
        return stop.code
    return 0

config, folder = sys.argv[2:]
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


def free_port() -> int:
    with socket.create_server((LOOPBACK, 0)) as free:
        return int(free.getsockname()[1])


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
        f'[output]\npath = "{folder}/out"\ncatalog = "shop"\ndelta = true\n'
    )
    submit = " ".join(f"--conf {key}={value}" for key, value in settings.items())
    environment = machine.environment(PYSPARK_SUBMIT_ARGS=f"{submit} pyspark-shell")
    lib = Path(__file__).resolve().parents[2] / "lib"
    command = [machine.python, "-c", DRIVER, lib, config, folder]
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


@pytest.fixture(scope="module")
def totals(run):
    """Customers and value of every segment, as pyarrow and pandas read them."""
    customers = pq.read_table(run / "customers").to_pandas()
    customers["segment"] = customers["segment"].astype(int)
    found = customers.groupby("segment")["money_spent"].agg(["size", "sum"])
    assert found["size"].sum() == CUSTOMERS
    return found


def same(rows, totals):
    """Whether rows of segment, customers and value are those totals."""
    found = {int(segment): (int(size), float(value)) for segment, size, value in rows}
    assert set(found) == set(totals.index)
    for segment, (size, value) in found.items():
        assert size == totals.loc[segment, "size"]
        assert value == pytest.approx(totals.loc[segment, "sum"])


QUERY = (
    "SELECT segment, count(*) AS customers, sum(money_spent) AS spent FROM {customers} "
    "JOIN {segments} USING (segment) GROUP BY segment ORDER BY segment"
)


def test_duckdb(run, totals):
    files = {
        "customers": f"read_parquet('{run}/customers/*/*.parquet') AS customers",
        "segments": f"read_parquet('{run}/segments/*.parquet') AS segments",
    }
    same(duckdb.execute(QUERY.format(**files)).fetchall(), totals)


def test_delta(run, totals):
    table = DeltaTable(str(run / "customers"))
    assert table.metadata().partition_columns == ["segment"]
    customers = table.to_pyarrow_table().to_pandas()
    found = customers.groupby("segment")["money_spent"].agg(["size", "sum"]).reset_index()
    same(found.itertuples(index=False), totals)
    segments = DeltaTable(str(run / "segments")).to_pyarrow_table().num_rows
    assert segments == len(totals)


@pytest.mark.turn(2, of=3)
def test_beeline_through_the_thrift_server(published, machine, totals):
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
    lib = Path(__file__).resolve().parents[2] / "lib"
    return subprocess.run(
        [machine.python, "-m", "segmentation", "mirror", folder / "config.toml"],
        env=machine.environment(PYTHONPATH=str(lib), **environment),
        cwd=folder, capture_output=True, text=True, check=False,
    )  # fmt: skip


@pytest.fixture(scope="module")
def postgres():
    """The address of a PostgreSQL server of its own; skips where there is none to start."""
    homes = sorted(Path("/usr/lib/postgresql").glob("*/bin"))
    if not homes:
        pytest.skip("PostgreSQL is not installed (Debian: apt install postgresql)")
    home, port = homes[-1], free_port()
    user = "postgres" if os.geteuid() == 0 else None  # it refuses to be root
    folder = Path(tempfile.mkdtemp(prefix="segmentation-pg-", dir="/tmp"))
    if user:
        shutil.chown(folder, user)
    options = f"-c listen_addresses={LOOPBACK} -c port={port} -c unix_socket_directories={folder}"

    def control(*arguments):
        subprocess.run(
            list(map(str, arguments)), check=True, cwd="/tmp", user=user, stdout=subprocess.DEVNULL
        )

    control(home / "initdb", "-D", folder / "data", "-U", "shop", "-A", "trust")
    control(home / "pg_ctl", "-D", folder / "data", "-o", options, "-w", "start", "-l",
            folder / "log")  # fmt: skip
    try:
        yield f"postgresql+psycopg://shop:hunter2@{LOOPBACK}:{port}/postgres"
    finally:
        with suppress(subprocess.CalledProcessError):
            control(home / "pg_ctl", "-D", folder / "data", "-m", "immediate", "stop")
        shutil.rmtree(folder, ignore_errors=True)


@pytest.mark.parametrize("kind", ["postgres", "duckdb"])
def test_small_tables_in_a_database(run, totals, tmp_path, kind, request):
    address = (
        request.getfixturevalue("postgres") if kind == "postgres" else f"duckdb:///{tmp_path}/db"
    )
    check_database(address)
    for name in ("new", "newer"):
        shutil.copytree(run, tmp_path / f"run={name}")
    runs = Folder.at(str(tmp_path))
    engine = sql.create_engine(address)
    with engine.begin() as connection:  # as an older release left it
        connection.execute(sql.text("CREATE TABLE segmentation_segments (run TEXT, segment INT)"))
        connection.execute(sql.text("INSERT INTO segmentation_segments VALUES ('older', 7)"))
    for output, name in (("here", "new"), ("here", "new"), ("there", "new"), ("here", "newer")):
        load(PublishedRun.open(runs, name), output=output, database=address)
    with engine.connect() as connection:

        def asked(query):
            return [tuple(row) for row in connection.execute(sql.text(query)).fetchall()]

        here = "WHERE run = 'new' AND output = 'here'"
        columns = "segment, customers, value_sum"
        same(asked(f"SELECT {columns} FROM segmentation_segments {here}"), totals)  # noqa: S608
        curves = "SELECT output, run, count(*) FROM segmentation_cost_curve GROUP BY output, run"
        found = [("here", "new", 3), ("here", "newer", 3), ("there", "new", 3)]  # each counts once
        assert sorted(asked(curves)) == found
        current = sorted(asked("SELECT output, run FROM segmentation_current"))
        assert current == [("here", "newer"), ("there", "new")]
        assert asked("SELECT segment, name FROM segmentation_segments WHERE run = 'older'") == [
            (7, None)
        ]
        profile = pd.read_sql(
            sql.text(f"SELECT * FROM segmentation_segment_profile {here}"),  # noqa: S608
            connection,
        )
    engine.dispose()
    assert len(profile) == 3 * len(totals)
