"""The input of a run: read, assembled to one row per customer, and held against the contract."""

from dataclasses import dataclass
from functools import partial

from pyspark.sql import DataFrame

from segmentation.config import Config
from segmentation.features import contract
from segmentation.features.decimals import AS_READ
from segmentation.features.definitions import defined_features
from segmentation.model.features import Feature
from segmentation.pipelines.assembly import AssembledCustomers, assemble_customers
from segmentation.pipelines.protocols import InputReader
from segmentation.pipelines.steps import Steps
from segmentation.pipelines.warnings import warn_of_rows, warn_of_sources
from segmentation.results import LineCounts
from segmentation.schemas import MALFORMED


@dataclass(frozen=True)
class CheckedInput:
    """The customers, and the reason why each row that is not usable is rejected.

    ``is_published`` says that the output has a run of it already, with the same configuration;
    ``repeated_ids`` is how many customer ids are on more than one row.
    """

    assembled: AssembledCustomers
    features: tuple[Feature, ...]
    audited: DataFrame
    audit: contract.Audit
    is_published: bool
    repeated_ids: int = 0

    @property
    def usable(self) -> DataFrame:
        """The rows that keep the contract."""
        return contract.usable(self.audited)

    @property
    def columns(self) -> list[str]:
        """The input's own columns, which are published with the labels."""
        return [c for c in self.assembled.customers.columns if c not in (MALFORMED, AS_READ)]

    @property
    def line_counts(self) -> LineCounts | None:
        """The counts of transaction lines, where the input has lines."""
        return None if self.assembled.lines is None else self.assembled.lines.counts

    @property
    def are_rejected_as_prepared(self) -> bool:
        """Whether rejected rows are published with the values that the contract judged.

        Where columns are rewritten (``input.decimal``) they are published as they came, and the
        model may label them.
        """
        return AS_READ not in self.audited.columns


def check_input(config: Config, *, reader: InputReader, steps: Steps) -> CheckedInput:
    """The configured input held against the contract; every row is read, and warnings are given.

    Raises
    ------
    SchemaError, DataError, StorageError
        If it cannot be segmented.
    """
    with steps("read"):
        table = reader.read(config.input, seed=config.sweep.seed, warn=steps.warn)

    with steps("features"):
        assembled = assemble_customers(table, config, reader=reader, warn=steps.warn)
        warn_of_sources(steps, assembled)

    with steps("contract"):
        features = defined_features(config.features, as_of=assembled.as_of, zone=config.timezone)
        # Many checks are made once, and not again in every later pass.
        is_wide = contract.is_wide(features)
        materialize = partial(reader.materialize, "checked") if is_wide else None
        audited = contract.with_rejection(
            assembled.customers,
            input=config.input,
            features=features,
            customer_rules=assembled.rules,
            materialize=materialize,
        )
        audit = contract.audit(audited, features=features)
        contract.check_share(audit, min_usable=config.input.min_usable)
        is_published = reader.is_published(assembled.fingerprint(audit))
        repeated = 0
        if not is_published:
            repeated = warn_of_rows(steps, audit, contract.usable(audited), config)
    return CheckedInput(assembled, features, audited, audit, is_published, repeated)
