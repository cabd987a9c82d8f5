"""The story of a run, in order. No file is opened here."""

from collections.abc import Mapping
from dataclasses import dataclass, replace

from pyspark.sql import DataFrame

from segmentation.clustering.coreset import compress
from segmentation.clustering.distributed import DistributedPopulation
from segmentation.clustering.kmeans import fit_coreset
from segmentation.clustering.lloyd import Population, coreset_accelerated_lloyd, lloyd
from segmentation.clustering.sweep import fit_all_rows, score, with_refined
from segmentation.config import Config
from segmentation.features import contract
from segmentation.features.decimals import AS_READ
from segmentation.features.definitions import defined_features
from segmentation.features.encoding import encode
from segmentation.features.preparation import fit_preparation, with_coordinates
from segmentation.features.profiling import profiled
from segmentation.model.features import Feature
from segmentation.model.fitted import FittedModel, ModelSegment
from segmentation.model.preparation import at_scoring_day
from segmentation.model.rules import NearestPrototype
from segmentation.model.spark_pipeline import SCALED, at_day, pipeline_model, preparation_stages
from segmentation.pipelines.assembly import AssembledCustomers, gather
from segmentation.pipelines.chosen import labelled, settled, value_of
from segmentation.pipelines.evaluation import clusters_of, published_curve, spikes_of, weigh
from segmentation.pipelines.plot_sample import customer_sample, group_sample
from segmentation.pipelines.protocols import InputReader, RunWriter
from segmentation.pipelines.steps import Steps
from segmentation.pipelines.verification import check_counts, check_lines, check_model
from segmentation.pipelines.warnings import (
    range_of_k,
    warn_of_encoding,
    warn_of_rows,
    warn_of_sources,
)
from segmentation.redaction import redacted_tree
from segmentation.reporting.segment_page import render, sentences
from segmentation.results import Report, Run
from segmentation.schemas import (
    COST_CURVE,
    CUSTOMERS,
    MALFORMED,
    PLOT_SAMPLE,
    REJECTED,
    REJECTED_TRANSACTIONS,
    SEGMENT,
    SEGMENT_PROFILE,
    SEGMENTS,
    FileLayout,
    published_name,
)
from segmentation.segments.labelled import rejected_rows
from segmentation.selection.degeneracy import correlations, degeneracies
from segmentation.selection.validity import rounded
from segmentation.selection.verdict import choose, weaknesses

MAX_REFINEMENTS = 100
NEGLIGIBLE = 1e-6
"""The share of the cost that moving the centres must take off to be worth another pass."""


@dataclass(frozen=True)
class Checked:
    """The input, read and held against the contract.

    ``is_published`` says that the output has a run of it already, with the same configuration.
    """

    gathered: AssembledCustomers
    features: tuple[Feature, ...]
    audited: DataFrame
    audit: contract.Audit
    is_published: bool


@dataclass(frozen=True)
class Published:
    """What a finished run tells the operator; ``headline`` are the report's first sentences."""

    k: int
    reason: str
    address: str
    headline: tuple[str, ...] = ()


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
        For what the operator can mend, in one line.
    """
    checked = check_input(config, reader=writer, steps=steps)
    if checked.is_published:
        return _republished(writer)
    gathered, features, audit = checked.gathered, checked.features, checked.audit
    audited, usable = checked.audited, contract.usable(checked.audited)
    columns = [name for name in gathered.customers.columns if name not in (MALFORMED, AS_READ)]
    fingerprint = gathered.fingerprint(audit)

    with steps("prepare"):
        identity = contract.identity(features, customer_id=config.input.customer_id)
        encoding = encode(
            usable,
            features,
            features=config.features,
            audit=audit,
            identity=identity,
        )
        reported = profiled(
            usable, encoding.features, features=config.features, value=config.value_feature
        )
        preparation, distinct_points = fit_preparation(
            usable,
            encoding.features,
            scale=config.features.scale,
            audit=audit,
            customer_rules=[
                reason for reason, name, _ in gathered.rules if name in config.features.names
            ],
        )
        warn_of_encoding(steps, encoding, preparation, reported, min_group=config.report.min_group)
        rows = with_coordinates(usable, preparation)
        # Dates count from the day of scoring where they are configured to.
        scoring = (
            at_scoring_day(preparation) if config.features.scoring_day == "today" else preparation
        )

    with steps("compress"):
        coreset = compress(
            rows,
            coordinates=preparation.coordinates,
            identity=identity,
            size=config.sweep.coreset_size,
            customers=audit.usable,
            distinct_points=distinct_points,
            squares=preparation.squares(audit.usable),
            seed=config.sweep.seed,
        )
        distinct = len(coreset.points) if coreset.is_whole else distinct_points
        ks = range_of_k(steps, distinct, config)
        takes_coreset = coreset.is_whole and config.sweep.engine == "coreset"
        population: Population = (
            coreset if takes_coreset else DistributedPopulation(rows, preparation.coordinates)
        )

    with steps("sweep"):
        seed, bits = config.sweep.seed, preparation.bits
        if config.sweep.engine == "mllib":
            width = len(preparation.columns)
            candidates = fit_all_rows(
                rows,
                stages=preparation_stages(rows.sparkSession, preparation),
                vector=SCALED,
                width=width,
                ks=ks,
                bits=bits,
                seed=seed,
            )
        else:
            candidates = fit_coreset(rows.sparkSession, coreset, ks=ks, bits=bits, seed=seed)

    with steps("score"):
        swept = score(population, candidates, bits=preparation.bits)

    with steps("choose"):
        evidence = weigh(
            coreset,
            swept,
            bits=preparation.bits,
            seed=config.sweep.seed,
            spikes=spikes_of(preparation, encoding.imputations),
        )
        choice = choose(evidence, k=config.choose.k)
        for weakness in weaknesses(evidence, choice.k):
            steps.warn(weakness)
        start = next(s.partition for s in swept if s.k == choice.k)

    with steps("refine"):
        # Where all is in the driver's memory a step costs nothing, so labels come to rest.
        partition, is_at_rest = (
            lloyd(population, start, max_steps=MAX_REFINEMENTS)
            if population is coreset
            else coreset_accelerated_lloyd(
                population, start, model=coreset, max_steps=MAX_REFINEMENTS, tolerance=NEGLIGIBLE
            )
        )
        if not is_at_rest:
            steps.warn(f"k-means did not converge in {MAX_REFINEMENTS} iterations on all rows")
        for degeneracy in degeneracies(
            clusters_of(partition, bits=preparation.bits),
            features=[column.name for column in preparation.columns],
            min_share=config.choose.min_share,
        ):
            steps.warn(degeneracy)

    with steps("describe"):
        chosen = settled(
            rows,
            partition,
            population=population,
            preparation=preparation,
            attributes=reported.attributes(preparation.used, value=config.value_feature),
            value=value_of(config),
            min_group=config.report.min_group,
        )
        if chosen.tied:
            steps.warn(
                f"{chosen.tied:,} customers are equally near to two segments: the saved "
                "model may assign them to the other one"
            )
        swept = with_refined(population, swept, chosen.partition, bits=preparation.bits)
        clusters = clusters_of(chosen.partition, bits=preparation.bits)
        choice = replace(choice, silhouette=rounded(chosen.silhouette))
        curve = published_curve(evidence, swept, choice=choice, chosen=clusters)

    with steps("freeze"):
        fitted = FittedModel(
            scoring,
            NearestPrototype.of(chosen.centres),
            tuple(ModelSegment(each.segment, each.name) for each in chosen.segments),
            algorithm=choice.algorithm,
            setting=choice.setting,
            seed=config.sweep.seed,
            as_of=gathered.as_of,
        )
        model = writer.stage_model(fitted, pipeline_model(rows.sparkSession, fitted))

    with steps("label"):
        customer_id = config.input.customer_id
        ids = (published_name(customer_id),) if customer_id else ()
        published = writer.stage_table(
            CUSTOMERS.name,
            labelled(
                rows,
                chosen,
                preparation=preparation,
                columns=columns,
                features=encoding.features,
            ),
            rows=audit.usable,
            layout=FileLayout(SEGMENT, ids, (*ids, "distance", "margin")),
        )
        excluded = writer.stage_table(
            REJECTED.name,
            rejected_rows(contract.rejected(audited), rejection=contract.REJECTION),
            rows=audit.rows - audit.usable,
        )
        rejected = sum(excluded.values())
        if gathered.lines is not None:
            excluded = writer.stage_table(
                REJECTED_TRANSACTIONS.name,
                rejected_rows(gathered.lines.excluded, rejection=contract.REJECTION),
                rows=gathered.lines.counts.excluded_lines,
            )
            rejected_lines = sum(excluded.values())
        writer.stage_rows(COST_CURVE, curve)
        writer.stage_rows(SEGMENTS, chosen.segments)
        writer.stage_rows(SEGMENT_PROFILE, chosen.profiles)

    with steps("check"):
        check_counts(published, rejected=rejected, audit=audit, segments=chosen.segments)
        if gathered.lines is not None:
            check_lines(rejected_lines, gathered.lines.counts)
        check_model(
            at_day(model, gathered.as_of),
            writer.staged(CUSTOMERS.name),
            # Where columns were rewritten these rows are as they came, which the model may label.
            writer.staged(REJECTED.name) if rejected and AS_READ not in audited.columns else None,
            features=config.features.names,
            labelled=audit.usable,
            has_ties=chosen.tied > 0,
        )

    with steps("report"):
        sample = (
            customer_sample(coreset, chosen.centres, preparation=preparation)
            if config.report.points == "customers"
            else group_sample(
                coreset,
                chosen.centres,
                preparation=preparation,
                min_group=config.report.min_group,
            )
        )
        writer.stage_rows(PLOT_SAMPLE, sample.records())
        facts = Run(
            run=writer.run_id,
            created_at=created_at,
            input={"paths": redacted_tree(config.input.paths), "format": config.input.format},
            fingerprint=fingerprint,
            rows_in=audit.rows,
            labelled=audit.usable,
            rejected=rejected,
            rejections=audit.rejections,
            warnings=tuple(steps.warnings),
            choice=choice,
            value_feature=config.value_feature,
            features=tuple(
                sorted(
                    preparation.prepared_features,
                    key=lambda each: config.features.names.index(each.column),
                )
            ),
            seed=config.sweep.seed,
            config=config.redacted_dump(),
            versions=versions,
            timings=tuple(steps.timings),
            transactions=gathered.lines.counts if gathered.lines else None,
            joins=gathered.joins,
            correlations=correlations(
                coreset.points,
                coreset.counts,
                features=preparation.prepared_features,
            ),
            imputed=encoding.imputations,
            model_id=fitted.model_id,
        )
        min_group = config.report.min_group
        report = Report(facts, curve, chosen.segments, chosen.profiles, sample)
        facts = replace(facts, headline=sentences(report, min_group=min_group))
        writer.stage_texts(run=facts, report=render(report, min_group=min_group))

    with steps("publish"):
        return Published(choice.k, choice.reason, writer.publish(), facts.headline)


def check_input(config: Config, *, reader: InputReader, steps: Steps) -> Checked:
    """The input as the contract has it; every row is read, and warnings are given.

    Raises
    ------
    SchemaError, DataError, StorageError
        If it cannot be segmented.
    """
    with steps("read"):
        table = reader.read(config.input, seed=config.sweep.seed, warn=steps.warn)

    with steps("features"):
        gathered = gather(table, config, reader=reader, warn=steps.warn)
        warn_of_sources(steps, gathered)

    with steps("contract"):
        features = defined_features(config.features, as_of=gathered.as_of, zone=config.timezone)
        audited = contract.with_rejection(
            gathered.customers,
            input=config.input,
            features=features,
            customer_rules=gathered.rules,
        )
        audit = contract.audit(audited, features=features)
        contract.check_share(audit, min_usable=config.input.min_usable)
        is_published = reader.is_published(gathered.fingerprint(audit))
        if not is_published:
            warn_of_rows(steps, audit, contract.usable(audited), config)
    return Checked(gathered, features, audited, audit, is_published)


def _republished(writer: RunWriter) -> Published:
    """The existing run of this id, configuration and input, made current again."""
    existing = writer.existing_run
    if existing is None:
        raise ValueError("there is no such run")
    choice = existing.choice
    return Published(choice.k, choice.reason, writer.publish(), existing.headline)
