"""The only place where a SparkSession is built."""

import atexit
import os
import shlex
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from threading import current_thread, main_thread

from py4j.protocol import Py4JError
from pyspark.errors import PySparkException
from pyspark.sql import SparkSession
from pyspark.sql.utils import is_remote

from segmentation.java import archive_command, archive_options, class_archive, java_home

REQUIRED = {
    "spark.sql.caseSensitive": "true",  # 'Age' and 'age' may stand side by side in a CSV
    "spark.sql.session.timeZone": "UTC",
    # HotSpot compiles no method of more bytes. Above, as with 12 features and 9 segments, Spark
    # is to split its generated code into several: 2.5 times as fast in all, 2M x 12 measured.
    "spark.sql.codegen.hugeMethodLimit": "8000",
    # With a bound on bytes Spark sizes a batch anew for every row on its way to Python, which takes
    # as long as the way itself. Another setting bounds its rows, and they are of numbers here.
    "spark.sql.execution.arrow.maxBytesPerBatch": str(2**31 - 1),
}
"""What the job relies on; cluster sizes and the like stand in Spark's properties file."""

CALL_SITES = "spark.python.sql.dataFrameDebugging.enabled"
"""Whether every use of a column tells the JVM its line of Python, at the price of four calls to
it. Read when a session starts."""

BRIEF_OPTION = "-XX:TieredStopAtLevel=1"
"""HotSpot's second compiler takes a third of all processor time of a short run, and pays only
where code goes over many rows: without it 24,000 customers take a quarter less, 2 million more."""


def build_session(name: str, *, is_brief: bool = False) -> SparkSession:
    """The session, as spark-submit or a properties file shapes it; ``local[*]`` otherwise.

    ``is_brief`` says that there is little to compute, so that a JVM started here compiles little.

    Raises
    ------
    ConfigError
        If there is no Java that runs Spark and none can be made.
    """
    os.environ.setdefault("PYSPARK_PYTHON", sys.executable)
    archive = None
    builder = SparkSession.builder.appName(name)
    is_client = is_remote() or "SPARK_REMOTE" in os.environ
    starts_one = not is_client and SparkSession.getActiveSession() is None
    if starts_one:
        builder = builder.config(CALL_SITES, "false")
    if starts_one and "PYSPARK_GATEWAY_PORT" not in os.environ:
        os.environ["JAVA_HOME"] = java_home()
        options = []
        if folder := os.environ.get("SEGMENT_CLASS_ARCHIVES"):
            archive = _usable_archive(os.environ["JAVA_HOME"], Path(folder))
            options.append(archive_options(archive))
        # What Java 25 archives of how methods ran is what the second compiler lives on.
        is_recording = archive is not None and archive.suffix == ".aot" and not archive.exists()
        if is_brief and not is_recording:
            options.append(BRIEF_OPTION)
        if options:
            _start_with(options)
    with _signals_kept():
        session = builder.getOrCreate()
    for key, value in REQUIRED.items():
        session.conf.set(key, value)
    if archive is not None and archive.suffix == ".aot" and not archive.exists():
        _make_archive_at_exit(session, archive)
    if is_remote():
        # Models that a traceback holds are deleted last of all, by calls to the server, which
        # hang by then. Of a stopped session they ask nothing.
        atexit.register(session.stop)
    return session


def _usable_archive(home: str, folder: Path) -> Path:
    """The archive of Spark's classes that the JVM starts from, a quarter less time, or leaves.

    A Java that was replaced takes its archive, of some 200 MB, with it; and of two runs that
    recorded at once the slower one's record is left.
    """
    archive = class_archive(home, folder)
    for other in folder.glob("spark-classes*"):
        if other != archive:
            with suppress(OSError):  # as in an environment that may only be read
                other.unlink()
    return archive


def _start_with(options: Sequence[str]) -> None:
    """PySpark starts the JVM with these options, before those of a properties file."""
    setting = shlex.quote(f"spark.driver.defaultJavaOptions={' '.join(options)}")
    others = os.environ.get("PYSPARK_SUBMIT_ARGS", "pyspark-shell")
    os.environ["PYSPARK_SUBMIT_ARGS"] = f"--conf {setting} {others}"


def _make_archive_at_exit(session: SparkSession, archive: Path) -> None:
    """The archive is made of what this JVM recorded, by another, after the command has ended."""
    gateway = session.sparkContext._gateway
    if gateway is None:
        raise RuntimeError("a session on this machine has a gateway to its JVM")
    runtime = gateway.jvm.java.lang.management.ManagementFactory.getRuntimeMXBean()
    java = Path(os.environ["JAVA_HOME"], "bin", "java")
    options = runtime.getInputArguments()
    command = archive_command(archive, [str(java), *options, "-cp", runtime.getClassPath()])

    def make() -> None:
        session.stop()  # else Python's server of accumulators tells of the JVM's end in a traceback
        gateway.proc.stdin.close()  # upon which the JVM ends
        with suppress(subprocess.TimeoutExpired):
            gateway.proc.wait(timeout=60)
            subprocess.Popen(
                command,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                start_new_session=True,
            )

    atexit.register(make)


@contextmanager
def _signals_kept() -> Iterator[None]:
    """Ctrl-C stays what it was: Spark's handler calls the JVM amid a call that py4j waits for."""
    if current_thread() is not main_thread():
        yield
        return
    handler = signal.getsignal(signal.SIGINT)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, handler)


def job_descriptions(spark: SparkSession) -> Callable[[str | None], None]:
    """The function that names the Spark jobs that follow, in Spark's own pages and logs.

    ``None`` ends that, silently where Spark is no longer there to be told.
    """

    def describe(step: str | None) -> None:
        if step is None:
            with suppress(Py4JError, PySparkException, OSError):
                name_jobs(None)
        else:
            name_jobs(step)

    def name_jobs(step: str | None) -> None:
        if is_remote():
            spark.clearTags()
            if step is not None:
                spark.addTag(step)
        else:
            spark.sparkContext.setJobDescription(step)  # type: ignore[arg-type]

    return describe
