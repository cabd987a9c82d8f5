"""The numbers of a headline, read from its words and counted anew in the published customers."""

import re
from collections.abc import Sequence

import pandas as pd

NUMBER = r"[\d.,\N{MINUS SIGN}]*\d"
COUNTS = rf"({NUMBER}) of ({NUMBER}) customers? \((.+?)\)"
ACCOUNTS = re.compile(
    rf"(?:From (.+?) to (.+?), )?{COUNTS}, “(.+?)”, account(?:ed|s)? for ({NUMBER}) of ({NUMBER})"
    r"(?: (million|billion|trillion))? in (.+?) \((.+?)\)\."
)
HIGHEST = re.compile(
    rf"(They also have|“(.+?)” has) the highest average (.+?): ({NUMBER})(%?) per customer, "
    rf"against ({NUMBER})(%?) overall\."
)
LARGEST = re.compile(rf"(?:From (.+?) to (.+?), t|T)he largest segment, “(.+?)”, has {COUNTS}\.")
UNITS = {None: 1.0, "million": 1e6, "billion": 1e9, "trillion": 1e12}


def check(sentences: Sequence[str], customers: pd.DataFrame, *, value: str | None) -> None:
    """Every number of the sentences is what pandas finds; raises AssertionError otherwise.

    ``customers`` have ``segment_name`` and the value as published. What no pattern reads must
    hold no number but those of segments and groups.
    """
    told = [_name(sentence) for sentence in sentences]
    shown = {_published(name, customers): name for name in told if name}
    customers = customers.assign(segment_name=customers["segment_name"].replace(shown))
    by_name = customers.groupby("segment_name")
    best = None
    for sentence in sentences:
        if match := ACCOUNTS.search(sentence):
            _, _, count, of, share, best, part, whole, unit, _, value_share = match.groups()
            assert value is not None
            sums = by_name[value].sum()
            assert sums.idxmax() == best or sums[best] == sums.max()
            _agree(part, sums[best] / UNITS[unit])
            _agree(whole, customers[value].sum() / UNITS[unit])
            _agree_in_percent(value_share, sums[best] / customers[value].sum())
            _counts(count, of, share, customers, best)
        elif match := HIGHEST.search(sentence):
            assert value is not None
            who = match[2] or best
            assert who is not None
            means = by_name[value].mean().to_dict()
            assert means[who] == max(means.values())
            scale = 100 if match[5] else 1
            _agree(match[4], means[who] * scale)
            _agree(match[6], customers[value].mean() * scale)
        elif match := LARGEST.search(sentence):
            sizes = by_name.size()
            assert sizes[match[3]] == sizes.max()
            _counts(match[4], match[5], match[6], customers, match[3])
        else:
            assert not re.search(r"\d{3}|%|million", sentence), sentence


def _name(sentence: str) -> str | None:
    match = re.search("“(.+?)”", sentence)
    return match[1] if match else None


def _published(name: str, customers: pd.DataFrame) -> str:
    """The published name; the page leaves out of it what would tell of few customers."""
    names = set(customers["segment_name"])
    parts = set(name.casefold().split(", "))
    found = [n for n in names if n == name] or [
        n for n in names if parts <= set(n.casefold().split(", "))
    ]
    assert len(found) == 1, (name, names)
    return str(found[0])


def _counts(count: str, of: str, share: str, customers: pd.DataFrame, name: str) -> None:
    own = int((customers["segment_name"] == name).sum())
    assert (_number(count), _number(of)) == (own, len(customers))
    _agree_in_percent(share, own / len(customers))


def _agree_in_percent(text: str, part: float) -> None:
    if text.startswith("under"):
        assert 0 < part < 0.001
    else:
        _agree(text.rstrip("%"), 100 * part)


def _agree(text: str, expected: float) -> None:
    """The number written is the expected one, rounded to the digits that are written."""
    digits = len(text.partition(".")[2])
    slack = 0.5 * 10.0**-digits * (1 + 1e-9) + 1e-9 * abs(expected)
    if not digits and "," not in text and 1 <= abs(expected) < 100:
        slack = max(slack, 0.05)  # "60" may be 60.04, written without its zero
    assert abs(_number(text) - expected) <= slack, (text, expected)


def _number(text: str) -> float:
    return float(text.replace(",", "").replace("\N{MINUS SIGN}", "-"))
