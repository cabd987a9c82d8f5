"""What may be shown of the changes since the previous run, as no count of few may be derived.

Sizes of segments, now and then, are known to a reader. Segments that a page withholds, in this
run or the previous one, are one row or column of the moves, :data:`WITHHELD`.
"""

import re
from collections.abc import Collection, Mapping, Sequence, Set
from dataclasses import dataclass, replace

from segmentation.reporting import cells
from segmentation.reporting.disclosure import hidden_words, mentions
from segmentation.reporting.flow_disclosure import Pair, withheld_pairs
from segmentation.results import LEFT, NEW, Changes, Drift, Flow, KeyRecord, Report

WITHHELD = "withheld"
"""In place of a key: of segments that are not described."""

KEY = r"\bs[1-9][0-9]*\b"
SHARE = r"([0-9]+(?:\.[0-9]+)?)%"
OF_ALL = rf"{SHARE} of the customers"

Names = Mapping[str, str]
"""Names by key."""


@dataclass(frozen=True)
class PastSegment:
    """A key in one run; ``value_share`` is its share of the value of all segments."""

    run: str
    key: str
    customers: int
    value: float | None
    value_share: float | None


@dataclass(frozen=True)
class Disclosed:
    """What may be shown: names, the decision's reason, flows, and the pairs of withheld flows.

    ``runs`` are all runs with their times, the oldest first; ``before`` and ``now`` the described
    keys of the two runs in their order, ``few_before`` and ``few_now`` the others. The sums are of
    the customers in all flows, by key before and key now; ``NEW`` and ``LEFT`` are missing where
    theirs may not be shown.
    """

    names: Names
    reason: str
    flows: tuple[Flow, ...]
    withheld: Set[Pair]
    sums_before: Mapping[str, int]
    sums_now: Mapping[str, int]
    few_before: Set[str]
    few_now: Set[str]
    runs: tuple[tuple[str, str], ...]
    past: tuple[PastSegment, ...]
    before: tuple[str, ...]
    now: tuple[str, ...]
    events: tuple[KeyRecord, ...]
    drift: tuple[Drift, ...]

    def segment(self, run: str | None, key: str) -> PastSegment | None:
        """A key in one of the runs; None where it is not described."""
        return next((each for each in self.past if (each.run, each.key) == (run, key)), None)


def disclosed(
    report: Report, suppressed: Report, changes: Changes, *, earlier: Names | None, bound: int
) -> Disclosed:
    """What may be shown of the changes of ``report``, as much as ``suppressed`` shows of it.

    ``earlier`` are the names by key that may be shown of the previous run; None where they are
    those of the history.
    """
    now = [each.segment_key for each in suppressed.segments]
    few = {e.segment_key for e in report.segments if e.segment in suppressed.withheld}
    by_run: dict[str, list[KeyRecord]] = {}
    for each in changes.history:
        by_run.setdefault(each.run, []).append(each)
    shows_value = all(each.value_sum is not None for each in suppressed.segments)
    past = tuple(
        each
        for run, records in by_run.items()
        for each in _described(records, few if run == report.run.run else set(), bound, shows_value)
    )
    previous = changes.refresh.previous_run
    before = tuple(each.key for each in past if each.run == previous)
    words = hidden_words(report, suppressed)
    if earlier is None:
        earlier = {
            each.segment_key: each.name
            for each in changes.history
            if each.segment_key not in few and not mentions(each.name, words)
        }
    secret = {e.name for e in changes.history if e.segment_key not in earlier} | words
    flows = _merged(changes.flows, before=before, now=now)
    withheld = withheld_pairs(flows, bound=bound)
    sums = [_sums(flows, "from_key"), _sums(flows, "to_key")]
    if (NEW, LEFT) in withheld:
        sums[0].pop(NEW, None)
        sums[1].pop(LEFT, None)
    flows = tuple(each for each in flows if (each.from_key, each.to_key) not in withheld)
    return Disclosed(
        names={**earlier, **{each.segment_key: each.name for each in suppressed.segments}},
        reason=_decision(changes.refresh.reason, report.run.labelled, secret, bound),
        flows=flows if shows_value else tuple(map(_without_value, flows)),
        withheld=withheld,
        sums_before=sums[0],
        sums_now=sums[1],
        few_before=frozenset(e.segment_key for e in by_run.get(previous or "", ())) - {*before},
        few_now=frozenset(few),
        runs=tuple((run, records[0].created_at) for run, records in by_run.items()),
        past=past,
        before=before,
        now=tuple(now),
        events=tuple(
            replace(each, reason=_reason(each.reason, past, {*before, *now}, bound))
            for each in by_run.get(report.run.run, ())
            if each.segment_key in {*before, *now}
        ),
        drift=_shown_drift(changes.drift, report, suppressed, before, bound),
    )


def _described(
    records: Sequence[KeyRecord], few: Collection[str], bound: int, shows_value: bool
) -> list[PastSegment]:
    """The segments of one run that are described, in their order."""
    there = sorted(
        (each for each in records if each.segment is not None), key=lambda each: each.segment or 0
    )
    sizes = {at: each.customers for at, each in enumerate(there)}
    already = [at for at, each in enumerate(there) if each.segment_key in few]
    counts = {at: (size,) for at, size in sizes.items()}
    out = cells.withheld(counts, sizes=sizes, already=already, bound=bound)
    values = [each.value for each in there]
    known = [value for value in values if value is not None]
    whole = sum(known) if shows_value and len(known) == len(values) else 0.0
    return [
        PastSegment(
            each.run,
            each.segment_key,
            each.customers,
            each.value if shows_value else None,
            (each.value or 0.0) / whole if whole > 0 else None,
        )
        for at, each in enumerate(there)
        if out is not None and at not in out
    ]


def _merged(
    flows: Sequence[Flow], *, before: Collection[str], now: Collection[str]
) -> tuple[Flow, ...]:
    """The flows with one row and one column for all segments that are not described."""
    found: dict[Pair, Flow] = {}
    for each in flows:
        pair = (
            each.from_key if each.from_key in {*before, NEW} else WITHHELD,
            each.to_key if each.to_key in {*now, LEFT} else WITHHELD,
        )
        other = found.get(pair)
        moved = replace(each, from_key=pair[0], to_key=pair[1])
        found[pair] = moved if other is None else _sum(other, moved)
    return tuple(found.values())


def _sum(first: Flow, second: Flow) -> Flow:
    def total(a: float | None, b: float | None) -> float | None:
        return None if a is None or b is None else a + b

    return replace(
        first,
        customers=first.customers + second.customers,
        value_before=total(first.value_before, second.value_before),
        value_after=total(first.value_after, second.value_after),
        moved_by_behaviour=first.moved_by_behaviour + second.moved_by_behaviour,
        moved_by_model=first.moved_by_model + second.moved_by_model,
    )


def _sums(flows: Sequence[Flow], side: str) -> dict[str, int]:
    found: dict[str, int] = {}
    for each in flows:
        key = getattr(each, side)
        found[key] = found.get(key, 0) + each.customers
    return found


def _without_value(flow: Flow) -> Flow:
    return replace(flow, value_before=None, value_after=None)


def _decision(reason: str, customers: int, secret: Set[str], bound: int) -> str:
    """The reason of the decision, without evidence of few customers or what is not described."""
    counts = [float(each) / 100 * customers for each in re.findall(OF_ALL, reason)]
    is_safe = bound <= 1 or all(count >= bound for count in counts)
    is_safe = is_safe and not mentions(reason, secret)
    return reason if is_safe else reason.partition(" because ")[0]


def _reason(reason: str, past: Sequence[PastSegment], keys: Collection[str], bound: int) -> str:
    """The reason, without its shares where one may be of few customers or all but few."""
    base = min((each.customers for each in past), default=0)
    shares = [float(each) / 100 for each in re.findall(SHARE, reason)]
    is_safe = all(share in (0, 1) or min(share, 1 - share) * base >= bound for share in shares)
    is_safe = is_safe and all(key in keys for key in re.findall(KEY, reason))
    return reason if is_safe else reason.partition(":")[0]


def _shown_drift(
    drift: Sequence[Drift], report: Report, suppressed: Report, shown: Collection[str], bound: int
) -> tuple[Drift, ...]:
    """The drift of the features that the page shows, and of segments of enough customers.

    ``shown`` are the keys that were described in the previous run. The customers of a segment here
    are those that the previous model gives it, today or when it was fitted.
    """
    hidden = {each.column or each.name for each in report.run.features} - {
        each.column or each.name for each in suppressed.run.features
    }
    shares = [each for each in drift if each.measure == "share"]
    few = {each.name for each in shares if each.name not in shown}
    for side in ("reference", "current"):
        sizes = {
            at: round((getattr(each, side) or 0.0) * report.run.labelled)
            for at, each in enumerate(shares)
        }
        out = cells.withheld(
            {at: (size,) for at, size in sizes.items()},
            sizes=sizes,
            already=[at for at, each in enumerate(shares) if each.name in few],
            bound=bound,
        )
        few |= {each.name for at, each in enumerate(shares) if out is None or at in out}
    return tuple(
        each for each in drift if each.name not in (few if each.subject == "segment" else hidden)
    )
