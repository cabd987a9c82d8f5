"""The preparation of a run: what features learn of the usable rows, which become grid points."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from pyspark.sql import Column, DataFrame

from segmentation.config import Config
from segmentation.features import contract
from segmentation.features.encoding import Encoding, encode, encoded_before
from segmentation.features.preparation import fit_preparation
from segmentation.features.profiling import Profiled, profiled
from segmentation.model.preparation import Preparation, counted_from
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
    ``reported`` is all that may be profiled, and ``value`` the feature that is.
    """

    customers: PreparedCustomers
    preparation: Preparation
    scoring: Preparation
    encoding: Encoding
    reported: Profiled
    value: str | None
    identity: Sequence[Column]

    @property
    def attributes(self) -> tuple[Attribute, ...]:
        """What is profiled: the features used for clustering, and the other attributes."""
        return self.reported.attributes(self.preparation.used, value=self.value)

    def on_grid_of(
        self, scoring: Preparation, preparation: Preparation, customers: PreparedCustomers
    ) -> "PreparedInput":
        """The same input prepared by a model that was fitted to other customers."""
        features = preparation.features
        return replace(
            self,
            customers=customers,
            preparation=preparation,
            scoring=scoring,
            encoding=replace(self.encoding, features=features),
            reported=self.reported.of_others(features),
        )


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
    customers = prepared_customers(
        with_entries(usable, preparation), preparation, count=audit.usable, distinct=distinct
    )
    moves = config.features.scoring_day == "today"
    scoring = counted_from(preparation, None) if moves else preparation
    return PreparedInput(
        customers, preparation, scoring, encoding, reported, config.value_feature, identity
    )


def prepare_as_before(
    checked: CheckedInput, before: Preparation, config: Config, *, steps: Steps
) -> PreparedInput:
    """The usable customers of the input as an earlier model prepares them; nothing is learned.

    Its dates are counted back from today's day.

    Raises
    ------
    DataError
        If the value is no number.
    """
    usable, audit = checked.usable, checked.audit
    preparation = counted_from(before, checked.assembled.as_of)
    encoding = encoded_before(usable, preparation.features, audit=audit)
    reported = profiled(
        usable, preparation.features, features=config.features, value=config.value_feature
    )
    warn_of_encoding(steps, encoding, preparation, reported, min_group=config.report.min_group)
    customers = prepared_customers(
        with_entries(usable, preparation), preparation, count=audit.usable, distinct=audit.usable
    )
    moves = config.features.scoring_day == "today"
    return PreparedInput(
        customers,
        preparation,
        counted_from(preparation, None) if moves else preparation,
        encoding,
        reported,
        config.value_feature,
        contract.identity(checked.features, customer_id=config.input.customer_id),
    )


def prepared_customers(
    rows: DataFrame, preparation: Preparation, *, count: int, distinct: int
) -> PreparedCustomers:
    """Rows with their entries on a preparation's grid, with the bounds of what is in them."""
    return PreparedCustomers(
        rows,
        preparation.layout,
        bits=preparation.bits,
        count=count,
        distinct=distinct,
        sum_squared_norms=preparation.squares(count),
        max_distance=preparation.reach,
    )
