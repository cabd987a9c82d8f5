"""Which rows are usable, by one cheap check per column, and why the others are not.

The checks are one flat expression, which every later pass evaluates; the rules of a column are
evaluated only in rows where its check fails, and only where the reason is asked for.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from pyspark.sql import Column, DataFrame, Window
from pyspark.sql import functions as F
from pyspark.sql import types as T

from segmentation.config import Input
from segmentation.features.examples import REJECTION
from segmentation.model.expressions import Expression, IsBlank
from segmentation.model.features import Feature, Rule, is_usable, rules
from segmentation.model.spark_columns import spark_column
from segmentation.model.spark_sql import spark_sql
from segmentation.schemas import MALFORMED, quoted, string

BROKEN = "__broken"
"""The position of the first check that a row does not pass, null where it is usable."""

_VERDICT = "struct<reason:string,reason_column:string>"


@dataclass(frozen=True)
class Check:
    """A cell's rules, and a condition that holds exactly where none of them does, if there is one.

    The condition is cheaper than the rules; it may be unknown where one of them holds.
    """

    rules: Sequence[Rule]
    is_good: Expression | None = None

    def place(self, position: int) -> str:
        """As SQL: the position where the cell breaks a rule, else null."""
        if self.is_good is not None:
            return f"CASE WHEN {spark_sql(self.is_good)} THEN NULL ELSE {position} END"
        conditions = " OR ".join(spark_sql(condition) for _, _, condition in self.rules)
        return f"CASE WHEN {conditions} THEN {position} END"

    def verdict(self) -> str:
        """As SQL: the struct ``(reason, reason_column)`` of the first rule that the cell breaks."""
        cases = " ".join(
            f"WHEN {spark_sql(condition)} THEN {_verdict(reason, column)}"
            for reason, column, condition in self.rules
        )
        return f"CASE {cases} END"


def checks(
    input: Input, features: Sequence[Feature], customer_rules: Sequence[Rule]
) -> list[Check]:
    """The checks of a row in their order."""
    found = [Check([rule]) for rule in customer_rules]
    found += [Check(rules(each), is_usable(each)) for each in features if rules(each)]
    if input.customer_id is None:
        return found
    return [Check([("null", input.customer_id, IsBlank(input.customer_id))]), *found]


def with_rejection(
    customers: DataFrame,
    *,
    input: Input,
    features: Sequence[Feature],
    customer_rules: Sequence[Rule] = (),
    materialize: Callable[[DataFrame], DataFrame] | None = None,
) -> DataFrame:
    """The table plus a struct ``(reason, reason_column)``, null where the row is usable.

    Also adds :data:`BROKEN`. The first rule that a row breaks is its reason; ``customer_rules``
    come before those of the features. With ``duplicates = "reject"`` every row of a repeated
    customer id is rejected, because there is no basis for preferring one; that costs a shuffle.
    ``materialize`` may write the table with the checks' results, so that they are made once.
    """
    made = checks(input, features, customer_rules)
    places, verdicts = [], []
    if MALFORMED in customers.columns:
        places.append(F.when(F.col(MALFORMED).isNotNull(), F.lit(-1)))
        verdicts.append(f"WHEN -1 THEN {_verdict('malformed', None)}")
    if made:
        places.append(F.expr(f"coalesce({', '.join(c.place(j) for j, c in enumerate(made))})"))
        verdicts += [f"WHEN {j} THEN {each.verdict()}" for j, each in enumerate(made)]
    if input.customer_id is not None and input.duplicates == "reject":
        places.append(F.when(_is_repeated(customers, input.customer_id), F.lit(len(made))))
        verdicts.append(f"WHEN {len(made)} THEN {_verdict('duplicate_id', input.customer_id)}")
    judged = customers.withColumn(BROKEN, F.coalesce(*places, F.lit(None).cast("int")))
    if materialize is not None:
        judged = materialize(judged)
    verdict = F.expr(f"CASE {BROKEN} {' '.join(verdicts)} END") if verdicts else F.lit(None)
    return judged.withColumn(REJECTION, verdict.cast(_VERDICT))


def rejected_if(reason: str, column: str | None, condition: Column) -> Column:
    """The struct ``(reason, reason_column)`` where the condition holds, else null."""
    return F.when(condition, F.expr(_verdict(reason, column)))


def _verdict(reason: str, column: str | None) -> str:
    name = "NULL" if column is None else string(column)
    return f"named_struct('reason', {string(reason)}, 'reason_column', CAST({name} AS STRING))"


def _is_repeated(customers: DataFrame, customer_id: str) -> Column:
    """Whether another row has the same customer id."""
    # Rows without an id would all go to one task: each gets a partition of its own.
    without_id = F.when(spark_column(IsBlank(customer_id)), F.xxhash64(*hashable(customers)))
    same_id = Window.partitionBy(F.col(quoted(customer_id)), without_id)
    return F.count(F.lit(1)).over(same_id) > 1


def hashable(table: DataFrame) -> list[Column]:
    """Every input column in a form that Spark can hash."""
    return [comparable(field.name, field.dataType) for field in own_fields(table)]


def comparable(name: str, type_: T.DataType) -> Column:
    """The column, or its JSON where Spark cannot compare two values: maps and variants."""
    if any(kind in type_.simpleString() for kind in ("map<", "variant")):
        return F.to_json(F.struct(F.col(quoted(name))))
    return F.col(quoted(name))


def own_fields(table: DataFrame) -> list[T.StructField]:
    """The input's own columns, and the text of rows that could not be parsed."""
    return [
        field
        for field in table.schema.fields
        if field.name == MALFORMED or not field.name.startswith("__") or field.name.endswith("__")
    ]
