"""What the pipeline asks of storage, so that it opens no file itself."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Protocol

from segmentation.config import Source
from segmentation.model.fitted import FittedModel
from segmentation.model.reference import ModelFiles, Reference
from segmentation.results import (
    CostPoint,
    CustomerSample,
    Drift,
    FeatureProfile,
    Flow,
    KeyRecord,
    Run,
    Segment,
)
from segmentation.schemas import ONE_FOLDER, FileLayout, Table

if TYPE_CHECKING:  # a page is rendered again without Spark
    from pyspark.ml import PipelineModel
    from pyspark.sql import DataFrame, SparkSession


class InputReader(Protocol):
    """Where the input is read: all that a dry run asks of storage."""

    def read(self, source: Source, *, seed: int, warn: Callable[[str], None]) -> DataFrame:
        """A table of the input; ``warn`` is called with what of it is read otherwise."""

    def is_published(self, fingerprint: str) -> bool:
        """Whether the run that is there already is of the same input; refused if of another."""

    def materialize(self, name: str, table: DataFrame) -> DataFrame:
        """Write a temporary table, so that later passes read it; returns it as it was written."""


class RunWriter(InputReader, Protocol):
    """Where the input is read and a new run is written; see ``storage.run_writer``."""

    @property
    def run_id(self) -> str:
        """The run's id."""

    @property
    def existing_run(self) -> Run | None:
        """A run with this id that is published already."""

    def stage_table(
        self,
        name: str,
        table: DataFrame,
        *,
        rows: int,
        layout: FileLayout = ONE_FOLDER,
    ) -> Mapping[str, int]:
        """Stage a table of ``rows`` rows; returns the number of rows by partition."""

    def staged(self, name: str) -> DataFrame:
        """A table of :meth:`stage_table` as it was written."""

    def stage_rows(self, table: Table, rows: Sequence[object]) -> None:
        """Stage a small table, one row per record."""

    def previous_run(self) -> RunReader | None:
        """The run that is current while this one is made, None if there is none yet."""

    def keys_given(self) -> int:
        """How many segment keys the output folder has given so far."""

    def stage_model(self, files: ModelFiles, model: PipelineModel) -> PipelineModel:
        """Stage the model as data and as Spark ML has it; returns the latter as it was written."""

    def stage_texts(self, *, run: Run, report: str) -> None:
        """Stage the report and the manifest."""

    def publish(self) -> str:
        """Make the run visible; returns its address."""


class RunReader(Protocol):
    """A published run; see ``storage.run_reader``."""

    @property
    def name(self) -> str:
        """The run's id, by its folder."""

    @property
    def run(self) -> Run:
        """Its manifest."""

    def segments(self) -> tuple[Segment, ...]:
        """The segments, from 0."""

    def cost_curve(self) -> tuple[CostPoint, ...]:
        """The cost curve by k."""

    def profiles(self) -> tuple[FeatureProfile, ...]:
        """The profiles in their published order."""

    def plot_sample(self) -> CustomerSample:
        """The points of the report's scatter plot; empty where they were not published."""

    def customers(self, spark: SparkSession) -> DataFrame:
        """The labelled customers, lazily."""

    def model(self) -> FittedModel:
        """The fitted model as data."""

    def reference(self, model: FittedModel) -> Reference | None:
        """The customers that its model was fitted to, in few points; None in older runs."""

    def anchors(self) -> Mapping[str, FittedModel]:
        """The models in which keys were given, by key, where it was an earlier run."""

    def history(self) -> tuple[KeyRecord, ...]:
        """The keys of all runs up to this one, the oldest first; none if it gave no keys."""

    def flows(self) -> tuple[Flow, ...]:
        """The moves of customers since the run before."""

    def drift(self) -> tuple[Drift, ...]:
        """The drift since the model was fitted."""

    def pipeline_model(self) -> PipelineModel:
        """The Spark ML model, which adds ``segment`` to a table."""
