"""Run-time warnings and fallbacks."""

import math
from collections.abc import Sequence

from pyspark.sql import DataFrame

from segmentation.clustering.coreset import Coreset
from segmentation.config import Config
from segmentation.errors import MAX_LISTED, first_of, listed
from segmentation.features import contract, examples
from segmentation.features.encoding import Encoding
from segmentation.features.profiling import NonNumericCells, Profiled
from segmentation.model.preparation import Preparation
from segmentation.model.spark_columns import PreparedCustomers
from segmentation.pipelines.assembly import AssembledCustomers
from segmentation.pipelines.steps import Steps

MAX_SEPARATE = 3
"""Columns with the same problem that get a warning each; more share one."""


def warn_of_sources(steps: Steps, assembled: AssembledCustomers) -> None:
    """Warn of excluded transaction lines, and of customers without a match in joined tables."""
    if assembled.lines is not None and assembled.lines.counts.excluded:
        counts = assembled.lines.counts
        steps.warn(
            f"{counts.excluded_lines:,} of {counts.lines:,} transaction lines were excluded: "
            f"{contract.in_words(counts.excluded)}"
        )
        if assembled.lines.examples:
            steps.note(f"excluded, {examples.in_words(assembled.lines.examples)}")
    if assembled.lines is not None and assembled.lines.doubt is not None:
        steps.warn(assembled.lines.doubt)
    for join in assembled.joins:
        if join.customers_unmatched or join.unmatched:
            steps.warn(
                f"join {join.path!r}: {join.customers_unmatched:,} of "
                f"{join.customers + join.customers_unmatched:,} customers have no match in it, "
                f"{join.unmatched:,} of its {join.rows:,} rows match no customer"
            )


def warn_of_rows(steps: Steps, audit: contract.Audit, usable: DataFrame, config: Config) -> int:
    """Warn of rejected rows, and of ids that occur on more than one row; how many those are."""
    if audit.rejections:
        steps.warn(
            f"{audit.rows - audit.usable:,} of {audit.rows:,} "
            f"{'rows' if config.transactions is None else 'customers'} are rejected: "
            f"{contract.in_words(audit.rejections)}"
        )
    if audit.examples:
        steps.note(f"rejected, {examples.in_words(audit.examples)}")
    ids = 0
    may_repeat = config.transactions is None  # grouped lines are one row per customer
    if may_repeat and config.input.customer_id is not None and config.input.duplicates == "keep":
        ids, rows = contract.duplicates(usable, customer_id=config.input.customer_id)
        if ids:
            steps.warn(
                f"{ids:,} values of {config.input.customer_id!r} occur on more than one row, "
                f"{rows:,} rows in total; every row is kept as a customer (input.duplicates)"
            )
    return ids


def warn_of_encoding(
    steps: Steps,
    encoding: Encoding,
    preparation: Preparation,
    attributes: Profiled,
    *,
    min_group: int,
) -> None:
    """Warn of dropped features, of imputed values, and of cells that are not numbers.

    The report repeats it, so a share of fewer than ``min_group`` customers is given as a bound.
    """
    _warn_of_constant(steps, preparation.constant)
    imputed = sorted(encoding.imputations, key=lambda each: -each.customers)
    if imputed:
        shares = ", ".join(
            f"{e.feature!r} {_percent(e.share, least=e.share * min_group / e.customers)}"
            for e in imputed[:MAX_LISTED]
        )
        more = len(imputed) - MAX_LISTED
        rest = f", and in {more:,} more features" if more > 0 else ""
        steps.warn(f"missing values were imputed (features.missing): {shares} of customers{rest}")
    _warn_of_non_numeric(steps, attributes.non_numeric)


def _warn_of_constant(steps: Steps, names: Sequence[str]) -> None:
    """Warn of features that were dropped: one by one, or of many in one line."""
    if len(names) > MAX_SEPARATE:
        steps.warn(
            f"{len(names):,} features are constant on all usable rows and were dropped: "
            f"{listed(names)}"
        )
        return
    for name in names:
        steps.warn(f"feature {name!r} is constant on all usable rows and was dropped")


def _warn_of_non_numeric(steps: Steps, found: Sequence[NonNumericCells]) -> None:
    """Warn of cells that are not numbers: by attribute, or of many attributes in one line."""
    if len(found) > MAX_SEPARATE:
        most = sorted(found, key=lambda each: -each.customers)
        steps.warn(
            f"{len(found):,} attributes have cells that are not numbers and treated as unknown "
            f"(features.describe): "
            f"{first_of([f'{each.attribute!r} {each.customers:,}' for each in most])}"
        )
        return
    for cells in found:
        steps.warn(
            f"attribute {cells.attribute!r}: {cells.customers:,} "
            f"{'cell is' if cells.customers == 1 else 'cells are'} not a number and treated as "
            "unknown (features.describe)"
        )


def warn_of_ties(steps: Steps, tied: int) -> None:
    """Warn of customers whom MLlib may label otherwise."""
    if tied:
        steps.warn(
            f"{tied:,} customers are equally near to two segments: the saved model may assign them "
            "to the other one"
        )


def _percent(share: float, *, least: float) -> str:
    """A share, or an upper bound where it may not be shown or would round to 0."""
    least = max(least, 0.001)
    if share < least:
        return f"less than {math.ceil(round(least * 1000, 6)) / 10:.1f} %"
    return f"{100 * share:.1f} %"


def range_of_k(
    steps: Steps, coreset: Coreset, customers: PreparedCustomers, config: Config
) -> list[int]:
    """The configured range of k, limited to the number of distinct customers."""
    first, last = config.sweep.k_min, config.sweep.k_max
    distinct = len(coreset.points) if coreset.is_whole else customers.distinct
    if distinct < last:
        steps.warn(
            f"the usable rows hold {distinct} distinct customers: "
            f"sweep.k_max is reduced from {last} to {distinct}"
        )
    return list(range(min(first, distinct), min(last, distinct) + 1))
