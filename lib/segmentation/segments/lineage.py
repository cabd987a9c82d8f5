"""How segments came to be: the events that two models' overlaps, and customers by id, tell."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from segmentation.segments.overlaps import Counts, Flags, Overlaps


@dataclass(frozen=True)
class Origin:
    """How a segment came to be, and the rows of its parents."""

    event: str
    rows: tuple[int, ...] = ()


def origin_of(overlaps: Overlaps, segment: int) -> Origin:
    """How the segment came to be, as far as the rules tell."""
    (survivors,) = np.nonzero(overlaps.survives[:, segment])
    (sources,) = np.nonzero(overlaps.is_from[:, segment])
    (kept,) = np.nonzero(overlaps.is_kept[:, segment])
    by_size = sorted(kept.tolist(), key=lambda row: (-overlaps.counts[row, segment], row))
    if len(survivors):
        return Origin("survived", _from_first(int(survivors[0]), by_size))
    if len(sources):
        return Origin("split off", _from_first(int(sources[0]), by_size))
    return Origin("merged" if len(by_size) > 1 else "new", tuple(by_size))


def _from_first(row: int, rows: Sequence[int]) -> tuple[int, ...]:
    return row, *(each for each in rows if each != row)


def with_moves(origins: Sequence[Origin], overlaps: Overlaps, by_id: Counts) -> list[Origin]:
    """The origins, with ``moved`` for a segment that seems new and by id is an earlier one.

    ``by_id`` are customers by segment in the previous run (rows) and now (columns; the last has
    those who left). More than half of a segment's former customers moved with it, those who left
    included, and more than half of its customers who were there before come from it.
    """
    before, known = by_id.sum(axis=1, keepdims=True), by_id.sum(axis=0, keepdims=True)
    is_free = ~overlaps.survives.any(axis=1, keepdims=True)
    moves: Flags = (2 * by_id > before) & (2 * by_id > known) & is_free
    moves[:, [*(each.event != "new" for each in origins), True]] = False
    moved = set(np.flatnonzero(moves.any(axis=1)).tolist())

    def living(origin: Origin) -> tuple[int, ...]:
        """The parents without absorbed ones that have moved, so live on elsewhere."""
        if origin.event == "merged":
            return origin.rows
        main = origin.rows[: 0 if origin.event == "new" else 1]
        return main + tuple(row for row in origin.rows[len(main) :] if row not in moved)

    found = []
    for origin, column in zip(origins, moves.T, strict=False):
        (rows,) = np.nonzero(column)
        own = living(origin)
        found.append(
            Origin("moved", _from_first(int(rows[0]), own))
            if len(rows)
            else Origin(origin.event, own)
        )
    return found
