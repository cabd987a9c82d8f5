"""Examples of rejected values, one per reason, for the operator's log but not the report."""

import re
from collections.abc import Mapping, Sequence

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from segmentation.errors import first_of
from segmentation.features.decimals import AS_READ
from segmentation.results import Rejection
from segmentation.schemas import quoted

REJECTION = "__rejection"
MAX_LENGTH, MAX_ROWS = 40, 200
MAX_REASONS = 20
"""For further reasons, less frequent than these, no example is searched."""

RARE = 1_000
"""For rarer reasons than one row in this many no example is searched: it would cost a pass."""

WITH_COMMA = re.compile(r"\s*[+-]?[\d. ]*\d,\d+\s*")

Examples = Mapping[tuple[str, str], str]
"""A rejected value by reason and column."""


def examples(
    audited: DataFrame, rejections: Sequence[Rejection], *, rows: int, columns: Sequence[str]
) -> dict[tuple[str, str], str]:
    """One value per reason in one of the columns, which are not ids; reads rows until found.

    Empty without reasons, or where so few rows have one that all would have to be read.
    """
    wanted = [each for each in rejections if each.column in columns and each.reason != "null"]
    common = [each for each in wanted if each.rows * RARE >= rows][:MAX_REASONS]
    if not common:
        return {}
    why, kept = F.col(REJECTION), audited.columns
    as_read = audited.schema[AS_READ].dataType.fieldNames() if AS_READ in kept else []  # type: ignore[attr-defined]
    values = {
        name: F.col(AS_READ)[name] if name in as_read else F.col(quoted(name))
        for name in dict.fromkeys(each.column for each in common)
        if name is not None
    }
    value = F.coalesce(
        *[F.when(why["reason_column"] == name, v.cast("string")) for name, v in values.items()]
    )
    key = F.concat(why["reason"], F.lit(" "), why["reason_column"])
    is_wanted = key.isin([f"{each.reason} {each.column}" for each in common])
    found = (
        audited.where(is_wanted)
        .select(why["reason"], why["reason_column"], F.substring(value, 1, MAX_LENGTH))
        .limit(MAX_ROWS)
        .collect()
    )
    return {(row[0], row[1]): row[2] for row in reversed(found) if row[2] is not None}


def in_words(found: Examples) -> str:
    """The examples as text, with a hint from one of them; empty if there are none."""
    if not found:
        return ""
    said = first_of([f"{why} in {name!r}: {value!r}" for (why, name), value in found.items()])
    is_comma = any(
        why == "not_a_number" and WITH_COMMA.fullmatch(value) for (why, _), value in found.items()
    )
    return f"for example {said}" + ("; see input.decimal" if is_comma else "")
