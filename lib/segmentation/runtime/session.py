"""The only place where a SparkSession is built."""

import atexit
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from threading import current_thread, main_thread
from types import MappingProxyType
from urllib.parse import urlsplit

from py4j.protocol import Py4JError, Py4JJavaError
from pyspark import SparkContext
from pyspark.errors import PySparkException
from pyspark.sql import SparkSession
from pyspark.sql.utils import is_remote

from segmentation.errors import ConfigError, one_line
from segmentation.redaction import redacted
from segmentation.runtime.java import archive_command
from segmentation.runtime.jvm import Launch, launch
from segmentation.runtime.object_stores import reach_object_stores
from segmentation.runtime.spark_errors import in_short

REQUIRED = {
    "spark.sql.caseSensitive": "true",  # a CSV may have both 'Age' and 'age'
    "spark.sql.session.timeZone": "UTC",
    # HotSpot does not compile larger methods. Above, as with 12 features and 9 segments, Spark
    # splits its generated code instead: 2.5 times as fast overall, measured on 2M x 12.
    "spark.sql.codegen.hugeMethodLimit": "8000",
    # With a limit in bytes Spark recomputes the batch size for every row sent to Python, taking
    # as long as the transfer. Another setting limits rows, and rows have only numbers here.
    "spark.sql.execution.arrow.maxBytesPerBatch": str(2**31 - 1),
}
"""Settings that the job relies on; cluster sizes etc. are in Spark's properties file."""

CALL_SITES = "spark.python.sql.dataFrameDebugging.enabled"
"""Whether every use of a column passes its Python line to the JVM, at the cost of four calls.
Read when a session starts."""
NOISY_LOGGERS = (
    # a traceback about a path that is refused in one line
    "org.apache.spark.sql.execution.streaming.sinks.FileStreamSink",
    # methods of more than 64 KB, with their code; Spark continues without compiling them
    "org.apache.spark.sql.catalyst.expressions.codegen.CodeGenerator",
    "org.apache.spark.sql.execution.WholeStageCodegenExec",
)

BATCH_ROWS = "spark.sql.execution.arrow.maxRecordsPerBatch"


CONNECT_PORT, ANSWER_S = 15002, 30


def build_session(
    name: str, *, conf: Mapping[str, str] = MappingProxyType({}), is_short_lived: bool = False
) -> SparkSession:
    """The session: a running one, spark-submit's or a new one, in this order; see ``jvm``.

    ``conf`` are Spark properties that override all others. ``is_short_lived`` disables the C2
    compiler of a JVM that is started here. A running session gets the settings in
    :data:`REQUIRED`; :func:`caller_settings_kept` restores its own.

    Raises
    ------
    ConfigError
        If no suitable Java is found or can be set up, or Spark does not start with its settings.
    """
    os.environ.setdefault("PYSPARK_PYTHON", sys.executable)
    is_client = is_remote() or "SPARK_REMOTE" in os.environ
    is_new = is_client or SparkSession.getActiveSession() is None
    builder = SparkSession.builder.appName(name)
    if is_new and not is_client:
        builder = builder.config(CALL_SITES, "false")
    started: Launch | None = None
    if is_client and not SparkSession.getActiveSession():
        _check_server(os.environ.get("SPARK_REMOTE", ""))
    with _signals_kept():
        if is_new and not is_client and not _has_jvm():
            started = launch(conf, is_short_lived=is_short_lived)
            started.start()
        session = _built(builder, is_client=is_client)
    if started is None:
        _set(session, conf)
    for key, value in REQUIRED.items():
        session.conf.set(key, value)
    if int(session.conf.get(BATCH_ROWS) or 0) <= 0:  # unbounded for Spark, an error in PySpark
        session.conf.set(BATCH_ROWS, str(2**31 - 1))
    if is_client:
        # At exit, finalizers of Connect models that a traceback holds call a server that is gone,
        # and hang; after stop() they make no call.
        atexit.register(session.stop)
    else:
        if is_new:
            _silence(session)
        _write_digits_0_to_9(session)
        reach_object_stores(session.sparkContext._jsc.hadoopConfiguration())
    if started is not None and started.is_recording and started.archive is not None:
        _make_archive_at_exit(session, started.archive, java=started.environment["JAVA_HOME"])
    return session


def is_running() -> bool:
    """Whether Spark is running already: by spark-submit, a Connect server or a notebook."""
    is_client = is_remote() or "SPARK_REMOTE" in os.environ
    return (
        is_client
        or "PYSPARK_GATEWAY_PORT" in os.environ
        or SparkSession.getActiveSession() is not None
    )


def _write_digits_0_to_9(session: SparkSession) -> None:
    """Set the root locale: an Arabic JVM would name model folders in digits that it cannot read."""
    jvm = session.sparkContext._jvm
    if jvm is None:
        raise RuntimeError("a session on this machine has a JVM")
    if jvm.java.text.DecimalFormatSymbols.getInstance().getZeroDigit() != "0":
        jvm.java.util.Locale.setDefault(jvm.java.util.Locale.ROOT)


@contextmanager
def caller_settings_kept() -> Iterator[None]:
    """Restore the settings of an existing session, as in a notebook, afterwards."""
    session = SparkSession.getActiveSession()
    before = {key: session.conf.get(key, None) for key in REQUIRED} if session else {}
    try:
        yield
    finally:
        if session is not None:
            for key, value in before.items():
                with suppress(PySparkException, Py4JError):  # stopped in the meantime
                    if value is None:
                        session.conf.unset(key)
                    else:
                        session.conf.set(key, value)


def _has_jvm() -> bool:
    """Whether there is a JVM: of spark-submit, or of an earlier session."""
    return "PYSPARK_GATEWAY_PORT" in os.environ or SparkContext._gateway is not None


def _built(builder: SparkSession.Builder, *, is_client: bool) -> SparkSession:
    """The session; a failure to build it is an error in its settings."""
    try:
        return builder.getOrCreate()
    except Py4JJavaError as error:
        raise ConfigError(
            f"Spark does not start: {in_short(str(error.java_exception))}; see Spark's properties"
        ) from None
    except ImportError as error:
        if not is_client:
            raise
        raise ConfigError(
            f"--remote needs the packages of Spark Connect: {in_short(str(error))}: "
            "pip install '.[connect]', or pip install 'pyspark[connect]'"
        ) from None


def _check_server(address: str) -> None:
    """Refuse a server that does not answer; PySpark would retry for minutes, deaf to Ctrl-C."""
    server = urlsplit(address)
    if server.scheme != "sc" or not server.hostname:
        return
    try:
        port = server.port or CONNECT_PORT
        socket.create_connection((server.hostname, port), timeout=ANSWER_S).close()
    except (OSError, ValueError) as error:
        raise ConfigError(
            f"--remote {redacted(address)}: no Spark Connect server answers: {one_line(str(error))}"
        ) from None


def _set(session: SparkSession, conf: Mapping[str, str]) -> None:
    """Set what can still be set in a Spark that is running already."""
    for key, value in conf.items():
        try:
            session.conf.set(key, value)
        except PySparkException as error:
            raise ConfigError(
                f"--conf {key}: {in_short(str(error))}: set it where Spark is started, as in "
                "spark-submit --conf"
            ) from None


def _silence(session: SparkSession) -> None:
    """Loggers that print many lines for what the job reports in one, or for what is harmless."""
    jvm = session.sparkContext._jvm
    if jvm is None:
        raise RuntimeError("a session on this machine has a JVM")
    logging = jvm.org.apache.logging.log4j
    for logger in NOISY_LOGGERS:
        logging.core.config.Configurator.setLevel(logger, logging.Level.OFF)


def _make_archive_at_exit(session: SparkSession, archive: Path, *, java: str) -> None:
    """Let another JVM create the archive from this one's recording, after the command has ended."""
    gateway = session.sparkContext._gateway
    if gateway is None:
        raise RuntimeError("a session on this machine has a gateway to its JVM")
    runtime = gateway.jvm.java.lang.management.ManagementFactory.getRuntimeMXBean()
    options = runtime.getInputArguments()
    command = archive_command(
        archive, [f"{java}/bin/java", *options, "-cp", runtime.getClassPath()]
    )

    def make() -> None:
        session.stop()  # else PySpark's accumulator server prints a traceback when the JVM ends
        gateway.proc.stdin.close()  # on which the JVM ends
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
    """Keep the handler of Ctrl-C: Spark's would call the JVM during a call that py4j waits for."""
    if current_thread() is not main_thread():
        yield
        return
    handler = signal.getsignal(signal.SIGINT)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, handler)


def job_descriptions(spark: SparkSession) -> Callable[[str | None], None]:
    """The function that sets the description of subsequent Spark jobs, for Spark's UI and logs.

    ``None`` clears it; errors are ignored where Spark has stopped.
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
