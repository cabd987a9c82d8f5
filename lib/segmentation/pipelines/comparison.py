"""The evidence for a refresh: what the old model, a warmed and a fresh one make of all customers.

Costs are in the old model's units.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime

import numpy as np

from segmentation.clustering.lloyd import lloyd_from_centres
from segmentation.clustering.overlap import Overlap
from segmentation.config import Config
from segmentation.pipelines.as_before import AsBefore
from segmentation.pipelines.engines import MAX_REFINEMENTS
from segmentation.pipelines.fresh import FreshFit
from segmentation.pipelines.preparation import PreparedInput
from segmentation.pipelines.previous import PreviousRun
from segmentation.results import Refresh
from segmentation.segments.overlaps import Counts, Flags, Overlaps
from segmentation.selection.changed_settings import changed_settings
from segmentation.selection.cost_band import cost_band
from segmentation.selection.refresh import (
    Costs,
    FreshSegment,
    Grouping,
    OldSegment,
    RefreshEvidence,
    Structure,
)
from segmentation.selection.verdict import LAX, STRICT

KEPT, WARM, FRESH, SAME_K = "kept", "warm", "fresh", "same_k"


@dataclass(frozen=True)
class Comparison:
    """The old model and the candidates over today's customers.

    ``overlaps`` are those of the old segments with each candidate's clusters: ``KEPT``, and where
    there is a fresh fit ``WARM``, ``FRESH``, and ``SAME_K``, the sweep's with as many segments as
    the old model, where that is another one. ``record`` has the evidence, not yet the decision.
    """

    before: AsBefore
    overlaps: Mapping[str, Overlap]
    evidence: RefreshEvidence
    record: Refresh


def compare_candidates(
    before: AsBefore,
    fresh: FreshFit | None,
    prepared: PreparedInput,
    config: Config,
    *,
    created_at: str,
) -> Comparison:
    """The comparison of the old model with the candidates; without ``fresh``, with none.

    Costs one pass, for all of them. Lloyd's algorithm takes the old centres to where a coreset of
    today's customers leads them; only a model that is published takes them all the way.
    """
    previous = before.previous
    of_before, of_today = {KEPT: before.centres}, {}
    if fresh is not None:
        moved, _ = lloyd_from_centres(before.coreset, before.centres, max_steps=MAX_REFINEMENTS)
        of_before[WARM] = moved.centres
        of_today[FRESH] = fresh.partition.centres
        same = [each for each in fresh.sweep if each.k == len(before.centres)]
        if same and same[0].k != fresh.partition.k:
            of_today[SAME_K] = same[0].centres
    found = before.overlap(of_before=of_before, of_today=of_today, own=prepared.customers)
    kept = found[KEPT].partition
    cost = float((kept.cost() + kept.centre_offset_cost()) / 4**before.preparation.bits)
    record = _record(before, cost, config)
    age = datetime.fromisoformat(created_at) - datetime.fromisoformat(record.model_created_at)
    changed = changed_settings(previous.run.config, config.redacted_dump(), k=record.k_before)
    evidence = RefreshEvidence(record.model_run, max(0, age.days), changed)
    if fresh is not None:
        costs = _costs(before, fresh, found, kept=cost, seed=config.sweep.seed)
        evidence = replace(evidence, costs=costs, structure=_structure(before, fresh, found))
        record = _with_fresh(record, costs, fresh, found[FRESH], bits=before.preparation.bits)
    return Comparison(before, found, evidence, record)


def _record(before: AsBefore, cost: float, config: Config) -> Refresh:
    """What is known of the old model, whose centres cost so much, before anything is decided."""
    previous = before.previous
    return Refresh(
        policy=config.refresh.policy,
        decision="keep",
        reason="",
        model_run=previous.refresh.model_run,
        model_created_at=previous.refresh.model_created_at,
        previous_run=previous.name,
        previous_created_at=previous.run.created_at,
        cost_kept=cost,
        tolerance=config.refresh.tolerance,
        k_before=len(before.centres),
        groups_before=previous.groups,
    )


def _costs(
    before: AsBefore, fresh: FreshFit, found: Mapping[str, Overlap], *, kept: float, seed: int
) -> Costs:
    """The costs of the centres, the fresh ones as many as the old ones, and the band of chance."""
    bits, centres = before.preparation.bits, before.centres
    reference, band = before.previous.reference, 0.0
    if reference is not None:
        customers = before.customers.count
        band = cost_band(reference, centres, bits=bits, customers=customers, seed=seed)
    same_k = found.get(SAME_K) or (found[FRESH] if fresh.partition.k == len(centres) else None)
    return Costs(
        kept=kept,
        # About the means of the old centres' clusters, it is already less than about themselves.
        warm=min(found[name].partition.scaled_cost(bits) for name in (KEPT, WARM)),
        fresh=None if same_k is None else same_k.partition.scaled_cost(bits),
        band=band,
    )


def _with_fresh(
    record: Refresh, costs: Costs, fresh: FreshFit, overlap: Overlap, *, bits: int
) -> Refresh:
    """The record with what the warmed and the fresh centres make of today's customers."""
    survives = _survives(overlap.counts)
    stay = int(overlap.counts[:-1][survives].sum())
    return replace(
        record,
        cost_warm=costs.warm,
        cost_fresh=overlap.partition.scaled_cost(bits),
        band=costs.band,
        k_fresh=fresh.partition.k,
        groups_now=fresh.choice.verdict.groups,
        agreement=adjusted_rand(overlap.counts),
        share_changed=1 - stay / int(overlap.counts.sum()),
    )


def _structure(before: AsBefore, fresh: FreshFit, found: Mapping[str, Overlap]) -> Structure:
    """How today's customers are grouped, beside the segments of the old model."""
    previous, customers = before.previous, before.customers.count
    groups, verdict = fresh.evidence.groups, fresh.choice.verdict
    in_reach = found[KEPT].counts[:-1].sum(axis=1) / customers
    counts = found[KEPT].counts.sum(axis=0)
    names = {each.segment_key: each.name for each in previous.segments}
    by_fresh = found[FRESH].counts
    return Structure(
        customers=customers,
        groups_before=previous.groups,
        now=Grouping(verdict.strength, groups.count, groups.at(STRICT), groups.at(LAX)),
        old=tuple(
            OldSegment(names.get(key, key), share_before, float(share), is_empty=not count)
            for key, share_before, share, count in zip(
                previous.keys, shares_when_fitted(previous), in_reach, counts, strict=True
            )
        ),
        fresh=tuple(
            FreshSegment(size / customers, unreached / size)
            for size, unreached in zip(by_fresh.sum(axis=0), by_fresh[-1], strict=True)
            if size
        ),
        every_segment_survives=bool(_survives(found[WARM].counts).any(axis=1).all()),
    )


def _survives(counts: Counts) -> Flags:
    """Which old segment (rows) survives as which cluster (columns)."""
    old = len(counts) - 1
    return Overlaps(counts, keys=("",) * old, former_shares=(0.0,) * old).survives


def shares_when_fitted(previous: PreviousRun) -> list[float]:
    """The shares of the model's segments among the customers that it was fitted to.

    Where these are not known, those of the previous run.
    """
    reference = previous.reference
    if reference is None:
        shares = {each.segment_key: each.share for each in previous.segments}
        return [shares.get(key, 0.0) for key in previous.keys]
    labels = previous.model.rule.assign(reference.points).segment
    sizes = np.bincount(labels, weights=reference.counts, minlength=len(previous.keys))
    return [float(size) for size in sizes / reference.counts.sum()]


def adjusted_rand(counts: Counts) -> float:
    """The adjusted Rand index of two partitions, from how many customers are in each pair.

    Hubert and Arabie (1985), doi:10.1007/BF01908075; 1 where both put all customers together.
    """
    table = counts.astype(object)
    both = sum(n * (n - 1) for n in table.ravel())
    rows = sum(n * (n - 1) for n in table.sum(axis=1))
    columns = sum(n * (n - 1) for n in table.sum(axis=0))
    n = int(table.sum())
    expected = rows * columns / (n * (n - 1)) if n > 1 else 0.0
    most = (rows + columns) / 2
    return 1.0 if most == expected else float((both - expected) / (most - expected))
