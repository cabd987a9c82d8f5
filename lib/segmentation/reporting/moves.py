"""Customers who moved between segments: a table by segment, a cross table, and sentences."""

from collections.abc import Sequence
from dataclasses import dataclass

from segmentation.reporting.change_disclosure import WITHHELD, Disclosed
from segmentation.reporting.formatting import counted, number
from segmentation.reporting.key_names import KeyNames
from segmentation.results import LEFT, NEW, Flow

MAX_MOVES = 5
"""Moves in words."""


@dataclass(frozen=True)
class Balance:
    """A segment's customers in the previous run and this one; None what is not known or withheld.

    ``new`` are among those who ``entered``, ``gone`` among those who ``left``.
    """

    key: str
    before: int | None
    now: int | None
    entered: int | None
    new: int | None
    left: int | None
    gone: int | None
    value_before: float | None
    value_now: float | None

    @property
    def net(self) -> int | None:
        """How many more customers it has."""
        return None if self.before is None or self.now is None else self.now - self.before


@dataclass(frozen=True)
class Matrix:
    """Customers by key before (rows) and key now (columns); None where withheld."""

    columns: tuple[str, ...]
    rows: tuple[tuple[str, tuple[int | None, ...]], ...]


def balances(shown: Disclosed, *, run: str, previous: str | None) -> tuple[Balance, ...]:
    """A balance for every described key of both runs, this run's first."""
    keys = dict.fromkeys([*shown.now, *shown.before])
    return tuple(_balance(shown, key, run=run, previous=previous) for key in keys)


def _balance(shown: Disclosed, key: str, *, run: str, previous: str | None) -> Balance:
    before, now = shown.segment(previous, key), shown.segment(run, key)
    stayed = _customers(shown, key, key)
    of_before, of_now = shown.sums_before.get(key, 0), shown.sums_now.get(key, 0)
    return Balance(
        key,
        before=before.customers if before else None if key in shown.few_before else 0,
        now=now.customers if now else None if key in shown.few_now else 0,
        entered=None if stayed is None else of_now - stayed,
        new=_customers(shown, NEW, key),
        left=None if stayed is None else of_before - stayed,
        gone=_customers(shown, key, LEFT),
        value_before=before.value if before else None,
        value_now=now.value if now else None,
    )


def _customers(shown: Disclosed, before: str, now: str) -> int | None:
    """The customers of a flow; None where it is withheld."""
    if (before, now) in shown.withheld or before in shown.few_before or now in shown.few_now:
        return None
    return next(
        (each.customers for each in shown.flows if (each.from_key, each.to_key) == (before, now)), 0
    )


def matrix(shown: Disclosed) -> Matrix:
    """The flows as a cross table, in the order of the runs' segments."""
    pairs = {(each.from_key, each.to_key) for each in shown.flows} | shown.withheld
    rows = [key for key in (*shown.before, WITHHELD, NEW) if any(a == key for a, _ in pairs)]
    columns = [key for key in (*shown.now, WITHHELD, LEFT) if any(b == key for _, b in pairs)]
    return Matrix(
        tuple(columns),
        tuple((row, tuple(_customers(shown, row, column) for column in columns)) for row in rows),
    )


def largest(shown: Disclosed, names: KeyNames, *, value: str | None) -> tuple[str, ...]:
    """The largest moves between segments in words, by value before or now, or by customers."""
    moved = _between_segments(shown)
    ordered = sorted(moved, key=lambda each: (-_moved_value(each), -each.customers))
    return tuple(_in_words(each, names, value) for each in ordered[:MAX_MOVES])


def _moved_value(flow: Flow) -> float:
    known = [abs(each) for each in (flow.value_before, flow.value_after) if each is not None]
    return max(known, default=0.0)


def _in_words(flow: Flow, names: KeyNames, value: str | None) -> str:
    text = (
        f"{counted(flow.customers, 'customer')} went from {names.called(flow.from_key)} to "
        f"{names.called(flow.to_key)}"
    )
    before, after = flow.value_before, flow.value_after
    if value is None or before is None or after is None:
        return f"{text}."
    return f"{text}; their total {value} was {number(before)} before and is {number(after)} now."


def movers(shown: Disclosed, names: KeyNames, *, same_model: bool, bound: int) -> tuple[str, ...]:
    """How many moved and why, who is new and who is gone, in words."""
    moved = _between_segments(shown)
    found = (
        _reasons(moved, same_model=same_model, bound=bound, is_all=not shown.withheld),
        _ends(shown, names, NEW, shown.sums_before.get(NEW)),
        _ends(shown, names, LEFT, shown.sums_now.get(LEFT)),
    )
    return tuple(text for text in found if text)


def _between_segments(shown: Disclosed) -> list[Flow]:
    """The flows between two different segments that are described."""
    none = {NEW, LEFT, WITHHELD}
    return [
        each
        for each in shown.flows
        if each.customers and each.from_key != each.to_key
        if not none & {each.from_key, each.to_key}
    ]


def _reasons(moved: Sequence[Flow], *, same_model: bool, bound: int, is_all: bool) -> str:
    """How many of those who moved changed themselves, and for how many the model did."""
    if not moved:
        return ""
    customers = sum(each.customers for each in moved)
    text = (
        f"{'' if is_all else 'At least '}{counted(customers, 'customer')} moved from one of these "
        "segments to another."
    )
    if same_model:
        return f"{text} The model was kept, so they moved because their own figures changed."
    behaviour = sum(each.moved_by_behaviour for each in moved)
    model = sum(each.moved_by_model for each in moved)
    both = behaviour + model - customers
    parts = {
        "because their own figures changed": behaviour - both,
        "because the new model draws the line elsewhere": model - both,
        "for both reasons": both,
    }
    if any(part < 0 or 0 < part < bound for part in parts.values()):
        return text
    told = [(number(part), reason) for reason, part in parts.items() if part]
    if len(told) == 1:
        return f"{text} All of them moved {told[0][1]}."
    first, *others = (f"{count} {reason}" for count, reason in told)
    first = first.replace(" ", " of them moved ", 1)
    return f"{text} {', '.join([first, *others[:-1]])} and {others[-1]}."


def _ends(shown: Disclosed, names: KeyNames, end: str, customers: int | None) -> str:
    """How many are new or gone, and the segment with most of them."""
    found = [each for each in shown.flows if end in (each.from_key, each.to_key)]
    found = [each for each in found if WITHHELD not in (each.from_key, each.to_key)]
    who = "new" if end == NEW else "no longer customers"
    text = "" if not customers else f"{counted(customers, 'customer')} {_are(customers)} {who}."
    if not found:
        return text
    most = max(found, key=lambda each: each.customers)
    if end == NEW:
        where = f"The largest group of new customers is in {names.called(most.to_key)}"
    else:
        where = f"The largest group of those who are gone was in {names.called(most.from_key)}"
    return f"{text} {where}: {number(most.customers)}.".strip()


def _are(customers: int) -> str:
    return "is" if customers == 1 else "are"
