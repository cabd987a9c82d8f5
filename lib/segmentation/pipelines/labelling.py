"""The labelling of a run: every customer's segment, and the tables staged with it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from segmentation.config import Config
from segmentation.features import contract
from segmentation.model.features import Feature, is_missing, known_number
from segmentation.model.fitted import DISTANCE_QUANTILES
from segmentation.model.spark_columns import spark_column
from segmentation.pipelines.description import BuiltSegments
from segmentation.pipelines.input import CheckedInput
from segmentation.pipelines.preparation import PreparedInput
from segmentation.pipelines.protocols import RunWriter
from segmentation.schemas import (
    CUSTOMERS,
    REJECTED,
    REJECTED_TRANSACTIONS,
    SEGMENT,
    FileLayout,
    published_name,
)
from segmentation.segments.labelled import Label, labelled_customers, rejected_rows


@dataclass(frozen=True)
class StagedRows:
    """How many rows were written: of each segment, rejected, and excluded transaction lines."""

    labelled: Mapping[str, int]
    rejected: int
    excluded_lines: int | None


def stage_customers(
    writer: RunWriter,
    checked: CheckedInput,
    assigned: DataFrame,
    built: BuiltSegments,
    *,
    prepared: PreparedInput,
    config: Config,
) -> StagedRows:
    """Write the labelled customers, the rejected rows, and the excluded lines if there are lines.

    ``assigned`` are the customers with their segments. Reads the input twice.
    """
    customer_id = config.input.customer_id
    ids = (published_name(customer_id),) if customer_id else ()
    unique = (*ids, "distance", "margin", "previous_value")
    if contract.is_wide(checked.features):  # dictionaries of many numbers take long
        numeric = [each.name for each in checked.features if each.kind == "numeric"]
        unique += tuple(map(published_name, numeric))
    at = DISTANCE_QUANTILES.index(config.segments.outlier_quantile)
    labelled = writer.stage_table(
        CUSTOMERS.name,
        labelled_table(
            assigned,
            [
                Label(each.name, str(each.key), each.distance_quantiles[at])
                for each in built.of_model
            ],
            columns=checked.columns,
            features=prepared.encoding.features,
            bits=prepared.preparation.bits,
        ),
        rows=checked.audit.usable,
        layout=FileLayout(SEGMENT, ids, unique),
    )
    rejected = writer.stage_table(
        REJECTED.name,
        rejected_rows(contract.rejected(checked.audited), rejection=contract.REJECTION),
        rows=checked.audit.rows - checked.audit.usable,
    )
    lines = checked.assembled.lines
    if lines is None:
        return StagedRows(labelled, sum(rejected.values()), None)
    excluded = writer.stage_table(
        REJECTED_TRANSACTIONS.name,
        rejected_rows(lines.excluded, rejection=contract.REJECTION),
        rows=lines.counts.excluded_lines,
    )
    return StagedRows(labelled, sum(rejected.values()), sum(excluded.values()))


def labelled_table(
    assigned: DataFrame,
    labels: Sequence[Label],
    *,
    columns: Sequence[str],
    features: Sequence[Feature],
    bits: int,
) -> DataFrame:
    """The table ``customers``: the input's ``columns`` of every row, and its label. Lazy.

    Of the numeric ``features`` a text becomes its number. Grid steps are ``2**-bits`` units.
    """
    imputed = [each for each in features if each.missing == "impute"]
    filled = [F.when(spark_column(is_missing(each)), F.lit(each.name)) for each in imputed]
    names = F.nullif(F.concat_ws(", ", *filled), F.lit("")) if filled else F.lit(None)
    return labelled_customers(
        assigned,
        columns=columns,
        numbers={
            each.name: spark_column(known_number(each.name))
            for each in features
            if each.kind == "numeric"
        },
        labels=labels,
        imputed=names.cast("string"),
        bits=bits,
    )
