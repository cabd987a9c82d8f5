"""The lease alone, on a simulated clock: waited for, taken over, lost, given back."""

import json

import pytest

from segmentation.errors import StorageError
from segmentation.storage import lease
from segmentation.storage.lease import HEARTBEAT_S, LEASE, LEASE_TIMEOUT_S, Lease
from tests.attempts import SimulatedClock
from tests.storages import Memory, in_memory


class Shop:
    """An output folder, and what happens in it while somebody waits."""

    def __init__(self):
        self.memory, self.clock = Memory(), SimulatedClock()
        self.broken: OSError | None = None
        self.output = in_memory("s3", self.memory, self.before, "s3://out")

    def before(self, step, path):  # noqa: ARG002
        if step == "put" and self.broken is not None:
            raise self.broken

    def held(self):
        return json.loads(self.memory.files[f"out/{LEASE}"])

    def take(self, run_id):
        return Lease.acquire(self.output, run_id=run_id, clock=self.clock)


@pytest.fixture
def shop():
    return Shop()


def test_a_free_lease_is_taken_and_given_back(shop):
    first = shop.take("one")
    assert shop.held()["run"] == "one"
    first.release()
    assert shop.memory.files == {}


def test_a_living_owner_is_seen_by_its_renewals_and_no_clock_is_compared(shop):
    first = shop.take("one")
    began = shop.clock.now

    def sleep(seconds):
        shop.clock.now += seconds
        if shop.clock.now - began > HEARTBEAT_S:
            first.renew()

    shop.clock.sleep = sleep
    with pytest.raises(StorageError, match="in use: run one has been writing there since 20"):
        shop.take("two")
    assert shop.clock.now - began < 2 * HEARTBEAT_S
    first.renew()


def test_a_second_attempt_waits_for_the_lost_first_one_and_then_runs(shop, caplog):
    caplog.set_level("INFO")
    first = shop.take("night")
    began = shop.clock.now
    second = shop.take("night")  # the same id on the same host in the same second
    assert LEASE_TIMEOUT_S <= shop.clock.now - began < LEASE_TIMEOUT_S + 10
    assert "held by run night" in caplog.text
    with pytest.raises(StorageError, match=r"nothing is published: run night .* took over"):
        first.renew()
    with pytest.raises(StorageError, match="nothing is published"):
        first.renew()  # for good
    first.release()
    assert shop.held()["token"] == second.holder["token"]
    second.renew()


def test_an_owner_that_ends_while_another_waits_lets_it_in(shop):
    first = shop.take("one")

    def sleep(seconds):
        shop.clock.now += seconds
        first.release()

    shop.clock.sleep = sleep
    assert shop.take("two").holder["run"] == "two"
    assert shop.clock.now < HEARTBEAT_S


def test_a_lease_that_cannot_be_renewed_for_a_while_is_lost_before_another_may_take_it(shop):
    first = shop.take("one")
    shop.broken = OSError("AWS Error SLOW_DOWN")
    while shop.clock.now < LEASE_TIMEOUT_S / 2:
        first.beat()
        assert first.lost is None
        shop.clock.sleep(HEARTBEAT_S)
    shop.clock.sleep(HEARTBEAT_S)
    first.beat()
    assert "could not be renewed for 150 s" in str(first.lost)
    assert "SLOW_DOWN" in str(first.lost)
    shop.broken = None
    with pytest.raises(StorageError, match="could not be renewed"):
        first.renew()


def test_a_failure_that_passes_costs_nothing(shop):
    first = shop.take("one")
    shop.broken = OSError("AWS Error SLOW_DOWN")
    first.beat()
    shop.broken = None
    first.beat()
    first.renew()


def test_after_a_long_pause_the_last_to_write_has_it(shop):
    first = shop.take("one")
    shop.clock.now += 2 * LEASE_TIMEOUT_S
    other = json.dumps({"run": "two", "token": "another", "beat": 1}).encode()

    def sleep(seconds):  # somebody who had seen it stale writes at this very moment
        shop.clock.now += seconds
        shop.memory.files[f"out/{LEASE}"] = other

    shop.clock.sleep = sleep
    with pytest.raises(StorageError, match=r"run two .* took over"):
        first.renew()
    first.release()
    assert shop.memory.files[f"out/{LEASE}"] == other


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b"\xff\xfe", b"null"])
def test_a_half_written_lease_is_waited_for_and_an_owner_writes_it_again(shop, content):
    shop.memory.files[f"out/{LEASE}"] = content
    first = shop.take("one")
    assert shop.clock.now >= LEASE_TIMEOUT_S
    shop.memory.files[f"out/{LEASE}"] = content
    first.renew()
    assert shop.held()["token"] == first.holder["token"]
    # so late it may be another's, who had removed what this one staged
    shop.memory.files[f"out/{LEASE}"] = content
    shop.clock.sleep(LEASE_TIMEOUT_S)
    with pytest.raises(StorageError, match="nothing is published"):
        first.renew()


def test_a_lease_that_is_missing_is_lost_as_another_may_have_come_and_gone(shop):
    first = shop.take("one")
    del shop.memory.files[f"out/{LEASE}"]
    with pytest.raises(StorageError, match="nothing is published"):
        first.renew()
    assert shop.memory.files == {}


@pytest.mark.parametrize(("pause", "writing"), [(0, LEASE_TIMEOUT_S), (LEASE_TIMEOUT_S, 5)])
def test_a_renewal_that_takes_long_may_have_hidden_another_owner(shop, pause, writing):
    first = shop.take("one")
    shop.clock.now += pause
    write = shop.before

    def slowly(step, path):
        if step == "put":
            shop.clock.now += writing
        write(step, path)

    shop.output.filesystem.handler.before = slowly
    with pytest.raises(StorageError, match="was not renewed in time"):
        first.renew()


def test_the_last_of_two_that_start_at_once_has_it(shop):
    def sleep(seconds):
        shop.clock.now += seconds
        shop.memory.files[f"out/{LEASE}"] = b'{"run": "late", "token": "late"}'

    shop.clock.sleep = sleep
    with pytest.raises(StorageError, match="in use: run late"):
        shop.take("early")


def test_a_beat_is_far_shorter_than_what_makes_an_owner_dead():
    assert 5 * (HEARTBEAT_S + lease.SETTLE_S) < LEASE_TIMEOUT_S / 2
