"""Measures: the features that are one number a customer, and the SQL that reads it from a column.

The SQL goes into the frozen model too, so it is built of literals and quoted names only.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date

from pyspark.sql import types as T

from segmentation.config import Features
from segmentation.features.days import day as calendar_day
from segmentation.schemas import quoted, string

LARGEST = 1e100
"""Beyond this a square overflows a double; such a value is not an amount of anything."""

JAVA_ONLY_NUMBERS = r"(?i)x|[0-9.][df]\\s*$"
"""Texts that Java reads as numbers and nobody else does: ``12d``, ``1f``, ``0x1p3``; as SQL."""


@dataclass(frozen=True)
class Measure:
    """A feature that is one number a customer.

    ``number`` is the SQL of that number, a double, null where there is none. ``is_missing`` is
    the SQL of whether the cell is empty. ``rules`` are the reasons for which a row is rejected,
    each with the SQL of the condition, the first that holds first. ``is_step`` is true where
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
    is_step: bool
    kind: str
    bands: tuple[str, ...]


def measures(
    features: Features, *, types: Mapping[str, T.DataType], as_of: date | None, zone: str = "UTC"
) -> tuple[Measure, ...]:
    """The measures of a configuration, in its order, for columns of these types.

    ``as_of`` is the day from which the days of dates are counted back, in the calendar of ``zone``.
    """
    found = []
    for feature in features.numeric:
        type_ = types[feature.name]
        transform = feature.transform or features.transform
        negative = feature.negative or features.negative
        if transform == "log1p" and negative == "signed":
            transform = "signed"
        missing = feature.missing or features.missing
        rules = numeric_rules(feature.name, type_)
        if transform == "log1p" and negative == "reject":
            rules.append(("negative", f"{number(feature.name)} < 0"))
        found.append(
            _measure(
                feature.name, number(feature.name), type_, rules,
                transform=transform, negative=negative, missing=missing, weight=feature.weight,
            )
        )  # fmt: skip
    for band in features.ordered:
        steps = {each.strip(): place for place, each in enumerate(band.order)}
        sql = _by_value(text(band.name), steps)
        found.append(
            _measure(
                band.name, sql, types[band.name], [("not_in_order", f"{sql} IS NULL")],
                missing=band.missing or features.missing, weight=band.weight, is_step=True,
                kind="ordered", bands=tuple(steps),
            )
        )  # fmt: skip
    for day in features.dates:
        type_ = types[day.name]
        found.append(
            _measure(
                day.name,
                sql := _days_before(
                    as_of, calendar_day(day.name, type_, format=day.format, zone=zone)
                ),
                type_,
                [("not_a_date", f"{sql} IS NULL"), ("after_as_of", f"{sql} < 0")],
                transform=day.transform or features.transform,
                missing=day.missing or features.missing,
                weight=day.weight,
                kind="date",
            )
        )
    for flag in features.boolean:
        sql = _boolean(flag.name, types[flag.name])
        found.append(
            _measure(
                flag.name, sql, types[flag.name], [("not_a_boolean", f"{sql} IS NULL")],
                missing=flag.missing or features.missing, weight=flag.weight, is_step=True,
                kind="boolean",
            )
        )  # fmt: skip
    return tuple(found)


def number(name: str) -> str:
    """The SQL of a column as a double; null where it is no number."""
    return f"try_cast({quoted(name)} AS DOUBLE)"


def text(name: str) -> str:
    """The SQL of a column as text without blanks around it; null where nothing is left."""
    return f"nullif(trim(CAST({quoted(name)} AS STRING)), '')"


def is_blank(name: str, type_: T.DataType) -> str:
    """The SQL of whether a cell is empty: null, or a text of blanks."""
    return f"{text(name)} IS NULL" if isinstance(type_, T.StringType) else f"{quoted(name)} IS NULL"


def double(value: float) -> str:
    """A double as SQL that reads back to the same double."""
    return f"({value!r}D)"


def is_no_number(name: str, type_: T.DataType) -> str:
    """The SQL of whether a cell that is not empty is no number."""
    sql = f"{number(name)} IS NULL"
    if isinstance(type_, T.StringType):
        sql += f" OR {quoted(name)} RLIKE '{JAVA_ONLY_NUMBERS}'"
    return f"({sql})"


def numeric_rules(
    name: str, type_: T.DataType, *, largest: float = LARGEST
) -> list[tuple[str, str]]:
    """The reasons for which a cell that is not empty is no usable number, with their SQL."""
    rules = []
    if isinstance(type_, T.StringType):
        rules.append(("not_a_number", is_no_number(name, type_)))
    return [
        *rules,
        ("nan", f"isnan({number(name)})"),
        ("infinite", f"abs({number(name)}) = double('infinity')"),
        ("too_large", f"abs({number(name)}) > {double(largest)}"),
    ]


def _measure(
    name: str,
    number: str,
    type_: T.DataType,
    rules: list[tuple[str, str]],
    *,
    transform: str = "none",
    negative: str = "reject",
    missing: str,
    weight: float,
    is_step: bool = False,
    kind: str = "numeric",
    bands: tuple[str, ...] = (),
) -> Measure:
    is_missing = is_blank(name, type_)
    if missing == "impute":
        if isinstance(type_, T.FractionalType) and not isinstance(type_, T.DecimalType):
            is_missing = f"({is_missing} OR isnan({quoted(name)}))"  # pandas writes NaN for none
            number = f"nanvl({number}, CAST(NULL AS DOUBLE))"
        rules = [(reason, f"NOT ({is_missing}) AND ({sql})") for reason, sql in rules]
    else:
        rules = [("null", is_missing), *rules]
    return Measure(
        name, number, is_missing, tuple(rules), transform, negative, missing, weight, is_step,
        kind, bands,
    )  # fmt: skip


def _by_value(value: str, numbers: Mapping[str, int]) -> str:
    cases = " ".join(f"WHEN {string(each)} THEN {place}D" for each, place in numbers.items())
    return f"(CASE {value} {cases} END)"


def _days_before(as_of: date | None, day: str) -> str:
    if as_of is None:
        raise ValueError("dates need a day from which they are counted back")
    return f"CAST(datediff(DATE'{as_of.isoformat()}', {day}) AS DOUBLE)"


def _boolean(name: str, type_: T.DataType) -> str:
    if isinstance(type_, T.NumericType):
        return f"(CASE {quoted(name)} WHEN 1 THEN 1D WHEN 0 THEN 0D END)"
    return f"CAST(try_cast({text(name)} AS BOOLEAN) AS DOUBLE)"
