"""The story of a comparison: what changed from one published run to another. Nothing is fitted."""

import re
from dataclasses import dataclass, replace

from pyspark.sql import SparkSession
from pyspark.sql import functions as F

from segmentation.clustering.overlap import BEFORE
from segmentation.config.tree import ReportSection, Sweep
from segmentation.errors import DataError
from segmentation.model.preparation import counted_from
from segmentation.model.spark_columns import with_entries
from segmentation.pipelines.as_before import AsBefore, Today, as_before, points_of
from segmentation.pipelines.changes import drift_since, flows_between
from segmentation.pipelines.identification import Identities, history_of, identities_of
from segmentation.pipelines.moves import (
    Followed,
    Ids,
    follow,
    with_previous,
    with_previous_model_key,
)
from segmentation.pipelines.preparation import prepared_customers
from segmentation.pipelines.previous import PreviousRun
from segmentation.pipelines.protocols import RunReader
from segmentation.pipelines.report import report_of
from segmentation.pipelines.steps import Steps
from segmentation.reporting.comparison_page import render_comparison
from segmentation.results import Changes, Flow, KeyRecord, Refresh, Report
from segmentation.schemas import KEY, SEGMENT, published_name, quoted
from segmentation.segments.labelled import PREVIOUS_KEY, PREVIOUS_MODEL_KEY, PREVIOUS_VALUE

OWN = "own"


@dataclass(frozen=True)
class Compared:
    """Two runs, the later one with what changed between them, and the page that shows it."""

    before: Report
    after: Report
    page: str

    @property
    def changes(self) -> Changes:
        """What changed from the first run to the second."""
        if self.after.changes is None:
            raise ValueError("the runs were not compared")
        return self.after.changes


def compare(before: RunReader, after: RunReader, spark: SparkSession, *, steps: Steps) -> Compared:
    """What changed from the run ``before`` to the run ``after``: segments, moves, and drift.

    Reads the customers of both runs, some columns of them a few times.

    Raises
    ------
    StorageError
        If a table or a model is damaged, or of a run from before there were models as data.
    DataError
        If the later run's customers lack a column that the earlier model reads.
    """
    previous, current = PreviousRun.read(before), PreviousRun.read(after)
    with steps("prepare"):
        today = _today(current, spark)
        on_old_grid = as_before(previous, today, coreset=None, steps=steps)
        if on_old_grid is None:
            raise DataError(
                f"the runs {previous.name} and {current.name} cannot be compared: "
                f"{steps.warnings[-1]}"
            )

    with steps("identify"):
        identities = _identities(on_old_grid, current, today)
        history = _records(identities, previous, current)

    with steps("moves"):
        ids = _ids(current)
        followed = follow(previous, today.customers.rows, ids, steps=steps)
        flows = _flows(on_old_grid, followed, ids, current=current, identities=identities)

    with steps("drift"):
        drift = drift_since(on_old_grid, seed=today.seed)

    with steps("report"):
        changes = Changes(_refresh(previous, current), flows, drift, history)
        first, second = report_of(before), replace(report_of(after), changes=changes)
        page = render_comparison(first, second, min_group=_min_group(before, after))
        return Compared(first, second, page)


def _today(current: PreviousRun, spark: SparkSession) -> Today:
    """The later run's customers on the grid of its own model, with its keys."""
    model, config = current.model, current.run.config
    published = current.reader.customers(spark)
    named = published.select(
        "*",
        *[
            F.col(quoted(published_name(name))).alias(name)
            for name in _features_of(current)
            if published_name(name) != name
        ],
    )
    preparation = counted_from(model.preparation, model.as_of)
    rows = with_entries(named, preparation)
    sweep = config.get("sweep", {})
    customer_id = config.get("input", {}).get("customer_id")
    identity = [*_features_of(current), *([published_name(customer_id)] if customer_id else [])]
    count = current.run.labelled
    return Today(
        prepared_customers(rows, preparation, count=count, distinct=count),
        preparation,
        model.as_of,
        [F.col(quoted(name)) for name in identity],
        sweep.get("coreset_size", Sweep().coreset_size),
        current.run.seed,
    )


def _features_of(current: PreviousRun) -> list[str]:
    return [each.name for each in current.model.preparation.features]


def _identities(before: AsBefore, current: PreviousRun, today: Today) -> Identities:
    """Who the later run's segments are, seen from the earlier run."""
    centres = points_of(current.model.rule)
    found = before.overlap(of_before={}, of_today={OWN: centres}, own=today.customers)
    given = max(int(key.removeprefix("s")) for key in (*before.previous.keys, *current.keys))
    counts = found[OWN].counts
    return identities_of(before.previous, counts, clusters=len(centres), given=given, is_kept=False)


def _records(
    identities: Identities, previous: PreviousRun, current: PreviousRun
) -> tuple[KeyRecord, ...]:
    """The keys of all runs up to the later one, whose own are seen from the earlier run."""
    segments, run = current.segments, current.run
    published = [
        replace(each, key=key, reason=re.sub(rf"\b{each.key}\b", key, each.reason))
        if each.event not in ("survived", "moved")
        else each
        for each, key in zip(identities.segments, current.keys, strict=True)
    ]
    own = [
        replace(
            segment,
            event=identity.event,
            parents=", ".join(identity.parents) or None,
        )
        for segment, identity in zip(segments, published, strict=True)
    ]
    records = history_of(
        own,
        published,
        identities.ended,
        previous=previous,
        run=current.name,
        created_at=run.created_at,
    )[len(previous.history) :]
    return (*(each for each in current.history if each.run != current.name), *records)


def _ids(current: PreviousRun) -> Ids | None:
    """How the later run's customers are identified, in its published table."""
    name, refresh = current.run.config.get("input", {}).get("customer_id"), current.refresh
    if name is None:
        return None
    value = current.run.value_feature
    repeated = 1 if refresh.repeated_ids is None else refresh.repeated_ids
    return Ids(name, published_name(name), value and published_name(value), repeated)


def _flows(
    before: AsBefore,
    followed: Followed | None,
    ids: Ids | None,
    *,
    current: PreviousRun,
    identities: Identities,
) -> tuple[Flow, ...]:
    """The moves by id, in the later run's keys; none without ids, or without a common one."""
    if followed is None or ids is None:
        return ()
    previous = before.previous
    keys = {each.key: own for each, own in zip(identities.segments, current.keys, strict=True)}
    rows = with_previous_model_key(before.rows, before, entries=BEFORE)
    own_key = F.element_at(F.array(*map(F.lit, current.keys)), F.col(SEGMENT).cast("int") + 1)
    labelled = with_previous(rows, followed).select(
        own_key.alias(KEY),
        F.col(PREVIOUS_KEY).alias("previous_segment_key"),
        F.col(PREVIOUS_MODEL_KEY).alias("previous_model_key"),
        F.col(PREVIOUS_VALUE).alias("previous_value"),
        *([F.col(quoted(ids.value)).alias("value")] if ids.value else []),
    )
    adds_up = all(each.value_sum is not None for each in (*previous.segments, *current.segments))
    return flows_between(
        labelled,
        followed,
        previous=previous,
        segments=current.segments,
        successors={old: keys.get(new or "") for old, new in identities.successors.items()},
        value="value" if ids.value and adds_up else None,
    )


def _refresh(previous: PreviousRun, current: PreviousRun) -> Refresh:
    """The later run's, if it was decided against the earlier one; else only the runs' names."""
    known = current.refresh
    if known.previous_run == previous.name:
        return known
    return Refresh(
        policy=known.policy,
        decision=known.decision,
        reason="",
        model_run=known.model_run,
        model_created_at=known.model_created_at,
        previous_run=previous.name,
        previous_created_at=previous.run.created_at,
    )


def _min_group(*runs: RunReader) -> int:
    """The larger of the runs' ``report.min_group``."""
    default = ReportSection().min_group
    settings = [run.run.config.get("report", {}) for run in runs]
    return max(int(each.get("min_group", default)) for each in settings)
