"""What is checked of a staged run before anybody sees it."""

from collections.abc import Mapping, Sequence

from pyspark.ml import PipelineModel
from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from segmentation.chosen import Chosen
from segmentation.clustering import nearest
from segmentation.clustering.nearest import with_nearest
from segmentation.errors import DataError
from segmentation.features.contract import Audit
from segmentation.features.preparation import Preparation
from segmentation.results import LineCounts, Segment
from segmentation.schemas import SEGMENT, quoted

CHECKED_CUSTOMERS = 2_000


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


def check_lines(left_out: int, counts: LineCounts) -> None:
    """Whether so many transaction lines were written as left out as were counted before.

    Raises
    ------
    DataError
        If it is another number.
    """
    if left_out != counts.left_out_lines:
        raise DataError(
            f"{counts.left_out_lines:,} transaction lines were left out at first, "
            f"then {left_out:,}: input.path changed while the job ran; run it again"
        )


def check_model(
    model: PipelineModel,
    rows: DataFrame,
    *,
    chosen: Chosen,
    preparation: Preparation,
    features: Sequence[str],
) -> None:
    """Whether the model as it was written labels some customers as the table does."""
    expected = with_nearest(rows, preparation.coordinates, chosen.centres).select(
        *map(quoted, features),
        F.col(nearest.CLUSTER).alias("__expected"),
    )
    labelled = model.transform(expected.limit(CHECKED_CUSTOMERS))
    differing = labelled.where(~F.col(SEGMENT).eqNullSafe(F.col("__expected"))).count()
    if differing:
        raise RuntimeError(f"the frozen model labels {differing} customers unlike the table")
