"""The story of a run, in order. No file is opened here."""

from collections.abc import Mapping
from dataclasses import replace

from segmentation.clustering.coreset import compress
from segmentation.clustering.sweep import score, with_refined
from segmentation.clustering.ties import resolve_ties
from segmentation.config import Config
from segmentation.model.spark_pipeline import pipeline_model
from segmentation.pipelines.description import build_segments, fitted_model, value_of
from segmentation.pipelines.engines import fit_candidates, population_of, refine
from segmentation.pipelines.evaluation import cost_curve, evaluate_sweep, segment_degeneracies
from segmentation.pipelines.input import check_input
from segmentation.pipelines.labelling import stage_customers
from segmentation.pipelines.preparation import prepare
from segmentation.pipelines.protocols import RunWriter
from segmentation.pipelines.publication import (
    Findings,
    Invocation,
    Published,
    publish_again,
    run_record,
    stage_report,
    stage_small_tables,
)
from segmentation.pipelines.steps import Steps
from segmentation.pipelines.verification import check_staged
from segmentation.pipelines.warnings import range_of_k, warn_of_ties
from segmentation.segments.profile import order_by_value
from segmentation.selection.validity import rounded
from segmentation.selection.verdict import choose, weaknesses


def run(
    config: Config,
    *,
    writer: RunWriter,
    steps: Steps,
    created_at: str,
    versions: Mapping[str, str],
) -> Published:
    """Segment the configured customers and publish the run, or raise and publish nothing.

    Raises
    ------
    SchemaError, DataError, StorageError
        For what the operator can fix, in one line.
    """
    invocation = Invocation(writer.run_id, created_at, versions)
    checked = check_input(config, reader=writer, steps=steps)  # read, features, contract
    if checked.is_published:
        return publish_again(writer)

    with steps("prepare"):
        prepared = prepare(checked, config, steps=steps)
        customers, seed = prepared.customers, config.sweep.seed

    with steps("compress"):
        size = config.sweep.coreset_size
        coreset = compress(customers, identity=prepared.identity, size=size, seed=seed)
        ks = range_of_k(steps, coreset, customers, config)
        population = population_of(customers, coreset, config.sweep)

    with steps("sweep"):
        candidates = fit_candidates(prepared, coreset, ks=ks, sweep=config.sweep)

    with steps("score"):
        sweep = score(population, candidates)

    with steps("choose"):
        evidence = evaluate_sweep(coreset, sweep, prepared=prepared, seed=seed)
        choice = choose(evidence, k=config.choose.k)
        steps.warn(*weaknesses(evidence, choice.k))

    with steps("refine"):
        start = next(partition for partition in sweep if partition.k == choice.k)
        partition = refine(population, start, coreset=coreset, steps=steps)
        min_share = config.choose.min_share
        steps.warn(*segment_degeneracies(partition, prepared=prepared, min_share=min_share))

    with steps("describe"):
        clusters = resolve_ties(customers, partition, population, attributes=prepared.attributes)
        warn_of_ties(steps, clusters.tied)
        value = value_of(config)
        built = build_segments(
            clusters,
            order_by_value(clusters.statistics, value=value),
            preparation=prepared.preparation,
            attributes=prepared.attributes,
            value=value,
            min_group=config.report.min_group,
        )
        sweep = with_refined(population, sweep, clusters.partition)
        choice = replace(choice, silhouette=rounded(clusters.silhouette))
        curve = cost_curve(evidence, sweep, clusters, bits=customers.bits)

    with steps("freeze"):
        fitted = fitted_model(built, choice, checked=checked, prepared=prepared, seed=seed)
        model = pipeline_model(customers.rows.sparkSession, fitted)
        model = writer.stage_model(fitted, model)

    with steps("label"):
        customer_id = config.input.customer_id
        staged = stage_customers(writer, checked, prepared, built, customer_id=customer_id)
        stage_small_tables(writer, curve, built)

    with steps("check"):
        check_staged(writer, staged, model, checked=checked, prepared=prepared, built=built)

    with steps("report"):
        findings = Findings(coreset, choice, curve, built, fitted, staged)
        record = run_record(
            findings,
            checked=checked,
            prepared=prepared,
            config=config,
            invocation=invocation,
            steps=steps,
        )
        record = stage_report(writer, record, findings, prepared=prepared, config=config)

    with steps("publish"):
        return Published(choice.k, choice.reason, writer.publish(), record.headline)
