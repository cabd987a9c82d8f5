"""The work of ``segment run``, apart from parsing its arguments."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import datetime
from importlib.metadata import version
from platform import python_version
from types import ModuleType

from pyspark.sql import SparkSession

from segmentation import __version__
from segmentation.cli.dry_run import dry_run_lines
from segmentation.cli.startup import properties, start
from segmentation.pipelines.steps import Listener, Steps
from segmentation.redaction import redacted
from segmentation.runtime.session import job_descriptions
from segmentation.storage.run_writer import StagedRun

VERSIONED = ("pyspark", "numpy", "pyarrow", "scikit-learn", "kneed", "plotly")


@dataclass(frozen=True)
class RunRequest:
    """The arguments of ``segment run``: ``overrides`` and ``conf`` are ``KEY=VALUE`` each."""

    config: str
    overrides: tuple[str, ...]
    conf: tuple[str, ...]
    run_id: str
    began: datetime
    is_dry: bool
    accepts: bool = False
    as_of: str | None = None


def lines_of_run(request: RunRequest, listener: Listener) -> list[str]:
    """Run the pipeline, or only its checks; returns the text to print.

    Raises
    ------
    SegmentationError
        For what the operator can fix, in one line.
    """
    # Spark's JVM takes seconds to start and the pipeline's libraries two to load: in parallel.
    with ThreadPoolExecutor(1) as imports:
        story = imports.submit(_pipeline)
        settings, session = start(
            "segment customers",
            request.config,
            overrides=request.overrides,
            as_of=request.as_of,
            conf=properties(request.conf),
        )
        if request.is_dry:
            return dry_run_lines(settings, session(), run_id=request.run_id, listener=listener)
        staged = StagedRun.open(
            output=settings.output,
            run_id=request.run_id,
            config=settings.redacted_dump(),
            session=session,
        )
        try:
            published = story.result().run(
                settings,
                writer=staged,
                steps=Steps(listener, job_descriptions(staged.spark)),
                created_at=request.began.isoformat(timespec="seconds"),
                versions=_versions(staged.spark),
                accepts=request.accepts,
            )
        finally:
            staged.discard()
    address = redacted(published.address)
    reason = f"k = {published.k}: {published.reason}"
    model = [] if published.refresh is None else [f"model: {published.refresh}"]
    return [
        *published.headline,
        reason,
        *model,
        f"run: {address}",
        f"report: {address}/report.html",
    ]


def _pipeline() -> ModuleType:
    """The pipeline, imported late, so that errors in the arguments are reported at once."""
    from segmentation.pipelines import segment as pipeline

    return pipeline


def _versions(spark: SparkSession) -> dict[str, str]:
    return {
        "segmentation": __version__,
        "python": python_version(),
        "spark": spark.version,
        **{name: version(name) for name in VERSIONED},
    }
