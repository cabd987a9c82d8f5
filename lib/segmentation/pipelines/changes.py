"""What changed since the previous run: moves, drift and history, as they are published."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from segmentation.config import Config
from segmentation.model.fitted import FittedModel
from segmentation.model.reference import ModelFiles
from segmentation.numerics.spark_hash import hash_fraction
from segmentation.pipelines.as_before import AsBefore, reference_of
from segmentation.pipelines.description import BuiltSegments
from segmentation.pipelines.identification import (
    Identities,
    anchors_of,
    drifted_from_anchors,
    history_of,
)
from segmentation.pipelines.input import CheckedInput
from segmentation.pipelines.moves import Followed
from segmentation.pipelines.previous import PreviousRun
from segmentation.pipelines.protocols import RunWriter
from segmentation.pipelines.refresh import Refreshed
from segmentation.pipelines.steps import Steps
from segmentation.results import LEFT, NEW, Changes, Combined, Drift, Flow, Segment
from segmentation.schemas import (
    COMBINATION,
    CUSTOMERS,
    DRIFT,
    MIGRATION,
    SEGMENT_HISTORY,
    published_name,
    quoted,
)
from segmentation.segments.drift import drift
from segmentation.segments.migration import flows_of
from segmentation.segments.moves import check_flows

ANCHOR_SAMPLE = 20_000
"""Customers, about, that are asked whether their key is still that of its anchor."""


@dataclass(frozen=True)
class Continuation:
    """What a run continues: the previous run, today's customers as its model sees them, their ids.

    None each where there is no such thing.
    """

    previous: PreviousRun | None
    before: AsBefore | None
    followed: Followed | None


def model_files(fitted: FittedModel, refreshed: Refreshed, continued: Continuation) -> ModelFiles:
    """The model with its reference, which a kept model takes along, and its keys' anchors."""
    previous = continued.previous
    keys = [str(each.key) for each in fitted.segments]
    reference = reference_of(refreshed.coreset, customers=refreshed.prepared.customers.count)
    if refreshed.is_kept and previous is not None and previous.reference is not None:
        reference = previous.reference
    return ModelFiles(fitted, reference, anchors_of(previous, keys, fitted))


def warn_of_anchors(
    steps: Steps, files: ModelFiles, built: BuiltSegments, usable: DataFrame, *, seed: int
) -> None:
    """Warn of keys most of whose customers would not have had them when they were given.

    Starts a Spark job that samples the customers, where there are anchors.
    """
    if not files.anchors:
        return
    models = [files.fitted, *files.anchors.values()]
    columns = {each.name for model in models for each in model.preparation.features}
    known = [quoted(name) for name in usable.columns if name in columns]
    customers = sum(segment.customers for segment in built.segments)
    place = hash_fraction(map(F.col, known), seed=seed)
    sample = usable.where(place < ANCHOR_SAMPLE / customers).select(*known).toArrow()
    names = {segment.segment_key: segment.name for segment in built.segments}
    drifted = drifted_from_anchors(files.anchors, files.fitted, sample)
    for key, share in sorted(drifted.items()):
        steps.warn(
            f"segment {key} ({names[key]!r}) has drifted away from what it was when its key was "
            f"given: {share:.0%} of its customers today would have been in it then; it may need "
            "a new name (segments.names)"
        )


def stage_changes(
    writer: RunWriter,
    refreshed: Refreshed,
    built: BuiltSegments,
    identities: Identities,
    continued: Continuation,
    *,
    checked: CheckedInput,
    config: Config,
    created_at: str,
    steps: Steps,
) -> Changes:
    """Write the tables of what changed; they are empty where there is nothing to compare with.

    Reads a few columns of the labelled customers, and of the previous run's.
    """
    history = history_of(
        built.segments,
        identities.segments,
        identities.ended,
        previous=continued.previous,
        run=writer.run_id,
        created_at=created_at,
    )
    flows = _flows(writer, built, identities, continued, config=config, steps=steps)
    found = drift_since(continued.before, seed=config.sweep.seed)
    writer.stage_rows(SEGMENT_HISTORY, history)
    writer.stage_rows(MIGRATION, flows)
    writer.stage_rows(DRIFT, found)
    writer.stage_rows(COMBINATION, _combined(writer) if refreshed.blended else ())
    has_ids = config.input.customer_id is not None
    record = replace(refreshed.record, repeated_ids=checked.repeated_ids if has_ids else None)
    return Changes(record, flows, found, history)


def _combined(writer: RunWriter) -> tuple[Combined, ...]:
    """How many customers have which labels of the two models and of both combined."""
    labels = ("previous_model_key", "fresh_segment", "segment_key")
    rows = writer.staged(CUSTOMERS.name).groupBy(*labels).count().collect()
    found = [Combined(*row) for row in map(tuple, rows)]
    return tuple(
        sorted(found, key=lambda e: (e.previous_model_key or "", e.fresh_segment, e.segment_key))
    )


def drift_since(before: AsBefore | None, *, seed: int) -> tuple[Drift, ...]:
    """Today's customers beside those that the previous model was fitted to, if they are known."""
    if before is None or before.previous.reference is None:
        return ()
    previous = before.previous
    return drift(before.previous.reference, before.today, model=previous.model, seed=seed)


def _flows(
    writer: RunWriter,
    built: BuiltSegments,
    identities: Identities,
    continued: Continuation,
    *,
    config: Config,
    steps: Steps,
) -> tuple[Flow, ...]:
    """The moves by id; none where no customer of the previous run is among today's."""
    previous, followed = continued.previous, continued.followed
    if previous is None or followed is None:
        return ()
    value = config.value_feature if config.value_adds_up else None
    flows = flows_between(
        writer.staged(CUSTOMERS.name),
        followed,
        previous=previous,
        segments=built.segments,
        successors=identities.successors,
        value=None if value is None else published_name(value),
    )
    if not flows:
        steps.warn(
            f"no customer of run {previous.name} is among today's by {config.input.customer_id!r}: "
            "no moves are published (did the ids change?)"
        )
    return flows


def flows_between(
    labelled: DataFrame,
    followed: Followed,
    *,
    previous: PreviousRun,
    segments: Sequence[Segment],
    successors: Mapping[str, str | None],
    value: str | None,
) -> tuple[Flow, ...]:
    """The moves from the previous run's segments to these; none where no customer is in both.

    See :func:`~segmentation.segments.migration.flows_of` for ``labelled``, ``successors`` and
    ``value``.

    Raises
    ------
    RuntimeError
        If they do not add up to both runs' customers.
    """
    after = {each.segment_key: each.customers for each in segments}
    flows = flows_of(
        labelled,
        followed.everyone,
        keys=list(after),
        previous=previous.sizes,
        successors=successors,
        value=value,
    )
    check_flows(flows, before=previous.sizes, after=after)
    has_common = any(flow.from_key != NEW and flow.to_key != LEFT for flow in flows)
    return flows if has_common else ()
