"""A published run, read back as records; see :class:`PublishedRun`."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Self, TypeVar

import pyarrow as pa
import pyarrow.parquet as pq
from pydantic import TypeAdapter, ValidationError

from segmentation.errors import DamagedError, StorageError, one_line
from segmentation.model.fitted import FittedModel
from segmentation.model.reference import Reference
from segmentation.results import (
    CostPoint,
    CustomerSample,
    Drift,
    FeatureProfile,
    Flow,
    KeyRecord,
    PlottedValue,
    Run,
    Segment,
)
from segmentation.schemas import (
    COST_CURVE,
    CUSTOMERS,
    DRIFT,
    MIGRATION,
    PLOT_SAMPLE,
    SEGMENT_HISTORY,
    SEGMENT_PROFILE,
    SEGMENTS,
    Table,
)
from segmentation.storage import version_1
from segmentation.storage.filesystem import Folder
from segmentation.storage.history import current, no_current_run, runs
from segmentation.storage.manifests import read_run
from segmentation.storage.model_files import MODEL, read_anchors, read_model, read_reference

if TYPE_CHECKING:
    from pyspark.ml import PipelineModel
    from pyspark.sql import DataFrame, SparkSession

Record = TypeVar("Record")


@dataclass(frozen=True)
class PublishedRun:
    """One run of an output folder; the ``run`` is its manifest.

    Small tables are read without Spark, on every call. Every method raises a
    :class:`StorageError` if a table is missing, damaged or cannot be read.
    """

    folder: Folder
    run: Run

    @classmethod
    def open(cls, output: Folder, run: str | None = None) -> Self:
        """A run of an output folder; the current one if none is named.

        Raises
        ------
        StorageError
            If there is no such run, or it was written by a newer version of this package.
        """
        name = run or current(output)
        found = None if name is None else read_run(output, name)
        if name is None or found is None:
            if run is None and runs(output):
                raise StorageError(no_current_run(output))
            raise StorageError(f"{output.uri} has no run {name or 'yet'}: segment runs lists them")
        return cls(output.child(f"run={name}"), found)

    @property
    def name(self) -> str:
        """The run's id, by its folder."""
        return self.folder.name.removeprefix("run=")

    def segments(self) -> tuple[Segment, ...]:
        """The segments, from 0."""
        found = _records(Segment, self._rows(SEGMENTS), self._child(SEGMENTS))
        return tuple(sorted(found, key=lambda each: each.segment))

    def cost_curve(self) -> tuple[CostPoint, ...]:
        """The cost curve by k."""
        rows = self._rows(COST_CURVE)
        if self._is_version_1:
            rows = version_1.cost_curve(rows)
        found = _records(CostPoint, rows, self._child(COST_CURVE))
        return tuple(sorted(found, key=lambda point: point.k))

    def profiles(self) -> tuple[FeatureProfile, ...]:
        """The profiles in their published order."""
        rows = self._rows(SEGMENT_PROFILE)
        if self._is_version_1:
            sizes = {each.segment: each.customers for each in self.segments()}
            rows = version_1.profiles(rows, sizes=sizes, config=self.run.config)
        return _records(FeatureProfile, rows, self._child(SEGMENT_PROFILE))

    def plot_sample(self) -> CustomerSample:
        """The points of the report's scatter plot; none in version 1, which published none."""
        if self._is_version_1:
            return CustomerSample({}, ())
        rows = _records(PlottedValue, self._rows(PLOT_SAMPLE), self._child(PLOT_SAMPLE))
        return CustomerSample.from_records(rows)

    def customers(self, spark: "SparkSession") -> "DataFrame":
        """The labelled customers, lazily."""
        return spark.read.parquet(self._child(CUSTOMERS).glob)

    def history(self) -> tuple[KeyRecord, ...]:
        """The keys of all runs up to this one, the oldest first; none if it gave no keys."""
        if not self.run.keys_given:
            return ()
        return _records(KeyRecord, self._rows(SEGMENT_HISTORY), self._child(SEGMENT_HISTORY))

    def flows(self) -> tuple[Flow, ...]:
        """The moves of customers since the run before, in their published order."""
        return _records(Flow, self._rows(MIGRATION), self._child(MIGRATION))

    def drift(self) -> tuple[Drift, ...]:
        """The drift since the model was fitted, in its published order."""
        return _records(Drift, self._rows(DRIFT), self._child(DRIFT))

    def model(self) -> FittedModel:
        """The fitted model as data; version 1 published the Spark ML model alone."""
        return read_model(self.folder.child(MODEL))

    def reference(self, model: FittedModel) -> Reference | None:
        """The customers that its model was fitted to, in few points; None in older runs."""
        return read_reference(self.folder.child(MODEL), model)

    def anchors(self) -> dict[str, FittedModel]:
        """The models in which keys were given, by key, where it was an earlier run."""
        return read_anchors(self.folder.child(MODEL))

    def pipeline_model(self) -> "PipelineModel":
        """The Spark ML model; needs an active session, and adds ``segment`` to a table."""
        from pyspark.ml import PipelineModel

        return PipelineModel.load(self.folder.child(MODEL).glob)

    @property
    def _is_version_1(self) -> bool:
        return self.run.schema_version <= version_1.VERSION

    def _child(self, table: Table) -> Folder:
        return self.folder.child(table.name)

    def _rows(self, table: Table) -> list[dict[str, Any]]:
        folder = self._child(table)
        try:
            found = pq.read_table(folder.path, filesystem=folder.filesystem)
        except (OSError, pa.ArrowException) as error:
            raise StorageError(
                f"{folder.uri} cannot be read: {one_line(str(error))}; choose another run, or "
                "write it again"
            ) from None
        return [dict(row) for row in found.to_pylist()]


def _records(kind: type[Record], rows: list[Any], table: Folder) -> tuple[Record, ...]:
    try:
        return TypeAdapter(tuple[kind, ...]).validate_python(rows)  # type: ignore[valid-type]
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        raise DamagedError(
            f"{table.uri} is damaged: row {'.'.join(map(str, first['loc']))}: "
            f"{one_line(first['msg'])}; choose another run, or write it again"
        ) from None
