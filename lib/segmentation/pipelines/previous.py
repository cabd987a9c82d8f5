"""The previous run: its model, its segments with their keys, and what its customers were like."""

from collections.abc import Mapping
from dataclasses import dataclass, replace

from pyspark.sql import DataFrame

from segmentation.config.refresh import Policy
from segmentation.errors import StorageError
from segmentation.model.fitted import FittedModel
from segmentation.model.reference import Reference
from segmentation.pipelines.protocols import RunReader, RunWriter
from segmentation.pipelines.steps import Steps
from segmentation.results import KeyRecord, Refresh, Run, Segment


@dataclass(frozen=True)
class PreviousRun:
    """A published run that a new one continues; ``segments`` and the model's have keys.

    ``reference`` are the customers that its model was fitted to; None where it is not known.
    ``anchors`` are the models in which keys were given, where those are others.
    """

    reader: RunReader
    model: FittedModel
    reference: Reference | None
    segments: tuple[Segment, ...]
    history: tuple[KeyRecord, ...]
    anchors: Mapping[str, FittedModel]

    @classmethod
    def read(cls, reader: RunReader) -> "PreviousRun":
        """All of a run that is needed; the customers are read later.

        A run that was published before there were keys gave ``s1``, ``s2``, ... in its order.

        Raises
        ------
        StorageError
            If something is missing, damaged, or of another version.
        """
        run, model = reader.run, reader.model()
        if run.keys_given:
            return cls(
                reader,
                model,
                reader.reference(model),
                reader.segments(),
                reader.history(),
                reader.anchors(),
            )
        segments = tuple(
            replace(each, segment_key=f"s{each.segment + 1}", since_run=reader.name)
            for each in reader.segments()
        )
        keyed = tuple(replace(each, key=f"s{each.segment + 1}") for each in model.segments)
        history = tuple(
            KeyRecord(
                run=reader.name,
                created_at=run.created_at,
                segment_key=each.segment_key,
                segment=each.segment,
                name=each.name,
                event="first",
                parents=None,
                customers=each.customers,
                value=each.value_sum,
                reason="it is of the first run",
            )
            for each in segments
        )
        return cls(reader, replace(model, segments=keyed), None, segments, history, {})

    @property
    def name(self) -> str:
        """The run's id."""
        return self.reader.name

    @property
    def run(self) -> Run:
        """Its manifest."""
        return self.reader.run

    @property
    def keys(self) -> tuple[str, ...]:
        """The keys of the model's segments, in their order."""
        return tuple(str(each.key) for each in self.model.segments)

    @property
    def refresh(self) -> Refresh:
        """How its model came to be; a run before there were keys fitted its own."""
        known = self.run.refresh
        return known or Refresh("auto", "first", "", self.name, self.run.created_at)

    @property
    def sizes(self) -> dict[str, int]:
        """The customers of every key in that run."""
        return {each.segment_key: each.customers for each in self.segments}

    @property
    def groups(self) -> int:
        """How many well-separated groups there were among the customers the model was fitted to."""
        of_model = self.refresh.groups_before if self.refresh.decision == "keep" else None
        return of_model or self.refresh.groups_now or self.run.choice.verdict.groups

    def anchor(self, key: str) -> FittedModel:
        """The model of the run that gave a key."""
        return self.anchors.get(key, self.model)

    def lacks(self, customers: DataFrame) -> list[str]:
        """The columns of the model's features that a table does not have."""
        return [
            each.name
            for each in self.model.preparation.features
            if each.name not in customers.columns
        ]


def previous_run(writer: RunWriter, policy: Policy, *, steps: Steps) -> PreviousRun | None:
    """The run that a new one continues; None where there is none, or none that can be read.

    One that cannot be read is warned of: the new run goes on as a first one, with new keys.

    Raises
    ------
    StorageError
        If it cannot be read, and its model is to be kept, warmed or combined.
    """
    try:
        reader = writer.previous_run()
        return None if reader is None else PreviousRun.read(reader)
    except StorageError as error:
        if policy not in ("auto", "fresh"):
            raise StorageError(
                f"refresh.policy is {policy!r}, but the previous run cannot be read: {error}"
            ) from None
        steps.warn(f"the previous run is not continued, all segments get new keys: {error}")
        return None
