"""The protocol of publishing on a server that speaks S3, by pyarrow's own S3 file system.

Needs one: ``pip install 'moto[server]'`` in an environment of its own, ``moto_server -p 5555``, and
``SEGMENTATION_S3=http://127.0.0.1:5555 scripts/test tests/unit/test_s3_server.py``. MinIO's will do
too. Spark's own writes are not part of it.
"""

import os
import threading
import uuid
from datetime import timedelta

import pytest
from pyarrow import fs

from segmentation.errors import StorageError
from segmentation.storage import history, lease, pointer
from segmentation.storage.filesystem import Folder
from segmentation.storage.locking import Lock
from segmentation.storage.removal import clean
from tests.attempts import Places, is_whole, publish, shown
from tests.storages import Killed, S3Server

SERVER = os.environ.get("SEGMENTATION_S3")

pytestmark = pytest.mark.skipif(SERVER is None, reason="SEGMENTATION_S3 names no server")


def connected(before=lambda *_: None):
    filesystem = S3Server(
        endpoint_override=SERVER,
        access_key=os.environ.get("AWS_ACCESS_KEY_ID", "test"),
        secret_key=os.environ.get("AWS_SECRET_ACCESS_KEY", "test"),
        region="us-east-1",
        allow_bucket_creation=True,
        allow_bucket_deletion=True,
    )
    filesystem.before = before
    return filesystem


@pytest.fixture
def bucket():
    name = f"segmentation-{uuid.uuid4().hex}"
    filesystem = connected()
    filesystem.create_dir(name)
    yield name
    filesystem.delete_dir(name)


@pytest.fixture
def places(monkeypatch):
    return Places().install(monkeypatch)


def placed(places, bucket, before=lambda *_: None):
    return places.add(Folder(connected(before), f"{bucket}/out", f"s3://{bucket}/out"))


def reading(folder):
    def read(name):
        path = f"{folder.path}/{name}"
        if folder.filesystem.get_file_info(path).type != fs.FileType.File:
            return None
        with folder.filesystem.open_input_stream(path) as stream:
            return stream.read()

    return read


def test_runs_are_published_pruned_rolled_back_and_repaired(places, bucket, monkeypatch):
    monkeypatch.setattr(pointer, "GRACE", timedelta(0))
    folder = placed(places, bucket)
    for day, run in enumerate("abc", start=1):
        publish(folder.uri, run, by=run, keep_runs=2, created=f"2026-01-0{day}T00:00:00+00:00")
        assert shown(reading(folder)) == run
        assert is_whole(reading(folder), run)
    assert [past.run for past in history.runs(folder)] == ["c", "b"]
    assert history.roll_back(folder, None) == "b"
    assert history.current(folder) == "b"
    folder.remove("latest.json")
    assert history.current(folder) == "b"  # by the copy
    assert history.repair(folder) == "b"
    for name in ("latest.json", "latest.copy.json"):
        folder.remove(name)
    assert history.repair(folder) == "c"
    assert clean(folder) == []
    assert folder.names() == ["latest.copy.json", "latest.json", "run=b", "run=c"]


def test_a_job_killed_at_every_step(places, bucket):
    folder = placed(places, bucket)
    publish(folder.uri, "first", by="first", created="2026-01-01T00:00:00+00:00")
    published, moment = 0, 0
    while published < 1:
        done = 0

        def before(*_, moment=moment):
            nonlocal done
            if done >= moment:
                raise Killed
            done += 1

        run = f"dies-{moment}"
        try:
            publish(placed(places, bucket, before).uri, run, by="dies")
            published += 1
        except Killed:
            moment += 1
        folder = placed(places, bucket)
        now = shown(reading(folder))
        assert now is not None
        assert is_whole(reading(folder), now)
    assert moment > 40
    publish(folder.uri, "next", by="next")
    listed = {f"run={past.run}" for past in history.runs(folder)}
    assert set(folder.names()) == {*listed, "latest.json", "latest.copy.json"}


def test_the_lease_of_two_jobs(bucket, monkeypatch):
    for name, seconds in (("SETTLE_S", 0.3), ("POLL_S", 0.1), ("LEASE_TIMEOUT_S", 3.0)):
        monkeypatch.setattr(lease, name, seconds)
    monkeypatch.setattr("segmentation.storage.locking.HEARTBEAT_S", 0.2)
    folder = Folder(connected(), f"{bucket}/out", f"s3://{bucket}/out")
    folder.create()
    outcomes: list[Lock | StorageError] = []

    def take():
        try:
            outcomes.append(Lock.acquire(folder, run_id="same"))
        except StorageError as error:
            outcomes.append(error)

    threads = [threading.Thread(target=take) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    held = []
    for lock in outcomes:
        if isinstance(lock, Lock):
            try:
                lock.confirm()
                held.append(lock)
            except StorageError:
                lock.release()
    assert len(held) == 1
    with pytest.raises(StorageError, match="in use"):
        Lock.acquire(folder, run_id="next")
    held[0]._ends.set()  # as if it had been killed
    Lock.acquire(folder, run_id="next").release()
    assert folder.read(lease.LEASE) is None
