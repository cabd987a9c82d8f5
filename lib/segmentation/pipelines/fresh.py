"""A fresh fit of today's customers: the sweep over k, the evidence, and the choice."""

from collections.abc import Sequence
from dataclasses import dataclass

from segmentation.clustering.coreset import Coreset
from segmentation.clustering.lloyd import Population
from segmentation.clustering.sweep import score
from segmentation.config import Config
from segmentation.numerics.partition import Partition
from segmentation.pipelines.engines import fit_candidates, population_of, refine
from segmentation.pipelines.evaluation import evaluate_sweep, segment_degeneracies
from segmentation.pipelines.preparation import PreparedInput
from segmentation.pipelines.steps import Steps
from segmentation.pipelines.warnings import range_of_k
from segmentation.results import Choice
from segmentation.selection.evidence import Evidence
from segmentation.selection.verdict import choose, weaknesses


@dataclass(frozen=True)
class FreshFit:
    """The best partition for every k, the evidence on k, the choice, and its refined partition.

    ``population`` are the customers as the engine passes over them; grid steps are ``2**-bits``.
    """

    coreset: Coreset
    population: Population
    bits: int
    sweep: Sequence[Partition]
    evidence: Evidence
    choice: Choice
    partition: Partition


def fit_fresh(
    prepared: PreparedInput, coreset: Coreset, config: Config, *, steps: Steps
) -> FreshFit:
    """The customers fitted as if there were no model yet: sweep, score, choose, refine."""
    customers, seed = prepared.customers, config.sweep.seed
    population = population_of(customers, coreset, config.sweep)
    with steps("sweep"):
        ks = range_of_k(steps, coreset, customers, config)
        candidates = fit_candidates(prepared, coreset, ks=ks, sweep=config.sweep)

    with steps("score"):
        sweep = score(population, candidates)

    with steps("choose"):
        evidence = evaluate_sweep(coreset, sweep, prepared=prepared, seed=seed)
        choice = choose(evidence, k=config.choose.k)

    with steps("refine"):
        start = next(partition for partition in sweep if partition.k == choice.k)
        partition = refine(population, start, coreset=coreset, steps=steps)
    return FreshFit(coreset, population, customers.bits, sweep, evidence, choice, partition)


def warn_of_fit(fit: FreshFit, prepared: PreparedInput, config: Config, *, steps: Steps) -> None:
    """Warn of what is weak about the fresh segments."""
    steps.warn(*weaknesses(fit.evidence, fit.choice.k))
    min_share = config.choose.min_share
    steps.warn(*segment_degeneracies(fit.partition, prepared=prepared, min_share=min_share))
