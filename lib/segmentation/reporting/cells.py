"""Which counts may be shown, so that no count of few customers can be derived from the others.

A count is *safe* if it is 0, or at least ``bound``. A feature is a table of counts, one row per
segment; the row of all customers is shown too. Two steps make it safe:

1. values are merged into one, "other", for all segments;
2. rows are withheld. An attacker can derive the sum of all withheld rows from the row of all
   customers, and nothing else.

Every count of the remaining table is safe. So the feasible interval of a withheld count starts
at 0, or at what the rest of its row leaves, and ends at the smaller of its two sums; both ends
are attained. The attacker cannot infer that it is below ``bound``, unless it is 0. Rounding on
the page only widens the interval.

Complementary suppression as in Willenborg and de Waal (2001), "Elements of Statistical Disclosure
Control", chapter 4, by collapsing rows and columns in place of single cells.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Counts = Mapping[int, Sequence[int]]
"""The counts of a feature by segment; every row has the same columns."""


@dataclass(frozen=True)
class Shown:
    """What may be shown of a categorical feature: which values, and for which segments not."""

    values: frozenset[str]
    withheld: frozenset[int]


def withheld(
    counts: Counts, *, sizes: Mapping[int, int], already: Collection[int] = (), bound: int
) -> frozenset[int] | None:
    """The segments whose rows are withheld; None where not even the sum of all rows is safe.

    Includes those that are withheld ``already``. Safe rows are added until the withheld ones add
    up to safe counts: each time the row that leaves fewest unsafe sums, of equals the smallest
    segment.
    """
    segments = sorted(counts, key=lambda each: (sizes[each], each))
    table = np.array([list(counts[each]) for each in segments], dtype=np.int64)
    is_out = np.array([each in already for each in segments], dtype=bool)
    if segments:
        is_out |= _unsafe(table, bound) > 0
    while is_out.any() and _unsafe(table[is_out].sum(axis=0), bound):
        if is_out.all():
            return None
        left = np.flatnonzero(~is_out)
        unsafe = _unsafe(table[is_out].sum(axis=0) + table[left], bound)
        is_out[left[np.argmin(unsafe)]] = True
    return frozenset(each for each, out in zip(segments, is_out, strict=True) if out)


def shown(
    counts: Mapping[int, Mapping[str, int]],
    *,
    known: Mapping[int, int],
    sizes: Mapping[int, int],
    already: Collection[int] = (),
    bound: int,
) -> Shown | None:
    """What to show of a categorical feature: ``counts`` has by segment the customers of a value.

    ``known`` has the customers with any known value, including values without a count.

    Values that are rare in most segments are merged one after another; the step that leaves the
    most customers with their value shown is taken. None where no step is safe.
    """
    values = list(dict.fromkeys(value for row in counts.values() for value in row))
    rest = {s: known[s] - sum(row.values()) for s, row in counts.items()}
    kept, best, most = values, None, 0
    while kept:
        table = {
            s: [*(row.get(value, 0) for value in kept), rest[s] + _others(row, kept)]
            for s, row in counts.items()
        }
        out = withheld(table, sizes=sizes, already=already, bound=bound)
        if out is not None:
            covered = sum(row.get(v, 0) for s, row in counts.items() if s not in out for v in kept)
            if covered > most:
                best, most = Shown(frozenset(kept), out), covered
            if out <= set(already):
                break
        kept = _without_the_rarest(kept, counts, bound)
    return best


def _without_the_rarest(
    kept: Sequence[str], counts: Mapping[int, Mapping[str, int]], bound: int
) -> list[str]:
    """The values except the one that is unsafe in most segments, of equals the rarest."""

    def rarity(value: str) -> tuple[bool, int, int]:
        column = [row.get(value, 0) for row in counts.values()]
        few = sum(0 < count < bound for count in column)
        return (0 < sum(column) < bound, few, -sum(column))

    rarest = max(kept, key=rarity)
    return [value for value in kept if value != rarest]


def _others(row: Mapping[str, int], kept: Sequence[str]) -> int:
    return sum(count for value, count in row.items() if value not in kept)


def _unsafe(counts: npt.NDArray[np.int64], bound: int) -> npt.NDArray[np.int64]:
    """How many counts of each row are unsafe."""
    return np.asarray(((counts > 0) & (counts < bound)).sum(axis=-1))
