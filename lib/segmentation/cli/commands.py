"""The console command ``segment``."""

import json
import logging
import os
import signal
import sys
import traceback
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from datetime import UTC, datetime
from functools import partial
from importlib.metadata import version
from pathlib import Path
from platform import python_version
from types import ModuleType, TracebackType
from typing import Annotated

import typer
from py4j.protocol import Py4JJavaError
from pyspark.errors import PySparkException
from pyspark.sql import SparkSession
from rich.console import Console
from typer.exceptions import TyperException

from segmentation import __version__
from segmentation.cli.dry_run import dry_run_lines
from segmentation.cli.progress import LiveLines, LogLines, progress
from segmentation.cli.startup import properties, started
from segmentation.cli.tables import curve_table, runs_table, segments_table
from segmentation.config import Config, Output, load
from segmentation.errors import ConfigError, SegmentationError, StorageError, one_line
from segmentation.pipelines.steps import Steps
from segmentation.redaction import redacted
from segmentation.runtime.java import java_home
from segmentation.runtime.session import build_session, caller_settings_kept, job_descriptions
from segmentation.runtime.spark_errors import operator_error
from segmentation.storage import downstream, history, removal
from segmentation.storage.filesystem import existing
from segmentation.storage.locking import Lock
from segmentation.storage.manifests import read_run
from segmentation.storage.run_reader import PublishedRun
from segmentation.storage.run_writer import StagedRun

OPERATOR_ERROR_EXIT, INTERRUPTED_EXIT = 2, 130
VERSIONED = ("pyspark", "numpy", "pyarrow", "scikit-learn", "kneed", "plotly")

Runs = Annotated[
    str,
    typer.Argument(
        metavar="OUTPUT",
        help="Output folder, or a configuration file that sets output.path.",
    ),
]

app = typer.Typer(add_completion=False, pretty_exceptions_enable=False)


def _show_version(is_wanted: bool) -> None:
    if is_wanted:
        typer.echo(f"segment {__version__}, Spark {version('pyspark')}")
        raise typer.Exit


@app.callback()
def segment(
    version: Annotated[
        bool,
        typer.Option(
            "--version", help="Print the version and exit.", is_eager=True, callback=_show_version
        ),
    ] = False,
) -> None:
    """Customer segments from a table: k-means over a range of k, labelled Parquet, a report."""


@app.command()
def run(
    config: Annotated[
        str,
        typer.Argument(
            envvar="SEGMENT_CONFIG", help="Configuration file (TOML): a path, or a URI like s3a://."
        ),
    ],
    overrides: Annotated[
        list[str] | None,
        typer.Option(
            "--set",
            metavar="SECTION.KEY=VALUE",
            help="Override a configuration value; VALUE is TOML, and a bare word is a string.",
        ),
    ] = None,
    output: Annotated[
        str | None, typer.Option(metavar="URI", help="The same as --set output.path=URI.")
    ] = None,
    run_id: Annotated[
        str | None, typer.Option(metavar="ID", help="Run id (default: UTC start time).")
    ] = None,
    dry_run: Annotated[
        bool,
        typer.Option(
            "--dry-run",
            help="Check the configuration and every input row, print the plan, write nothing.",
        ),
    ] = False,
    conf: Annotated[
        list[str] | None,
        typer.Option(metavar="KEY=VALUE", help="A Spark property, such as spark.driver.memory=8g."),
    ] = None,
    remote: Annotated[
        str | None, typer.Option(metavar="URL", help="Spark Connect server: sc://HOST:15002.")
    ] = None,
) -> None:
    """Segment customers and publish the run."""
    if remote is not None:
        os.environ["SPARK_REMOTE"] = remote  # as PySpark itself takes it
    told = list(overrides or ())
    if output is not None:  # a JSON string is a valid TOML string
        told.append(f"output.path={json.dumps(output, ensure_ascii=False)}")
    began = datetime.now(UTC)
    name = began.strftime("%Y%m%dT%H%M%SZ") if run_id is None else run_id
    shown = progress(Console(stderr=True))
    # Spark's JVM takes seconds to start and the libraries of the story two to be loaded: together.
    with shown.live(), ThreadPoolExecutor(1) as aside:
        story = aside.submit(_pipeline)
        settings, session = started(
            "segment customers", config, overrides=told, conf=properties(conf or ())
        )
        if dry_run:
            lines = dry_run_lines(settings, session(), run_id=name, listener=shown)
        else:
            lines = _published(
                settings, session, run_id=name, began=began, shown=shown, story=story
            )
    for line in lines:
        typer.echo(line)


@app.command()
def runs(output: Runs) -> None:
    """List the runs of an output folder, the newest first."""
    found = history.history(existing(_output(output).path))
    Console().print(runs_table(found.runs))
    for problem in found.problems:
        typer.echo(f"segment: warning: {redacted(problem)}", err=True)


@app.command()
def repair(output: Runs) -> None:
    """Point latest.json at a whole run where it does not, and remove what dead runs left."""
    folder = existing(_output(output).path)
    lock = Lock.taken(folder, run_id="repair")
    try:
        run = history.repaired(folder, confirm=lock.confirm)
        removed = removal.clean(folder, confirm=lock.confirm)
        found = history.history(folder)
    finally:
        lock.release()
    now = next((past.run for past in found.runs if past.is_current), None)
    for name in removed:
        typer.echo(f"removed: {name}")
    typer.echo(f"current: {now or 'none, as no run is whole'}{' (as before)' * (run is None)}")
    for problem in found.problems:
        typer.echo(f"segment: warning: {redacted(problem)}", err=True)


@app.command()
def rollback(
    output: Runs,
    run: Annotated[
        str | None,
        typer.Argument(metavar="RUN", help="Run to restore (default: the previous one)."),
    ] = None,
) -> None:
    """Make an earlier run current again: latest.json names it from then on.

    With a configuration in place of the folder its views and database show that run too.
    """
    settings = _output(output)
    folder = existing(settings.path)
    session = partial(build_session, "roll back")
    lock = Lock.taken(folder, run_id="rollback")
    try:
        downstream.check(settings, output=folder, session=session)
        current = history.rolled_back(folder, run, confirm=lock.confirm)
        downstream.show(current, folder, settings, session=session)
    finally:
        lock.release()
    typer.echo(f"current: {current}")
    behind = downstream.not_updated(PublishedRun.opened(folder, current).run, settings)
    if behind:
        typer.echo(
            f"not updated: {', '.join(behind)}; segment mirror CONFIG, with the configuration "
            "file, brings them up to date"
        )


@app.command()
def mirror(output: Runs) -> None:
    """Bring the views and the database up to the current run.

    Of a folder, those that the current run was published with; of a configuration, those that it
    names.
    """
    settings = _output(output)
    folder = existing(settings.path)
    session = partial(build_session, "mirror")
    lock = Lock.taken(folder, run_id="mirror")
    try:
        current = history.current(folder)
        published = None if current is None else read_run(folder, current)
        if current is None or published is None:
            raise StorageError(f"{folder.uri} has no current run: segment runs lists them")
        if not _is_configuration(output):
            settings = downstream.settings_of(published, settings)
        names = downstream.configured(settings)
        if not names:
            raise ConfigError(f"{output} names neither output.catalog nor output.database")
        downstream.check(settings, output=folder, session=session)
        downstream.show(current, folder, settings, session=session)
    finally:
        lock.release()
    typer.echo(f"current: {current}")
    typer.echo(f"up to date: {', '.join(names)}")


@app.command()
def show(
    output: Runs,
    run: Annotated[
        str | None, typer.Option(metavar="RUN", help="Run to show (default: the current one).")
    ] = None,
) -> None:
    """Print a run's segments and cost curve."""
    published = PublishedRun.opened(existing(_output(output).path), run)
    value = published.run.value_feature
    console = Console()
    console.print(segments_table(published.segments(), value_feature=value))
    if value is None:
        console.print("Largest segment first: segments.value names the value of a customer")
    console.print(curve_table(published.cost_curve()))


@app.command("java-home")
def show_java_home() -> None:
    """Print the JAVA_HOME that Spark is given, for spark-submit and the like."""
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
        with caller_settings_kept():
            status = app(arguments, prog_name="segment", standalone_mode=False)
    except SegmentationError as error:
        _stop(error)
    except TyperException as error:
        _stop(ConfigError(f"{one_line(error.format_message()).rstrip('.')}; see segment --help"))
    except (PySparkException, Py4JJavaError) as error:
        told = operator_error(error)
        if told is None:
            raise
        _stop(told)
    if status == INTERRUPTED_EXIT:  # typer's for KeyboardInterrupt
        print("segment: interrupted", file=sys.stderr)  # noqa: T201 - the one line for the operator
        raise SystemExit(INTERRUPTED_EXIT)


class _RedactedLines(logging.Formatter):
    """Log lines without credentials."""

    def format(self, record: logging.LogRecord) -> str:
        """The line, and the traceback below it if there is one."""
        return redacted(super().format(record))


def _print_bug(kind: type[BaseException], bug: BaseException, trace: TracebackType | None) -> None:
    """Print the traceback of a bug, as Python does, without the credentials in its message."""
    sys.stderr.write(redacted("".join(traceback.format_exception(kind, bug, trace))))


def _is_not_py4js(record: logging.LogRecord) -> bool:
    """Py4j logs, with tracebacks and partly in the root's name, what it raises as well."""
    return "py4j" not in Path(record.pathname).parts


def _output(told: str) -> Output:
    """What a configuration says of its output; or a folder alone."""
    if not told.strip():
        raise ConfigError("OUTPUT is empty: name a folder of runs, or a configuration")
    if _is_configuration(told):
        return load(told).output
    return Output(path=told)


def _is_configuration(told: str) -> bool:
    """Whether an argument is a configuration file and not a folder of runs."""
    return Path(told).suffix == ".toml"


def _published(
    settings: Config,
    session: Callable[[], SparkSession],
    *,
    run_id: str,
    began: datetime,
    shown: LiveLines | LogLines,
    story: Future[ModuleType],
) -> list[str]:
    """The lines that tell of the published run."""
    staged = StagedRun.opened(
        output=settings.output, run_id=run_id, config=settings.redacted_dump(), session=session
    )
    steps = Steps(shown, job_descriptions(staged.spark))
    try:
        published = story.result().run(
            settings,
            writer=staged,
            steps=steps,
            created_at=began.isoformat(timespec="seconds"),
            versions=_versions(staged.spark),
        )
    finally:
        staged.discard()
    address = redacted(published.address)
    reason = f"k = {published.k}: {published.reason}"
    return [*published.headline, reason, f"run: {address}", f"report: {address}/report.html"]


def _pipeline() -> ModuleType:
    """The story, imported late, so that help and refusals come soon."""
    from segmentation.pipelines import segment as pipeline

    return pipeline


def _stop(error: SegmentationError) -> None:
    print(f"segment: {redacted(str(error))}", file=sys.stderr)  # noqa: T201 - the one line for the operator
    raise SystemExit(OPERATOR_ERROR_EXIT)


def _versions(spark: SparkSession) -> dict[str, str]:
    return {
        "segmentation": __version__,
        "python": python_version(),
        "spark": spark.version,
        **{name: version(name) for name in VERSIONED},
    }
