"""The command ``segment report``: the page of a published run, rendered again."""

import sys
from pathlib import Path
from typing import Annotated

import typer

from segmentation.cli.arguments import OutputArgument, output_settings
from segmentation.errors import StorageError
from segmentation.redaction import redacted
from segmentation.storage.filesystem import Folder, existing_folder
from segmentation.storage.run_reader import PublishedRun

STANDARD_OUTPUT = "-"


def report(
    output: OutputArgument,
    run: Annotated[
        str | None, typer.Option(metavar="RUN", help="Run to render (default: the current one).")
    ] = None,
    to: Annotated[
        str | None,
        typer.Option(
            metavar="FILE",
            help="File to write, or - for standard output (default: report-RUN.html here).",
        ),
    ] = None,
) -> None:
    """Render the report of a published run again, from its tables.

    The published report is not changed.
    """
    from segmentation.pipelines.report import page

    folder = existing_folder(output_settings(output).path)
    published = PublishedRun.open(folder, run)
    target = f"report-{published.name}.html" if to is None else to
    if target != STANDARD_OUTPUT:
        refuse_published(target, folder, option="--to")
    content = page(published).encode("utf-8")
    if target == STANDARD_OUTPUT:
        sys.stdout.buffer.write(content)
        return
    try:
        Path(target).write_bytes(content)
    except OSError as error:
        raise StorageError(f"--to {target}: cannot be written: {error.strerror}") from None
    typer.echo(f"report: {redacted(str(Path(target).absolute()))}")


def refuse_published(target: str, output: Folder, *, option: str) -> None:
    """Refuse a file or folder that would lie in one of the output folder's runs.

    Raises
    ------
    StorageError
        If it would.
    """
    if not output.is_local:
        return
    runs = Path(output.path).resolve()
    inside = Path(target).resolve()
    parts = inside.relative_to(runs).parts if inside.is_relative_to(runs) else ()
    if parts and parts[0].startswith("run="):
        raise StorageError(
            f"{option} {target}: lies in a published run, which is never changed; name another one"
        )
