"""The runs of one output folder: a run is written aside, then made visible in one step."""

import json
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from pyspark.ml import PipelineModel
from pyspark.sql import Column, DataFrame, SparkSession

from segmentation.config import Source
from segmentation.errors import ConfigError, StorageError
from segmentation.storage.filesystem import Folder
from segmentation.storage.readers import read_table
from segmentation.storage.writers import COMPRESSION, write_table

RUN_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}")
STAGING, ASIDE = "_staging", "_aside"
MANIFEST, REPORT, LATEST, MODEL = "manifest.json", "report.html", "latest", "model"


@dataclass(frozen=True)
class RunStore:
    """One run's place in the output folder; see :meth:`opened`."""

    spark: SparkSession
    output: Folder
    run_id: str

    @classmethod
    def opened(cls, *, output: str, run_id: str, session: Callable[[], SparkSession]) -> "RunStore":
        """The place for a new run. Nothing is written yet but the output folder itself.

        The session is built when the place is known to be good, as it takes some seconds.

        Raises
        ------
        ConfigError
            If the run id cannot be a folder's name.
        StorageError
            If the output folder cannot be made, or has a run of that id.
        """
        if not RUN_ID.fullmatch(run_id):
            raise ConfigError(
                f"--run-id {run_id!r}: needs letters, digits, '.', '_' and '-' only, at most 100, "
                "a letter or digit first"
            )
        folder = Folder.at(output)
        folder.create()
        published = folder.child(f"run={run_id}")
        if published.exists():
            raise StorageError(
                f"the run {published.uri} exists and is never overwritten: change --run-id"
            )
        return cls(session(), folder, run_id)

    @property
    def published(self) -> Folder:
        """Where the run is seen."""
        return self.output.child(f"run={self.run_id}")

    @property
    def staging(self) -> Folder:
        """Where it is written until then; readers pass over a name that begins with ``_``."""
        return self.output.child(f"{STAGING}-{self.run_id}")

    def read(self, source: Source, *, seed: int) -> DataFrame:
        """A table of the input; see :func:`segmentation.storage.readers.read_table`."""
        return read_table(self.spark, source, seed=seed)

    def aside(self, name: str, table: DataFrame) -> DataFrame:
        """Write a table that is read often and not published; returns it as it was written."""
        folder = self.staging.child(ASIDE).child(name)
        table.write.options(**COMPRESSION).parquet(folder.uri)
        return self.spark.read.schema(table.schema).parquet(folder.glob)

    def stage_table(
        self,
        name: str,
        table: DataFrame,
        *,
        rows: int,
        partition_by: str | None = None,
        sort_by: Sequence[Column] = (),
        mostly_unique: Sequence[str] = (),
    ) -> DataFrame:
        """Write a table of so many rows aside; returns it as it was written."""
        folder = self.staging.child(name)
        write_table(
            table,
            folder,
            rows=rows,
            partition_by=partition_by,
            sort_by=sort_by,
            mostly_unique=mostly_unique,
        )
        return self.spark.read.schema(table.schema).parquet(folder.glob)

    def stage_rows(self, name: str, rows: Sequence[tuple[Any, ...]], *, ddl: str) -> None:
        """Write a small table aside."""
        self.stage_table(name, self.spark.createDataFrame(list(rows), ddl), rows=len(rows))

    def stage_model(self, model: PipelineModel) -> PipelineModel:
        """Write the model aside; returns it as it was written."""
        folder = self.staging.child(MODEL)
        model.write().save(folder.uri)
        return PipelineModel.load(folder.glob)

    def stage_texts(self, *, manifest: dict[str, Any], report: str) -> None:
        """Write the manifest and the report aside."""
        text = json.dumps(manifest, indent=2, ensure_ascii=False, allow_nan=False)
        self.staging.write(MANIFEST, text + "\n")
        self.staging.write(REPORT, report)

    def publish(self) -> str:
        """Make the staged run visible, then point ``latest`` at it; returns the run's address.

        The rename shows the whole run or nothing on a local disk and on HDFS.
        """
        self.staging.child(ASIDE).delete()
        self.staging.move(self.published)
        pointer = {"run": self.run_id, "path": f"run={self.run_id}"}
        self.output.write(f"{LATEST}.json", json.dumps(pointer) + "\n")
        self.output.link(LATEST, f"run={self.run_id}")
        return self.published.uri

    def discard(self) -> None:
        """Remove what a failed run left aside."""
        self.staging.delete()
