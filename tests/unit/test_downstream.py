"""Small tables in a database, without Spark: whose rows they are, older tables, failures."""

import json
import sqlite3

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import sqlalchemy as sql

from segmentation.cli import main
from segmentation.config import Output
from segmentation.errors import StorageError
from segmentation.schemas import COST_CURVE, SEGMENT_PROFILE, SEGMENTS
from segmentation.storage import downstream, pointer
from segmentation.storage.database import load
from segmentation.storage.filesystem import Folder
from segmentation.storage.run_reader import PublishedRun
from tests.attempts import manifest

VALUES = {"int": 1, "bigint": 2, "double": 0.5, "boolean": True, "string": "it's %(a)s :b"}


def publish(output, run, *, database=None, catalog=None):
    """A run with a row in each small table, made current."""
    folder = output / f"run={run}"
    folder.mkdir(parents=True)
    made = manifest(
        run,
        created=f"2026-01-01T00:00:0{len(list(output.iterdir()))}+00:00",
        config={"output": {"path": str(output), "catalog": catalog, "database": database}},
    )
    (folder / "manifest.json").write_text(json.dumps(made.as_json()))
    for table in (SEGMENTS, SEGMENT_PROFILE, COST_CURVE):
        row = {column.name: VALUES[column.type] for column in table.columns}
        (folder / table.name).mkdir()
        pq.write_table(pa.Table.from_pylist([row]), folder / table.name / "part-0.parquet")
    pointer.point_at(Folder.at(str(output)), run)
    return PublishedRun.open(Folder.at(str(output)), run)


def rows(path, query):
    with sqlite3.connect(path) as connection:
        return connection.execute(query).fetchall()


def stop(*arguments, capsys):
    """The one line with which a command stops."""
    with pytest.raises(SystemExit) as stopped:
        main(list(arguments))
    assert stopped.value.code == 2
    said = capsys.readouterr().err
    assert said.count("\n") == 1
    return said


def test_two_outputs_in_one_database_leave_each_other_alone(tmp_path):
    address = f"sqlite:///{tmp_path}/shop.db"
    for country in ("fr", "de"):
        run = publish(tmp_path / country, "2026-11")
        load(run, output=f"file://{tmp_path}/{country}", database=address)
    for name in ("segments", "segment_profile", "cost_curve", "current"):
        found = rows(tmp_path / "shop.db", f"SELECT output, run FROM segmentation_{name}")  # noqa: S608
        assert sorted(found) == [(f"file://{tmp_path}/{c}", "2026-11") for c in ("de", "fr")]
    newer = publish(tmp_path / "fr", "2026-12")
    for _ in range(2):  # loaded again, a run counts once
        load(newer, output=f"file://{tmp_path}/fr", database=address)
    assert dict(rows(tmp_path / "shop.db", "SELECT output, run FROM segmentation_current")) == {
        f"file://{tmp_path}/de": "2026-11",
        f"file://{tmp_path}/fr": "2026-12",
    }
    assert len(rows(tmp_path / "shop.db", "SELECT * FROM segmentation_segments")) == 3
    (row,) = rows(tmp_path / "shop.db", "SELECT DISTINCT name FROM segmentation_segments")
    assert row == (VALUES["string"],)


def test_the_outputs_address_in_the_database_has_no_credentials(tmp_path):
    run = publish(tmp_path / "fr", "a")
    address = f"sqlite:///{tmp_path}/shop.db"
    load(run, output="s3://key:hunter2@bucket/fr", database=address)
    ((output,),) = rows(tmp_path / "shop.db", "SELECT output FROM segmentation_current")
    assert "hunter2" not in output
    assert output.endswith("@bucket/fr")


def test_tables_of_an_older_release_get_the_columns_that_they_lack(tmp_path):
    """As they were before ``segment_profile.value`` and ``output``: their rows stay."""
    with sqlite3.connect(tmp_path / "shop.db") as connection:
        connection.executescript(
            "CREATE TABLE segmentation_segments (run VARCHAR(100) NOT NULL, segment INTEGER);"
            "CREATE TABLE segmentation_segment_profile (run VARCHAR(100) NOT NULL, feature TEXT);"
            "CREATE TABLE segmentation_current (run VARCHAR(100) NOT NULL);"
            "INSERT INTO segmentation_segments VALUES ('old', 7), ('a', 8);"
            "INSERT INTO segmentation_current VALUES ('old');"
        )
    run = publish(tmp_path / "fr", "a")
    load(run, output="fr", database=f"sqlite:///{tmp_path}/shop.db")
    query = "SELECT output, run, segment, name FROM segmentation_segments ORDER BY run"
    assert rows(tmp_path / "shop.db", query) == [
        ("fr", "a", 1, VALUES["string"]),
        (None, "old", 7, None),
    ]
    query = "SELECT run, feature, value FROM segmentation_segment_profile"
    assert rows(tmp_path / "shop.db", query) == [("a", VALUES["string"], VALUES["string"])]
    assert rows(tmp_path / "shop.db", "SELECT output, run FROM segmentation_current") == [
        ("fr", "a")
    ]


def test_a_database_that_refuses_changes_nothing_and_is_told_in_one_line(tmp_path):
    run = publish(tmp_path / "fr", "a")
    with sqlite3.connect(tmp_path / "shop.db") as connection:
        # the last of the tables has one column too many
        connection.execute("CREATE TABLE segmentation_current (run TEXT, who TEXT NOT NULL)")
    with pytest.raises(StorageError, match=r"output.database = .*NOT NULL") as raised:
        load(run, output="fr", database=f"sqlite:///{tmp_path}/shop.db")
    assert "\n" not in str(raised.value)
    tables = rows(tmp_path / "shop.db", "SELECT name FROM sqlite_master")
    if ("segmentation_segments",) in tables:
        assert rows(tmp_path / "shop.db", "SELECT * FROM segmentation_segments") == []


def test_a_mirror_that_fails_leaves_the_run_current_and_says_what_to_do(tmp_path):
    publish(tmp_path / "fr", "a")
    settings = Output(path=str(tmp_path / "fr"), database=f"sqlite:///{tmp_path}/none/shop.db")
    with pytest.raises(StorageError) as raised:
        downstream.show("a", Folder.at(settings.path), settings, session=_no_session)
    said = str(raised.value)
    assert f"{tmp_path}/fr/run=a is published, but output.database is out of date" in said
    assert "segment mirror CONFIG" in said
    assert "\n" not in said


def _no_session():
    raise AssertionError("a database needs no Spark")


def configuration(tmp_path, output, address):
    config = tmp_path / "night.toml"
    config.write_text(
        '[input]\npath = "x.csv"\n[features]\nnumeric = ["age"]\n'
        f'[output]\npath = "{output}"\ndatabase = "{address}"\n'
    )
    return str(config)


def test_segment_mirror_brings_the_database_up_to_the_current_run(tmp_path, capsys):
    output, address = tmp_path / "fr", f"sqlite:///{tmp_path}/shop.db"
    for run in ("a", "b"):
        publish(output, run, database=address)
    config = configuration(tmp_path, output, address)
    main(["mirror", config])
    assert capsys.readouterr().out == "current: b\nup to date: output.database\n"
    current = "SELECT run FROM segmentation_current"
    assert rows(tmp_path / "shop.db", current) == [("b",)]
    main(["rollback", str(output)])
    said = capsys.readouterr().out.splitlines()
    assert said[0] == "current: a"
    assert said[1].startswith("not updated: output.database; segment mirror CONFIG")
    assert rows(tmp_path / "shop.db", current) == [("b",)]
    assert "segment mirror updates" in stop("rollback", config, capsys=capsys)
    main(["mirror", config])
    assert rows(tmp_path / "shop.db", current) == [("a",)]
    main(["rollback", str(output), "b"])
    main(["rollback", config, "b"])  # current already
    assert rows(tmp_path / "shop.db", current) == [("b",)]
    pointer.point_at(Folder.at(str(output)), "a")
    main(["mirror", str(output)])  # the manifest knows the database
    assert rows(tmp_path / "shop.db", current) == [("a",)]


def test_what_cannot_be_mirrored_is_told(tmp_path, capsys):
    secret = "postgresql+psycopg://shop:***@db/shop"  # noqa: S105 - as a manifest hides it
    publish(tmp_path / "fr", "a", database=secret)
    said = stop("mirror", str(tmp_path / "fr"), capsys=capsys)
    assert "output.database" in said
    assert "configuration file" in said
    publish(tmp_path / "de", "a")
    assert "neither output.catalog nor" in stop("mirror", str(tmp_path / "de"), capsys=capsys)
    (tmp_path / "it").mkdir()
    config = configuration(tmp_path, tmp_path / "it", f"sqlite:///{tmp_path}/shop.db")
    assert "no current run" in stop("mirror", config, capsys=capsys)


def test_a_database_that_is_locked_is_told(tmp_path):
    run = publish(tmp_path / "fr", "a")
    address = f"sqlite:///{tmp_path}/shop.db?timeout=0.1"
    load(run, output="fr", database=address)
    other = sqlite3.connect(tmp_path / "shop.db")
    try:
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(StorageError, match="locked"):
            load(run, output="fr", database=address)
    finally:
        other.close()
    engine = sql.create_engine(address)
    with engine.connect() as connection:
        found = connection.execute(sql.text("SELECT count(*) FROM segmentation_segments")).scalar()
    engine.dispose()
    assert found == 1
