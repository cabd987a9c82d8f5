"""The publication of a run: its manifest, its report, and what the operator is shown at the end."""

from collections.abc import Mapping
from dataclasses import dataclass, replace

from segmentation.clustering.coreset import Coreset
from segmentation.config import Config
from segmentation.model.fitted import FittedModel
from segmentation.pipelines.description import BuiltSegments
from segmentation.pipelines.input import CheckedInput
from segmentation.pipelines.labelling import StagedRows
from segmentation.pipelines.plot_sample import plot_sample
from segmentation.pipelines.preparation import PreparedInput
from segmentation.pipelines.protocols import RunWriter
from segmentation.pipelines.steps import Steps
from segmentation.redaction import redacted_tree
from segmentation.reporting.segment_page import render, sentences
from segmentation.reporting.separation import by_separation, separation
from segmentation.results import Changes, Choice, CostPoint, Report, Run
from segmentation.schemas import COST_CURVE, PLOT_SAMPLE, SEGMENT_PROFILE, SEGMENTS
from segmentation.selection.correlation import correlated


@dataclass(frozen=True)
class Published:
    """What a finished run shows the operator; ``headline`` are the report's first sentences."""

    k: int
    reason: str
    address: str
    headline: tuple[str, ...] = ()
    refresh: str | None = None


@dataclass(frozen=True)
class Invocation:
    """Which run it is, when it began, and the versions of what it runs on."""

    run_id: str
    created_at: str
    versions: Mapping[str, str]


@dataclass(frozen=True)
class Findings:
    """What a run found: the choice of k and the curve it rests on, the segments and the model."""

    coreset: Coreset
    choice: Choice
    curve: tuple[CostPoint, ...]
    built: BuiltSegments
    fitted: FittedModel
    staged: StagedRows
    changes: Changes


def stage_small_tables(
    writer: RunWriter, curve: tuple[CostPoint, ...], built: BuiltSegments
) -> None:
    """Write the cost curve and the segments with their profiles."""
    writer.stage_rows(COST_CURVE, curve)
    writer.stage_rows(SEGMENTS, built.segments)
    writer.stage_rows(SEGMENT_PROFILE, built.profiles)


def stage_report(
    writer: RunWriter, run: Run, findings: Findings, *, prepared: PreparedInput, config: Config
) -> Run:
    """Write the sample for the plot, the manifest and the report; the run with its headline."""
    min_group, built = config.report.min_group, findings.built
    ranked = by_separation(run.features, separation(built.profiles, built.segments))
    names = sorted((each.name for each in ranked), key=lambda name: name != run.value_feature)
    sample = plot_sample(
        findings.coreset,
        built.rule,
        preparation=prepared.preparation,
        points=config.report.points,
        min_group=min_group,
        ranked=names,
    )
    writer.stage_rows(PLOT_SAMPLE, sample.records())
    report = Report(
        run, findings.curve, built.segments, built.profiles, sample, changes=findings.changes
    )
    run = replace(run, headline=sentences(report, min_group=min_group))
    writer.stage_texts(run=run, report=render(report, min_group=min_group))
    return run


def run_record(
    findings: Findings,
    *,
    checked: CheckedInput,
    prepared: PreparedInput,
    config: Config,
    invocation: Invocation,
    steps: Steps,
) -> Run:
    """All that the manifest says of the run but for its headline."""
    audit, lines, features = checked.audit, checked.assembled.lines, config.features.names
    prepared_features = prepared.preparation.prepared_features
    coreset = findings.coreset
    strong = correlated(coreset.points, coreset.counts, features=prepared_features)
    return Run(
        run=invocation.run_id,
        created_at=invocation.created_at,
        input={"paths": redacted_tree(config.input.paths), "format": config.input.format},
        fingerprint=checked.assembled.fingerprint(audit),
        rows_in=audit.rows,
        labelled=audit.usable,
        rejected=findings.staged.rejected,
        rejections=audit.rejections,
        warnings=tuple(steps.warnings),
        choice=findings.choice,
        value_feature=config.value_feature,
        features=tuple(sorted(prepared_features, key=lambda each: features.index(each.column))),
        seed=config.sweep.seed,
        config=config.redacted_dump(),
        versions=invocation.versions,
        timings=tuple(steps.timings),
        transactions=lines.counts if lines else None,
        joins=checked.assembled.joins,
        correlations=strong.pairs,
        correlation_groups=strong.groups,
        imputed=prepared.encoding.imputations,
        model_id=findings.fitted.model_id,
        refresh=findings.changes.refresh,
    )


def publish_again(writer: RunWriter) -> Published:
    """The existing run of this id, configuration and input, made current again."""
    existing = writer.existing_run
    if existing is None:
        raise ValueError("there is no such run")
    choice = existing.choice
    refresh = None if existing.refresh is None else existing.refresh.reason
    return Published(choice.k, choice.reason, writer.publish(), existing.headline, refresh)
