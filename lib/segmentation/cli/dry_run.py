"""A dry run: the configuration, the columns and every row are checked, and nothing is written."""

import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from pyspark.sql import DataFrame, SparkSession

from segmentation.config import Config, Input, Source
from segmentation.features import contract
from segmentation.pipelines.steps import Listener, Steps
from segmentation.redaction import redacted
from segmentation.runtime.session import job_descriptions
from segmentation.storage import downstream
from segmentation.storage.delta import check_delta
from segmentation.storage.filesystem import Folder
from segmentation.storage.readers import read_table


@dataclass(frozen=True)
class DryRunReader:
    """Reads the input of a dry run; demo customers are generated in a temporary folder."""

    spark: SparkSession
    folder: Path

    def read(self, source: Source, *, seed: int, warn: Callable[[str], None]) -> DataFrame:
        """A table of the input, lazily."""
        is_made = isinstance(source, Input) and source.generate is not None
        if is_made and not Path(source.paths[0]).exists():
            source = source.model_copy(update={"path": str(self.folder / "customers.csv")})
        return read_table(self.spark, source, seed=seed, warn=warn)

    def materialize(self, name: str, table: DataFrame) -> DataFrame:  # noqa: ARG002 - an InputReader's
        """The table itself, which is recomputed whenever it is read."""
        return table

    def is_published(self, fingerprint: str) -> bool:  # noqa: ARG002 - an InputReader's
        """Always false: no run is looked up."""
        return False


def dry_run_lines(
    settings: Config, spark: SparkSession, *, run_id: str, listener: Listener
) -> list[str]:
    """What a run with this configuration would do, as lines of text; reads the input a few times.

    Raises
    ------
    SegmentationError
        As the run would before it computes anything.
    """
    from segmentation.pipelines.input import check_input

    output = Folder.at(settings.output.path)
    downstream.check(settings.output, output=output, session=lambda: spark)
    if settings.output.delta:
        check_delta()
    steps = Steps(listener, job_descriptions(spark))
    with tempfile.TemporaryDirectory() as folder:
        checked = check_input(settings, reader=DryRunReader(spark, Path(folder)), steps=steps)
    audit, sweep, choose = checked.audit, settings.sweep, settings.choose
    rejected = audit.rows - audit.usable
    reasons = f": {contract.in_words(audit.rejections)}" if audit.rejections else ""
    is_of_lines = settings.transactions is not None
    return [
        f"input: {', '.join(map(redacted, settings.input.paths))} ({settings.input.format}): "
        f"{audit.rows:,} {'customers' if is_of_lines else 'rows'}, {audit.usable:,} usable, "
        f"{rejected:,} rejected{reasons}",
        f"features: {', '.join(settings.features.names)}",
        f"k: {sweep.k_min} to {sweep.k_max}, choose.k = {choose.k}",
        f"output: {redacted(output.uri)}/run={run_id}",
        "dry run: nothing was written",
    ]
