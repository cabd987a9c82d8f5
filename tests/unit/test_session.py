"""How Spark's JVM is told to start; no JVM does."""

import os
import shlex

import pytest
from pyspark.sql import SparkSession

from segmentation import session


@pytest.fixture
def archive(monkeypatch, tmp_path):
    folder = tmp_path / "it's a folder"
    folder.mkdir()
    path = folder / "spark-classes-25.aot"
    monkeypatch.setattr(session, "class_archive", lambda *_: path)
    monkeypatch.setattr(session, "java_home", lambda: "home")
    monkeypatch.setattr(SparkSession, "builder", BUILDER)
    BUILDER.options.clear()
    monkeypatch.setattr(SparkSession, "getActiveSession", lambda: None)
    monkeypatch.setenv("SEGMENT_CLASS_ARCHIVES", str(folder))
    monkeypatch.setenv("JAVA_HOME", "home")
    monkeypatch.setenv("PYSPARK_SUBMIT_ARGS", "--properties-file mine.conf pyspark-shell")
    return path


class StartedError(Exception):
    """Instead of a session."""


class Builder:
    """Builds none."""

    def __init__(self):
        self.options = {}

    def appName(self, _):  # noqa: N802 - PySpark's
        return self

    def config(self, key, value):
        self.options[key] = value
        return self

    def getOrCreate(self):  # noqa: N802 - PySpark's
        raise StartedError


BUILDER = Builder()


def started(**arguments):
    with pytest.raises(StartedError):
        session.build_session("test", **arguments)


def options():
    flag, setting, *others = shlex.split(os.environ["PYSPARK_SUBMIT_ARGS"])
    assert flag == "--conf"
    assert others == ["--properties-file", "mine.conf", "pyspark-shell"]
    key, _, options = setting.partition("=")
    assert key == "spark.driver.defaultJavaOptions"
    return shlex.split(options)


def test_the_first_jvm_leaves_an_archive_in_place_of_another_javas(archive):
    outdated = archive.with_name("spark-classes-24.jsa")
    outdated.touch()
    started()
    assert options()[-1] == f"-XX:AOTConfiguration={archive}.config"
    assert not outdated.exists()


def test_the_next_jvm_reads_it_and_what_another_recorded_meanwhile_goes(archive):
    archive.touch()
    late = archive.with_name(f"{archive.name}.config")
    late.touch()
    started()
    assert options()[-1] == f"-XX:AOTCache={archive}"
    assert archive.exists()
    assert not late.exists()


def test_a_brief_run_compiles_little_but_not_while_it_records(archive):
    started(is_brief=True)
    assert session.BRIEF_OPTION not in options()
    archive.touch()
    os.environ["PYSPARK_SUBMIT_ARGS"] = "--properties-file mine.conf pyspark-shell"
    started(is_brief=True)
    assert options()[-1] == session.BRIEF_OPTION


@pytest.mark.usefixtures("archive")
def test_columns_do_not_tell_where_they_are_used():
    started()
    assert BUILDER.options == {session.CALL_SITES: "false"}


@pytest.mark.usefixtures("archive")
def test_a_session_that_runs_already_is_not_told_how_to_start(monkeypatch):
    monkeypatch.setattr(SparkSession, "getActiveSession", lambda: "one")
    before = os.environ["PYSPARK_SUBMIT_ARGS"]
    started(is_brief=True)
    assert os.environ["PYSPARK_SUBMIT_ARGS"] == before
    assert not BUILDER.options
