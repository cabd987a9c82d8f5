"""Checks of a staged run before publication."""

from collections.abc import Sequence

import numpy as np
import pyarrow as pa
from pyspark.ml import PipelineModel
from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F
from pyspark.sql import types as T

from segmentation.errors import DataError
from segmentation.features.contract import Audit
from segmentation.model.preparation import Preparation
from segmentation.model.rules import NO_SEGMENT, LabellingRule
from segmentation.model.spark_columns import ENTRIES, with_entries
from segmentation.model.spark_pipeline import at_day
from segmentation.numerics.arrow_entries import entry_rows
from segmentation.numerics.grid_points import GridPoints
from segmentation.pipelines.description import BuiltSegments
from segmentation.pipelines.input import CheckedInput
from segmentation.pipelines.labelling import StagedRows
from segmentation.pipelines.preparation import PreparedInput
from segmentation.pipelines.protocols import RunWriter
from segmentation.results import LineCounts, Segment
from segmentation.schemas import CUSTOMERS, REJECTED, SEGMENT, published_name, quoted

CHECKED_CUSTOMERS = 1_000

ROW = "__row"


def check_staged(
    writer: RunWriter,
    staged: StagedRows,
    model: PipelineModel,
    *,
    checked: CheckedInput,
    prepared: PreparedInput,
    built: BuiltSegments,
) -> None:
    """Whether what was written is complete, and the saved model labels as the table does.

    Raises
    ------
    DataError
        If the input changed while the job ran.
    RuntimeError
        If the renderings of the model disagree.
    """
    check_counts(staged, audit=checked.audit, segments=built.segments)
    check_lines(staged, checked.line_counts)
    preparation = prepared.preparation
    of_run = at_day(model, checked.assembled.as_of)
    check_model(
        of_run,
        built.rule,
        writer.staged(CUSTOMERS.name),
        preparation=preparation,
        labelled=checked.audit.usable,
        has_ties=built.tied > 0,
    )
    if staged.rejected and checked.are_rejected_as_prepared:
        check_rejected(of_run, writer.staged(REJECTED.name), preparation=preparation)


def check_counts(staged: StagedRows, *, audit: Audit, segments: Sequence[Segment]) -> None:
    """Whether what was written is what was counted; a table may change while it is read.

    Raises
    ------
    DataError
        If rows in are not rows labelled plus rows rejected, or a segment's count is off.
    """
    expected = {str(segment.segment): segment.customers for segment in segments}
    labelled = sum(staged.labelled.values())
    if staged.labelled != expected or labelled + staged.rejected != audit.rows:
        raise DataError(
            f"{audit.rows:,} rows were read at first, then {labelled:,} labelled and "
            f"{staged.rejected:,} rejected: input.path changed while the job ran; run it again"
        )


def check_lines(staged: StagedRows, counts: LineCounts | None) -> None:
    """Whether as many transaction lines were written as excluded as were counted before.

    Raises
    ------
    DataError
        If it is another number.
    """
    if counts is not None and staged.excluded_lines != counts.excluded_lines:
        raise DataError(
            f"{counts.excluded_lines:,} transaction lines were excluded at first, then "
            f"{staged.excluded_lines:,}: input.path changed while the job ran; run it again"
        )


def check_model(
    model: PipelineModel,
    rule: LabellingRule,
    customers: DataFrame,
    *,
    preparation: Preparation,
    labelled: int,
    has_ties: bool = False,
) -> None:
    """Whether the table, the saved model and numpy put the same customers in the same segments.

    They are asked about the customers who are nearest to a border between segments, and about as
    many from all over the table. With ``has_ties``, customers with two nearest centres do not
    count: MLlib may label them with either.

    Parameters
    ----------
    model
        The PipelineModel as it was written, counting days to the day of the run.
    rule
        Assigns the points of the grid in numpy.
    customers
        The table as it was written, which has Spark's columns; read once.
    labelled
        How many customers there are.

    Raises
    ------
    RuntimeError
        If one of the three differs from the others.
    """
    place = F.pmod(F.xxhash64("distance", "margin"), F.lit(labelled))
    first = F.when(place < CHECKED_CUSTOMERS, -1).otherwise(F.col("margin"))
    nearest = (customers.where("margin > 0") if has_ties else customers).orderBy(first, place)
    # As a local table: on top of the sort, Spark takes ten times as long to plan and run this.
    asked = _local(
        nearest.limit(2 * CHECKED_CUSTOMERS).select(
            *_as_features(preparation), F.col(SEGMENT).alias("__in_table")
        )
    )
    # In two queries: in one, Spark compares every expression with every other, for minutes.
    entries = with_entries(asked, preparation).select(ENTRIES, ROW).toArrow().sort_by(ROW)
    found = model.transform(asked).select("__in_table", SEGMENT, ROW).toArrow().sort_by(ROW)
    points = GridPoints(entry_rows(entries[ENTRIES].combine_chunks()), preparation.layout)
    in_table = found["__in_table"].to_numpy()
    by_model = found[SEGMENT].fill_null(NO_SEGMENT).to_numpy()
    by_numpy = rule.assign(points).segment
    differing = np.count_nonzero((in_table != by_model) | (in_table != by_numpy))
    if differing:
        raise RuntimeError(
            f"the table, the saved model and numpy put {differing} of {len(points)} customers in "
            "different segments"
        )


def check_rejected(model: PipelineModel, rejected: DataFrame, *, preparation: Preparation) -> None:
    """Whether the saved model gives no segment to rows that were rejected for a feature.

    Raises
    ------
    RuntimeError
        If one of the first has one.
    """
    names = [each.name for each in preparation.features]
    faulty = rejected.where(F.col("reason_column").isin(names))
    labels = model.transform(
        _local(faulty.select(*_as_features(preparation)).limit(CHECKED_CUSTOMERS))
    )
    if labelled := labels.where(F.col(SEGMENT).isNotNull()).count():
        raise RuntimeError(f"the saved model labels {labelled} rejected rows")


def _local(rows: DataFrame) -> DataFrame:
    """A small table in the driver's memory, its rows numbered in ``ROW``; starts a Spark job."""
    table = rows.toArrow()
    numbered = table.append_column(ROW, pa.array(range(table.num_rows), pa.int64()))
    schema = T.StructType([*rows.schema.fields, T.StructField(ROW, T.LongType())])
    made = rows.sparkSession.createDataFrame(numbered, schema=schema)
    return made.coalesce(1)  # else Spark computes all columns while it plans, without compiling


def _as_features(preparation: Preparation) -> list[Column]:
    """The published columns of the features, under the names that the input has."""
    return [
        F.col(quoted(published_name(each.name))).alias(each.name) for each in preparation.features
    ]
