"""Spark's temporary files: a lock, which the system drops, says whose they are."""

import os
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from segmentation.runtime import scratch
from segmentation.runtime.scratch import scratch_folder

HOLDER = """
import sys, time
from segmentation.runtime.scratch import scratch_folder
folder, _ = scratch_folder()
(folder / "blockmgr").mkdir()
print(folder, flush=True)
sys.stdin.read()
"""


def made() -> tuple[Path, int]:
    folder = scratch_folder()
    assert folder is not None
    return folder


@pytest.fixture(autouse=True)
def temporary(monkeypatch, tmp_path):
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    return tmp_path


@pytest.fixture
def holder(temporary):
    """A process that has a folder, and the folder."""
    environment = {**os.environ, "TMPDIR": str(temporary), "PYTHONPATH": os.pathsep.join(sys.path)}
    with subprocess.Popen(
        [sys.executable, "-c", HOLDER],
        env=environment,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout is not None
        yield process, process.stdout.readline().strip()
        process.kill()


def test_what_a_killed_process_left_is_removed_by_the_next_start(holder, temporary):
    process, left = holder
    own, descriptor = made()
    assert os.path.isdir(left)  # noqa: PTH112 - its owner lives
    process.kill()
    process.wait()
    other, second = made()
    assert not os.path.exists(left)  # noqa: PTH110
    assert own.is_dir()
    assert other != own
    assert other.parent.parent == temporary
    assert other.parent.stat().st_mode & 0o777 == 0o700
    os.close(descriptor)
    os.close(second)


def test_a_child_that_outlives_its_parent_keeps_the_folder():
    own, descriptor = made()
    with subprocess.Popen(["sleep", "60"], pass_fds=(descriptor,)) as child:
        os.close(descriptor)
        _, second = made()
        assert own.is_dir()
        child.kill()
    _, third = made()
    assert not own.exists()
    os.close(second)
    os.close(third)


def test_nothing_of_anybody_else_is_touched(temporary, monkeypatch):
    folder = temporary / f"{scratch.NAME}-{os.getuid()}"
    other = temporary / "other"
    (other / "driver-x").mkdir(parents=True)
    folder.symlink_to(other)
    assert scratch_folder() is None
    assert (other / "driver-x").is_dir()
    folder.unlink()
    _, descriptor = made()
    os.close(descriptor)
    (folder / "notes").mkdir()
    _, descriptor = made()
    os.close(descriptor)
    assert (folder / "notes").is_dir()
    monkeypatch.setattr(tempfile, "tempdir", str(temporary / "missing"))
    assert scratch_folder() is None
