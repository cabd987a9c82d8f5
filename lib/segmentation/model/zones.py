"""Time zones by the names that Java gives them, and days of instants in a zone's calendar."""

import re
from datetime import UTC, datetime, timedelta, timezone, tzinfo
from functools import cache, lru_cache
from zoneinfo import ZoneInfo, available_timezones

import numpy as np
import numpy.typing as npt

DAY_S = 86_400
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_FIRST_S = int((datetime(1, 1, 3, tzinfo=UTC) - _EPOCH).total_seconds())
_LAST_S = int((datetime(9999, 12, 29, tzinfo=UTC) - _EPOCH).total_seconds())
"""Outside these a zone's clock may show a year that Python does not have."""

_OFFSET = re.compile(r"(?:UTC|GMT|UT)?([+-])([0-9]|[0-9]{2}(?::[0-9]{2}){0,2}|[0-9]{4}|[0-9]{6})")
_MAX_OFFSET_S = 18 * 3600
_UNKNOWN_TO_JAVA = {"ROC", "Factory", "localtime", "posixrules"}


@cache
def _names() -> frozenset[str]:
    return frozenset(available_timezones() - _UNKNOWN_TO_JAVA)


@lru_cache(maxsize=1024)  # texts may hold anything for a zone
def zone_named(name: str) -> tzinfo | None:
    """The zone of a name or an offset, as Java's ``ZoneId.of``; None if there is none."""
    if name in ("Z", "UTC", "GMT", "UT"):
        return UTC
    if match := _OFFSET.fullmatch(name):
        sign, written = match.groups()
        digits = written.replace(":", "")
        hours, minutes, seconds = (int(part or 0) for part in (digits[:2], digits[2:4], digits[4:]))
        offset_s = hours * 3600 + minutes * 60 + seconds
        if max(minutes, seconds) >= 60 or offset_s > _MAX_OFFSET_S:
            return None
        return timezone(timedelta(seconds=-offset_s if sign == "-" else offset_s))
    return ZoneInfo(name) if name in _names() else None


def local_days(seconds: npt.NDArray[np.int64], zone: tzinfo) -> npt.NDArray[np.int64]:
    """The day since 1970 that a zone's calendar shows at each instant, in seconds of UTC.

    A zone's clocks are asked at both ends of every day of UTC that occurs: where they do not
    change in between, that is the offset of all instants of the day.
    """
    days, which = np.unique(seconds // DAY_S, return_inverse=True)
    first = np.array([offset_s(day * DAY_S, zone) for day in days.tolist()], np.int64)
    last = np.array([offset_s(day * DAY_S + DAY_S - 1, zone) for day in days.tolist()], np.int64)
    offsets = first[which]
    changes = (first != last)[which]
    offsets[changes] = [offset_s(each, zone) for each in seconds[changes].tolist()]
    return (seconds + offsets) // DAY_S


def offset_s(second: int, zone: tzinfo) -> int:
    """What a zone's clock is ahead of UTC at an instant, in seconds."""
    moment = _EPOCH + timedelta(seconds=min(max(second, _FIRST_S), _LAST_S))
    offset = moment.astimezone(zone).utcoffset()
    return int(offset.total_seconds()) if offset else 0


def instant_s(local: datetime, zone: tzinfo) -> int:
    """The instant, in seconds of UTC since 1970, at which a zone's clock shows a local time.

    An hour that the clock shows twice is the first; one that it skips is counted on from the
    last that it showed.
    """
    seconds = (local.toordinal() - _EPOCH.toordinal()) * DAY_S + (
        local.hour * 3600 + local.minute * 60 + local.second
    )
    offset = zone.utcoffset(local.replace(tzinfo=zone))
    return seconds - (int(offset.total_seconds()) if offset else 0)
