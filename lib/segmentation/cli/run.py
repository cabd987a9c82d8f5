"""The command ``segment run``: from a configuration to a published run, or to a plan."""

import json
import os
from datetime import UTC, datetime
from typing import Annotated

import typer
from rich.console import Console

from segmentation.cli.progress import progress


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
    refresh: Annotated[
        str | None,
        typer.Option(
            metavar="POLICY",
            help="auto, keep, warm, fresh or combine: the same as --set refresh.policy=POLICY.",
        ),
    ] = None,
    as_of: Annotated[
        str | None,
        typer.Option(metavar="DATE", help="The day from which days are counted back."),
    ] = None,
    accept: Annotated[
        bool,
        typer.Option(
            "--accept", help="Go on with data that look broken beside those of the previous run."
        ),
    ] = False,
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
    from segmentation.cli.publishing import RunRequest, lines_of_run

    if remote is not None:
        os.environ["SPARK_REMOTE"] = remote  # as PySpark itself takes it
    values = list(overrides or ())
    if output is not None:  # a JSON string is a valid TOML string
        values.append(f"output.path={json.dumps(output, ensure_ascii=False)}")
    if refresh is not None:
        values.append(f"refresh.policy={json.dumps(refresh)}")
    began = datetime.now(UTC)
    request = RunRequest(
        config=config,
        overrides=tuple(values),
        conf=tuple(conf or ()),
        run_id=began.strftime("%Y%m%dT%H%M%SZ") if run_id is None else run_id,
        began=began,
        is_dry=dry_run,
        accepts=accept,
        as_of=as_of,
    )
    listener = progress(Console(stderr=True))
    with listener.live():
        lines = lines_of_run(request, listener)
    for line in lines:
        typer.echo(line)
