"""The command ``segment compare``: what changed between two runs, as tables and as a page."""

from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from segmentation.cli.arguments import OutputArgument, output_settings
from segmentation.cli.progress import progress
from segmentation.cli.report import refuse_published
from segmentation.cli.tables import drift_table, events_table, flows_table
from segmentation.errors import ConfigError, StorageError
from segmentation.redaction import redacted
from segmentation.results import Changes
from segmentation.schemas import DRIFT, MIGRATION, SEGMENT_HISTORY
from segmentation.storage.filesystem import Folder, existing_folder
from segmentation.storage.history import runs
from segmentation.storage.run_reader import PublishedRun


def compare(
    output: OutputArgument,
    from_: Annotated[
        str | None,
        typer.Option("--from", metavar="RUN", help="Earlier run (default: the one before --to)."),
    ] = None,
    to: Annotated[
        str | None, typer.Option(metavar="RUN", help="Later run (default: the current one).")
    ] = None,
    page: Annotated[
        str | None,
        typer.Option(metavar="FILE", help="Page to write (default: comparison-FROM-TO.html here)."),
    ] = None,
    tables: Annotated[
        str | None,
        typer.Option(metavar="FOLDER", help="Folder to write the tables to, as Parquet."),
    ] = None,
) -> None:
    """Compare two published runs: which segments stayed, who moved, and what drifted.

    Nothing is fitted, and no published run is changed.
    """
    from segmentation.pipelines.compare import compare as compare_runs
    from segmentation.pipelines.steps import Steps
    from segmentation.runtime.session import build_session, job_descriptions

    folder = existing_folder(output_settings(output).path)
    after = PublishedRun.open(folder, to)
    before = PublishedRun.open(folder, from_ or _run_before(folder, after.name))
    if before.name == after.name:
        raise ConfigError(f"--from and --to are both {after.name}: name two runs")
    target = page or f"comparison-{before.name}-{after.name}.html"
    refuse_published(target, folder, option="--page")
    if tables is not None:
        refuse_published(tables, folder, option="--tables")
    listener = progress(Console(stderr=True))
    with listener.live():
        spark = build_session("compare runs")
        steps = Steps(listener, job_descriptions(spark))
        found = compare_runs(before, after, spark, steps=steps)
    changes = found.changes
    console = Console()
    console.print(events_table([e for e in changes.history if e.run == after.name]))
    if changes.flows:
        console.print(flows_table(changes.flows))
    if any(each.verdict != "stable" for each in changes.drift):
        console.print(drift_table(changes.drift))
    else:
        console.print(f"drift: all {len(changes.drift)} measures are within what chance explains")
    if tables is not None:
        _write_tables(Folder.at(tables), changes, run=after.name)
        typer.echo(f"tables: {redacted(tables)}")
    try:
        Path(target).write_text(found.page, encoding="utf-8")
    except OSError as error:
        raise StorageError(f"--page {target}: cannot be written: {error.strerror}") from None
    typer.echo(f"page: {redacted(str(Path(target).absolute()))}")


def _run_before(output: Folder, run: str) -> str:
    """The run that was published before another one.

    Raises
    ------
    StorageError
        If there is none.
    """
    known = [past.run for past in runs(output)]
    earlier = known[known.index(run) + 1 :]
    if not earlier:
        raise StorageError(f"{output.uri} has no run before {run}: segment runs lists them")
    return earlier[0]


def _write_tables(folder: Folder, changes: Changes, *, run: str) -> None:
    """Write the moves, the drift and the later run's keys as Parquet, a folder each."""
    from segmentation.storage.writers import write_rows

    own = [each for each in changes.history if each.run == run]
    for table, rows in (
        (MIGRATION, changes.flows),
        (DRIFT, changes.drift),
        (SEGMENT_HISTORY, own),
    ):
        write_rows(rows, folder.child(table.name), columns=table.columns)
