"""The runs of an output folder, without Spark: listed, pointed at, pruned; one job at a time."""

import json
import re
import subprocess
import sys
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from pyarrow import fs

from segmentation.cli import main
from segmentation.errors import StorageError
from segmentation.storage import history, lease, locking, pointer, removal
from segmentation.storage.filesystem import Folder
from segmentation.storage.locking import Lock
from tests.attempts import manifest


def publish(output: Path, run: str, *, created: str = "2026-01-01T00:00:00+00:00") -> None:
    """A run as small as one can be."""
    folder = output / f"run={run}"
    folder.mkdir()
    made = manifest(
        run,
        created=created,
        labelled=9,
        rejected=1,
        value_feature=None if run == "a" else "money [spent]",
        config={"output": {"path": str(output), "catalog": None, "database": "***"}},
    )
    (folder / "manifest.json").write_text(json.dumps(made.as_json()))
    segment = {
        "segment": 0,
        "name": "Best [b]",
        "customers": 9,
        "share": 1.0,
        "value_mean": 2.0,
        "value_sum": None,
        "mean_distance": 1.0,
    }
    for name, row in (
        ("segments", {**segment, "value_share": None}),
        ("cost_curve", {"k": 2, "cost": 1.5, "chosen": True, "silhouette": 0.5, "gap": None,
                        "min_stability": None}),
        ("segment_profile", {"segment": 0, "feature": "age", "mean": 2.0, "overall_mean": 2.0,
                             **dict.fromkeys(("median", "p10", "p90", "centroid", "difference"))}),
    ):  # fmt: skip
        (folder / name).mkdir()
        pq.write_table(pa.Table.from_pylist([row]), folder / name / "part-0.parquet")


@pytest.fixture
def output(tmp_path):
    for day, run in enumerate(("a", "b", "c"), start=1):
        publish(tmp_path, run, created=f"2026-01-{day:02}T00:00:00+00:00")
    folder = Folder.at(str(tmp_path))
    pointer.point_at(folder, "c")
    return folder


def names(output):
    return [name for name in output.names() if name.startswith("run=")]


def test_runs_come_newest_first_and_the_current_is_told(output):
    found = history.runs(output)
    assert [past.run for past in found] == ["c", "b", "a"]
    assert [past.is_current for past in found] == [True, False, False]


def test_a_folder_without_a_manifest_is_no_run_and_somebody_elses(output):
    (Path(output.path) / "run=mine").mkdir()
    assert [past.run for past in history.runs(output)] == ["c", "b", "a"]
    assert removal.clean(output) == []
    assert "run=mine" in output.names()


def test_rollback_goes_one_back_or_to_any(output):
    assert history.roll_back(output, None) == "b"
    assert history.current(output) == "b"
    assert (Path(output.path) / "latest").resolve().name == "run=b"
    assert history.roll_back(output, None) == "a"
    with pytest.raises(StorageError, match="no run before a"):
        history.roll_back(output, None)
    assert history.roll_back(output, "c") == "c"
    with pytest.raises(StorageError, match="no run 'd'"):
        history.roll_back(output, "d")


def test_what_dead_runs_left_is_removed_and_nothing_else(output):
    folder = Path(output.path)
    for name in ("_staging-x", "_trash-y"):
        (folder / name / "deep").mkdir(parents=True)
    (folder / "run=half").mkdir()
    (folder / "run=half" / "_running.json").write_text("{}")
    (folder / f".latest.json.{'0' * 32}").write_text("{")
    (folder / f".latest.{'0' * 32}").symlink_to("run=c")
    (folder / ".keep").write_text("mine")
    assert sorted(removal.clean(output)) == ["_staging-x", "_trash-y", "run=half"]
    assert sorted(output.names()) == [
        ".keep", "latest", "latest.json", "run=a", "run=b", "run=c",
    ]  # fmt: skip


@pytest.mark.parametrize("renames", [True, False])
def test_old_runs_go_and_the_current_stays(output, renames, monkeypatch):
    monkeypatch.setattr(Folder, "renames", renames)
    pointer.point_at(output, "a")
    assert removal.prune(output, keep=1) == ["b"]
    assert names(output) == ["run=a", "run=c"]


def test_a_run_that_was_current_stays_for_an_hour_and_the_one_before_always(tmp_path):
    noon = datetime(2026, 2, 1, 12, tzinfo=UTC)
    for run in ("a", "b", "c", "d"):
        publish(tmp_path, run, created=f"2026-01-0{ord(run) - 96}T00:00:00+00:00")
    output = Folder.at(str(tmp_path))
    for hour, run in enumerate(("a", "b", "c", "b", "d")):
        pointer.point_at(output, run, now=noon + timedelta(minutes=20 * hour))

    def left(minutes):
        removal.prune(output, keep=1, now=noon + timedelta(minutes=minutes))
        return [past.run for past in history.runs(output)]

    # a was replaced at 20 minutes, c at 60, and b, the one before d, at 80
    assert left(80) == ["d", "c", "b"]
    assert left(119) == ["d", "c", "b"]
    assert left(120) == ["d", "b"]
    assert left(10_000) == ["d", "b"]
    assert left(-10_000) == ["d", "b"]  # a clock that was put back


def test_a_run_that_was_never_current_stays_for_an_hour_after_it_began(output):
    publish(Path(output.path), "slow", created="2025-12-31T12:00:00+00:00")
    removal.prune(output, keep=1, now=datetime(2025, 12, 31, 12, 59, tzinfo=UTC))
    assert "run=slow" in output.names()
    assert "slow" in removal.prune(output, keep=1, now=datetime(2026, 1, 5, tzinfo=UTC))


def test_the_second_job_is_refused_until_the_first_ends(output):
    first = Lock.acquire(output, run_id="one")
    with pytest.raises(
        StorageError, match=r"in use: run one has been writing there since 20.*output\.path"
    ):
        Lock.acquire(output, run_id="two")
    first.release()
    first.release()
    Lock.acquire(output, run_id="two").release()


def test_a_killed_job_holds_no_lock(output):
    code = (
        "import os, signal; from segmentation.storage.filesystem import Folder;"
        "from segmentation.storage.locking import Lock;"
        f"Lock.acquire(Folder.at({output.path!r}), run_id='dead');"
        "os.kill(os.getpid(), signal.SIGKILL)"
    )
    done = subprocess.run(
        [sys.executable, "-P", "-c", code], env={"PYTHONPATH": "lib"}, check=False
    )
    assert done.returncode == -9
    Lock.acquire(output, run_id="next").release()


@pytest.fixture
def elsewhere(tmp_path, monkeypatch):
    """A file system that is not this machine's disk, as far as the lock can tell."""
    monkeypatch.setattr(lease, "SETTLE_S", 0)
    monkeypatch.setattr(lease, "POLL_S", 0.02)
    monkeypatch.setattr(locking, "HEARTBEAT_S", 0.05)
    return Folder(fs.SubTreeFileSystem(str(tmp_path), fs.LocalFileSystem()), "", "s3://b")


def test_a_lease_is_renewed_by_a_thread_and_given_back(elsewhere):
    first = Lock.acquire(elsewhere, run_id="one")
    with pytest.raises(StorageError, match="run one has been writing"):
        Lock.acquire(elsewhere, run_id="two")
    first.release()
    first.release()
    time.sleep(0.1)
    assert elsewhere.read(lease.LEASE) is None
    Lock.acquire(elsewhere, run_id="next").release()


def run(*arguments):
    main(list(arguments))


def test_the_commands_list_show_and_roll_back(output, capsys):
    run("runs", output.path)
    listed = capsys.readouterr().out
    assert [line.split("│")[2].strip() for line in listed.splitlines() if "clear" in line] == [
        "c", "b", "a",
    ]  # fmt: skip
    run("rollback", output.path)
    said = capsys.readouterr().out.splitlines()
    assert said[0] == "current: b"
    assert said[1].startswith("not updated: output.database; segment mirror CONFIG")
    run("show", output.path)
    shown = capsys.readouterr().out
    assert "Best [b]" in shown
    assert {"mean", "money"} <= set(re.findall(r"\w+", shown))
    assert "share of" not in shown  # as no segment has one
    assert "◆" in shown
    run("show", output.path, "--run", "a")
    shown = capsys.readouterr().out
    assert "mean" not in shown
    assert (
        "Segments are ordered by size; set segments.value to order them by customer value" in shown
    )


def test_the_database_follows_where_a_configuration_names_it(output, tmp_path, capsys):
    address = f"duckdb:///{tmp_path}/shop.db"
    config = tmp_path / "night.toml"
    config.write_text(
        '[input]\npath = "x.csv"\n[features]\nnumeric = ["age"]\n'
        f'[output]\npath = "{output.path}"\ndatabase = "{address}"\n'
    )
    for name in ("c", "b"):
        run("rollback", str(config), name)
        assert capsys.readouterr().out == f"current: {name}\n"
        with duckdb.connect(f"{tmp_path}/shop.db") as connection:
            assert connection.sql("FROM segmentation_current").fetchall() == [(output.uri, name)]
            both = "FROM segmentation_segments JOIN segmentation_current USING (output, run)"
            assert connection.sql(f"{both} SELECT run").fetchall() == [(name,)]
    run("show", str(config), "--run", "a")


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["runs", "/nowhere/at/all"], "does not exist"),
        (["show", "@", "--run", "z"], "no run z"),
        (["rollback", "@", "z"], "no run 'z'"),
    ],
)
def test_what_is_not_there_is_told_in_one_line(output, capsys, arguments, told):
    with pytest.raises(SystemExit) as stopped:
        run(*(output.path if each == "@" else each for each in arguments))
    assert stopped.value.code == 2
    said = capsys.readouterr().err
    assert told in said
    assert said.count("\n") == 1
