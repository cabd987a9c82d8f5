"""The console command ``segment``: its commands, errors and interrupts."""

import logging
import signal
import sys
import traceback
from collections.abc import Sequence
from contextlib import AbstractContextManager, nullcontext
from importlib.metadata import version
from pathlib import Path
from types import TracebackType
from typing import Annotated

import typer
from typer.exceptions import TyperException

from segmentation import __version__
from segmentation.cli.compare import compare
from segmentation.cli.report import report
from segmentation.cli.run import run
from segmentation.cli.runs import mirror, repair, rollback, runs, show
from segmentation.errors import ConfigError, SegmentationError, one_line
from segmentation.redaction import redacted
from segmentation.runtime.java import java_home

OPERATOR_ERROR_EXIT, INTERRUPTED_EXIT = 2, 130

app = typer.Typer(add_completion=False, pretty_exceptions_enable=False)


def _print_version(is_wanted: bool) -> None:
    if is_wanted:
        typer.echo(f"segment {__version__}, Spark {version('pyspark')}")
        raise typer.Exit


@app.callback()
def segment(
    version: Annotated[
        bool,
        typer.Option(
            "--version", help="Print the version and exit.", is_eager=True, callback=_print_version
        ),
    ] = False,
) -> None:
    """Customer segments from a table: k-means over a range of k, labelled Parquet, a report."""


for command in (run, runs, show, report, compare, rollback, mirror, repair):
    app.command()(command)


@app.command("java-home")
def show_java_home() -> None:
    """Print the JAVA_HOME that this project uses, for spark-submit."""
    typer.echo(java_home())


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the command; an error that the operator can fix is one line, with exit code 2.

    Ctrl-C and SIGTERM end it with one line and exit code 130, and leave the output clean.
    """
    lines = logging.StreamHandler()
    lines.addFilter(_is_not_py4js)
    lines.setFormatter(_RedactedLines("%(asctime)s %(levelname)s %(name)s: %(message)s"))
    logging.basicConfig(handlers=[lines])
    sys.excepthook = _print_bug
    logging.getLogger("segment").setLevel(logging.INFO)
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        with _caller_settings_kept():
            status = app(arguments, prog_name="segment", standalone_mode=False)
    except SegmentationError as error:
        _stop(error)
    except TyperException as error:
        _stop(ConfigError(f"{one_line(error.format_message()).rstrip('.')}; see segment --help"))
    except _spark_failures() as error:
        from segmentation.runtime.spark_errors import operator_error

        fixable = operator_error(error)
        if fixable is None:
            raise
        _stop(fixable)
    if status == INTERRUPTED_EXIT:  # typer's for KeyboardInterrupt
        print("segment: interrupted", file=sys.stderr)  # noqa: T201 - the one line for the operator
        raise SystemExit(INTERRUPTED_EXIT)


def _caller_settings_kept() -> AbstractContextManager[None]:
    """Restore the settings of a caller's Spark session; a caller with one has imported pyspark."""
    if "pyspark" not in sys.modules:
        return nullcontext()
    from segmentation.runtime.session import caller_settings_kept

    return caller_settings_kept()


def _spark_failures() -> tuple[type[Exception], ...]:
    """The errors of Spark; imported only after something was raised, as that takes a second."""
    from py4j.protocol import Py4JJavaError
    from pyspark.errors import PySparkException

    return PySparkException, Py4JJavaError


class _RedactedLines(logging.Formatter):
    """Log lines without credentials."""

    def format(self, record: logging.LogRecord) -> str:
        """The line, and the traceback below it if there is one."""
        return redacted(super().format(record))


def _print_bug(kind: type[BaseException], bug: BaseException, trace: TracebackType | None) -> None:
    """Print the traceback of a bug as Python does, without credentials in its message."""
    sys.stderr.write(redacted("".join(traceback.format_exception(kind, bug, trace))))


def _is_not_py4js(record: logging.LogRecord) -> bool:
    """Silence py4j, which logs, partly as the root logger, what it also raises."""
    return "py4j" not in Path(record.pathname).parts


def _stop(error: SegmentationError) -> None:
    print(f"segment: {redacted(str(error))}", file=sys.stderr)  # noqa: T201 - the one line for the operator
    raise SystemExit(OPERATOR_ERROR_EXIT)
