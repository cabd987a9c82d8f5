"""A run in a Delta log, in DuckDB and in PostgreSQL: the same totals in each."""

import os
import shutil
import subprocess
import tempfile
from contextlib import suppress
from pathlib import Path

import duckdb
import pandas as pd
import pytest
import sqlalchemy as sql
from deltalake import DeltaTable

from segmentation.storage.database import check_database, load
from segmentation.storage.filesystem import Folder
from segmentation.storage.run_reader import PublishedRun
from tests.jobs.conftest import CUSTOMERS_MADE
from tests.segment_totals import LOOPBACK, QUERY, free_port, same, segment_totals


@pytest.fixture(scope="module")
def run(demo):
    return demo.folder


@pytest.fixture(scope="module")
def totals(run):
    found = segment_totals(run)
    assert found["size"].sum() == CUSTOMERS_MADE
    return found


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
        found = [("here", "new", 6), ("here", "newer", 6), ("there", "new", 6)]  # each counts once
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
