"""The commands about published runs: list, show, roll back, mirror, repair."""

from functools import partial
from typing import Annotated

import typer
from rich.console import Console

from segmentation.cli.arguments import OutputArgument, is_configuration, output_settings
from segmentation.cli.tables import curve_table, runs_table, segments_table
from segmentation.errors import ConfigError, StorageError
from segmentation.redaction import redacted
from segmentation.storage import history, removal
from segmentation.storage.filesystem import existing_folder
from segmentation.storage.locking import Lock
from segmentation.storage.manifests import read_run
from segmentation.storage.run_reader import PublishedRun


def runs(output: OutputArgument) -> None:
    """List the runs of an output folder, the newest first."""
    found = history.history(existing_folder(output_settings(output).path))
    Console().print(runs_table(found.runs))
    _warn(found.problems)


def show(
    output: OutputArgument,
    run: Annotated[
        str | None, typer.Option(metavar="RUN", help="Run to show (default: the current one).")
    ] = None,
) -> None:
    """Print a run's segments and cost curve."""
    published = PublishedRun.open(existing_folder(output_settings(output).path), run)
    value = published.run.value_feature
    console = Console()
    refresh = published.run.refresh
    if refresh is not None:
        console.print(f"model: {refresh.reason}", markup=False)
    console.print(segments_table(published.segments(), value_feature=value))
    if value is None:
        console.print(
            "Segments are ordered by size; set segments.value to order them by customer value"
        )
    console.print(curve_table(published.cost_curve()))


def rollback(
    output: OutputArgument,
    run: Annotated[
        str | None,
        typer.Argument(metavar="RUN", help="Run to restore (default: the previous one)."),
    ] = None,
) -> None:
    """Make an earlier run current again, by pointing latest.json at it.

    With a configuration file instead of the folder, its views and database are updated too.
    """
    from segmentation.runtime.session import build_session
    from segmentation.storage import downstream

    settings = output_settings(output)
    folder = existing_folder(settings.path)
    session = partial(build_session, "roll back")
    with Lock.held(folder, run_id="rollback") as lock:
        downstream.check(settings, output=folder, session=session)
        current = history.roll_back(folder, run, confirm=lock.confirm)
        downstream.show(current, folder, settings, session=session)
    typer.echo(f"current: {current}")
    behind = downstream.not_updated(PublishedRun.open(folder, current).run, settings)
    if behind:
        typer.echo(
            f"not updated: {', '.join(behind)}; segment mirror CONFIG, with the configuration "
            "file, updates them"
        )


def mirror(output: OutputArgument) -> None:
    """Update the views and the database to the current run.

    With a folder, those that the current run was published to; with a configuration file, those
    that it names.
    """
    from segmentation.runtime.session import build_session
    from segmentation.storage import downstream

    settings = output_settings(output)
    folder = existing_folder(settings.path)
    session = partial(build_session, "mirror")
    with Lock.held(folder, run_id="mirror"):
        current = history.current(folder)
        published = None if current is None else read_run(folder, current)
        if current is None or published is None:
            raise StorageError(f"{folder.uri} has no current run: segment runs lists them")
        if not is_configuration(output):
            settings = downstream.settings_of(published, settings)
        names = downstream.configured(settings)
        if not names:
            raise ConfigError(f"{output} names neither output.catalog nor output.database")
        downstream.check(settings, output=folder, session=session)
        downstream.show(current, folder, settings, session=session)
    typer.echo(f"current: {current}")
    typer.echo(f"up to date: {', '.join(names)}")


def repair(output: OutputArgument) -> None:
    """Repair latest.json if it names no complete run, and remove what killed runs left."""
    folder = existing_folder(output_settings(output).path)
    with Lock.held(folder, run_id="repair") as lock:
        run = history.repair(folder, confirm=lock.confirm)
        removed = removal.clean(folder, confirm=lock.confirm)
        found = history.history(folder)
    current = next((past.run for past in found.runs if past.is_current), None)
    for name in removed:
        typer.echo(f"removed: {name}")
    typer.echo(
        f"current: {current or 'none, as no run is complete'}{' (unchanged)' * (run is None)}"
    )
    _warn(found.problems)


def _warn(problems: tuple[str, ...]) -> None:
    for problem in problems:
        typer.echo(f"segment: warning: {redacted(problem)}", err=True)
