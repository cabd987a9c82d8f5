"""Which session a command gets; no JVM is started."""

import socket
from typing import Any

import pytest
from pyspark.errors import PySparkRuntimeError
from pyspark.sql import SparkSession

from segmentation.errors import ConfigError
from segmentation.runtime import session
from segmentation.runtime.jvm import Launch


class StartedError(Exception):
    """Instead of a session."""


class Builder:
    """Builds none."""

    def __init__(self):
        self.options = {}
        self.error: Exception = StartedError()

    def appName(self, _):  # noqa: N802 - PySpark's
        return self

    def config(self, key, value):
        self.options[key] = value
        return self

    def getOrCreate(self):  # noqa: N802 - PySpark's
        raise self.error


class Conf:
    """Settings of a session, of which one cannot be changed any more."""

    def __init__(self):
        self.known = {"spark.sql.session.timeZone": "Asia/Tokyo"}

    def get(self, key, default=None):
        return self.known.get(key, default)

    def set(self, key, value):
        if key == "spark.driver.memory":
            raise PySparkRuntimeError("[CANNOT_MODIFY_CONFIG] Cannot modify the value of it")
        self.known[key] = value

    def unset(self, key):
        del self.known[key]


class Running:
    """A session that was there before."""

    def __init__(self):
        self.conf = Conf()


@pytest.fixture
def builder(monkeypatch):
    """One that builds nothing, and the JVMs that were started."""
    made = Builder()
    launched: list[Launch] = []

    class Recorded(Launch):
        def start(self):
            launched.append(self)

    monkeypatch.setattr(session, "launch", lambda conf, **_: Recorded(conf, None, (), True))
    monkeypatch.setattr(session, "_has_jvm", lambda: False)
    monkeypatch.setattr(SparkSession, "builder", made)
    monkeypatch.setattr(SparkSession, "getActiveSession", lambda: None)
    return made, launched


def test_a_new_session_has_its_jvm_started_and_tells_no_places_of_columns(builder):
    with pytest.raises(StartedError):
        session.build_session("test", conf={"spark.driver.memory": "6g"})
    made, (launched,) = builder
    assert launched.environment == {"spark.driver.memory": "6g"}
    assert made.options == {session.CALL_SITES: "false"}


def test_a_jvm_that_is_there_is_used(builder, monkeypatch):
    _, launched = builder
    monkeypatch.setattr(session, "_has_jvm", lambda: True)
    with pytest.raises(StartedError):
        session.build_session("test")
    assert not launched


def test_a_session_that_runs_already_is_not_told_how_to_start(builder, monkeypatch):
    monkeypatch.setattr(SparkSession, "getActiveSession", Running)
    with pytest.raises(StartedError):
        session.build_session("test", is_short_lived=True)
    made, launched = builder
    assert not launched
    assert not made.options
    assert session.is_running()


def test_a_missing_package_of_spark_connect_is_one_line(builder, monkeypatch):
    monkeypatch.setenv("SPARK_REMOTE", "sc://localhost")
    monkeypatch.setattr(session, "_check_server", lambda _: None)
    made, launched = builder
    made.error = ImportError("[PACKAGE_NOT_INSTALLED] grpcio >= 1.48.1 must be installed")
    with pytest.raises(ConfigError, match=r"grpcio.*pip install '\.\[connect\]'"):
        session.build_session("test")
    assert not launched


def test_what_cannot_be_set_any_more_is_one_line_that_says_where():
    running: Any = Running()
    session._set(running, {"spark.sql.shuffle.partitions": "7"})
    assert running.conf.known["spark.sql.shuffle.partitions"] == "7"
    with pytest.raises(ConfigError, match=r"--conf spark\.driver\.memory: .*spark-submit --conf"):
        session._set(running, {"spark.driver.memory": "6g"})


def test_the_callers_session_has_its_settings_back(monkeypatch):
    running = Running()
    before = dict(running.conf.known)
    monkeypatch.setattr(SparkSession, "getActiveSession", lambda: running)
    with session.caller_settings_kept():
        for key, value in session.REQUIRED.items():
            running.conf.set(key, value)
    assert running.conf.known == before


def test_a_server_that_does_not_answer_is_one_line(builder, monkeypatch):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        session._check_server(f"sc://127.0.0.1:{port}/;token=secret")
    monkeypatch.setenv("SPARK_REMOTE", f"sc://127.0.0.1:{port}/;token=secret")
    with pytest.raises(ConfigError, match=r"no Spark Connect server answers") as refused:
        session.build_session("test")
    assert "secret" not in str(refused.value)
    assert not builder[1]
