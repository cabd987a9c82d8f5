"""How the command starts Spark's JVM: quietly, with default settings unless the user has some."""

import os
import re
import shlex
import sys
from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from threading import Lock, Thread

import pyspark
from pyspark import SparkContext
from pyspark.errors import PySparkRuntimeError
from pyspark.java_gateway import launch_gateway

from segmentation.errors import ConfigError, one_line
from segmentation.runtime.java import archive_options, class_archive, java_home
from segmentation.runtime.scratch import scratch_folder

DEFAULTS = Path(__file__).parent / "conf"
"""Settings for one machine; not needed in a zip file, where spark-submit starts the JVM."""

USERS_SETTINGS = ("PYSPARK_SUBMIT_ARGS", "SPARK_CONF_DIR", "MASTER")
SHELL = "pyspark-shell"
"""What PySpark has spark-submit start: the last of its arguments."""

C1_ONLY = "-XX:TieredStopAtLevel=1"
"""The C2 compiler takes a third of the processor time of a short run and pays off only in loops
over many rows: without it 24,000 customers take a quarter less time, 2 million take more."""

NOISE = re.compile(rb"WARNING: (Using incubator modules: |package \S+ not in )")
"""Java's warning about options that Spark starts every JVM with; no flag suppresses it."""

LAST_LINES, STDERR = 3, 2


@dataclass(frozen=True)
class Launch:
    """A JVM to be started.

    ``archive`` is where it reads or writes Spark's classes, if anywhere; ``descriptors`` are files
    that it keeps open; ``is_ours`` is true for the settings of this package, not the user's.
    """

    environment: Mapping[str, str]
    archive: Path | None
    descriptors: Sequence[int]
    is_ours: bool

    @property
    def is_recording(self) -> bool:
        """Whether this JVM writes a recording from which an ahead-of-time cache can be created."""
        return _is_recording(self.archive)

    def start(self) -> None:
        """Start the JVM for the Spark session that is built next.

        Raises
        ------
        ConfigError
            If it does not start; with the last lines of its output.
        """
        said, to_said = os.pipe()
        lines = JvmLines(said)
        lines.start()
        try:
            with _environment(self.environment):
                options = {"stderr": to_said, "pass_fds": tuple(self.descriptors)}
                gateway = launch_gateway(popen_kwargs=options)  # type: ignore[no-untyped-call]
        except PySparkRuntimeError:
            os.close(to_said)
            lines.join()
            raise ConfigError(
                f"Spark's JVM does not start: {lines.last or 'it says nothing'}; see --conf and "
                "PYSPARK_SUBMIT_ARGS"
            ) from None
        os.close(to_said)
        lines.release()
        SparkContext._ensure_initialized(gateway=gateway)


def launch(conf: Mapping[str, str], *, is_short_lived: bool) -> Launch:
    """How the JVM starts: the user's settings, else this package's for one machine; and ``conf``.

    With ``is_short_lived`` the C2 compiler is disabled, for runs with little to compute.

    Raises
    ------
    ConfigError
        If no suitable Java is found or can be set up, or SPARK_HOME is of another Spark.
    """
    _check_spark_home()
    is_unconfigured = _is_unconfigured()
    is_ours = is_unconfigured and conf.get("spark.master", "local").startswith("local")
    variables = {"JAVA_HOME": java_home()}
    options: list[str] = []
    descriptors: list[int] = []
    arguments = shlex.split(os.environ.get("PYSPARK_SUBMIT_ARGS", SHELL))
    if arguments[-1:] == [SHELL]:
        arguments.pop()
    if is_unconfigured:
        logging = str(DEFAULTS / "log4j2.properties")
        variables["LOG4J_CONFIGURATION_FILE"] = os.environ.get("LOG4J_CONFIGURATION_FILE", logging)
    if is_ours:
        arguments = ["--properties-file", str(DEFAULTS / "spark-local.conf")]
        # Spark resolves the host name before it reads a property, which fails on some laptops.
        variables["SPARK_LOCAL_IP"] = os.environ.get("SPARK_LOCAL_IP", "127.0.0.1")
        if scratch := scratch_folder():
            folder, descriptor = scratch
            descriptors.append(descriptor)
            arguments += ["--conf", f"spark.local.dir={folder}"]
            options.append(f'-Djava.io.tmpdir="{folder}"')
    archive = None
    if place := _archive_folder(is_ours=is_ours):
        archive = _usable_archive(variables["JAVA_HOME"], place)
        options.append(archive_options(archive))
    # C2 needs the method profiles in the Java 25 archive.
    if is_short_lived and not _is_recording(archive):
        options.append(C1_ONLY)
    if options:  # before those of a properties file
        arguments = ["--conf", f"spark.driver.defaultJavaOptions={' '.join(options)}", *arguments]
    for key, value in conf.items():
        arguments += ["--conf", f"{key}={value}"]
    variables["PYSPARK_SUBMIT_ARGS"] = shlex.join([*arguments, SHELL])
    return Launch(variables, archive, descriptors, is_ours)


def _is_unconfigured() -> bool:
    """Whether the user has no Spark settings, so that those of this package apply."""
    home = os.environ.get("SPARK_HOME") or Path(pyspark.__file__).parent
    return (
        DEFAULTS.is_dir()
        and not any(os.environ.get(name) for name in USERS_SETTINGS)
        and not Path(home, "conf", "spark-defaults.conf").exists()
    )


def _check_spark_home() -> None:
    """Refuse a SPARK_HOME of another Spark, whose classes would be paired with this PySpark."""
    home = os.environ.get("SPARK_HOME")
    cores = list(Path(home, "jars").glob("spark-core_*.jar")) if home else []
    found = [core.stem.split("-")[2] for core in cores]
    if found and found[0].split(".")[:2] != pyspark.__version__.split(".")[:2]:
        raise ConfigError(
            f"SPARK_HOME is {home!r} with Spark {found[0]}, needs to be that of PySpark "
            f"{pyspark.__version__}: unset SPARK_HOME"
        )


def _archive_folder(*, is_ours: bool) -> Path | None:
    """The folder of class archives: in the virtual environment, and removed with it."""
    configured = os.environ.get("SEGMENT_CLASS_ARCHIVES")
    if configured is not None:
        return Path(configured) if configured else None
    is_environment = sys.prefix != sys.base_prefix and os.access(sys.prefix, os.W_OK)
    return Path(sys.prefix) if is_ours and is_environment else None


def _is_recording(archive: Path | None) -> bool:
    return archive is not None and archive.suffix == ".aot" and not archive.exists()


def _usable_archive(home: str, folder: Path) -> Path:
    """The archive of Spark's classes that the JVM reads, in a quarter less time, or writes.

    The archive of a Java that was replaced, some 200 MB, is removed; of two runs that record at
    the same time the later recording is kept.
    """
    archive = class_archive(home, folder)
    for other in folder.glob("spark-classes*"):
        if other != archive:
            with suppress(OSError):  # as in a read-only environment
                other.unlink()
    return archive


@contextmanager
def _environment(variables: Mapping[str, str]) -> Iterator[None]:
    """The environment with these variables inside the block, where PySpark finds its arguments."""
    before = {name: os.environ.get(name) for name in variables}
    os.environ.update(variables)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value


class JvmLines(Thread):
    """Forwards the JVM's stderr without :data:`NOISE`; buffered until the JVM has started.

    A daemon thread: the JVM ends with this process, which waits for neither.
    """

    def __init__(self, said: int) -> None:
        super().__init__(name="lines of the JVM", daemon=True)
        self._said = said
        self._is_held = True
        self._held: list[bytes] = []
        self._last: deque[bytes] = deque(maxlen=LAST_LINES)
        self._guard = Lock()

    @property
    def last(self) -> str:
        """The last lines, joined."""
        return one_line(b" ".join(self._last).decode(errors="replace"))

    def run(self) -> None:
        """Read until the JVM has ended."""
        with os.fdopen(self._said, "rb") as said:
            for line in said:
                if not NOISE.match(line):
                    with self._guard:
                        if not line.startswith(b"\tat "):  # of a stack trace
                            self._last.append(line)
                        self._held.append(line)
                        self._pass_on()

    def release(self) -> None:
        """Print the buffered lines now and all that follow at once."""
        with self._guard:
            self._is_held = False
            self._pass_on()

    def _pass_on(self) -> None:
        if not self._is_held:
            for line in self._held:
                os.write(STDERR, line)
            self._held.clear()
