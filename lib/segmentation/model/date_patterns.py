"""Java's date patterns without Spark, equal to Spark's parser.

Covers what dates of customers are written in: numbers for year, month, day, day of the year and
time, English names of months, AM and PM, optional parts, offsets and names of zones.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta, tzinfo

from segmentation.errors import ConfigError
from segmentation.model.zones import zone_named

_PART = re.compile(r"'(?:[^']|'')*'|([A-Za-z])\1*|.", re.DOTALL)
_ANY_DIGITS = "[0-9]{1,19}"
_MONTHS = (
    "January", "February", "March", "April", "May", "June", "July", "August", "September",
    "October", "November", "December",
)  # fmt: skip
_ZONE_ID = r"[+-][0-9:]+|[A-Za-z][A-Za-z0-9_/+:-]*"
_OFFSETS = {
    1: "[+-][0-9]{2}(?:[0-9]{2})?",
    2: "[+-][0-9]{4}",
    3: "[+-][0-9]{2}:[0-9]{2}",
    4: "[+-][0-9]{4}(?:[0-9]{2})?",
    5: "[+-][0-9]{2}:[0-9]{2}(?::[0-9]{2})?",
}

_RANGES = {"H": (0, 23), "k": (1, 24), "K": (0, 11), "h": (1, 12), "m": (0, 59), "s": (0, 59)}


@dataclass(frozen=True)
class DatePattern:
    """A compiled pattern; see :func:`date_pattern`."""

    expression: re.Pattern[str]
    letters: tuple[str, ...]
    """The pattern letter of each group of the expression."""

    def read(self, text: str) -> tuple[datetime, tzinfo | None] | None:
        """The time in a text, None if it does not match the pattern or is not a valid time.

        The time is the local one; the zone None where the text names none. What the pattern
        lacks is the first of January and midnight.
        """
        match = self.expression.fullmatch(text)
        if match is None:
            return None
        numbers: dict[str, int] = {}
        zones: set[tzinfo | None] = set()
        for letter, written in zip(self.letters, match.groups(), strict=True):
            if written is None:  # in an optional part
                continue
            if letter == "zone":
                zones.add(zone_named(written.upper() if len(written) == 1 else written))
                continue
            number = _READERS.get(letter, int)(written)
            if numbers.setdefault(letter, number) != number:
                return None
        moment = _resolved(numbers)
        if moment is None or None in zones or len(zones) > 1:
            return None
        return moment, zones.pop() if zones else None


def date_pattern(pattern: str, *, column: str) -> DatePattern:
    """A compiled Java pattern that Spark knows.

    Raises
    ------
    ConfigError
        If it has a letter that is read by Spark only, such as ``z``, names of zones in words.
    """
    expression, letters, depth = [], [], 0
    for match in _PART.finditer(pattern):
        part, letter = match[0], match[1]
        if letter is not None:
            found = _of_letters(letter, len(part))
            if found is None:
                raise ConfigError(
                    f"the date {column!r} has the format {pattern!r}, whose {part!r} only Spark "
                    "reads: label with the saved Spark model, or change features.dates"
                )
            expression.append(f"({found[0]})")
            letters.append(found[1])
        elif part == "[":
            expression.append("(?:")
            depth += 1
        elif part == "]":
            expression.append(")?")
            depth -= 1
        else:
            literal = part[1:-1].replace("''", "'") or "'" if part[0] == "'" else part
            expression.append(re.escape(literal))
    expression += [")?"] * depth
    return DatePattern(re.compile("".join(expression), re.IGNORECASE), tuple(letters))


def _of_letters(letter: str, count: int) -> tuple[str, str] | None:
    """The expression of a run of one letter, and its field; None if only Spark can read it."""
    fixed = f"[0-9]{{{count}}}"
    match letter, count:
        case "y", 2:
            return fixed, "yy"
        case "y", 1 | 3:
            return f"[0-9]{{{count},19}}", "y"
        case "y", _:  # a sign only where there are more digits than letters
            return f"{fixed}|[+][0-9]{{{count + 1},19}}", "y"
        case (("M" | "L"), 3):
            return "|".join(each[:3] for each in _MONTHS), "name"
        case (("M" | "L"), 4):
            return "|".join(_MONTHS), "name"
        case (("M" | "L"), (1 | 2)):
            return (fixed if count > 1 else _ANY_DIGITS), "M"
        case "D", (1 | 2 | 3):
            return {1: _ANY_DIGITS, 2: "[0-9]{2,3}", 3: fixed}[count], "D"
        case (("d" | "H" | "k" | "K" | "h" | "m" | "s"), (1 | 2)):
            return (fixed if count > 1 else _ANY_DIGITS), letter
        case "S", _:
            return f"[0-9]{{1,{count}}}", "S"
        case "a", 1:
            return "AM|PM", "a"
        case "V", 2:
            return _ZONE_ID, "zone"
        case "X", (1 | 2 | 3 | 4 | 5):
            return f"Z|{_OFFSETS[count]}", "zone"
        case "x", (1 | 2 | 3 | 4 | 5):
            return _OFFSETS[count], "zone"
        case "Z", (1 | 2 | 3):
            return _OFFSETS[2], "zone"
        case "Z", 5:
            return f"Z|{_OFFSETS[5]}", "zone"
    return None


_READERS: Mapping[str, Callable[[str], int]] = {
    "yy": lambda text: 2000 + int(text),
    "name": lambda text: [each[:3] for each in _MONTHS].index(text[:3].title()) + 1,
    "a": lambda text: int(text.upper() == "PM"),
    "S": lambda _: 0,
}


def _resolved(found: Mapping[str, int]) -> datetime | None:
    """The time from all fields; None if one is out of range or two contradict each other."""
    for letter, (least, most) in _RANGES.items():
        if letter in found and not least <= found[letter] <= most:
            return None
    day, hour = _day(found), _hour(found)
    if day is None or hour is None:
        return None
    return datetime(  # noqa: DTZ001 - the zone is another's
        day.year, day.month, day.day, hour, found.get("m", 0), found.get("s", 0)
    )


def _day(found: Mapping[str, int]) -> date | None:
    years = {found[each] for each in ("y", "yy") if each in found} or {1970}
    months = {found[each] for each in ("M", "name") if each in found}
    if len(years) > 1 or len(months) > 1:
        return None
    year, month, day = years.pop(), next(iter(months), None), found.get("d")
    try:
        if "D" not in found:
            return date(year, 1 if month is None else month, 1 if day is None else day)
        if not 1 <= found["D"] <= 366:
            return None
        result = date(year, 1, 1) + timedelta(found["D"] - 1)
    except (ValueError, OverflowError):
        return None
    agrees = result.year == year and month in (None, result.month) and day in (None, result.day)
    return result if agrees else None


def _hour(found: Mapping[str, int]) -> int | None:
    """The hour of the day; 12-hour values are before noon unless the text says otherwise."""
    of_day = {found["H"]} if "H" in found else set()
    of_day |= {found["k"] % 24} if "k" in found else set()
    of_half = {found["h"] % 12} if "h" in found else set()
    of_half |= {found["K"]} if "K" in found else set()
    if len(of_day) > 1 or len(of_half) > 1:
        return None
    if not of_day:
        return next(iter(of_half), 0) + (12 * found.get("a", 0) if of_half else 0)
    hour = of_day.pop()
    agrees = of_half <= {hour % 12} and found.get("a", hour // 12) == hour // 12
    return hour if agrees else None
