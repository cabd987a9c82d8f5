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

from tests.cluster.conftest import LOOPBACK, QUIET, RUN_S, Program

pytestmark = pytest.mark.cluster

CUSTOMERS = 2_000
VIEWS = ("cost_curve", "customers", "rejected", "segment_profile", "segments")


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
        "[sweep]\nk_max = 4\n[choose]\nk = 3\n"
        f'[output]\npath = "{folder}/out"\ncatalog = "shop"\ndelta = true\n'
    )
    submit = " ".join(f"--conf {key}={value}" for key, value in settings.items())
    environment = machine.environment(PYSPARK_SUBMIT_ARGS=f"{submit} pyspark-shell")
    driver = (
        "import sys; sys.path.insert(0, sys.argv.pop(1)); from segmentation.cli import main;"
        "[main(['run', sys.argv[1], '--run-id', run]) for run in ('old', 'new')]"
    )
    lib = Path(__file__).resolve().parents[2] / "lib"
    command = [machine.python, "-c", driver, lib, config]
    with Program("publisher", command, folder, environment) as program:
        assert program.process.wait(RUN_S) == 0
    return folder, settings


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


def test_beeline_through_the_thrift_server(published, machine, totals):
    folder, settings = published
    port = free_port()
    thrift = settings | {
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

        def asked(query):
            done = subprocess.run(
                [machine.spark_home / "bin" / "beeline", "--silent=true", "--showHeader=false",
                 "--outputformat=csv2", "-u", f"jdbc:hive2://{LOOPBACK}:{port}/shop", "-e", query],
                env=machine.environment(), capture_output=True, text=True, check=False,
            )  # fmt: skip
            assert done.returncode == 0, done.stderr
            # silent or not, beeline writes its prompt before the first line
            rows = [line.rpartition("> ")[2] for line in done.stdout.splitlines()]
            return [row.split(",") for row in rows if row.strip()]

        names = {"customers": "customers", "segments": "segments"}
        same(asked(QUERY.format(**names)), totals)
        # beeline: namespace, view, whether temporary
        assert {row[1] for row in asked("SHOW VIEWS")} == set(VIEWS)
        assert server.open_to_others() == []


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
    from segmentation.storage.database import check_database, load
    from segmentation.storage.filesystem import Folder

    address = (
        request.getfixturevalue("postgres") if kind == "postgres" else f"duckdb:///{tmp_path}/db"
    )
    check_database(address)
    for name in ("new", "new", "newer"):  # loaded again, a run counts once
        load(Folder.at(str(run)), output="here", run=name, database=address)
    engine = sql.create_engine(address)
    with engine.connect() as connection:
        found = connection.execute(
            sql.text(
                "SELECT segment, customers, value_sum FROM segmentation_segments "
                "WHERE run = 'new' ORDER BY segment"
            )
        ).fetchall()
        same(found, totals)
        counts = connection.execute(
            sql.text("SELECT run, count(*) FROM segmentation_cost_curve GROUP BY run ORDER BY run")
        ).fetchall()
        assert [tuple(row) for row in counts] == [("new", 4), ("newer", 4)]
        current = connection.execute(sql.text("SELECT run FROM segmentation_current")).fetchall()
        assert [tuple(row) for row in current] == [("newer",)]
        profile = pd.read_sql(
            sql.text("SELECT * FROM segmentation_segment_profile WHERE run = 'new'"), connection
        )
    engine.dispose()
    assert len(profile) == 3 * len(totals)
