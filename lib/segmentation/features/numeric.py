"""Measures: the features that are one number per customer, and the SQL that reads it from a column.

The SQL goes into the frozen model too, so it is built of literals and quoted names only, and it
fits every type that a column may come in: where a type matters it asks ``typeof``, which Spark
folds before a row is read. No result depends on the session's time zone.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date

from segmentation.config import Features
from segmentation.model.spark_dates import any_day, is_text
from segmentation.schemas import quoted, string

LARGEST = 1e100
"""Beyond this a square overflows a double; such a value is not an amount of anything."""

JAVA_ONLY_NUMBERS = r"(?i)x|[0-9.][df]\\s*$"
"""Texts that Java reads as numbers and nobody else does: ``12d``, ``1f``, ``0x1p3``; as SQL."""


@dataclass(frozen=True)
class NumericFeature:
    """A feature that is one number per customer.

    ``number`` is the SQL of that number, a double, null where there is none. ``is_missing`` is
    the SQL of whether the cell is empty. ``rules`` are the reasons for which a row is rejected,
    each with the SQL of the condition, the first that holds first. ``is_discrete`` is true where
    only whole numbers occur. ``kind`` is one of :data:`segmentation.results.KINDS`; an
    ``ordered`` feature has its ``bands``.
    """

    name: str
    number: str
    is_missing: str
    rules: tuple[tuple[str, str], ...]
    transform: str
    negative: str
    missing: str
    weight: float
    is_discrete: bool
    kind: str
    bands: tuple[str, ...]


def measures(
    features: Features, *, as_of: date | None, zone: str = "UTC"
) -> tuple[NumericFeature, ...]:
    """The measures of a configuration, in its order.

    ``as_of`` is the day from which the days of dates are counted back, in the calendar of ``zone``.
    """
    found = []
    for feature in features.numeric:
        transform = feature.transform or features.transform
        negative = feature.negative or features.negative
        if transform == "log1p" and negative == "signed":
            transform = "signed"
        rules = numeric_rules(feature.name)
        if transform == "log1p" and negative == "reject":
            rules.append(("negative", f"{number(feature.name)} < 0"))
        missing = feature.missing or features.missing
        sql, is_missing = number(feature.name), is_blank(feature.name)
        if missing == "impute":  # pandas writes NaN for none
            is_missing = f"({is_missing} OR isnan({sql}))"
            sql = f"nanvl({sql}, CAST(NULL AS DOUBLE))"
        found.append(
            _measure(
                feature.name, sql, rules, is_missing=is_missing,
                transform=transform, negative=negative, missing=missing, weight=feature.weight,
            )
        )  # fmt: skip
    for band in features.ordered:
        steps = {each.strip(): place for place, each in enumerate(band.order)}
        sql = _by_value(text(band.name), steps)
        found.append(
            _measure(
                band.name, sql, [("unknown_band", f"{sql} IS NULL")],
                missing=band.missing or features.missing, weight=band.weight, is_discrete=True,
                kind="ordered", bands=tuple(steps),
            )
        )  # fmt: skip
    for each in features.dates:
        sql = _days_before(as_of, any_day(each.name, format=each.format, zone=zone))
        found.append(
            _measure(
                each.name, sql, [("not_a_date", f"{sql} IS NULL"), ("after_as_of", f"{sql} < 0")],
                transform=each.transform or features.transform,
                missing=each.missing or features.missing, weight=each.weight, kind="date",
            )
        )  # fmt: skip
    for flag in features.boolean:
        sql = _boolean(flag.name)
        found.append(
            _measure(
                flag.name, sql, [("not_a_boolean", f"{sql} IS NULL")],
                missing=flag.missing or features.missing, weight=flag.weight, is_discrete=True,
                kind="boolean",
            )
        )  # fmt: skip
    return tuple(found)


def number(name: str) -> str:
    """The SQL of a column as a double; null where it is no number."""
    return f"try_cast({quoted(name)} AS DOUBLE)"


def text(name: str) -> str:
    """The SQL of a column as text without blanks around it; null where nothing is left.

    A whole double is written as the integer that it is: pandas makes doubles of integers where
    one is missing.
    """
    column = f"CAST({quoted(name)} AS STRING)"
    whole = f"try_cast({column} AS DECIMAL(38, 0))"
    # compared as doubles: Spark compares decimals of 38 digits after rounding both to whole ones
    value = f"try_cast({column} AS DOUBLE)"
    is_whole = f"{value} = rint({value}) AND {whole} IS NOT NULL"
    written = (
        f"CASE WHEN typeof({quoted(name)}) IN ('double', 'float') AND {is_whole} "
        f"THEN CAST({whole} AS STRING) ELSE {column} END"
    )
    return f"nullif(trim({written}), '')"


def is_blank(name: str) -> str:
    """The SQL of whether a cell is empty: null, or a text of blanks."""
    column = quoted(name)
    return f"({column} IS NULL OR ({is_text(name)} AND trim(CAST({column} AS STRING)) = ''))"


def double(value: float) -> str:
    """A double as SQL that reads back to the same double."""
    return f"({value!r}D)"


def is_no_number(name: str) -> str:
    """The SQL of whether a cell that is not empty is no number."""
    column = quoted(name)
    is_javas = f"{is_text(name)} AND CAST({column} AS STRING) RLIKE '{JAVA_ONLY_NUMBERS}'"
    is_moment = f"typeof({column}) RLIKE '^(boolean|timestamp)'"  # which Spark would cast
    return f"({number(name)} IS NULL OR ({is_javas}) OR {is_moment})"


def numeric_rules(name: str, *, largest: float = LARGEST) -> list[tuple[str, str]]:
    """The reasons for which a cell that is not empty is no usable number, with their SQL."""
    return [
        ("not_a_number", is_no_number(name)),
        ("nan", f"isnan({number(name)})"),
        ("infinite", f"abs({number(name)}) = double('infinity')"),
        ("too_large", f"abs({number(name)}) > {double(largest)}"),
    ]


def _measure(
    name: str,
    number: str,
    rules: list[tuple[str, str]],
    *,
    is_missing: str | None = None,
    transform: str = "none",
    negative: str = "reject",
    missing: str,
    weight: float,
    is_discrete: bool = False,
    kind: str = "numeric",
    bands: tuple[str, ...] = (),
) -> NumericFeature:
    is_missing = is_missing or is_blank(name)
    if missing == "impute":
        rules = [(reason, f"NOT ({is_missing}) AND ({sql})") for reason, sql in rules]
    else:
        rules = [("null", is_missing), *rules]
    return NumericFeature(
        name, number, is_missing, tuple(rules), transform, negative, missing, weight, is_discrete,
        kind, bands,
    )  # fmt: skip


def _by_value(value: str, numbers: Mapping[str, int]) -> str:
    cases = " ".join(f"WHEN {string(each)} THEN {place}D" for each, place in numbers.items())
    return f"(CASE {value} {cases} END)"


def _days_before(as_of: date | None, day: str) -> str:
    if as_of is None:
        raise ValueError("dates need a day from which they are counted back")
    return f"CAST(datediff({date_literal(as_of)}, {day}) AS DOUBLE)"


def date_literal(day: date) -> str:
    """A day as SQL."""
    return f"DATE'{day.isoformat()}'"


def _boolean(name: str) -> str:
    """The SQL of a yes or no as 1 or 0; a number is 1 or 0, however it is written."""
    written = text(name)
    plain = f"regexp_replace({written}, '(?<=^[01])[.]0+$', '')"
    is_plain = f"typeof({quoted(name)}) = 'boolean'"
    return f"CAST(try_cast(if({is_plain}, {written}, {plain}) AS BOOLEAN) AS DOUBLE)"
