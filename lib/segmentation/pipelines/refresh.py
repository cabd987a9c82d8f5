"""The refresh: the old model, a warmed one or a fresh one, by the policy and the evidence."""

from dataclasses import dataclass, replace
from typing import TypeVar

import numpy as np

from segmentation.clustering.blend import blended_centres
from segmentation.clustering.coreset import Coreset
from segmentation.clustering.lloyd import Population, fill_empty_clusters
from segmentation.config import Config
from segmentation.errors import DataError
from segmentation.model.preparation import counted_from
from segmentation.model.rules import NearestPrototype
from segmentation.numerics.grid_points import Layout
from segmentation.numerics.partition import Partition
from segmentation.pipelines.as_before import AsBefore
from segmentation.pipelines.comparison import FRESH, KEPT, WARM, Comparison, compare_candidates
from segmentation.pipelines.engines import population_of, refine
from segmentation.pipelines.fresh import FreshFit
from segmentation.pipelines.preparation import PreparedInput
from segmentation.pipelines.previous import PreviousRun
from segmentation.pipelines.publication import Invocation
from segmentation.pipelines.steps import Steps
from segmentation.results import Choice, Refresh
from segmentation.segments.overlaps import Counts
from segmentation.selection.changed_settings import changed_settings
from segmentation.selection.refresh import Decision, decide, first_run
from segmentation.selection.verdict import choose

Fitted = TypeVar("Fitted")


@dataclass(frozen=True)
class Candidates:
    """What a model is made of: the previous run, today's customers on its grid, and a fresh fit.

    Without ``fresh`` the old model is to be kept. ``prepared`` are today's customers on their own
    grid.
    """

    previous: PreviousRun | None
    before: AsBefore | None
    fresh: FreshFit | None
    prepared: PreparedInput


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


def refreshed(
    found: Candidates, config: Config, *, invocation: Invocation, steps: Steps
) -> Refreshed:
    """The model to publish, by ``refresh.policy`` and the evidence.

    Costs one pass for the overlaps, and those of Lloyd's algorithm from the old centres.

    Raises
    ------
    DataError
        If the model is to be kept, but one of its segments has no customer today.
    """
    before, fresh, prepared = found.before, found.fresh, found.prepared
    if before is None or (fresh is not None and before.obstacle):
        return _first(found, config, invocation)
    at = invocation.created_at
    comparison = compare_candidates(before, fresh, prepared, config, created_at=at)
    settings, min_share = config.refresh, config.choose.min_share
    decision = decide(comparison.evidence, settings=settings, min_share=min_share)
    if decision.decision == "combine" and settings.blend in (0.0, 1.0):
        decision = replace(decision, decision="fresh" if settings.blend else "keep")
    if decision.decision == "fresh":
        return _fresh(comparison, _needed(fresh), prepared, decision, invocation)
    return _on_old_grid(comparison, found, decision, config, invocation, steps=steps)


def _first(found: Candidates, config: Config, invocation: Invocation) -> Refreshed:
    """A fresh model where there is no earlier one that could be published for today's customers."""
    previous, before, prepared = found.previous, found.before, found.prepared
    fit, policy = _needed(found.fresh), config.refresh.policy
    record = Refresh(
        policy=policy,
        decision="first",
        reason=first_run().reason,
        model_run=invocation.run_id,
        model_created_at=invocation.created_at,
        groups_now=fit.choice.verdict.groups,
        k_fresh=fit.choice.k,
    )
    counts = None
    if previous is not None:
        why = "it reads a column that the input does not have"
        if before is not None:
            changed = changed_settings(previous.run.config, config.redacted_dump())
            why = "; ".join(changed) or str(before.obstacle)
        if policy not in ("auto", "fresh"):
            raise DataError(
                f"refresh.policy is {policy!r}, but the model of run {previous.name} cannot be "
                f"continued, because {why}: fit a fresh one, with --refresh fresh"
            )
        record = replace(
            record,
            decision="fresh",
            reason=f"the model of run {previous.name} was replaced by a fresh one because {why}",
            previous_run=previous.name,
            previous_created_at=previous.run.created_at,
        )
    if before is not None:
        of_today = {FRESH: fit.partition.centres}
        counts = before.overlap(of_before={}, of_today=of_today, own=prepared.customers)[
            FRESH
        ].counts
    return _refreshed(record, prepared, fit, counts)


def _fresh(
    compared: Comparison,
    fit: FreshFit,
    prepared: PreparedInput,
    decision: Decision,
    invocation: Invocation,
) -> Refreshed:
    """Today's sweep, on today's grid."""
    record = _fitted_now(compared.record, decision, invocation)
    return _refreshed(record, prepared, fit, compared.overlaps[FRESH].counts)


def _on_old_grid(
    compared: Comparison,
    candidates: Candidates,
    decision: Decision,
    config: Config,
    invocation: Invocation,
    *,
    steps: Steps,
) -> Refreshed:
    """The old centres as they are, warmed, or blended with fresh ones: on the old model's grid."""
    before, fresh, prepared = compared.before, candidates.fresh, candidates.prepared
    population = population_of(before.customers, before.coreset, config.sweep)
    record = _fitted_now(compared.record, decision, invocation)
    counts: Counts
    if decision.decision == "keep":
        record = replace(compared.record, reason=decision.reason)
        partition, counts = compared.overlaps[KEPT].partition, compared.overlaps[KEPT].counts
        _check_occupied(partition, before.previous)
    elif decision.decision == "warm":
        partition, counts = _warmed(compared, population, steps=steps)
        cost = partition.scaled_cost(before.preparation.bits)
        record = replace(record, cost_warm=cost)
    else:
        partition = _combined(compared, population, config.refresh.blend)
        of_before = {WARM: partition.centres}
        found = before.overlap(of_before=of_before, of_today={}, own=prepared.customers)
        counts = found[WARM].counts
    on_old_grid = prepared
    if before.customers is not prepared.customers:
        moves = config.features.scoring_day == "today"
        scoring = counted_from(before.preparation, None) if moves else before.preparation
        on_old_grid = prepared.on_grid_of(scoring, before.preparation, before.customers)
    choice = _choice(fresh, before.previous, partition.k, record.reason)
    return Refreshed(
        record,
        on_old_grid,
        before.coreset,
        population,
        partition,
        choice,
        counts,
        _fresh_rule(_needed(fresh), prepared) if decision.decision == "combine" else None,
    )


def _fitted_now(record: Refresh, decision: Decision, invocation: Invocation) -> Refresh:
    """The record of a model that this run fitted."""
    return replace(
        record,
        decision=decision.decision,
        reason=decision.reason,
        model_run=invocation.run_id,
        model_created_at=invocation.created_at,
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


def _warmed(
    compared: Comparison, population: Population, *, steps: Steps
) -> tuple[Partition, Counts]:
    """The old centres where Lloyd's algorithm on all customers leads them, and their overlaps."""
    before, found = compared.before, compared.overlaps[WARM]
    start = found.partition
    if start.has_empty:
        start = fill_empty_clusters(population, start, clusters=start.k)
    partition = refine(population, start, coreset=before.coreset, steps=steps)
    if not np.array_equal(partition.centres, found.partition.centres):
        of_before = {WARM: partition.centres}
        own = before.customers
        found = before.overlap(of_before=of_before, of_today={}, own=own)[WARM]
    return partition, found.counts


def _combined(compared: Comparison, population: Population, blend: float) -> Partition:
    """The partition by k-means over old and fresh centres; its clusters are not empty."""
    kept, fresh = compared.overlaps[KEPT].partition, compared.overlaps[FRESH].partition
    centres = blended_centres(
        compared.before.centres,
        np.array(kept.counts, dtype=np.float64),
        fresh.means(),
        np.array(fresh.counts, dtype=np.float64),
        blend=blend,
    )
    partition = population.partitions([centres])[0]
    if partition.has_empty:
        return fill_empty_clusters(population, partition, clusters=partition.k)
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
