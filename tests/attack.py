"""An attacker who has the report's page and nothing else, and wants the counts of few customers.

He reads every number of it: words, tables, what charts hold and say when pointed at. Of each
categorical feature he knows the values that exist. All that he reads becomes linear constraints
on whole numbers of customers, by segment and value; the largest and least number that they leave
for any count are what he knows of it.
"""

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from html import unescape
from html.parser import HTMLParser
from typing import Any

import numpy as np
from scipy.optimize import Bounds, LinearConstraint, milp

REST, MISSING = "(rest)", "(missing)"
MORE_THAN_ALL = 1.004
TENTH_OF_PERCENT = 0.0005
"""What rounding to 0.1 % may have taken away or added."""


class _Reader(HTMLParser):
    """The tables of a page as rows of texts, by the label of their region or caption."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.tables: list[tuple[str, list[list[str]]]] = []
        self.words: list[str] = []
        self._label, self._text, self._in_caption = "", "", False
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: Sequence[tuple[str, str | None]]) -> None:
        if tag == "div" and dict(attrs).get("role") == "region":
            self._label = dict(attrs).get("aria-label") or ""
        elif tag == "table":
            self.tables.append((self._label, []))
            self._label = ""
        elif tag == "tr" and self.tables:
            self.tables[-1][1].append([])
        if tag in ("th", "td", "caption"):
            self._text = ""
        self._text += " "

    def handle_data(self, data: str) -> None:
        self._text += data
        self.words.append(data)

    def handle_endtag(self, tag: str) -> None:
        if tag in ("th", "td") and self.tables and self.tables[-1][1]:
            self.tables[-1][1][-1].append(" ".join(self._text.split()))
        if tag == "caption" and self.tables:
            self.tables[-1] = (" ".join(self._text.split()), self.tables[-1][1])


@dataclass
class Page:
    """What the attacker reads."""

    text: str
    tables: list[tuple[str, list[list[str]]]]
    figures: dict[str, Any]
    customers: int = 0
    count: int = 0
    sizes: dict[int, int] = field(default_factory=dict)
    names: dict[int, str] = field(default_factory=dict)
    cards: list[tuple[int, str, str]] = field(default_factory=list)


def read(html: str) -> Page:
    """Everything that a page says, from the page alone."""
    figures = {
        name: json.loads(content)
        for name, content in re.findall(
            r'<script type="application/json" id="([^"]+)">(.*?)</script>', html, re.DOTALL
        )
    }
    bare = re.sub(r"<(script|style)\b.*?</\1>", "", html, flags=re.DOTALL)
    seen = _Reader(bare)
    page = Page(" ".join(" ".join(seen.words).split()), seen.tables, figures)
    found = re.search(r"([\d,]+) customers? falls? into (\d+) segments?", page.text)
    assert found is not None
    page.customers, page.count = int(found[1].replace(",", "")), int(found[2])
    for _, card in re.findall(r'<li class="(card)">(.*?)</li>', bare, re.DOTALL):
        told = " ".join(unescape(re.sub(r"<[^>]+>", " ", card)).split())
        segment = int(re.search(r"Segment (\d+)", told)[1])  # type: ignore[index]
        size = re.search(r"([\d,]+) customers?\b", told)
        for name, text in re.findall(r"<dt>(.*?)</dt>\s*<dd>(.*?)</dd>", card, re.DOTALL):
            page.cards.append((segment, unescape(name), re.sub(r"<[^>]+>", "", text)))
        name = re.search(r"<h3>(.*?)</h3>", card, re.DOTALL)[1]  # type: ignore[index]
        page.names[segment] = unescape(name)
        if size:
            page.sizes[segment] = int(size[1].replace(",", ""))
    return page


def share_of(text: str) -> tuple[float, float] | None:
    """The least and the largest share that a text may stand for, None where it is none."""
    if "under 0.1%" in text:
        return 1e-12, 0.001
    found = re.search(r"([\d.]+)\s*%", text)
    if not found:
        return None
    share = float(found[1]) / 100
    return max(0.0, share - TENTH_OF_PERCENT), min(1.0, share + TENTH_OF_PERCENT)


@dataclass(frozen=True)
class Told:
    """A share that the page tells, of a segment or (None) of all customers."""

    value: str
    segment: int | None
    low: float
    high: float


def told(page: Page, feature: str) -> Iterator[Told]:
    """Everything that the page tells of the shares of one feature, of its values or of yes."""
    for own_segment, name, text in page.cards:
        column, _, value = name.partition(" = ")
        own, _, whole = text.partition("(")
        if column == feature:
            for who, said in ((own_segment, own), (None, whole)):
                if found := share_of(said):
                    yield Told(value, who, *found)
    for label, rows in page.tables:
        if not rows:
            continue
        segments = [re.match(r"\s*(\d+)", cell) for cell in rows[0][1:]]
        for row in rows[1:]:
            name, _, value = row[0].partition(" = ")
            if label == f"Table of {feature} by segment":
                value = row[0]
            elif name != feature:
                continue
            if label.endswith(" by segment"):
                for cell, segment in zip(row[1:], segments, strict=True):
                    if found := share_of(cell):
                        yield Told(value, int(segment[1]) if segment else None, *found)
            elif rows[0][:2] == ["Feature", "Transform"] and (mean := _number(row[2])) is not None:
                slack = 0.006 * abs(mean) + 1e-9  # three digits
                yield Told(value, None, max(0.0, mean - slack), min(1.0, mean + slack))


def _number(text: str) -> float | None:
    try:
        return float(text.strip(" ,").replace(",", "").replace("\N{MINUS SIGN}", "-"))
    except ValueError:
        return None


def largest_possible(
    page: Page, feature: str, values: Sequence[str], wanted: Sequence[tuple[int, str]]
) -> dict[tuple[int, str], int]:
    """The largest number of customers that the page leaves possible for each wanted count."""
    program = _Program(page, feature, [*values, REST])
    return {cell: program.largest(*cell) for cell in wanted}


class _Program:
    """Whole numbers of customers by segment and value, and what the page says of them."""

    def __init__(self, page: Page, feature: str, values: Sequence[str]) -> None:
        self._places = {
            (segment, value): place
            for place, (segment, value) in enumerate(
                (segment, value) for segment in range(page.count) for value in values
            )
        }
        self._rows: list[tuple[Mapping[int, float], float, float]] = []
        everything = dict.fromkeys(self._places.values(), 1.0)
        self._rows.append((everything, page.customers, page.customers))
        for segment in range(page.count):
            own = {self._places[segment, value]: 1.0 for value in values}
            size = page.sizes.get(segment)
            self._rows.append((own, size or 1, size or page.customers))
        said = list(told(page, feature))
        whole = {each.value: each.low for each in said if each.segment is None}
        # of the known each share is, where with the missing they are more than all
        is_of_known = sum(whole.values()) + TENTH_OF_PERCENT * len(whole) > MORE_THAN_ALL
        for each in said:
            if each.value in values:
                self._add(page, each, is_of_known=is_of_known)
        for segment, name in page.names.items():
            for value in values:
                is_named = f"mostly {value or feature}".casefold() in name.casefold()
                if is_named and segment in page.sizes:
                    own = {self._places[segment, value]: 1.0}
                    self._rows.append((own, page.sizes[segment] / 2, np.inf))

    def _add(self, page: Page, each: Told, *, is_of_known: bool) -> None:
        """The share is of the customers whose value is not missing, or for missing of all."""
        whose = range(page.count) if each.segment is None else (each.segment,)
        size = page.customers if each.segment is None else page.sizes.get(each.segment)
        if size is None:
            return
        for share, sign in ((each.low, 1.0), (each.high, -1.0)):
            row = {self._places[s, each.value]: sign for s in whose}
            if is_of_known and each.value != MISSING:
                missing = [(s, MISSING) for s in whose if (s, MISSING) in self._places]
                row |= {self._places[at]: sign * share for at in missing}
            self._rows.append((row, sign * share * size, np.inf))

    def largest(self, segment: int, value: str) -> int:
        """The most customers of the segment that may have the value."""
        goal = np.zeros(len(self._places))
        goal[self._places[segment, value]] = -1
        matrix = np.zeros((len(self._rows), len(self._places)))
        for at, (row, _, _) in enumerate(self._rows):
            for place, factor in row.items():
                matrix[at, place] = factor
        low, high = (np.array([row[i] for row in self._rows]) for i in (1, 2))
        found = milp(
            goal,
            constraints=LinearConstraint(matrix, low - 1e-6, high + 1e-6),
            bounds=Bounds(0, np.inf),
            integrality=np.ones(len(self._places)),
        )
        assert found.success, f"what the page says contradicts itself: {found.message}"
        return int(np.rint(-found.fun))
