"""The story of a run, in order. No file is opened here."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from segmentation.chosen import labelled, settled
from segmentation.clustering.coreset import compress
from segmentation.clustering.lloyd import Population, improved
from segmentation.clustering.model import freeze
from segmentation.clustering.rows import AllRows
from segmentation.clustering.starts import fit_coreset
from segmentation.clustering.sweep import fit_all_rows, rescored, score
from segmentation.config import Config
from segmentation.features import contract
from segmentation.features.columns import check_columns
from segmentation.features.preparation import (
    FEATURES,
    IS_USABLE,
    SCALED,
    Preparation,
    distinct_points,
    fit_preparation,
    preparation_stages,
    prepared_columns,
    with_coordinates,
)
from segmentation.reporting.page import render
from segmentation.results import CustomerSample, Report, Run
from segmentation.schemas import (
    COST_CURVE,
    CUSTOMERS,
    MALFORMED,
    REJECTED,
    SEGMENT,
    SEGMENT_PROFILE,
    SEGMENTS,
    Table,
    published_name,
    quoted,
)
from segmentation.segments.labelled import rejected_customers, sample_for_drawing
from segmentation.selection.alarms import alarms
from segmentation.selection.verdict import choose
from segmentation.steps import Steps
from segmentation.store import Store
from segmentation.verification import check_counts, check_model
from segmentation.weighing import clusters_of, published_curve, weigh

MAX_REFINEMENTS = 100
NEGLIGIBLE = 1e-6
"""The share of the cost that a Lloyd step on all rows must take off to be worth another pass."""

FEW = 10
"""Up to so many times the coreset's size, distinct customers are counted and not estimated."""

DRAWN_CUSTOMERS = 5_000


@dataclass(frozen=True)
class Published:
    """What a finished run tells the operator."""

    run: Run
    address: str


def run(
    config: Config,
    *,
    store: Store,
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
    with steps("read"):
        customers = store.read_customers(config.input, seed=config.sweep.seed)
        check_columns(customers, config)
        columns = [name for name in customers.columns if name != MALFORMED]

    with steps("contract"):
        audited = contract.with_rejection(customers, input=config.input, features=config.features)
        audit = contract.audit(audited, features=config.features)
        contract.check_share(audit, min_usable=config.input.min_usable)
        usable = contract.usable(audited)
        _warn_of_rows(steps, audit, usable, config)

    with steps("prepare"):
        preparation = fit_preparation(usable, features=config.features, audit=audit)
        value_feature = _value_feature(steps, preparation, config)
        rows = with_coordinates(usable, preparation)
        stages = preparation_stages(rows.sparkSession, preparation)
        distinct = distinct_points(
            rows, preparation, few=FEW * config.sweep.coreset_size, at_least=config.sweep.k_max
        )
        ks = _range_of_k(steps, distinct, config)

    with steps("compress"):
        coreset = compress(
            rows,
            coordinates=preparation.coordinates,
            identity=contract.identity(rows, config),
            size=config.sweep.coreset_size,
            customers=audit.usable,
            distinct_points=distinct,
            squares=preparation.squares(audit.usable),
            seed=config.sweep.seed,
        )
        everyone = AllRows(rows, preparation.coordinates)
        takes_coreset = coreset.is_whole and config.sweep.engine == "coreset"
        population: Population = coreset if takes_coreset else everyone

    with steps("sweep"):
        seed, bits = config.sweep.seed, preparation.bits
        if config.sweep.engine == "mllib":
            width = len(preparation.scales)
            candidates = fit_all_rows(
                rows, stages=stages, vector=SCALED, width=width, ks=ks, bits=bits, seed=seed
            )
        else:
            candidates = fit_coreset(rows.sparkSession, coreset, ks=ks, bits=bits, seed=seed)

    with steps("score"):
        swept = score(population, candidates, bits=preparation.bits)

    with steps("choose"):
        evidence = weigh(coreset, swept, bits=preparation.bits, seed=config.sweep.seed)
        choice = choose(evidence, k=config.choose.k)
        start = next(s.partition for s in swept if s.k == choice.k)

    with steps("refine"):
        # Where all is in the driver's memory a step costs nothing, so labels come to rest.
        tolerance = 0.0 if population is coreset else NEGLIGIBLE
        partition, is_at_rest = improved(
            population, start, max_steps=MAX_REFINEMENTS, tolerance=tolerance
        )
        if not is_at_rest:
            steps.warn(f"labels still moved after {MAX_REFINEMENTS} Lloyd steps on all rows")
        swept = rescored(population, swept, partition, bits=preparation.bits)
        clusters = clusters_of(partition, bits=preparation.bits)
        for alarm in alarms(
            clusters,
            features=[feature.name for feature in preparation.features],
            distinct=distinct,
            min_share=config.choose.min_share,
        ):
            steps.warn(alarm)

    with steps("describe"):
        chosen = settled(
            rows, partition, preparation=preparation, audit=audit, value_feature=value_feature
        )
        choice = replace(choice, silhouette=everyone.silhouette(partition))
        curve = published_curve(evidence, swept, choice=choice, chosen=clusters)

    with steps("freeze"):
        model = store.stage_model(
            freeze(
                rows.sparkSession,
                stages=stages,
                added=[*prepared_columns(preparation), FEATURES],
                is_usable=IS_USABLE,
                vector=SCALED,
                centres=chosen.centres,
                bits=preparation.bits,
            )
        )

    with steps("label"):
        customer_id = config.input.customer_id
        published = store.stage_table(
            CUSTOMERS.name,
            labelled(
                rows,
                chosen,
                preparation=preparation,
                columns=columns,
                features=config.features.names,
            ),
            rows=audit.usable,
            partition_by=SEGMENT,
            sort_by=[F.col(quoted(published_name(customer_id)))] if customer_id else [],
            mostly_unique=["distance", "margin"],
        )
        left_out = store.stage_table(
            REJECTED.name,
            rejected_customers(
                contract.rejected(audited), columns=columns, rejection=contract.REJECTION
            ),
            rows=audit.rows - audit.usable,
        )
        _stage_small(store, COST_CURVE, curve)
        _stage_small(store, SEGMENTS, chosen.segments)
        _stage_small(store, SEGMENT_PROFILE, chosen.profiles)

    with steps("check"):
        rejected = left_out.count()
        check_counts(published, rejected=rejected, audit=audit, segments=chosen.segments)
        check_model(model, rows, chosen=chosen, preparation=preparation)

    with steps("report"):
        names = [feature.name for feature in preparation.features]
        values, of_segment = sample_for_drawing(
            published, features=names, distinct=distinct, most=DRAWN_CUSTOMERS
        )
        facts = Run(
            run=store.run_id,
            created_at=created_at,
            input={"paths": list(config.input.paths), "format": config.input.format},
            fingerprint=audit.fingerprint,
            rows_in=audit.rows,
            labelled=audit.usable,
            rejected=rejected,
            rejections=audit.rejections,
            warnings=tuple(steps.warnings),
            choice=choice,
            value_feature=value_feature,
            features=preparation.features,
            seed=config.sweep.seed,
            config=config.model_dump(mode="json"),
            versions=versions,
            timings=tuple(steps.timings),
        )
        sample = CustomerSample(dict(zip(names, values, strict=True)), of_segment)
        report = Report(facts, curve, chosen.segments, chosen.profiles, sample)
        store.stage_texts(manifest=facts.as_json(), report=render(report))

    with steps("publish"):
        return Published(facts, store.publish())


def _warn_of_rows(steps: Steps, audit: contract.Audit, usable: DataFrame, config: Config) -> None:
    """Say which rows are left out, and which ids stand on several."""
    if audit.rejections:
        steps.warn(
            f"{audit.rows - audit.usable:,} of {audit.rows:,} rows are rejected: "
            f"{contract.in_words(audit.rejections)}"
        )
    if config.input.customer_id is not None and config.input.duplicates == "keep":
        ids, rows = contract.duplicates(usable, customer_id=config.input.customer_id)
        if ids:
            steps.warn(
                f"{ids:,} values of {config.input.customer_id!r} stand on more than one row, "
                f"{rows:,} rows in all; each row is kept as a customer (input.duplicates)"
            )


def _value_feature(steps: Steps, preparation: Preparation, config: Config) -> str:
    """The feature that orders the segments: the configured one, if it varies."""
    shaping = [feature.name for feature in preparation.features]
    for name in preparation.constant:
        steps.warn(f"feature {name!r} has one value on all usable rows and is left out")
    if config.value_feature in shaping:
        return config.value_feature
    steps.warn(f"segments are ordered by {shaping[-1]!r}, as {config.value_feature!r} is left out")
    return shaping[-1]


def _range_of_k(steps: Steps, distinct: int, config: Config) -> list[int]:
    """The configured range of k, as far as there are distinct customers to fill it."""
    first, last = config.sweep.k_min, config.sweep.k_max
    if distinct < last:
        steps.warn(
            f"the usable rows hold {distinct} distinct customers: "
            f"sweep.k_max = {last} becomes {distinct}"
        )
    return list(range(min(first, distinct), min(last, distinct) + 1))


def _stage_small(store: Store, table: Table, rows: Sequence[object]) -> None:
    values = [tuple(getattr(row, name) for name in table.column_names) for row in rows]
    store.stage_rows(table.name, values, ddl=table.ddl)
