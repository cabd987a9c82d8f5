"""Numbers, shares, dates and reasons in the words of a reader; text made safe to draw."""

import math
import re
import unicodedata
from datetime import datetime

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
    "not_in_order": "the value is none of the bands that the configuration orders",
    "not_a_date": "the value is no date",
    "after_as_of": "the date lies after the day that the segments are of",
    "before_window": "the date lies before the time that counts",
    "not_a_boolean": "the value is neither yes nor no",
    "no_purchase": "the customer bought nothing",
    "no_net_spend": "returns outweigh what the customer bought",
    "not_a_product": "the line is of no product: postage, a fee, an adjustment",
    "duplicate_line": "the line stands there already, alike in every column",
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
        text = _trimmed(f"{value:.2f}")
    else:
        text = _trimmed(f"{value:.{2 - _magnitude(size)}f}")
    return text.replace("-", MINUS)


def average(mean: float, *, is_share: bool) -> str:
    """A mean; of something that customers have or have not it is a share."""
    return percent(mean) if is_share else number(mean)


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


def deviations(difference: float) -> str:
    """A difference from the average in standard deviations, signed: ``+1.2 SD``."""
    if not math.isfinite(difference):
        return UNKNOWN
    rounded = round(difference, 1) or 0.0
    sign = "+" if rounded > 0 else ""
    return f"{sign}{rounded:.1f} SD".replace("-", MINUS)


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
    return f"{when.day} {when:%B %Y, %H:%M} {zone}".strip()


def counted(count: int, noun: str) -> str:
    """A count and its noun: ``1 segment``, ``24,000 customers``."""
    return f"{count:,} {noun}" if count == 1 else f"{count:,} {noun}s"


def sentence(text: str) -> str:
    """Words as a sentence: a capital to begin with, a full stop at the end."""
    text = clean(text)
    return text[:1].upper() + text[1:] + ("" if text.endswith((".", "!", "?", "…")) else ".")


def rejection(reason: str) -> str:
    """Why a row was left out, in plain words; a reason not known here as it came."""
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
