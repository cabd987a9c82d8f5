"""What the pipeline asks of storage, so that it opens no file itself."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Protocol

from pyspark.ml import PipelineModel
from pyspark.sql import Column, DataFrame

from segmentation.config import Source
from segmentation.schemas import Table


class InputReader(Protocol):
    """Where the input is read: all that a dry run asks of storage."""

    def read(self, source: Source, *, seed: int, warn: Callable[[str], None]) -> DataFrame:
        """A table of the input; ``warn`` is called with what of it is read otherwise."""

    def is_published(self, fingerprint: str) -> bool:
        """Whether the run that is there already is of the same input; refused if of another."""

    def aside(self, name: str, table: DataFrame) -> DataFrame:
        """Write a table that is read often and not published; returns it as it was written."""


class Store(InputReader, Protocol):
    """Where the input is read and the run is written; see ``storage.runs``."""

    @property
    def run_id(self) -> str:
        """The run's name."""

    @property
    def again(self) -> Mapping[str, Any] | None:
        """The manifest of a run of this very id that is there already."""

    def stage_table(
        self,
        name: str,
        table: DataFrame,
        *,
        rows: int,
        partition_by: str | None = None,
        sort_by: Sequence[Column] = (),
        mostly_unique: Sequence[str] = (),
    ) -> Mapping[str, int]:
        """Write a table of so many rows aside; returns how many each partition's files hold."""

    def staged(self, name: str) -> DataFrame:
        """A table of :meth:`stage_table` as it was written."""

    def stage_rows(self, table: Table, rows: Sequence[object]) -> None:
        """Write a small table aside, a record a row."""

    def stage_model(self, model: PipelineModel) -> PipelineModel:
        """Write the model aside; returns it as it was written."""

    def stage_texts(self, *, manifest: dict[str, Any], report: str) -> None:
        """Write manifest and report aside."""

    def publish(self) -> str:
        """Make the run visible; returns its address."""
