"""How Spark's JVM is told to start; no JVM does."""

import os
import shlex

import pytest

from segmentation import session


@pytest.fixture
def archive(monkeypatch, tmp_path):
    folder = tmp_path / "it's a folder"
    folder.mkdir()
    path = folder / "spark-classes-25.aot"
    monkeypatch.setattr(session, "class_archive", lambda *_: path)
    monkeypatch.setenv("PYSPARK_SUBMIT_ARGS", "--properties-file mine.conf pyspark-shell")
    return path


def option():
    flag, setting, *others = shlex.split(os.environ["PYSPARK_SUBMIT_ARGS"])
    assert flag == "--conf"
    assert others == ["--properties-file", "mine.conf", "pyspark-shell"]
    key, _, options = setting.partition("=")
    assert key == "spark.driver.defaultJavaOptions"
    return shlex.split(options)[-1]


def test_the_first_jvm_leaves_an_archive_in_place_of_another_javas(archive):
    outdated = archive.with_name("spark-classes-24.jsa")
    outdated.touch()
    session._use_class_archive("home", archive.parent)
    assert option() == f"-XX:AOTConfiguration={archive}.config"
    assert not outdated.exists()


def test_the_next_jvm_reads_it(archive):
    archive.touch()
    session._use_class_archive("home", archive.parent)
    assert option() == f"-XX:AOTCache={archive}"
    assert archive.exists()
