"""Numbers, shares, dates and reasons in the words of a reader; text made safe to draw."""

import math
import re
import unicodedata
from datetime import date, datetime

UNKNOWN = "not known"
MINUS = "\N{MINUS SIGN}"
_ZERO_WIDTH = "\N{ZERO WIDTH SPACE}"
_THOUSANDS = ((1e12, "T"), (1e9, "B"), (1e6, "M"), (1e3, "k"))
_PLAIN_BELOW = 1e15
_MINUTE_SECONDS = 60

_REASONS = {
    "null": "the value is missing",
    "not_a_number": "the value is text, not a number",
    "nan": "the value is NaN, the mark for an undefined number",
    "infinite": "the value is infinite",
    "too_large": "the value is too large to compute with",
    "negative": "the value is negative, where only zero and more makes sense",
    "malformed": "the line could not be read as a row of the table",
    "duplicate_id": "the customer id occurs on more than one row",
    "unknown_band": "the value is not one of the configured bands",
    "not_a_date": "the value is not a date",
    "after_as_of": "the date is after the as-of date",
    "before_window": "the date is before the analysis window",
    "not_a_boolean": "the value is neither yes nor no",
    "no_purchase": "the customer bought nothing",
    "no_net_spend": "returns outweigh what the customer bought",
    "not_a_product": "the line is not a product: postage, a fee, an adjustment",
    "duplicate_line": "the line repeats another in every column",
}


def number(value: float) -> str:
    """A number as people write it: ``24,000``, ``12.5``, ``0.0123``."""
    if not math.isfinite(value):
        return UNKNOWN
    size = abs(value)
    if size >= _PLAIN_BELOW or 0 < size < 1e-4:
        text = f"{value:.2e}"
    elif value == int(value) or size >= 100:
        text = f"{value:,.0f}"
    elif size >= 1:
        text = _trimmed(f"{value:.1f}" if size >= 10 else f"{value:.2f}")
    else:
        text = _trimmed(f"{value:.{2 - _magnitude(size)}f}")
    return text.replace("-", MINUS)


def value(value: float, *, kind: str, feature: str) -> str:
    """A value of a feature: yes or no as a share, days and years as whole numbers."""
    if kind == "boolean":
        return percent(value)
    if not math.isfinite(value):
        return UNKNOWN
    if _YEAR.search(feature) and FIRST_YEAR <= value <= LAST_YEAR:
        return f"{value:.0f}"
    if kind == "date" or _DAYS.search(feature):
        return "under 1" if 0 < value < 1 else f"{value:,.0f}".replace("-", MINUS)
    return number(value)


_YEAR = re.compile(r"(?i)(?<![a-z])(year|yr|born|birth)")
_DAYS = re.compile(r"(?i)(?<![a-z])days?(?![a-z])")
FIRST_YEAR, LAST_YEAR = 1800, 2200


def sum_of(part: float, whole: float) -> str:
    """A part of a sum, both in the unit of the whole: ``7.0 of 8.4 million``."""
    for size, unit in ((1e12, "trillion"), (1e9, "billion"), (1e6, "million")):
        if size <= whole < _PLAIN_BELOW:
            return f"{part / size:,.1f} of {whole / size:,.1f} {unit}"
    return f"{number(part)} of {number(whole)}"


def day(when: date) -> str:
    """A day: ``9 December 2011``."""
    return f"{when.day} {when:%B %Y}"


def compact(value: float) -> str:
    """A number in as few characters as an axis has room for: ``950``, ``1.2k``, ``10M``."""
    if not math.isfinite(value):
        return number(value)
    value = float(f"{value:.3g}")
    size = abs(value)
    for unit, suffix in _THOUSANDS:
        if unit <= size < _PLAIN_BELOW:
            return _trimmed(f"{value / unit:.1f}").replace("-", MINUS) + suffix
    return number(value)


def percent(part: float) -> str:
    """A part of 1 as a percentage; a part too small to show is not shown as none at all."""
    if 0 < abs(part) < 0.001:
        return "under 0.1%" if part > 0 else f"{MINUS}0.1% to 0%"
    return f"{part * 100:,.1f}%".replace("-", MINUS)


def correlation(r: float) -> str:
    """A correlation to two decimals."""
    return f"{r:.2f}".replace("-", MINUS)


def duration(seconds: float) -> str:
    """A length of time: ``3.2 s`` or ``2 min 5 s``."""
    if seconds < _MINUTE_SECONDS:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), _MINUTE_SECONDS)
    return f"{minutes:,} min {rest} s"


def moment(iso: str) -> str:
    """An ISO 8601 time as a date and a time; anything else as it came."""
    try:
        when = datetime.fromisoformat(iso)
    except ValueError:
        return iso
    zone = when.tzname() or ""
    return f"{day(when)}, {when:%H:%M} {zone}".strip()


def counted(count: int, noun: str) -> str:
    """A count and its noun: ``1 segment``, ``24,000 customers``."""
    return f"{count:,} {noun}" if count == 1 else f"{count:,} {noun}s"


def sentence(text: str) -> str:
    """Words as a sentence: a capital to begin with, a full stop at the end."""
    text = clean(text)
    return text[:1].upper() + text[1:] + ("" if text.endswith((".", "!", "?", "…")) else ".")


def rejection(reason: str) -> str:
    """Why a row was rejected, in plain words; a reason not known here as it came."""
    return _REASONS.get(reason, reason)


def clean(text: str) -> str:
    """Text on one line, without the characters that break lines or turn the writing direction."""
    kept = "".join(
        " " if unicodedata.category(letter) in ("Cc", "Cs", "Zl", "Zp") else letter
        for letter in text
        if unicodedata.bidirectional(letter) not in _DIRECTIONS
    )
    return " ".join(kept.split())


_DIRECTIONS = {"LRE", "RLE", "LRO", "RLO", "PDF", "LRI", "RLI", "FSI", "PDI"}


def chart_text(text: str, *, longest: int = 60) -> str:
    """Text from the data that Plotly draws letter by letter.

    Plotly reads tags, entities and ``%{...}`` in the text it draws, in space with another parser
    than on the plane. An invisible blank after the opening letter breaks all of them.
    """
    text = clean(text)
    if len(text) > longest:
        text = text[: longest - 1].rstrip() + "…"
    return re.sub(r"[<&]|%(?=\{)", rf"\g<0>{_ZERO_WIDTH}", text)


def _magnitude(size: float) -> int:
    """The power of ten of the first digit."""
    return int(f"{size:e}".partition("e")[2]) if size else 0


def _trimmed(text: str) -> str:
    return text.rstrip("0").rstrip(".") if "." in text else text
