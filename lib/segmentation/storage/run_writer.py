"""A new run: staged in a folder that readers ignore, then published in one step."""

import json
import logging
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from pyspark.ml import PipelineModel
from pyspark.sql import DataFrame, SparkSession

from segmentation.config import Output, Source
from segmentation.errors import ConfigError, StorageError
from segmentation.model.reference import ModelFiles
from segmentation.results import Run
from segmentation.schemas import ONE_FOLDER, FileLayout, Table
from segmentation.storage import downstream
from segmentation.storage.delta import check_delta, log_tables
from segmentation.storage.filesystem import Folder
from segmentation.storage.lineage import keys_given, previous_run
from segmentation.storage.locking import Lock
from segmentation.storage.manifests import MANIFEST
from segmentation.storage.model_files import MODEL, write_anchors, write_model, write_reference
from segmentation.storage.output_folder import prepare_output
from segmentation.storage.pointer import point_at, read_object
from segmentation.storage.readers import read_table
from segmentation.storage.removal import RUNNING, STAGING, prune, remove_run
from segmentation.storage.run_reader import PublishedRun
from segmentation.storage.writers import COMPRESSION, write_rows, write_table, written_rows
from segmentation.storage.written_files import WrittenFiles

RUN_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}")
TEMPORARY, REPORT = "_temporary", "report.html"
LOGGER = logging.getLogger("segment")


@dataclass
class StagedRun:
    """A run that is being written; see :meth:`open`.

    ``existing_run`` is one with this id that is already published.
    """

    spark: SparkSession
    output: Folder
    run_id: str
    lock: Lock
    settings: Output
    existing_run: Run | None
    _manifest: str = ""
    _written: WrittenFiles = field(default_factory=WrittenFiles)

    @classmethod
    def open(
        cls,
        *,
        output: Output,
        run_id: str,
        config: Mapping[str, Any],
        session: Callable[[], SparkSession],
    ) -> "StagedRun":
        """Open a new run: the output folder is locked, and cleared of interrupted runs.

        The session is built after that, because it takes some seconds.

        Raises
        ------
        ConfigError
            If the run id cannot be a folder's name.
        StorageError
            If the output folder cannot be created, another job writes to it, or it has a run of
            that id with another configuration.
        """
        if not RUN_ID.fullmatch(run_id):
            raise ConfigError(
                f"--run-id {run_id!r}: needs letters, digits, '.', '_' and '-' only, at most 100, "
                "a letter or digit first"
            )
        folder = Folder.at(output.path)
        folder.create()
        lock = Lock.acquire(folder, run_id=run_id)
        try:
            existing_run = prepare_output(folder, run_id, config, confirm=lock.confirm)
            spark = session()
            downstream.check(output, output=folder, session=lambda: spark)
            if output.delta:
                check_delta()
            staged = cls(spark, folder, run_id, lock, output, existing_run)
            if staged.staging == staged.published:
                staged.staging.create()
                staged.staging.write(RUNNING, json.dumps({"run": run_id, "token": lock.token}))
            return staged
        except BaseException:
            lock.release()
            raise

    @property
    def published(self) -> Folder:
        """The published folder."""
        return self.output.child(f"run={self.run_id}")

    @property
    def staging(self) -> Folder:
        """The folder it is written to first; readers ignore names that begin with ``_``.

        The name is unique to the attempt, so that late writes of an executor whose driver is lost
        reach no run. An object store cannot rename, so there it is the published folder, and the
        manifest, which is written last, completes it.
        """
        if self.output.renames or self.existing_run is not None:
            return self.output.child(f"{STAGING}{self.run_id}-{self.lock.token}")
        return self.published

    def previous_run(self) -> PublishedRun | None:
        """The run that is current while this one is made, None if there is none yet.

        Raises
        ------
        StorageError
            If it is damaged, or of a newer version.
        """
        return previous_run(self.output)

    def keys_given(self) -> int:
        """How many segment keys the output folder has given so far."""
        return keys_given(self.output)

    def read(self, source: Source, *, seed: int, warn: Callable[[str], None]) -> DataFrame:
        """A table of the input; see :func:`segmentation.storage.readers.read_table`."""
        return read_table(self.spark, source, seed=seed, warn=warn)

    def materialize(self, name: str, table: DataFrame) -> DataFrame:
        """Write a temporary table, so that later passes read it; returns it as it was written."""
        folder = self.staging.child(TEMPORARY).child(name)
        # Dictionaries of 300 columns of doubles, none of which pays, took most of the time.
        without = {"parquet.enable.dictionary": "false"}
        table.write.options(**COMPRESSION, **without).parquet(folder.uri)
        return self.spark.read.schema(table.schema).parquet(folder.glob)

    def is_published(self, fingerprint: str) -> bool:
        """Whether this run is published already: same id, same configuration, same input.

        Raises
        ------
        StorageError
            If it was published with another input.
        """
        if self.existing_run is None:
            return False
        if self.existing_run.fingerprint != fingerprint:
            raise StorageError(
                f"the run {self.published.uri} exists, with another input, and is never "
                "overwritten: change --run-id"
            )
        return True

    def stage_table(
        self,
        name: str,
        table: DataFrame,
        *,
        rows: int,
        layout: FileLayout = ONE_FOLDER,
    ) -> Mapping[str, int]:
        """Stage a table of ``rows`` rows; returns the number of rows by partition.

        Partitions are named by their folder's value; without partitions the name is empty.
        """
        folder = self.staging.child(name)
        write_table(
            table,
            folder,
            rows=rows,
            layout=layout,
            target_file_mb=self.settings.target_file_mb,
        )
        self._note(folder)
        return written_rows(folder)

    def staged(self, name: str) -> DataFrame:
        """A table of :meth:`stage_table` as it was written."""
        return self.spark.read.parquet(self.staging.child(name).glob)

    def stage_rows(self, table: Table, rows: Sequence[object]) -> None:
        """Stage a small table, one row per record."""
        folder = self.staging.child(table.name)
        write_rows(rows, folder, columns=table.columns)
        self._note(folder)

    def stage_model(self, files: ModelFiles, model: PipelineModel) -> PipelineModel:
        """Stage the model as data and as Spark ML has it; returns the latter as it was written."""
        folder = self.staging.child(MODEL)
        model.write().save(folder.uri)
        write_model(folder, files.fitted)
        if files.reference is not None:
            write_reference(folder, files.reference)
        write_anchors(folder, files.anchors)
        self._note(folder)
        return PipelineModel.load(folder.glob)

    def stage_texts(self, *, run: Run, report: str) -> None:
        """Stage the report, then the manifest."""
        text = json.dumps(run.as_json(), indent=2, ensure_ascii=False, allow_nan=False) + "\n"
        self.staging.child(TEMPORARY).delete()
        if self.settings.delta:
            log_tables(self.staging)
        self.staging.write(REPORT, report)
        if self.output.renames:
            self.staging.write(MANIFEST, text)
        else:
            self._manifest = text

    def publish(self) -> str:
        """Make the staged run visible, then point ``latest`` at it; returns the run's address.

        The lock is confirmed before readers see anything. On a local disk and on HDFS the run
        becomes visible by one rename, elsewhere by its manifest. Then runs beyond
        ``output.keep_runs`` are removed.

        Raises
        ------
        StorageError
            If another job has taken over the output folder, or publishing fails; also if
            views or the database could not be updated, in which case the run is published anyway.
        """
        self.lock.confirm()
        if self.existing_run is None:
            self._written.check(self.staging, others={RUNNING, REPORT, MANIFEST})
            if self.output.renames:
                self.staging.move(self.published)
            else:
                self.published.write(MANIFEST, self._manifest)
        point_at(self.output, self.run_id, confirm=self.lock.confirm)
        if not self.output.renames:
            self.published.remove(RUNNING)
        try:
            downstream.show(self.run_id, self.output, self.settings, session=lambda: self.spark)
        finally:
            self._prune()
        return self.published.uri

    def discard(self) -> None:
        """Remove what a failed run staged, and release the lock."""
        try:
            if self.staging != self.published:
                self.staging.delete()
            elif self._is_half():
                remove_run(self.published)
        except StorageError as error:  # the next job removes it; the original error is raised
            LOGGER.warning("warning: %s", error)
        finally:
            self.lock.release()

    def _prune(self) -> None:
        """Remove runs beyond ``output.keep_runs``; a failure is only a warning."""
        if self.settings.keep_runs is not None:
            try:
                prune(self.output, keep=self.settings.keep_runs, confirm=self.lock.confirm)
            except StorageError as error:
                LOGGER.warning(
                    "warning: the run is published; older runs were not removed: %s", error
                )

    def _note(self, folder: Folder) -> None:
        self._written.add(folder)
        self.lock.check()

    def _is_half(self) -> bool:
        """Whether the run's own folder is no other attempt's, and no reader can know of it.

        It is not marked where a job that took over has removed it while this one wrote.
        """
        running = read_object(self.published, RUNNING)
        is_own = running is None or running.get("token") == self.lock.token
        return is_own and not self.published.read(MANIFEST)
