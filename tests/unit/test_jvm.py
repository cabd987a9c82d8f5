"""How Spark's JVM is started, without starting one."""

import os
import shlex
import sys
from pathlib import Path

import pyspark
import pytest

from segmentation.errors import ConfigError
from segmentation.runtime import jvm
from segmentation.runtime.jvm import C1_ONLY, DEFAULTS, SHELL, launch

LOCAL = str(DEFAULTS / "spark-local.conf")
MINE = "--properties-file mine.conf pyspark-shell"


@pytest.fixture(autouse=True)
def unconfigured(monkeypatch, tmp_path):
    """A machine on which nobody has said how Spark runs."""
    for name in (*jvm.USERS_SETTINGS, "SPARK_HOME", "SEGMENT_CLASS_ARCHIVES", "SPARK_LOCAL_IP"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.delenv("LOG4J_CONFIGURATION_FILE", raising=False)
    monkeypatch.setattr(jvm, "java_home", lambda: "home")
    monkeypatch.setattr(jvm, "scratch_folder", lambda: (tmp_path / "a scratch", 99))
    monkeypatch.setattr(sys, "prefix", sys.base_prefix)  # no virtual environment


@pytest.fixture
def archive(monkeypatch, tmp_path):
    """Where Java 25 has its archive, in the folder that the environment names."""
    folder = tmp_path / "it's a folder"
    folder.mkdir()
    path = folder / "spark-classes-25.aot"
    monkeypatch.setattr(jvm, "class_archive", lambda *_: path)
    monkeypatch.setenv("SEGMENT_CLASS_ARCHIVES", str(folder))
    monkeypatch.setenv("PYSPARK_SUBMIT_ARGS", MINE)
    return path


def launched(*, is_short_lived=False, **conf):
    return launch(
        {key.replace("_", "."): value for key, value in conf.items()}, is_short_lived=is_short_lived
    )


def arguments(started):
    *given, shell = shlex.split(started.environment["PYSPARK_SUBMIT_ARGS"])
    assert shell == SHELL
    return given


def java_options(started):
    flag, setting, *_ = arguments(started)
    key, _, options = setting.partition("=")
    assert (flag, key) == ("--conf", "spark.driver.defaultJavaOptions")
    return shlex.split(options)


def test_without_settings_the_package_has_its_own(tmp_path):
    started = launched()
    assert started.is_ours
    assert started.descriptors == [99]
    given = arguments(started)
    assert given[given.index("--properties-file") + 1] == LOCAL
    assert f"spark.local.dir={tmp_path / 'a scratch'}" in given
    assert f"-Djava.io.tmpdir={tmp_path / 'a scratch'}" in java_options(started)
    assert started.environment["SPARK_LOCAL_IP"] == "127.0.0.1"
    assert Path(started.environment["LOG4J_CONFIGURATION_FILE"]).is_file()
    assert Path(LOCAL).is_file()


@pytest.mark.parametrize(
    ("name", "value"), [("SPARK_CONF_DIR", "/etc/spark"), ("MASTER", "spark://host:7077")]
)
def test_the_users_settings_stand(monkeypatch, name, value):
    monkeypatch.setenv(name, value)
    started = launched()
    assert not started.is_ours
    assert (arguments(started), started.descriptors) == ([], [])
    assert set(started.environment) == {"JAVA_HOME", "PYSPARK_SUBMIT_ARGS"}


def test_so_do_submit_arguments_and_settings_beside_spark(monkeypatch, tmp_path):
    monkeypatch.setenv("PYSPARK_SUBMIT_ARGS", MINE)
    assert arguments(launched()) == ["--properties-file", "mine.conf"]
    monkeypatch.delenv("PYSPARK_SUBMIT_ARGS")
    monkeypatch.setenv("SPARK_HOME", str(tmp_path))
    assert launched().is_ours
    (tmp_path / "conf").mkdir()
    (tmp_path / "conf" / "spark-defaults.conf").touch()
    assert not launched().is_ours


def test_conf_comes_last_and_overrides(monkeypatch):
    assert arguments(launched(spark_driver_memory="6g"))[-2:] == [
        "--conf",
        "spark.driver.memory=6g",
    ]
    monkeypatch.setenv("PYSPARK_SUBMIT_ARGS", "--conf spark.driver.memory=1g pyspark-shell")
    assert arguments(launched(spark_driver_memory="6 g")) == [
        *("--conf", "spark.driver.memory=1g"),
        *("--conf", "spark.driver.memory=6 g"),
    ]


def test_settings_for_one_machine_are_not_for_a_cluster():
    assert launched(spark_master="local[2]").is_ours
    started = launched(spark_master="yarn")
    assert not started.is_ours
    assert arguments(started) == ["--conf", "spark.master=yarn"]


def test_the_environment_is_as_it_was_after_the_start():
    before = dict(os.environ)
    with jvm._environment({"JAVA_HOME": "other", "NEVER_SET": "here"}):
        assert os.environ["NEVER_SET"] == "here"
    assert dict(os.environ) == before


def test_a_virtual_environment_holds_the_archive(monkeypatch, tmp_path):
    monkeypatch.setattr(sys, "prefix", str(tmp_path))
    monkeypatch.setattr(jvm, "class_archive", lambda _, folder: folder / "spark-classes-17.jsa")
    assert launched().archive == tmp_path / "spark-classes-17.jsa"
    monkeypatch.setenv("SEGMENT_CLASS_ARCHIVES", "")
    assert launched().archive is None


def test_the_first_jvm_leaves_an_archive_in_place_of_another_javas(archive):
    outdated = archive.with_name("spark-classes-24.jsa")
    outdated.touch()
    started = launched()
    assert java_options(started)[-1] == f"-XX:AOTConfiguration={archive}.config"
    assert started.is_recording
    assert not outdated.exists()


def test_the_next_jvm_reads_it_and_what_another_recorded_meanwhile_goes(archive):
    archive.touch()
    late = archive.with_name(f"{archive.name}.config")
    late.touch()
    started = launched()
    assert java_options(started)[-1] == f"-XX:AOTCache={archive}"
    assert not started.is_recording
    assert archive.exists()
    assert not late.exists()


def test_a_brief_run_compiles_little_but_not_while_it_records(archive):
    assert C1_ONLY not in java_options(launched(is_short_lived=True))
    archive.touch()
    assert java_options(launched(is_short_lived=True))[-1] == C1_ONLY


def test_another_sparks_home_is_refused_in_one_line(monkeypatch, tmp_path):
    (tmp_path / "jars").mkdir()
    jar = tmp_path / "jars" / "spark-core_2.12-3.5.1.jar"
    jar.touch()
    monkeypatch.setenv("SPARK_HOME", str(tmp_path))
    with pytest.raises(ConfigError, match=r"Spark 3\.5\.1.*unset SPARK_HOME"):
        launched()
    jar.rename(tmp_path / "jars" / f"spark-core_2.13-{pyspark.__version__}.jar")
    assert launched().is_ours


def test_what_java_says_of_sparks_options_is_not_passed_on(capfd):
    """And what else it says is held back until it has started, if it does."""
    read, write = os.pipe()
    lines = jvm.JvmLines(read)
    lines.start()
    os.write(write, b"WARNING: Using incubator modules: jdk.incubator.vector\nWARNING: other\n")
    os.write(write, b"WARNING: package sun.security.action not in java.base\nfailed\n\tat a.b\n")
    os.close(write)
    lines.join()
    assert capfd.readouterr().err == ""
    assert lines.last == "WARNING: other failed"
    lines.release()
    assert capfd.readouterr().err == "WARNING: other\nfailed\n\tat a.b\n"
