"""A job killed at every single step of every command, on every kind of storage, without Spark."""

import shutil
from datetime import timedelta
from functools import partial

import pytest

from segmentation.storage import history, pointer, removal
from segmentation.storage.filesystem import Folder
from segmentation.storage.locking import Lock
from segmentation.storage.pointer import point_at
from tests.attempts import Places, is_whole, publish, shown
from tests.storages import Killed, Local, Memory, in_memory


class Steps:
    """Counts the steps of a storage, and kills the process at one of them."""

    def __init__(self, check=lambda: None, kill_at=None):
        self.done, self.check, self.kill_at = 0, check, kill_at

    def __call__(self, step, path):  # noqa: ARG002
        self.check()
        if self.kill_at is not None and self.done >= self.kill_at:
            raise Killed
        self.done += 1


class Storage:
    """An output folder of a kind, its content apart so that it can be copied and looked at."""

    def __init__(self, kind, tmp_path, places):
        self.kind, self.places, self.tmp_path = kind, places, tmp_path
        self.memory, self.disk, self.copies = Memory(), tmp_path / "0", 0
        self.disk.mkdir()

    def read(self, name):
        if self.kind == "local":
            path = self.disk / name
            return path.read_bytes() if path.is_file() else None
        return self.memory.files.get(f"out/{name}")

    def names(self):
        return [name for name in self.folder(Steps()).names() if name != ".lock"]

    def folder(self, steps):
        uri = f"{self.kind}://out"
        if self.kind == "local":
            made = Folder(Local(), str(self.disk), uri)
            made.filesystem.before = steps
        else:
            made = in_memory(self.kind, self.memory, steps, uri)
        return self.places.add(made)

    def copy(self):
        other = Storage.__new__(Storage)
        vars(other).update(vars(self))
        self.copies += 1
        other.memory, other.disk = self.memory.copy(), self.tmp_path / f"{self.copies}"
        shutil.copytree(self.disk, other.disk, symlinks=True)
        return other


@pytest.fixture(params=["local", "hdfs", "s3"])
def storage(request, tmp_path, monkeypatch):
    """With the runs ``old``, ``older`` and the current ``good``, and a stranger's things."""
    monkeypatch.setattr(pointer, "GRACE", timedelta(0))
    made = Storage(request.param, tmp_path, Places().install(monkeypatch))
    folder = made.folder(Steps())
    for day, run in enumerate(("older", "old", "good"), start=1):
        publish(folder.uri, run, by=run, created=f"2026-01-0{day}T00:00:00+00:00")
    folder.child("run=mine").create()
    folder.child("run=mine").write("notes.txt", "a stranger's")
    folder.write("notes.txt", "a stranger's")
    return made


def rollback(folder):
    lock = Lock.acquire(folder, run_id="rollback")
    try:
        history.roll_back(folder, "old", confirm=lock.confirm)
    finally:
        lock.release()


def repair(folder):
    lock = Lock.acquire(folder, run_id="repair")
    try:
        history.repair(folder, confirm=lock.confirm)
        removal.clean(folder)
    finally:
        lock.release()


def lose_the_pointer(storage):
    for name in ("latest.json", "latest.copy.json"):
        storage.folder(Steps()).remove(name)


def leave_a_half_run(storage):
    folder = storage.folder(Steps())
    publish(folder.uri, "half", by="half")
    half = folder.child("run=half")
    half.write("_running.json", "{}")
    half.remove("manifest.json")
    folder.child("_staging-x").create()
    folder.child("_staging-x").write("part", "x")
    point_at(folder, "good")


COMMANDS = {
    "publish": lambda folder: publish(folder.uri, "new", by="new"),
    "publish and prune": lambda folder: publish(folder.uri, "new", by="new", keep_runs=1),
    "publish again": lambda folder: publish(folder.uri, "old", by="never written"),
    "rollback": rollback,
    "repair": repair,
    "clean": repair,
}
BEFORE = {"repair": lose_the_pointer, "clean": leave_a_half_run}


@pytest.mark.parametrize("command", COMMANDS)
def test_killed_at_every_step_readers_see_a_whole_run(storage, command):
    BEFORE.get(command, lambda _: None)(storage)
    whole = storage.copy()
    counting = Steps()
    COMMANDS[command](whole.folder(counting))
    assert_good(whole)
    print(f"killed at {counting.done} steps")
    assert counting.done > 5

    moments = range(counting.done)
    for moment in moments:
        victim = storage.copy()
        steps = Steps(partial(assert_seen, victim, pointed=command != "repair"), moment)
        with pytest.raises(Killed):
            COMMANDS[command](victim.folder(steps))
        assert_seen(victim, pointed=command != "repair")
        steps = Steps(partial(assert_seen, victim, pointed=command != "repair"))
        publish(victim.folder(steps).uri, "next", by="next")
        assert shown(victim.read) == "next"
        assert_good(victim)


def assert_seen(storage, *, pointed):
    """A reader that comes at this moment sees a whole run."""
    run = shown(storage.read)
    assert run is not None or not pointed
    assert run is None or is_whole(storage.read, run)


def assert_good(storage):
    """Nothing is left over, what is listed is whole, and a stranger's things are there."""
    assert_seen(storage, pointed=True)
    folder = storage.folder(Steps())
    found = history.history(folder)
    assert found.problems == ()
    assert all(is_whole(storage.read, past.run) for past in found.runs)
    listed = {f"run={past.run}" for past in found.runs}
    pointers = {"latest.json"} | ({"latest"} if storage.kind == "local" else {"latest.copy.json"})
    assert set(storage.names()) == listed | pointers | {"run=mine", "notes.txt"}
    assert storage.read("run=mine/notes.txt") == b"a stranger's"
