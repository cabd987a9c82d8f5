"""All or nothing: what a run leaves when it is repeated, disturbed, or one of many."""

import json
import shutil
import sqlite3
import subprocess
from datetime import timedelta
from pathlib import Path

import pytest

from segmentation.cli import main
from segmentation.storage.filesystem import Folder
from segmentation.storage.locking import Lock
from tests.jobs.shop import Shop
from tests.parts import MODEL, REPORT, left_out


@pytest.fixture
def shop(spark, customers, tmp_path):  # noqa: ARG001 - the session of the command
    return Shop.opened(tmp_path, customers)


@pytest.fixture
def open_shop(shop, published):
    """A shop with the run ``first`` behind it."""
    shutil.copytree(published, shop.output, symlinks=True)
    return shop


def state(folder: Path) -> dict[str, tuple[int, int]]:
    """Every file below a folder: its size and the time of its last change."""
    files = [path for path in sorted(folder.rglob("*")) if path.is_file()]
    return {str(path): (path.stat().st_size, path.stat().st_mtime_ns) for path in files}


def refused(capsys, run, *arguments):
    """The one line with which a call is refused."""
    with pytest.raises(SystemExit) as stopped:
        run(*arguments)
    assert stopped.value.code == 2
    said = capsys.readouterr().err.strip().splitlines()
    return said[-1]


@pytest.mark.usefixtures("without_model")
def test_the_same_run_again_is_no_new_work_and_another_of_its_id_is_refused(
    open_shop, customers, capsys
):
    shop = open_shop
    written = state(shop.output / "run=first")
    assert shop("--run-id", "second", "--set", "sweep.seed=7") == "second"
    capsys.readouterr()

    assert shop("--run-id", "first") == "first"  # current again, and not a byte of it touched
    assert state(shop.output / "run=first") == written
    assert "k = " in capsys.readouterr().out

    assert "another configuration" in refused(
        capsys, shop, "--run-id", "first", "--set", "sweep.seed=8"
    )
    text = customers.read_text()
    customers.write_text(text + "999,1,1\n")
    assert "with another input" in refused(capsys, shop, "--run-id", "first")
    customers.write_text(text)
    assert state(shop.output / "run=first") == written
    assert not [path for path in shop.output.iterdir() if path.name.startswith("_")]


@pytest.mark.usefixtures("without_model")
def test_one_output_takes_one_job_at_a_time(open_shop, capsys):
    shop = open_shop
    before = state(shop.output / "run=first")
    lock = Lock.acquire(Folder.at(str(shop.output)), run_id="other")
    assert "is in use: run other" in refused(capsys, shop, "--run-id", "late")
    lock.release()
    assert state(shop.output / "run=first") == before
    assert shop("--run-id", "late") == "late"


@pytest.mark.usefixtures("without_model")
def test_what_a_dead_run_left_is_cleaned_and_old_runs_go(open_shop, monkeypatch):
    shop = open_shop
    (shop.output / "_staging-dead" / "customers").mkdir(parents=True)
    keep = ("--set", "output.keep_runs=1")
    for run in ("b", "c"):
        assert shop("--run-id", run, *keep) == run
    kept = [".lock", "latest", "latest.json", "run=b", "run=c"]
    # the run before stays for its readers, and any other for an hour
    assert sorted(path.name for path in shop.output.iterdir()) == [*kept, "run=first"]
    monkeypatch.setattr("segmentation.storage.pointer.GRACE", timedelta(0))
    assert shop("--run-id", "c", *keep) == "c"
    assert sorted(path.name for path in shop.output.iterdir()) == kept


def test_where_no_folder_is_renamed_a_run_is_complete_with_its_manifest(shop, monkeypatch, capsys):
    monkeypatch.setattr(Folder, "renames", False)
    assert shop("--run-id", "a") == "a"
    folder = shop.output / "run=a"
    assert not [path for path in folder.iterdir() if path.name.startswith("_")]

    def breaks(*_, **__):
        raise OSError(28, "No space left on device")

    with left_out(MODEL, REPORT), monkeypatch.context() as broken:
        broken.setattr(Folder, "link", breaks)
        broken.setattr("segmentation.storage.run_writer.StagedRun.stage_texts", breaks)
        with pytest.raises(OSError, match="No space"):
            shop("--run-id", "b")
    assert not (shop.output / "run=b").exists()
    assert json.loads((shop.output / "latest.json").read_text())["run"] == "a"
    (shop.output / "run=c").mkdir()
    (shop.output / "run=c" / "_running.json").write_text("{}")
    assert "nothing_like_it" in refused(capsys, shop, "--set", "input.customer_id=nothing_like_it")
    assert not (shop.output / "run=c").exists()


@pytest.fixture
def small_disk(shop):
    """The output folder on a file system of its own that holds one run and not two."""
    shop.output.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=8m", "tmpfs", str(shop.output)]
    if subprocess.run(mount, capture_output=True, check=False).returncode:
        pytest.skip("only root can mount a small file system")
    yield
    subprocess.run(["umount", "--lazy", str(shop.output)], check=True)


@pytest.mark.usefixtures("small_disk")
def test_a_full_disk_is_told_and_the_last_run_stands(shop, published, capsys):
    shutil.copytree(published, shop.output, symlinks=True, dirs_exist_ok=True)
    before = state(shop.output / "run=first")
    with left_out(MODEL):
        told = refused(capsys, shop, "--run-id", "late", "--set", "sweep.seed=5")
    assert "full" in told.lower() or "no space" in told.lower()
    assert state(shop.output / "run=first") == before
    assert sorted(path.name for path in shop.output.iterdir()) == [
        ".lock", "latest", "latest.json", "run=first",
    ]  # fmt: skip


SECRETS = ("hunter2", "AKIAsecret", "sigsigsig")


def test_credentials_reach_no_manifest_report_or_log(shop, capfd, caplog):
    options = '{ sep = ",", "fs.s3a.secret.key" = "AKIAsecret", password = "hunter2" }'
    with left_out(MODEL):
        shop("--run-id", "a", "--set", f"input.options={options}")
    with pytest.raises(SystemExit):
        shop("--set", "input.path=s3a://me:hunter2@bucket/x?sig=sigsigsig")
    with pytest.raises(SystemExit):
        shop("--set", f"input.options={options}", "--set", "input.path=nothing_there.csv")
    with pytest.raises(SystemExit):
        shop("--set", "input.options={password=['hunter2']}")
    with pytest.raises(SystemExit):
        shop("--set", "input.password=hunter2")
    with pytest.raises(SystemExit):
        shop("--set", "output.path=nofs://me:hunter2@bucket/x?sig=sigsigsig")
    told = "".join(capfd.readouterr()) + caplog.text
    for path in shop.output.rglob("*"):
        if path.suffix in (".json", ".html"):
            told += path.read_text(encoding="utf-8")
    assert "***" in told
    for secret in SECRETS:
        assert secret not in told


def test_a_mirror_that_fails_leaves_the_run_published_and_old_runs_go(open_shop, capsys):
    manifest = json.loads((open_shop.output / "run=first" / "manifest.json").read_text())
    for day, name in enumerate(("older", "before"), start=1):
        copy = open_shop.output / f"run={name}"
        shutil.copytree(open_shop.output / "run=first", copy)
        made = {"run": name, "created_at": f"2020-01-0{day}T00:00:00+00:00"}
        (copy / "manifest.json").write_text(json.dumps(manifest | made))
    (open_shop.output / "latest.json").write_text('{"run": "before", "path": "run=before"}')
    config, database = open_shop.folder / "config.toml", open_shop.folder / "shop.db"
    config.write_text(f'{config.read_text()}database = "sqlite:///{database}"\nkeep_runs = 1\n')
    with sqlite3.connect(database) as connection:  # somebody's, which takes none of our rows
        connection.execute("CREATE TABLE segmentation_current (who TEXT NOT NULL)")
    capsys.readouterr()
    with pytest.raises(SystemExit) as stopped:
        open_shop("--run-id", "first")
    assert stopped.value.code == 2
    said = capsys.readouterr().err.splitlines()[-1]
    assert "run=first is published, but output.database is out of date" in said
    assert "segment mirror CONFIG" in said
    assert json.loads((open_shop.output / "latest.json").read_text())["run"] == "first"
    kept = {path.name for path in open_shop.output.glob("run=*")}
    assert kept == {"run=first", "run=before"}  # the one before may still be read
    with sqlite3.connect(database) as connection:
        connection.execute("DROP TABLE segmentation_current")
    main(["mirror", str(config)])
    with sqlite3.connect(database) as connection:
        found = connection.execute(
            "SELECT run, count(*) FROM segmentation_segments "
            "JOIN segmentation_current USING (output, run) GROUP BY run"
        ).fetchall()
    assert found == [("first", manifest["choice"]["k"])]
