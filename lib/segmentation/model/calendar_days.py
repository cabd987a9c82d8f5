"""Calendar days from dates, times and text without Spark, equal to ``spark_dates``."""

import re
from collections.abc import Callable
from datetime import UTC, date, datetime, tzinfo
from functools import partial

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.types as types

from segmentation.errors import ConfigError
from segmentation.model.cells import Cells, is_instant, is_text, per_distinct, unreadable
from segmentation.model.date_patterns import DatePattern, date_pattern
from segmentation.model.zones import DAY_S, instant_s, local_days, zone_named

_EPOCH = date(1970, 1, 1).toordinal()
_FIRST, _LAST = date.min.toordinal() - _EPOCH, date.max.toordinal() - _EPOCH
_LOCAL = re.compile(
    r"(?!0000)([0-9]{4})-([0-9]{1,2})(?:-([0-9]{1,2})"
    r"(?:[T ]([0-9]{1,2})(?::([0-9]{1,2})(?::([0-9]{1,2})(?:[.][0-9]*)?)?)?)?)?"
)
_ZONED = re.compile(
    r"(?!0000)([0-9]{4})-([0-9]{1,2})-([0-9]{1,2})[T ]"
    r"([0-9]{1,2}):([0-9]{1,2})(?::([0-9]{1,2}))?(?:[.][0-9]*)?(.*)",
    re.DOTALL,
)
_LINE_END = re.compile(r"(?:\r\n|[\r\n])\Z")
_SHORT_OFFSET = re.compile(r"[+-][0-9]{2}\Z")
_ONE_DIGIT = (
    (re.compile(r"([+-])([0-9]):"), r"\g<1>0\2:"),
    (re.compile(r"([+-][0-9]{2}):([0-9])\Z"), r"\1:0\2"),
)
"""Offsets that Spark completes before Java reads them: ``+1:30``, ``+01:5``."""

_AMBIGUOUS_ZONES = (
    "ACT", "AET", "AGT", "ART", "AST", "BET", "BST", "CAT", "CNT", "CST", "CTT", "EAT", "ECT",
    "IET", "IST", "JST", "MIT", "NET", "NST", "PLT", "PNT", "PRT", "PST", "SST", "VST",
)  # fmt: skip
_BLANKS = "".join(map(chr, range(0x21))) + "\x7f"


def days_before(
    cells: Cells, until: date, *, column: str, format: str | None = None, zone: str = "UTC"
) -> Cells:
    """Days from each cell's day to ``until``, as doubles; null unless in years 1 to 9999.

    Parameters
    ----------
    column
        The name of the column, for messages.
    format, zone
        As of :class:`segmentation.model.expressions.DaysBefore`.

    Raises
    ------
    ConfigError
        If the format has a part that only Spark reads.
    SchemaError
        If the column's type holds no days.
    """
    days = _days(cells, column=column, format=format, zone=_calendar(zone, column=column))
    values = days.fill_null(0).to_numpy(zero_copy_only=False)
    is_none = days.is_null().to_numpy(zero_copy_only=False)
    is_none = is_none | (values < _FIRST) | (values > _LAST)
    distance = (until.toordinal() - _EPOCH - values).astype(np.float64)
    return pa.array(distance, mask=is_none)


def _calendar(zone: str, *, column: str) -> tzinfo:
    found = zone_named(zone)
    if found is None:
        raise ConfigError(
            f"the date {column!r} is of the time zone {zone!r}, which this Python does not know: "
            "install the package tzdata"
        )
    return found


def _days(cells: Cells, *, column: str, format: str | None, zone: tzinfo) -> pa.Array:
    """The day of each cell as an integer, from 1970-01-01."""
    kind = cells.type
    if is_text(kind):
        read = _pattern_reader(format, column=column, zone=zone) if format else _iso_reader(zone)
        found = per_distinct(lambda text: read(text.strip(" ")), cells, pa.int64())
    elif types.is_date(kind):
        found = cells.cast(pa.date32()).cast(pa.int32()).cast(pa.int64())
    elif types.is_timestamp(kind):
        per_second = {"s": 1, "ms": 10**3, "us": 10**6, "ns": 10**9}[kind.unit]
        ticks = cells.cast(pa.int64())
        seconds = ticks.fill_null(0).to_numpy(zero_copy_only=False) // per_second
        days = local_days(seconds, zone) if is_instant(kind) else seconds // DAY_S
        found = pa.array(days, mask=ticks.is_null().to_numpy(zero_copy_only=False))
    else:
        raise unreadable(column, kind, "dates, times or texts that hold them")
    return found.combine_chunks() if isinstance(found, pa.ChunkedArray) else found


def _day_in(zone: tzinfo, local: datetime, of: tzinfo) -> int:
    """The day in one zone's calendar of a local time in another zone."""
    instant: npt.NDArray[np.int64] = np.array([instant_s(local, of)])
    return int(local_days(instant, zone)[0])


def _pattern_reader(format: str, *, column: str, zone: tzinfo) -> Callable[[str], int | None]:
    return partial(_by_pattern, date_pattern(format, column=column), zone)


def _by_pattern(pattern: DatePattern, zone: tzinfo, text: str) -> int | None:
    found = pattern.read(text)
    if found is None:
        return None
    local, of = found
    if "zone" not in pattern.letters:
        return local.toordinal() - _EPOCH
    return _day_in(zone, local, of or UTC)


def _iso_reader(zone: tzinfo) -> Callable[[str], int | None]:
    return partial(_by_iso, zone)


def _by_iso(zone: tzinfo, text: str) -> int | None:
    """The day of an ISO 8601 text: local, or in ``zone`` if the text has a zone."""
    text = _LINE_END.sub("", text)
    if match := _LOCAL.fullmatch(text):
        local = _local_time(*match.groups())
        return None if local is None else local.toordinal() - _EPOCH
    match = _ZONED.fullmatch(text)
    if match is None or text.rstrip(_BLANKS).endswith(_AMBIGUOUS_ZONES):
        return None
    *parts, written = match.groups()
    local, of = _local_time(*parts), _written_zone(written.strip(_BLANKS))
    return None if local is None or of is None else _day_in(zone, local, of)


def _local_time(
    year: str, month: str, day: str | None, hour: str | None, minute: str | None, second: str | None
) -> datetime | None:
    try:
        return datetime(  # noqa: DTZ001 - the zone is another's
            int(year), int(month), int(day or 1), int(hour or 0), int(minute or 0), int(second or 0)
        )
    except ValueError:
        return None


def _written_zone(text: str) -> tzinfo | None:
    """The zone behind a time; that of the job's sessions where it is blank."""
    if _SHORT_OFFSET.search(text):
        text += ":00"
    for expression, completed in _ONE_DIGIT:
        text = expression.sub(completed, text, count=1)
    return zone_named(text) if text else UTC
