"""The refresh: the old model, a warmed one or a fresh one, by the policy and the evidence."""

from dataclasses import dataclass, replace
from typing import TypeVar

import numpy as np

from segmentation.clustering.blend import blended_centres
from segmentation.clustering.coreset import Coreset
from segmentation.clustering.lloyd import Population, fill_empty_clusters
from segmentation.config import Config
from segmentation.errors import ConfigError, DataError
from segmentation.model.preparation import counted_from
from segmentation.model.rules import NearestPrototype
from segmentation.numerics.grid_points import Layout
from segmentation.numerics.partition import Partition
from segmentation.pipelines.as_before import AsBefore
from segmentation.pipelines.comparison import FRESH, KEPT, WARM, Comparison, compared
from segmentation.pipelines.fresh import FreshFit
from segmentation.pipelines.preparation import PreparedInput
from segmentation.pipelines.previous import PreviousRun
from segmentation.pipelines.steps import Steps
from segmentation.results import Choice, Refresh
from segmentation.segments.overlaps import Counts
from segmentation.selection.breakage import breakages, refusal
from segmentation.selection.changed_settings import changed_settings
from segmentation.selection.refresh import Decision, decide, first_run
from segmentation.selection.verdict import choose

Fitted = TypeVar("Fitted")


@dataclass(frozen=True)
class FreshRule:
    """The centres of today's sweep, the largest cluster first, and the layout of today's grid."""

    layout: Layout
    rule: NearestPrototype


@dataclass(frozen=True)
class Refreshed:
    """The model that is published: its centres, on the grid of ``prepared``, and why.

    ``counts`` are today's customers by previous segment and cluster, None where nothing could be
    compared. ``blended`` is the fresh rule that a combined one was made with.
    """

    record: Refresh
    prepared: PreparedInput
    coreset: Coreset
    population: Population
    partition: Partition
    choice: Choice
    counts: Counts | None
    blended: FreshRule | None = None

    @property
    def is_kept(self) -> bool:
        """Whether the rule is the previous run's."""
        return self.record.decision == "keep"

    @property
    def is_fresh(self) -> bool:
        """Whether the centres are those of today's sweep, on today's grid."""
        return self.record.decision in ("first", "fresh")


def check_refresh(previous: PreviousRun | None, config: Config) -> None:
    """Whether the policy that was asked for by name is possible.

    Raises
    ------
    ConfigError
        If the model is to be kept, warmed or combined, but features are prepared otherwise now.
    """
    policy = config.refresh.policy
    if previous is None or policy in ("auto", "fresh"):
        return
    changed = changed_settings(previous.run.config, config.redacted_dump())
    if changed:
        raise ConfigError(
            f"refresh.policy is {policy!r}, but the model of run {previous.name} was fitted with "
            f"other settings ({'; '.join(changed)}): fit a fresh one, with --refresh fresh"
        )


def refuse_broken(before: AsBefore | None, *, accepts: bool, steps: Steps) -> None:
    """Refuse data that look broken rather than drifted; with ``accepts`` only warn.

    Raises
    ------
    DataError
        If a feature's unit changed, one is constant that was not, or half of the customers are
        gone.
    """
    if before is None or before.previous.reference is None:
        return
    found = breakages(
        before.today,
        before.previous.reference,
        preparation=before.preparation,
        customers_before=before.previous.run.labelled,
    )
    if found and not accepts:
        raise DataError(refusal(found))
    for each in found:
        steps.warn(f"accepted (--accept): {each}")


def refreshed(
    before: AsBefore | None,
    fresh: FreshFit | None,
    prepared: PreparedInput,
    config: Config,
    *,
    run: str,
    created_at: str,
    steps: Steps,
) -> Refreshed:
    """The model to publish, by ``refresh.policy`` and the evidence; ``fresh`` is today's sweep.

    Without ``fresh`` the old model is kept. Costs one pass for the overlaps, and those of Lloyd's
    algorithm from the old centres.

    Raises
    ------
    DataError
        If the model is to be kept, but one of its segments has no customer today.
    """
    if before is None or (fresh is not None and not before.is_complete):
        return _first(before, fresh, prepared, config, run=run, created_at=created_at)
    found = compared(before, fresh, prepared, config, created_at=created_at, steps=steps)
    decision = decide(found.evidence, settings=config.refresh, min_share=config.choose.min_share)
    if decision.decision == "combine" and config.refresh.blend in (0.0, 1.0):
        decision = replace(decision, decision="fresh" if config.refresh.blend else "keep")
    if decision.decision == "fresh":
        return _fresh(found, _needed(fresh), prepared, decision, run=run, at=created_at)
    return _on_old_grid(found, fresh, prepared, decision, config, run=run, at=created_at)


def _first(
    before: AsBefore | None,
    fresh: FreshFit | None,
    prepared: PreparedInput,
    config: Config,
    *,
    run: str,
    created_at: str,
) -> Refreshed:
    """A fresh model where there is no earlier one that reads today's customers."""
    fit = _needed(fresh)
    record = Refresh(
        policy=config.refresh.policy,
        decision="first",
        reason=first_run().reason,
        model_run=run,
        model_created_at=created_at,
        groups_now=fit.choice.verdict.groups,
        k_fresh=fit.choice.k,
    )
    counts = None
    if before is not None:
        previous = before.previous
        changed = changed_settings(previous.run.config, config.redacted_dump())
        why = "; ".join(changed) or "it does not label every customer of today"
        record = replace(
            record,
            decision="fresh",
            reason=f"the model of run {previous.name} was replaced by a fresh one because {why}",
            previous_run=previous.name,
            previous_created_at=previous.run.created_at,
        )
        found = before.overlap(
            of_before={}, of_today={FRESH: fit.partition.centres}, own=prepared.customers
        )
        counts = found[FRESH].counts
    return _refreshed(record, prepared, fit, counts)


def _fresh(
    found: Comparison,
    fit: FreshFit,
    prepared: PreparedInput,
    decision: Decision,
    *,
    run: str,
    at: str,
) -> Refreshed:
    """Today's sweep, on today's grid."""
    record = replace(
        found.record,
        decision=decision.decision,
        reason=decision.reason,
        model_run=run,
        model_created_at=at,
    )
    return _refreshed(record, prepared, fit, found.overlaps[FRESH].counts)


def _on_old_grid(
    found: Comparison,
    fresh: FreshFit | None,
    prepared: PreparedInput,
    decision: Decision,
    config: Config,
    *,
    run: str,
    at: str,
) -> Refreshed:
    """The old centres as they are, warmed, or blended with fresh ones: on the old model's grid."""
    before = found.before
    record = replace(found.record, decision=decision.decision, reason=decision.reason)
    if decision.decision == "keep":
        partition = found.overlaps[KEPT].partition
        counts: Counts | None = found.overlaps[KEPT].counts
        _check_occupied(partition, before.previous)
    else:
        record = replace(record, model_run=run, model_created_at=at)
        partition, counts = _needed(found.warm), found.overlaps[WARM].counts
        if decision.decision == "combine":
            partition, counts = _combined(found, config.refresh.blend), None
    on_old_grid = prepared
    if before.customers is not prepared.customers:
        moves = config.features.scoring_day == "today"
        scoring = counted_from(before.preparation, None) if moves else before.preparation
        on_old_grid = prepared.on_grid_of(scoring, before.preparation, before.customers)
    choice = _choice(fresh, before.previous, partition.k, record.reason)
    if counts is None:
        counts = before.overlap(
            of_before={WARM: partition.centres}, of_today={}, own=prepared.customers
        )[WARM].counts
    return Refreshed(
        record,
        on_old_grid,
        before.coreset,
        found.population,
        partition,
        choice,
        counts,
        _fresh_rule(_needed(fresh), prepared) if decision.decision == "combine" else None,
    )


def _fresh_rule(fresh: FreshFit, prepared: PreparedInput) -> FreshRule:
    """The rule of today's sweep, the largest cluster first."""
    largest_first = np.argsort(-np.array(fresh.partition.counts), kind="stable")
    rule = NearestPrototype.of(fresh.partition.centres[largest_first])
    return FreshRule(prepared.customers.layout, rule)


def _refreshed(
    record: Refresh, prepared: PreparedInput, fit: FreshFit, counts: Counts | None
) -> Refreshed:
    """The fresh fit as the model to publish."""
    return Refreshed(
        record, prepared, fit.coreset, fit.population, fit.partition, fit.choice, counts
    )


def _combined(found: Comparison, blend: float) -> Partition:
    """The partition by k-means over old and fresh centres; its clusters are not empty."""
    kept, fresh = found.overlaps[KEPT].partition, found.overlaps[FRESH].partition
    centres = blended_centres(
        found.before.centres,
        np.array(kept.counts, dtype=np.float64),
        fresh.means(),
        np.array(fresh.counts, dtype=np.float64),
        blend=blend,
    )
    partition = found.population.partitions([centres])[0]
    if partition.has_empty:
        return fill_empty_clusters(found.population, partition, clusters=partition.k)
    return partition


def _choice(fresh: FreshFit | None, previous: PreviousRun, k: int, reason: str) -> Choice:
    """The number of segments of a model on the old grid, with today's evidence if there is any."""
    setting = {"k": k}
    if fresh is None:
        return replace(previous.run.choice, method="model", reason=reason, silhouette=None)
    if fresh.choice.k == k:
        return fresh.choice
    tried = [point.k for point in fresh.evidence.curve]
    if k not in tried:
        return replace(fresh.choice, k=k, method="model", reason=reason, setting=setting)
    chosen = choose(fresh.evidence, k=k)
    return replace(chosen, method="model", reason=reason, setting=setting)


def _check_occupied(partition: Partition, previous: PreviousRun) -> None:
    empty = [key for key, n in zip(previous.keys, partition.counts, strict=True) if not n]
    if empty:
        raise DataError(
            f"refresh: the model of run {previous.name} cannot be kept, as its segment "
            f"{', '.join(empty)} has no customer today: fit a fresh one, with --refresh fresh"
        )


def _needed(fitted: Fitted | None) -> Fitted:
    if fitted is None:
        raise ValueError("a model on other than the old centres needs a fresh fit")
    return fitted
