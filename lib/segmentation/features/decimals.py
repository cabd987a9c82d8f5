"""Numbers with a decimal comma: 1.101,11 becomes 1101.11; other text is left non-numeric."""

from collections.abc import Sequence

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F
from pyspark.sql import types as T

from segmentation.config import Config
from segmentation.schemas import quoted

AS_READ = "__as_read"
"""The original values of rewritten columns, for ``rejected/``."""

BETWEEN_THOUSANDS = " '\u2019\u00a0\u202f"
NOT_A_SIGN = "·"


def numbers_of(config: Config) -> list[str]:
    """The columns that are, or may be, read as numbers."""
    features, lines = config.features, config.transactions
    named = [each.name for each in features.numeric]
    named += [each.name for each in features.describe if each.kind != "categorical"]
    if lines is not None:
        named += [name for name in (lines.amount, lines.quantity, lines.unit_price) if name]
    return named


def with_plain_numbers(
    table: DataFrame, names: Sequence[str], *, decimal: str | None, keep: bool = True
) -> DataFrame:
    """The table with the texts of these columns rewritten to numbers with a decimal point.

    ``decimal`` is the decimal separator; the other sign, a space or an apostrophe may separate
    thousands. Text in another notation that Spark would read as a number is rewritten so that it
    is not one. With ``keep`` the original columns are kept in ``AS_READ``.
    """
    if decimal is None:
        return table
    texts = [
        field.name
        for field in table.schema.fields
        if field.name in names and isinstance(field.dataType, T.StringType)
    ]
    if not texts:
        return table
    columns = {name: _plain(F.col(quoted(name)), decimal) for name in texts}
    if keep:
        columns[AS_READ] = F.struct(*[F.col(quoted(name)).alias(name) for name in texts])
    return table.withColumns(columns)


def as_read(rows: DataFrame) -> DataFrame:
    """The rows with their original columns."""
    if AS_READ not in rows.columns:
        return rows
    rewritten = rows.schema[AS_READ].dataType.fieldNames()  # type: ignore[attr-defined]
    came = {name: F.col(AS_READ).getField(name) for name in rewritten}
    return rows.withColumns(came).drop(AS_READ)


def _plain(text: Column, decimal: str) -> Column:
    other = "." if decimal == "," else ","
    between = f"[{other}{BETWEEN_THOUSANDS}]"
    grouped = rf"\d{{1,3}}({between})\d{{3}}(?:\1\d{{3}})*"
    number = (
        rf"\A\s*[+-]?(?:{grouped}|\d+|(?=[{decimal}]\d))(?:[{decimal}]\d*)?(?:[eE][+-]?\d+)?\s*\z"
    )
    point = F.regexp_replace(F.regexp_replace(text, between, ""), f"[{decimal}]", ".")
    would_be_one = text.try_cast("double").isNotNull() & text.rlike(r"\d")
    none = F.regexp_replace(F.concat(text, F.lit(NOT_A_SIGN)), "[.]", NOT_A_SIGN)
    return F.when(text.rlike(number), point).when(would_be_one, none).otherwise(text)
