"""The preparation of a run: what features learn of the usable rows, which become grid points."""

from collections.abc import Sequence
from dataclasses import dataclass

from pyspark.sql import Column

from segmentation.config import Config
from segmentation.features import contract
from segmentation.features.encoding import Encoding, encode
from segmentation.features.preparation import fit_preparation
from segmentation.features.profiling import profiled
from segmentation.model.preparation import Preparation, at_scoring_day
from segmentation.model.spark_columns import PreparedCustomers, with_entries
from segmentation.pipelines.input import CheckedInput
from segmentation.pipelines.steps import Steps
from segmentation.pipelines.warnings import warn_of_encoding
from segmentation.segments.attributes import Attribute


@dataclass(frozen=True)
class PreparedInput:
    """The customers on the grid, their preparation, and the attributes to profile.

    ``scoring`` is the preparation in the published model, whose dates are counted back from the
    day of scoring if configured. ``identity`` are the values that distinguish customers.
    """

    customers: PreparedCustomers
    preparation: Preparation
    scoring: Preparation
    encoding: Encoding
    attributes: tuple[Attribute, ...]
    identity: Sequence[Column]


def prepare(checked: CheckedInput, config: Config, *, steps: Steps) -> PreparedInput:
    """The usable customers of the input, prepared; warnings are given.

    Raises
    ------
    DataError
        If a feature cannot be imputed, no feature varies, or the value is no number.
    """
    usable, audit = checked.usable, checked.audit
    identity = contract.identity(checked.features, customer_id=config.input.customer_id)
    encoding = encode(
        usable, checked.features, features=config.features, audit=audit, identity=identity
    )
    reported = profiled(
        usable, encoding.features, features=config.features, value=config.value_feature
    )
    preparation, distinct = fit_preparation(
        usable,
        encoding.features,
        scale=config.features.scale,
        audit=audit,
        customer_rules=[
            reason
            for reason, feature, _ in checked.assembled.rules
            if feature in config.features.names
        ],
    )
    warn_of_encoding(steps, encoding, preparation, reported, min_group=config.report.min_group)
    customers = PreparedCustomers(
        with_entries(usable, preparation),
        preparation.layout,
        bits=preparation.bits,
        count=audit.usable,
        distinct=distinct,
        sum_squared_norms=preparation.squares(audit.usable),
        max_distance=preparation.reach,
    )
    attributes = reported.attributes(preparation.used, value=config.value_feature)
    moves = config.features.scoring_day == "today"
    scoring = at_scoring_day(preparation) if moves else preparation
    return PreparedInput(customers, preparation, scoring, encoding, attributes, identity)
