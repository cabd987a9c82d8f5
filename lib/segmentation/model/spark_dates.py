"""Calendar days as Spark SQL: read from a date, a time or a text.

A text is read as ISO 8601 writes it (``2026-01-31``, ``2026-01-31 23:30``, with a zone behind it
or not) or by a pattern. Spark's own cast is laxer: ``12:30`` is today, ``40908``, a day's serial
number in a spreadsheet, is the year 40908, and ``2026-01-31 anything`` is a date.
"""

import re

from segmentation.schemas import quoted, string

DATE, LOCAL_TIME, INSTANT, TEXT = "date", "timestamp_ntz", "timestamp", "string"
"""Spark's names of the types that hold a day."""

_YEAR = "^(?!0000)[0-9]{4}"
_TIME = "[0-9]{1,2}(:[0-9]{1,2}(:[0-9]{1,2}([.][0-9]*)?)?)?"
_LOCAL = f"{_YEAR}-[0-9]{{1,2}}(-[0-9]{{1,2}}([T ]{_TIME})?)?$"
_ZONED = f"{_YEAR}-[0-9]{{1,2}}-[0-9]{{1,2}}[T ][0-9]{{1,2}}:[0-9]"
_NO_SECONDS = "^([^T ]+[T ][0-9]{1,2}:[0-9]{1,2})(?=[^:0-9])"
_SHORT_OFFSET = "([+-][0-9]{2})$"
"""What Spark's cast wants completed: ``23:30 UTC`` has no seconds, ``+01``, which PostgreSQL
writes, no minutes."""

_AMBIGUOUS_ZONE = (
    "(ACT|AET|AGT|ART|AST|BET|BST|CAT|CNT|CST|CTT|EAT|ECT|IET|IST|JST|MIT|NET|NST|PLT|PNT|PRT|PST"
    "|SST|VST)[\\\\x00-\\\\x20\\\\x7F]*$"  # Spark's cast strips these, and trim() spaces only
)
"""Java's three-letter zones that the time zone database does not know: ``BST`` is Bangladesh's."""

_ZONE_LETTERS = re.compile("[VzOXxZ]")


def day(name: str, type_: str, *, format: str | None, zone: str) -> str:
    """The SQL of a column's day in a zone's calendar; null where it names none in 0001 to 9999.

    A date, a time without a zone, or a text without one is that calendar's own; an instant is
    moved there. ``format`` is of texts, a pattern that :func:`check_patterns` accepts. The
    session's time zone has no say.
    """
    column = quoted(name)
    if type_ == DATE:
        return _in_reach(column)
    if type_ == LOCAL_TIME:
        return _in_reach(f"CAST({column} AS DATE)")
    if type_ == INSTANT:
        return _in_reach(_day_of(column, zone))
    text = f"trim(CAST({column} AS STRING))"
    if format is not None:
        if _has_zone(format):
            return _in_reach(_day_of(_by_pattern(text, format), zone))
        # Else Spark takes the session's zone, whose clocks may skip an hour or a day.
        in_utc = _by_pattern(f"concat({text}, ' +00:00')", f"{format} XXX")
        return _in_reach(_day_of(in_utc, "UTC"))
    return _case(
        text,
        local=f"CAST(try_cast({text} AS TIMESTAMP_NTZ) AS DATE)",
        zoned=_in_reach(_day_of(_instant(text), zone)),
    )


def any_day(name: str, *, format: str | None, zone: str) -> str:
    """As :func:`day` for a column of whatever type, as a saved model may meet it."""
    column = quoted(name)
    of_instant = _in_reach(_day_of(f"try_cast({column} AS TIMESTAMP)", zone))
    of_text = day(name, TEXT, format=format, zone=zone)
    return (
        f"(CASE WHEN typeof({column}) = 'timestamp' THEN {of_instant} "
        f"WHEN {is_text(name)} THEN {of_text} ELSE {_in_reach(f'try_cast({column} AS DATE)')} END)"
    )


def is_text(name: str) -> str:
    """The SQL of whether a column holds text; the same for all rows, and folded by Spark."""
    return f"typeof({quoted(name)}) RLIKE '^(string|char|varchar)'"


def moment(name: str, type_: str, *, format: str | None, zone: str) -> str:
    """The SQL of when that was, by the zone's clock, as a timestamp; for sessions in UTC only."""
    column = quoted(name)
    if type_ in (DATE, LOCAL_TIME):
        return f"CAST({column} AS TIMESTAMP)"
    if type_ == INSTANT:
        return at_zone(column, zone)
    text = f"trim(CAST({column} AS STRING))"
    if format is not None:
        found = _by_pattern(text, format)
        return at_zone(found, zone) if _has_zone(format) else found
    return _case(text, local=f"try_cast({text} AS TIMESTAMP)", zoned=at_zone(_instant(text), zone))


def letters(pattern: str) -> set[str]:
    """The letters of a pattern that are no quoted text."""
    return set(re.sub("'[^']*'", "", pattern))


def _has_zone(pattern: str) -> bool:
    return any(_ZONE_LETTERS.match(letter) for letter in letters(pattern))


def _case(text: str, *, local: str, zoned: str) -> str:
    is_zoned = f"{text} RLIKE '{_ZONED}' AND NOT {text} RLIKE '{_AMBIGUOUS_ZONE}'"
    return f"(CASE WHEN {text} RLIKE '{_LOCAL}' THEN {local} WHEN {is_zoned} THEN {zoned} END)"


def _instant(text: str) -> str:
    for incomplete in (_NO_SECONDS, _SHORT_OFFSET):
        text = f"regexp_replace({text}, '{incomplete}', '$1:00')"
    return f"try_cast({text} AS TIMESTAMP)"


def _by_pattern(text: str, pattern: str) -> str:
    return f"try_to_timestamp({text}, {string(pattern)})"


def at_zone(instant: str, zone: str) -> str:
    """The SQL of what a zone's clock shows at an instant, as a timestamp of UTC."""
    return f"from_utc_timestamp({instant}, {string(zone)})"


def _day_of(instant: str, zone: str) -> str:
    # A cast to a date would take the session's zone, which a saved model cannot know.
    seconds = f"unix_seconds({at_zone(instant, zone)})"
    return f"date_from_unix_date(CAST(floor({seconds} / 86400) AS INT))"


def _in_reach(date: str) -> str:
    """A date that Python has as well."""
    return f"(CASE WHEN {date} BETWEEN DATE'0001-01-01' AND DATE'9999-12-31' THEN {date} END)"
