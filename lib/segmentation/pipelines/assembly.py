"""From the input to one row per customer: lines are aggregated, attributes joined."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date

from pyspark.sql import DataFrame

from segmentation.config import Config
from segmentation.features.columns import check_columns, check_lines
from segmentation.features.contract import Audit
from segmentation.features.decimals import AS_READ, numbers_of, with_plain_numbers
from segmentation.features.joining import check_join, join_counts, join_keys, joined
from segmentation.features.patterns import check_patterns
from segmentation.features.purchases import customer_rules, customers_of
from segmentation.features.transactions import Lines, check_settings, in_time, with_reason
from segmentation.model.features import Rule
from segmentation.pipelines.protocols import InputReader
from segmentation.results import JoinCounts


@dataclass(frozen=True)
class AssembledCustomers:
    """One row per customer, the rules that reject some, and what they were computed from.

    ``as_of`` is the day from which days are counted back, None if no feature needs it.
    """

    customers: DataFrame
    rules: Sequence[Rule]
    as_of: date | None
    lines: Lines | None
    joins: tuple[JoinCounts, ...]

    def fingerprint(self, audit: Audit) -> str:
        """The fingerprint of the input: of the lines as well, where there are lines."""
        lines = [self.lines.counts.fingerprint] if self.lines is not None else []
        return "-".join([*lines, audit.fingerprint])


def assemble_customers(
    table: DataFrame, config: Config, *, reader: InputReader, warn: Callable[[str], None]
) -> AssembledCustomers:
    """The customers of the input table, with every column that the configuration names.

    Where lines are aggregated or attributes joined the result is materialized once, so that later
    passes read one row per customer and not all lines again.

    Raises
    ------
    ConfigError, SchemaError, DataError
        If Spark does not know a pattern, a column is missing, every line is excluded, or a join
        would count a customer twice.
    """
    lines = None
    rules: Sequence[Rule] = ()
    dates = [(i, each.format) for i, each in enumerate(config.features.dates)]
    patterns = {f"features.dates.{i}.format": format for i, format in dates if format is not None}
    check_patterns(table.sparkSession, patterns)
    if config.transactions is not None:
        check_settings(table.sparkSession, config.transactions)
        check_lines(table, config)
    numbers = numbers_of(config)
    table = customers = with_plain_numbers(table, numbers, decimal=config.input.decimal)
    if config.transactions is not None:
        reasoned = with_reason(table, transactions=config.transactions)
        lines = in_time(reasoned, transactions=config.transactions)
        customers = customers_of(lines, transactions=config.transactions)
        rules = customer_rules(config.transactions)
    joins = []
    bare = customers
    for given in config.join:
        each, on = given.looked_up_by(config.input.customer_id)
        other = reader.read(each, seed=config.sweep.seed, warn=warn)
        other = with_plain_numbers(other, numbers, decimal=each.decimal, keep=False)
        check_join(customers, other, join=each, on=on)
        # Attributes of lines can be read from the lines, without aggregating them.
        keys = join_keys(table if on in table.columns else customers, other, join=each, on=on)
        customers = joined(customers, other, join=each, keys=keys)
        joins.append((each, other, on, keys))
    check_columns(customers.drop(AS_READ), config, of_lines=table.columns)
    if lines is not None or joins:
        customers = reader.materialize("customers", customers)
    counts = tuple(
        join_counts(bare if lines is None else customers, other, join=each, on=on, keys=keys)
        for each, other, on, keys in joins
    )
    as_of = config.features.as_of if lines is None else lines.as_of
    return AssembledCustomers(customers, rules, as_of, lines, counts)
