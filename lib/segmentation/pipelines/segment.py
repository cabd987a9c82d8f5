"""The story of a run, in order. No file is opened here."""

from collections.abc import Mapping
from dataclasses import replace

from segmentation.config import Config
from segmentation.model.spark_pipeline import pipeline_model
from segmentation.pipelines.as_before import Today, as_before
from segmentation.pipelines.changes import (
    Continuation,
    model_files,
    stage_changes,
    warn_of_anchors,
)
from segmentation.pipelines.curve import published_curve
from segmentation.pipelines.description import fitted_model
from segmentation.pipelines.fresh import fit_fresh, warn_of_fit
from segmentation.pipelines.input import check_input
from segmentation.pipelines.labelling import stage_customers
from segmentation.pipelines.moves import Ids, assigned_customers, follow
from segmentation.pipelines.preparation import prepare, prepare_as_before
from segmentation.pipelines.previous import previous_run
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
from segmentation.pipelines.refresh import Candidates, refreshed
from segmentation.pipelines.refusal import check_refresh, refuse_broken
from segmentation.pipelines.segments import describe_segments
from segmentation.pipelines.steps import Steps
from segmentation.pipelines.verification import check_counts, check_staged


def run(
    config: Config,
    *,
    writer: RunWriter,
    steps: Steps,
    created_at: str,
    versions: Mapping[str, str],
    accepts: bool = False,
) -> Published:
    """Segment the configured customers and publish the run, or raise and publish nothing.

    ``accepts`` goes on with data that look broken beside those of the previous run.

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
        previous = previous_run(writer, config.refresh.policy, steps=steps)
        check_refresh(previous, config)
        old = previous.model.preparation if previous and config.refresh.policy == "keep" else None
        if old is None:
            prepared = prepare(checked, config, steps=steps)
        else:
            prepared = prepare_as_before(checked, old, config, steps=steps)

    with steps("compress"):
        today = Today.of(checked, prepared, config)
        coreset = today.coreset()
        before = as_before(previous, today, coreset=coreset, steps=steps)
        refuse_broken(before, accepts=accepts, steps=steps)

    fresh = fit_fresh(prepared, coreset, config, steps=steps) if old is None else None

    with steps("identify"):
        candidates = Candidates(previous, before, fresh, prepared)
        model = refreshed(candidates, config, invocation=invocation, steps=steps)
        prepared = model.prepared
        if fresh is not None and model.is_fresh:
            warn_of_fit(fresh, prepared, config, steps=steps)
        followed = follow(previous, checked.usable, Ids.of(checked, config), steps=steps)
        continued = Continuation(previous, before, followed)

    with steps("describe"):
        given = writer.keys_given()
        found = describe_segments(
            model, continued, config, given=given, run=writer.run_id, steps=steps
        )
        built, choice = found.built, found.choice
        curve = published_curve(model, fresh, found.clusters, previous)

    with steps("freeze"):
        seed = config.sweep.seed
        fitted = fitted_model(built, choice, checked=checked, prepared=prepared, seed=seed)
        files = model_files(fitted, model, continued)
        warn_of_anchors(steps, files, built, checked.usable, seed=seed)
        spark_model = pipeline_model(prepared.customers.rows.sparkSession, fitted)
        spark_model = writer.stage_model(files, spark_model)

    with steps("label"):
        assigned = assigned_customers(model, built, before, followed)
        staged = stage_customers(writer, checked, assigned, built, prepared=prepared, config=config)
        stage_small_tables(writer, curve, built)
        check_counts(staged, audit=checked.audit, segments=built.segments)
        changes = stage_changes(
            writer,
            model,
            built,
            found.identities,
            continued,
            checked=checked,
            config=config,
            created_at=created_at,
            steps=steps,
        )

    with steps("check"):
        check_staged(writer, staged, spark_model, checked=checked, prepared=prepared, built=built)

    with steps("report"):
        findings = Findings(model.coreset, choice, curve, built, fitted, staged, changes)
        record = run_record(
            findings,
            checked=checked,
            prepared=prepared,
            config=config,
            invocation=invocation,
            steps=steps,
        )
        record = replace(record, keys_given=found.identities.given)
        record = stage_report(writer, record, findings, prepared=prepared, config=config)

    with steps("publish"):
        return Published(
            choice.k, choice.reason, writer.publish(), record.headline, changes.refresh.reason
        )
