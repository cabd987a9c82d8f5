"""The steps of a run: what the listener hears, what is timed, what is kept."""

import pytest

from segmentation.pipelines.steps import Steps
from segmentation.results import StepTime


class Heard:
    """A listener that writes down what it hears."""

    def __init__(self):
        self.events = []

    def started(self, step):
        self.events.append(("started", step))

    def finished(self, step):
        self.events.append(("finished", step.step, step.seconds))

    def warned(self, message):
        self.events.append(("warned", message))

    def describe(self, step):
        self.events.append(("describe", step))


@pytest.fixture
def heard():
    return Heard()


@pytest.fixture
def steps(heard):
    return Steps(heard, heard.describe)


@pytest.fixture
def clock(monkeypatch):
    """Readings of the clock, taken one after the other."""

    def reads(*seconds):
        readings = iter(seconds)
        monkeypatch.setattr("segmentation.pipelines.steps.time.monotonic", lambda: next(readings))

    return reads


def test_a_step_is_announced_described_timed_and_finished(steps, heard, clock):
    clock(100.0, 102.5)
    with steps("read"):
        heard.events.append("work")
    assert heard.events == [
        ("started", "read"),
        ("describe", "read"),
        "work",
        ("describe", None),
        ("finished", "read", 2.5),
    ]
    assert steps.timings == [StepTime("read", 2.5)]


def test_timings_keep_the_order_of_the_steps(steps, clock):
    clock(0, 1, 1, 4, 4, 4.0004)
    for name in ("read", "contract", "prepare"):
        with steps(name):
            pass
    assert [(t.step, t.seconds) for t in steps.timings] == [
        ("read", 1),
        ("contract", 3),
        ("prepare", 0),
    ]


def test_a_step_that_fails_is_neither_timed_nor_finished(steps, heard):
    with pytest.raises(KeyError), steps("read"):
        raise KeyError
    assert steps.timings == []
    assert not any(event[0] == "finished" for event in heard.events)


def test_jobs_after_a_failed_step_do_not_bear_its_name(steps, heard):
    with pytest.raises(KeyError), steps("read"):
        raise KeyError
    assert heard.events[-1] == ("describe", None)


def test_a_warning_is_shown_now_and_kept(steps, heard):
    steps.warn("two ids occur on more than one row")
    assert heard.events == [("warned", "two ids occur on more than one row")]
    assert steps.warnings == ["two ids occur on more than one row"]
