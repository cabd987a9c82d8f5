"""The day from which recency is counted back: the last day of the lines, if it is plausible."""

from collections.abc import Sequence
from datetime import date, timedelta
from itertools import pairwise

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

FAR_DAYS, FEW_OF, DAYS_PER_YEAR = 30, 1_000, 365
"""A last day looks mistyped after a longer pause than this, with at most one line in this many."""


def lines_per_day(lines: DataFrame, *, day: str) -> list[tuple[date, int]]:
    """The days in order, with their numbers of lines; reads the lines once."""
    counted = lines.groupBy(day).agg(F.count(F.lit(1)))
    return sorted((row[0], row[1]) for row in counted.collect())


def doubt_about(as_of: date, days: Sequence[tuple[date, int]], *, today: date) -> str | None:
    """A warning if ``as_of`` looks mistyped: in the future, or far after all other days.

    ``days`` are those of :func:`lines_per_day`, empty where ``as_of`` was configured. Far is a
    pause of more than 30 days, and of more than twice the longest earlier pause, with at most one
    line in a thousand after it, or a single one: mistyped dates are few, and a shop with long
    pauses may end with one.
    """
    key = f"transactions.as_of is {as_of}"
    if as_of > today + timedelta(days=1):  # it is already tomorrow in Auckland
        return f"{key}, which is after today ({today}): a mistyped date? set transactions.as_of"
    lines = sum(of_day for _, of_day in days)
    few = max(1, lines // FEW_OF)
    later, pauses = 0, [(b - a).days for (a, _), (b, _) in pairwise(days)]
    for place in range(len(pauses), 0, -1):
        later += days[place][1]
        if later > few:
            break
        pause, before = pauses[place - 1], days[place - 1][0]
        if pause > max(FAR_DAYS, 2 * max(pauses[: place - 1], default=0)):
            return (
                f"{key}, {_span((as_of - before).days)} after {before}, the last day of all but "
                f"{later:,} of {lines:,} lines: a mistyped date? set transactions.as_of"
            )
    return None


def _span(days: int) -> str:
    return f"{days:,} days" if days < 2 * DAYS_PER_YEAR else f"{days // DAYS_PER_YEAR:,} years"
