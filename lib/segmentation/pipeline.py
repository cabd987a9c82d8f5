"""The story of a run, in order. No file is opened here."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from pyspark.ml import PipelineModel
from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from segmentation.clustering import nearest
from segmentation.clustering.coreset import Coreset, compress
from segmentation.clustering.lloyd import Partition, Points, Population, refined
from segmentation.clustering.model import freeze
from segmentation.clustering.nearest import with_nearest
from segmentation.clustering.rows import AllRows
from segmentation.clustering.starts import fit_coreset
from segmentation.clustering.sweep import Swept, fit_all_rows, score
from segmentation.config import Config, Input
from segmentation.errors import DataError
from segmentation.features import contract
from segmentation.features.preparation import (
    PREPARED,
    SCALED,
    Preparation,
    distinct_rows,
    fit_preparation,
    preparation_stages,
    with_coordinates,
)
from segmentation.reporting.page import render
from segmentation.results import (
    CostPoint,
    CustomerSample,
    FeatureProfile,
    Report,
    Run,
    Segment,
)
from segmentation.schemas import (
    COST_CURVE,
    CUSTOMERS,
    REJECTED,
    SEGMENT,
    SEGMENT_PROFILE,
    SEGMENTS,
    Table,
    published_name,
    quoted,
)
from segmentation.segments.labelled import (
    labelled_customers,
    rejected_customers,
    sample_for_drawing,
)
from segmentation.segments.profile import ClusterFacts, by_value, cluster_facts, describe
from segmentation.selection.verdict import choose
from segmentation.steps import Steps

MAX_REFINEMENTS = 20
DRAWN_CUSTOMERS = 5_000
CHECKED_CUSTOMERS = 2_000

CLEAR_LEAD = 1e-12 * 2.0**50
"""Grid squares by which a customer's centre must lead, so that no rounding of MLlib's turns it."""

NUDGES, NUDGE = 8, 8
"""At most so many attempts to move centres off ties, by so many grid steps (some 1e-5 units)."""


class Store(Protocol):
    """Where the input is read and the run is written; see ``storage.runs``."""

    run_id: str

    def read_customers(self, input: Input, *, seed: int) -> DataFrame:
        """The input table."""

    def stage_table(
        self,
        name: str,
        table: DataFrame,
        *,
        partition_by: str | None = None,
        sort_by: Sequence[Column] = (),
    ) -> DataFrame:
        """Write a table aside; returns it as it was written."""

    def stage_rows(self, name: str, rows: Sequence[tuple[Any, ...]], *, ddl: str) -> None:
        """Write a small table aside."""

    def stage_model(self, model: PipelineModel) -> PipelineModel:
        """Write the model aside; returns it as it was written."""

    def stage_texts(self, *, manifest: dict[str, Any], report: str) -> None:
        """Write manifest and report aside."""

    def publish(self) -> str:
        """Make the run visible; returns its address."""


@dataclass(frozen=True)
class Described:
    """The chosen clusters in the order of their segments."""

    centres: Points
    cost: float
    segments: tuple[Segment, ...]
    profiles: tuple[FeatureProfile, ...]


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
        contract.check_columns(customers, config)
        columns = [name for name in customers.columns if name != contract.MALFORMED]

    with steps("contract"):
        audited = contract.with_rejection(customers, input=config.input, features=config.features)
        identity = contract.identity(customers, config)
        audit = contract.audit(audited, features=config.features, identity=identity)
        contract.check_share(audit, min_usable=config.input.min_usable)
        usable = contract.usable(audited)
        _warn_of_rows(steps, audit, usable, config)

    with steps("prepare"):
        preparation = fit_preparation(usable, features=config.features, audit=audit)
        value_feature = _value_feature(steps, preparation, config)
        rows = with_coordinates(usable, preparation)
        stages = preparation_stages(rows.sparkSession, preparation)

        ks = _range_of_k(steps, rows, preparation, config)

    with steps("compress"):
        coreset = _coreset(rows, preparation, audit, identity=identity, config=config)
        population: Population = AllRows(rows, preparation.coordinates)
        if coreset is not None and coreset.is_whole:
            population = coreset

    with steps("sweep"):
        on_grid = {"ks": ks, "bits": preparation.bits, "seed": config.sweep.seed}
        if coreset is None:
            centres = fit_all_rows(rows, stages=stages, vector=SCALED, **on_grid)
        else:
            centres = fit_coreset(rows.sparkSession, coreset, **on_grid)

    with steps("score"):
        swept = score(population, centres, bits=preparation.bits)

    with steps("choose"):
        choice = choose([CostPoint(s.k, s.cost) for s in swept], k=config.choose.k)
        chosen = next(s for s in swept if s.k == choice.k)

    with steps("refine"):
        partition, is_at_rest = refined(
            population, chosen.partition.means(), max_steps=MAX_REFINEMENTS
        )
        if not is_at_rest:
            steps.warn(f"labels still moved after {MAX_REFINEMENTS} Lloyd steps on all rows")

    with steps("describe"):
        described = _described(rows, partition, preparation, audit, value_feature=value_feature)
        curve = _curve(swept, choice.k, described.cost)

    with steps("freeze"):
        model = store.stage_model(
            freeze(
                rows.sparkSession,
                stages=stages,
                prepared=[f"{PREPARED}{j}" for j in range(len(preparation.scales))],
                vector=SCALED,
                centres=described.centres,
                bits=preparation.bits,
            )
        )

    with steps("label"):
        labelled = _labelled(rows, columns, described, preparation, config)
        by_id = (
            [F.col(quoted(published_name(config.input.customer_id)))]
            if (config.input.customer_id)
            else []
        )
        published = store.stage_table(CUSTOMERS.name, labelled, partition_by=SEGMENT, sort_by=by_id)
        left_out = store.stage_table(
            REJECTED.name,
            rejected_customers(
                contract.rejected(audited), columns=columns, rejection=contract.REJECTION
            ),
        )
        _stage_small(store, COST_CURVE, curve)
        _stage_small(store, SEGMENTS, described.segments)
        _stage_small(store, SEGMENT_PROFILE, described.profiles)

    with steps("check"):
        rejected = left_out.count()
        _check_counts(published, rejected, audit, described.segments)
        _check_model(model, rows, described, preparation)

    with steps("report"):
        names = [feature.name for feature in preparation.features]
        values, of_segment = sample_for_drawing(
            published, features=names, distinct=preparation.distinct, most=DRAWN_CUSTOMERS
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
        report = Report(facts, curve, described.segments, described.profiles, sample)
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


def _range_of_k(
    steps: Steps, rows: DataFrame, preparation: Preparation, config: Config
) -> list[int]:
    """The configured range of k, as far as there are distinct rows to fill it."""
    first, last = config.sweep.k_min, config.sweep.k_max
    most = distinct_rows(rows, preparation, at_most=last)
    if most < last:
        steps.warn(
            f"the usable rows hold {most} distinct customers: sweep.k_max = {last} becomes {most}"
        )
    return list(range(min(first, most), most + 1))


def _coreset(
    rows: DataFrame,
    preparation: Preparation,
    audit: contract.Audit,
    *,
    identity: Sequence[str],
    config: Config,
) -> Coreset | None:
    """The rows compressed, unless the engine works on all of them."""
    if config.sweep.engine == "mllib":
        return None
    return compress(
        rows,
        coordinates=preparation.coordinates,
        identity=identity,
        size=config.sweep.coreset_size,
        customers=audit.usable,
        distinct=audit.distinct,
        distinct_points=preparation.distinct,
        squares=preparation.squares(audit.usable),
        seed=config.sweep.seed,
    )


def _described(
    rows: DataFrame,
    partition: Partition,
    preparation: Preparation,
    audit: contract.Audit,
    *,
    value_feature: str,
) -> Described:
    """The chosen clusters profiled, ordered and named; their centres moved off ties if need be.

    A customer as near to two centres as doubles can tell would get either label from MLlib,
    so centres are nudged by a few grid steps until every customer's lead is clear.
    """
    centres = partition.centres
    facts = _facts(rows, centres, preparation, audit)
    for attempt in range(NUDGES):
        if all(c.narrowest is None or c.narrowest >= CLEAR_LEAD for c in facts):
            break
        random = np.random.default_rng(attempt)
        centres = partition.centres + random.integers(-NUDGE, NUDGE + 1, centres.shape)
        facts = _facts(rows, centres, preparation, audit)
    ordered = by_value(facts, value_feature=value_feature)
    centres = centres[[cluster.cluster for cluster in ordered]]
    names = [feature.name for feature in preparation.features]
    segments, profiles = describe(
        ordered,
        value_feature=value_feature,
        centroids=[
            {name: preparation.original(j, centre[j]) for j, name in enumerate(names)}
            for centre in centres.tolist()
        ],
        differences=[
            {name: preparation.difference(j, centre[j]) for j, name in enumerate(names)}
            for centre in centres.tolist()
        ],
    )
    return Described(centres, float(partition.cost() / 4**preparation.bits), segments, profiles)


def _facts(
    rows: DataFrame, centres: Points, preparation: Preparation, audit: contract.Audit
) -> tuple[ClusterFacts, ...]:
    names = [feature.name for feature in preparation.features]
    return cluster_facts(
        with_nearest(rows, preparation.coordinates, centres),
        cluster=nearest.CLUSTER,
        values={name: F.expr(contract.number(name)) for name in names},
        ranges={name: (audit.ranges[name].low, audit.ranges[name].high) for name in names},
        distance=F.sqrt(nearest.SQUARE) * 2.0**-preparation.bits,
        reach=preparation.reach,
        lead=F.col(nearest.SECOND_SQUARE) - F.col(nearest.SQUARE),
    )


def _curve(swept: Sequence[Swept], chosen: int, cost: float) -> tuple[CostPoint, ...]:
    """The cost curve, with the cost that the chosen k has after refinement."""
    return tuple(CostPoint(s.k, cost if s.k == chosen else s.cost, s.k == chosen) for s in swept)


def _labelled(
    rows: DataFrame,
    columns: Sequence[str],
    described: Described,
    preparation: Preparation,
    config: Config,
) -> DataFrame:
    return labelled_customers(
        with_nearest(rows, preparation.coordinates, described.centres),
        columns=columns,
        numbers={name: F.expr(contract.number(name)) for name in config.features.names},
        names=[segment.name for segment in described.segments],
        segment=F.col(nearest.CLUSTER),
        runner_up=F.col(nearest.SECOND_CLUSTER),
        square=F.col(nearest.SQUARE),
        runner_up_square=F.col(nearest.SECOND_SQUARE),
        unit=2.0**-preparation.bits,
    )


def _stage_small(store: Store, table: Table, rows: Sequence[object]) -> None:
    values = [tuple(getattr(row, name) for name in table.column_names) for row in rows]
    store.stage_rows(table.name, values, ddl=table.ddl)


def _check_counts(
    published: DataFrame, rejected: int, audit: contract.Audit, segments: Sequence[Segment]
) -> None:
    """Whether what was written is what was counted; a table may change while it is read.

    Raises
    ------
    DataError
        If rows in are not rows labelled plus rows rejected, or a segment's count is off.
    """
    found = {row[SEGMENT]: row["count"] for row in published.groupBy(SEGMENT).count().collect()}
    expected = {segment.segment: segment.customers for segment in segments}
    if found != expected or sum(found.values()) + rejected != audit.rows:
        raise DataError(
            f"{audit.rows:,} rows were read at first, then {sum(found.values()):,} labelled and "
            f"{rejected:,} rejected: input.path changed while the job ran; run it again"
        )


def _check_model(
    model: PipelineModel,
    rows: DataFrame,
    described: Described,
    preparation: Preparation,
) -> None:
    """Whether the model as it was written labels some customers as the table does."""
    expected = with_nearest(rows, preparation.coordinates, described.centres).select(
        *[quoted(feature.name) for feature in preparation.features],
        F.col(nearest.CLUSTER).alias("__expected"),
    )
    labelled = model.transform(expected.limit(CHECKED_CUSTOMERS))
    differing = labelled.where(~F.col(SEGMENT).eqNullSafe(F.col("__expected"))).count()
    if differing:
        raise RuntimeError(f"the frozen model labels {differing} customers unlike the table")
