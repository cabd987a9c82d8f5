"""An output folder with damaged, foreign or newer files: one line each, the rest as it was."""

import json
import os
import shutil
from datetime import timedelta
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from segmentation.cli import main
from segmentation.errors import StorageError
from segmentation.schemas import VERSION
from segmentation.storage import history, pointer
from segmentation.storage.filesystem import Folder
from segmentation.storage.locking import Lock
from tests.attempts import is_whole, publish

DAMAGE: dict[str, Any] = {
    "empty": lambda text: b"",  # noqa: ARG005
    "cut": lambda text: text[: len(text) // 2],
    "a list": lambda text: b"[" + text + b"]",
    "null": lambda text: b"null",  # noqa: ARG005
    "a number": lambda text: b"7",  # noqa: ARG005
    "another object": lambda text: b'{"name": "mine"}',  # noqa: ARG005
    "a BOM before it": lambda text: b"\xef\xbb\xbf" + text,
    "UTF-16": lambda text: text.decode().encode("utf-16"),
    "a folder": None,
}
FILES = ("latest.json", "run=a/manifest.json", "run=c/manifest.json")
COMMANDS = {
    "runs": ["runs", "@"],
    "show": ["show", "@"],
    "rollback": ["rollback", "@"],
    "rollback to it": ["rollback", "@", "c"],
    "repair": ["repair", "@"],
}


@pytest.fixture(scope="module")
def published(tmp_path_factory):
    """The runs a, b and the current c."""
    tmp_path = tmp_path_factory.mktemp("published")
    for day, run in enumerate("abc", start=1):
        publish(str(tmp_path), run, by=run, created=f"2026-01-0{day}T00:00:00+00:00")
    for run in "abc":  # tables that show can read
        for name in ("segments", "cost_curve"):
            write_rows(tmp_path / f"run={run}" / name)
    return tmp_path


@pytest.fixture
def output(published, tmp_path):
    """A copy of them."""
    return shutil.copytree(published, tmp_path / "out", symlinks=True)


def write_rows(folder):
    folder.mkdir(exist_ok=True)
    row = {"segment": 0, "name": "Best", "customers": 9, "share": 1.0, "k": 2, "cost": 1.5}
    numbers = ("value_mean", "value_sum", "value_share", "mean_distance", "silhouette", "gap")
    row |= dict.fromkeys(numbers, 0.5)
    pq.write_table(pa.Table.from_pylist([row | {"chosen": True}]), folder / "part-00000.parquet")


def damage(path, how):
    if how == "a folder":
        path.unlink()
        (path / "deep").mkdir(parents=True)
    else:
        path.write_bytes(DAMAGE[how](path.read_bytes()))


def command(output, *arguments):
    """The exit code of a command."""
    try:
        main([str(output) if each == "@" else each for each in arguments])
    except SystemExit as stopped:
        return stopped.code or 0
    return 0


@pytest.mark.parametrize("name", COMMANDS)
@pytest.mark.parametrize("how", DAMAGE)
@pytest.mark.parametrize("file", FILES)
def test_a_damaged_file_is_named_in_one_line_and_whole_runs_are_listed(
    output, file, how, name, capsys
):
    damage(output / file, how)
    code = command(output, *COMMANDS[name])
    out, err = capsys.readouterr()
    assert code in (0, 2)
    assert "Traceback" not in err
    assert err.count("\n") <= 1
    if code == 2 or (name in ("runs", "repair") and "=" in file):
        assert Path(file).name in err or "latest.json" in err or "no run 'c'" in err
    if name == "runs":
        assert code == 0
        whole = {"a", "b", "c"} - {file[4]} if "=" in file else {"a", "b", "c"}
        listed = {line.split("│")[2].strip() for line in out.splitlines() if "clear" in line}
        assert listed == whole
    if name == "repair" and not (file == "latest.json" and how == "a folder"):
        assert code == 0
        assert f"current: {'b' if 'run=c' in file else 'c'}" in out


@pytest.mark.parametrize("how", DAMAGE)
@pytest.mark.parametrize("file", FILES)
def test_a_job_publishes_all_the_same_and_prunes_what_is_whole(output, file, how, monkeypatch):
    monkeypatch.setattr(pointer, "GRACE", timedelta(0))
    damage(output / file, how)
    if file == "latest.json" and how == "a folder":
        with pytest.raises(StorageError, match=r"latest\.json cannot be written: Is a directory"):
            publish(str(output), "d", by="d", keep_runs=1)
        return
    publish(str(output), "d", by="d", keep_runs=1)
    assert history.current(Folder.at(str(output))) == "d"
    assert is_whole(lambda name: (output / name).read_bytes(), "d")
    assert (output / "run=a").exists() == ("run=a" in file)  # a damaged one is nobody's to remove


@pytest.mark.parametrize("arguments", [*COMMANDS.values(), ["report", "@", "--to", "-"]])
def test_a_newer_schema_is_refused_by_every_command(output, arguments, capsys):
    path = output / "run=c" / "manifest.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | {"schema_version": VERSION + 1}))
    assert command(output, *arguments) == 2
    err = capsys.readouterr().err
    assert err.count("\n") == 1
    assert f"schema_version is {VERSION + 1}, and this one reads up to {VERSION}" in err
    with pytest.raises(StorageError, match="upgrade the package"):
        publish(str(output), "d", by="d")
    assert not (output / "run=d").exists()


def rewrite(output, run, change):
    path = output / f"run={run}" / "manifest.json"
    content = json.loads(path.read_text())
    change(content)
    path.write_text(json.dumps(content))


def test_a_repeated_run_id_after_an_upgrade(output, caplog):
    def before_the_upgrade(content):
        del content["config"]["report"]  # a section, and a key, that came later
        del content["config"]["sweep"]["engine"]
        content["versions"]["segmentation"] = "0.0.1"

    rewrite(output, "a", before_the_upgrade)
    publish(str(output), "a", by="never written")
    assert history.current(Folder.at(str(output))) == "a"
    assert "the run a was made by version 0.0.1" in caplog.text

    def seed(content):
        content["config"]["sweep"]["seed"] = 7

    def key_that_went(content):
        content["config"]["sweep"]["speed"] = 7

    for change in (seed, key_that_went):
        rewrite(output, "a", change)
        with pytest.raises(StorageError, match=r"another configuration \(made by version 0.0.1\)"):
            publish(str(output), "a", by="never written")


def test_a_folder_that_is_no_run_is_not_overwritten(output):
    (output / "run=d").mkdir()
    (output / "run=d" / "notes.txt").write_text("mine")
    (output / "run=e").write_text("mine")
    for run in "de":
        with pytest.raises(StorageError, match=f"run={run} exists, is not a run.*change --run-id"):
            publish(str(output), run, by=run)
    assert (output / "run=d" / "notes.txt").read_text() == "mine"


@pytest.mark.parametrize(
    ("obstacle", "told"),
    [
        (lambda lock, elsewhere: lock.symlink_to(elsewhere), "it is a link"),
        (lambda lock, _: lock.symlink_to(lock.with_name("nowhere")), "it is a link"),
        (lambda lock, _: (lock / "deep").mkdir(parents=True), "it is not a file"),
        (lambda lock, _: os.mkfifo(lock), "it is not a file"),
    ],
)
def test_a_lock_that_is_something_else_is_refused(obstacle, told, output, tmp_path_factory):
    elsewhere = tmp_path_factory.mktemp("elsewhere") / "file"
    elsewhere.write_text("a stranger's")
    lock = output / ".lock"
    lock.unlink()
    obstacle(lock, elsewhere)
    with pytest.raises(StorageError, match=f"/.lock cannot be locked: {told}"):
        publish(str(output), "d", by="d")
    assert elsewhere.read_text() == "a stranger's"
    assert not (output / "nowhere").exists()


@pytest.mark.parametrize("content", ["a stranger's", '{"mine": 1}', "[]"])
def test_a_strangers_lock_is_locked_and_not_overwritten(content, output):
    (output / ".lock").write_text(content)
    folder = Folder.at(str(output))
    lock = Lock.acquire(folder, run_id="x")
    with pytest.raises(StorageError, match="in use: run of another job"):
        Lock.acquire(folder, run_id="y")
    lock.release()
    assert (output / ".lock").read_text() == content


def test_a_lock_that_is_removed_is_lost(output):
    folder = Folder.at(str(output))
    first = Lock.acquire(folder, run_id="x")
    (output / ".lock").unlink()
    second = Lock.acquire(folder, run_id="y")
    second.confirm()
    with pytest.raises(StorageError, match=r"nothing is published: .*removed or replaced"):
        first.confirm()
    with pytest.raises(StorageError, match="nothing is published"):
        first.check()
    first.release()
    second.release()


def test_names_of_ours_that_are_something_else_stay(output, tmp_path_factory):
    elsewhere = tmp_path_factory.mktemp("elsewhere")
    (elsewhere / "deep").mkdir()
    (output / "_staging-x").write_text("mine")
    (output / "_trash-x").symlink_to(elsewhere)
    (output / "run=x").write_text("mine")
    (output / f".latest.json.{'0' * 32}" / "deep").mkdir(parents=True)
    (output / "run=y").symlink_to(elsewhere)
    (elsewhere / "_running.json").write_text("{}")
    before = sorted(path.name for path in output.iterdir())
    publish(str(output), "d", by="d", keep_runs=1)
    assert sorted(path.name for path in output.iterdir()) == sorted([*before, "run=d"])
    assert (elsewhere / "deep").is_dir()
    assert command(output, "runs", "@") == 0


def test_an_output_that_may_not_be_written_is_one_line(output, monkeypatch):
    def refuse(*_, **__):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(os, "open", refuse)  # tests run as root, who may write anywhere
    with pytest.raises(StorageError, match=r"cannot be locked: Permission denied; see output.path"):
        publish(str(output), "d", by="d")


def test_an_empty_output_is_one_line(capsys):
    for name in ("runs", "show", "rollback", "repair"):
        assert command(Path(), name, "") == 2
        assert capsys.readouterr().err.startswith("segment: OUTPUT is empty")


def test_repair_says_what_it_did(output, capsys):
    assert command(output, "repair", "@") == 0
    assert capsys.readouterr().out == "current: c (unchanged)\n"
    (output / "latest.json").unlink()
    (output / "_staging-x").mkdir()
    assert command(output, "repair", "@") == 0
    assert capsys.readouterr().out == "removed: _staging-x\ncurrent: c\n"
    assert (output / "latest").resolve().name == "run=c"
