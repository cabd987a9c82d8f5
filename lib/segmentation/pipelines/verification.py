"""What is checked of a staged run before anybody sees it."""

from collections.abc import Mapping, Sequence

from pyspark.ml import PipelineModel
from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from segmentation.errors import DataError
from segmentation.features.contract import Audit
from segmentation.results import LineCounts, Segment
from segmentation.schemas import SEGMENT, published_name, quoted

CHECKED_CUSTOMERS = 1_000


def check_counts(
    published: Mapping[str, int], *, rejected: int, audit: Audit, segments: Sequence[Segment]
) -> None:
    """Whether what was written is what was counted; a table may change while it is read.

    Raises
    ------
    DataError
        If rows in are not rows labelled plus rows rejected, or a segment's count is off.
    """
    expected = {str(segment.segment): segment.customers for segment in segments}
    labelled = sum(published.values())
    if published != expected or labelled + rejected != audit.rows:
        raise DataError(
            f"{audit.rows:,} rows were read at first, then {labelled:,} labelled and "
            f"{rejected:,} rejected: input.path changed while the job ran; run it again"
        )


def check_lines(excluded: int, counts: LineCounts) -> None:
    """Whether so many transaction lines were written as excluded as were counted before.

    Raises
    ------
    DataError
        If it is another number.
    """
    if excluded != counts.excluded_lines:
        raise DataError(
            f"{counts.excluded_lines:,} transaction lines were excluded at first, "
            f"then {excluded:,}: input.path changed while the job ran; run it again"
        )


def check_model(
    model: PipelineModel,
    customers: DataFrame,
    rejected: DataFrame | None,
    *,
    features: Sequence[str],
    labelled: int,
    has_ties: bool = False,
) -> None:
    """Whether the model as it was written labels customers as the table does.

    It is asked about those who are nearest to a border between segments, about as many from all
    over the table, and as many rows that were rejected for a feature: they get no label. Where
    the segmentation ``has_ties``, customers with two nearest centres do not count.

    Parameters
    ----------
    customers, rejected
        The tables as they were written; each is read once. No ``rejected`` where there are none.
    features
        The columns that shape the segments.
    labelled
        How many customers there are.
    """
    columns = [F.col(quoted(published_name(name))) for name in features]
    names = [column.alias(name) for column, name in zip(columns, features, strict=True)]
    known = customers.where("margin > 0") if has_ties else customers
    place = F.pmod(F.xxhash64(*columns), F.lit(labelled))
    first = F.when(place < CHECKED_CUSTOMERS, -1).otherwise(F.col("margin"))
    asked = (
        known.orderBy(first, place)
        .limit(2 * CHECKED_CUSTOMERS)
        .select(*names, F.col(SEGMENT).alias("__expected"))
    )
    labels = model.transform(asked)
    differing = labels.where(~F.col(SEGMENT).eqNullSafe(F.col("__expected"))).count()
    if differing:
        raise RuntimeError(
            f"the saved model labels {differing} customers differently from the table"
        )
    if rejected is None:
        return
    faulty = rejected.where(F.col("reason_column").isin(list(features)))
    given = model.transform(faulty.select(*names).limit(CHECKED_CUSTOMERS))
    if labelled_too := given.where(F.col(SEGMENT).isNotNull()).count():
        raise RuntimeError(f"the saved model labels {labelled_too} rejected rows")
