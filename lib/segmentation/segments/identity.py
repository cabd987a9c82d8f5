"""Which segment of a run is which segment of the previous run: keys that outlive a refit.

Both models label today's customers, so that a change of the rule is kept apart from a change of
the customers, and no customer id is needed. Majorities in both directions decide, the one
threshold on which the literature on tracking clusters agrees: MONIC (Spiliopoulou et al. 2006,
doi:10.1145/1150402.1150491), MEC (Oliveira and Gama 2010), Greene, Doyle and Cunningham (2010,
doi:10.1109/ASONAM.2010.17). An optimal one-to-one matching cannot say split, merged or new.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from math import isnan

import numpy as np

from segmentation.segments import identity_reasons as reasons
from segmentation.segments.lineage import Origin, origin_of, with_moves
from segmentation.segments.overlaps import Counts, Overlaps, require_shape


@dataclass(frozen=True)
class PreviousKey:
    """A segment of the previous run: ``share`` of the customers whom that run labelled."""

    key: str
    share: float


@dataclass(frozen=True)
class Identity:
    """Who a segment is: ``event`` is one of ``results.segments.EVENTS``.

    ``parents`` are the keys of the previous run that it comes from, the main one first; of a
    segment that survived or moved that is its own, and the others were absorbed.
    ``overlap_kept`` is the share of the main parent's customers today who are in the segment,
    ``overlap_from`` the share of the segment's customers who come from there, both by the
    previous model's rule; None without a parent or without customers.
    """

    key: str
    event: str
    parents: tuple[str, ...]
    overlap_kept: float | None
    overlap_from: float | None
    reason: str


@dataclass(frozen=True)
class EndedKey:
    """A key that no segment has any more: ``fate`` is one of ``results.segments.ENDS``.

    ``into`` are the keys of the segments that have it among their parents.
    """

    key: str
    fate: str
    into: tuple[str, ...]
    reason: str


Identities = tuple[tuple[Identity, ...], tuple[EndedKey, ...]]
"""Of the new segments in their order, and the keys that ended in the order of the previous run."""


def identify(
    counts: Counts,
    previous: Sequence[PreviousKey],
    *,
    given: int,
    followed: Callable[[], Counts] | None = None,
) -> Identities:
    """The identity of every new segment, and the keys that ended.

    Parameters
    ----------
    counts
        Today's customers by segment of the previous model, in the order of ``previous`` (rows;
        the last row has those out of its reach), and new segment (columns).
    given
        How many keys have been given so far: new ones are ``s{given + 1}`` and so on, in the
        order of the new segments.
    followed
        Returns the previous run's customers, matched by id, by their segment in that run (rows)
        and new segment (columns; the last column has those who are not labelled today). Called
        only where a segment seems new and a key seems to have ended.

    Raises
    ------
    ValueError
        If ``counts``, or what ``followed`` returns, has another shape.
    """
    overlaps = _overlaps(counts, previous)
    origins = [origin_of(overlaps, segment) for segment in range(counts.shape[1])]
    by_id: Counts | None = None
    seems_new = any(each.event == "new" for each in origins)
    if followed is not None and seems_new and not overlaps.survives.any(axis=1).all():
        by_id = followed()
        require_shape(by_id, rows=len(previous), columns=counts.shape[1] + 1)
        origins = with_moves(origins, overlaps, by_id)
    keys = _keys(origins, overlaps.keys, given=given)
    identities = tuple(
        _identity(overlaps, origin, segment=segment, key=key, by_id=by_id)
        for segment, (origin, key) in enumerate(zip(origins, keys, strict=True))
    )
    ended = [row for row, key in enumerate(overlaps.keys) if key not in keys]
    return identities, tuple(_end(overlaps, row, identities) for row in ended)


def kept_identities(counts: Counts, previous: Sequence[PreviousKey]) -> Identities:
    """The identities where the model was kept: the same rule, so every key survives.

    ``counts`` are as in :func:`identify`, with the columns in the order of ``previous``, too.

    Raises
    ------
    ValueError
        If ``counts`` has another shape.
    """
    require_shape(counts, rows=len(previous) + 1, columns=len(previous))
    overlaps = _overlaps(counts, previous)
    identities = tuple(
        Identity(
            key,
            "survived",
            (key,),
            *_shares(overlaps, row=segment, segment=segment),
            reasons.of_kept_model(key),
        )
        for segment, key in enumerate(overlaps.keys)
    )
    return identities, ()


def new_identities(
    segments: int, previous: Sequence[PreviousKey] = (), *, given: int = 0
) -> Identities:
    """The identities where there is nothing to compare with: every key is a new one.

    The event is ``first`` where no key has been given so far, else ``new``, and the keys of the
    ``previous`` run end.
    """
    event = "first" if given == 0 else "new"
    keys = [f"s{number}" for number in range(given + 1, given + segments + 1)]
    identities = tuple(
        Identity(key, event, (), None, None, reasons.without_comparison(key, event=event))
        for key in keys
    )
    ended = tuple(
        EndedKey(each.key, "disappeared", (), reasons.of_end_without_comparison(each.key))
        for each in previous
    )
    return identities, ended


def successors(
    counts: Counts, previous: Sequence[PreviousKey], identities: Sequence[Identity]
) -> dict[str, str | None]:
    """For every previous key the one that most customers with it, by the previous rule, have now.

    A key that survived is its own; None where no segment has most of its customers.
    """
    survived = {each.key for each in identities if each.event == "survived"}
    overlaps, found = _overlaps(counts, previous), dict[str, str | None]()
    for key, kept in zip(overlaps.keys, overlaps.kept, strict=True):
        heirs = [each.key for each, share in zip(identities, kept, strict=True) if share > 0.5]
        found[key] = key if key in survived else next(iter(heirs), None)
    return found


def drifted_keys(
    counts: Counts, *, keys: Sequence[str], anchor_keys: Sequence[str | None]
) -> dict[str, float]:
    """The keys that have drifted from their anchor: the rule of the run in which they were given.

    Fewer than half of such a key's customers today would have it under the anchor's rule; the
    value is that share. Slow drift hides from comparisons with the previous run only.

    Parameters
    ----------
    counts
        Today's customers by segment (rows, of ``keys``) and segment under the anchor's rule
        (columns, of ``anchor_keys``; the last column has those out of its reach).
    anchor_keys
        The key of every segment of the anchor; None for one whose anchor is another run.

    Raises
    ------
    ValueError
        If ``counts`` has another shape.
    """
    require_shape(counts, rows=len(keys), columns=len(anchor_keys) + 1)
    column_of = {key: column for column, key in enumerate(anchor_keys)}
    return {
        key: int(row[column_of[key]]) / int(row.sum())
        for key, row in zip(keys, counts, strict=True)
        if key in column_of and 2 * row[column_of[key]] < row.sum()
    }


def _overlaps(counts: Counts, previous: Sequence[PreviousKey]) -> Overlaps:
    keys, shares = [each.key for each in previous], [each.share for each in previous]
    return Overlaps(counts, keys=tuple(keys), former_shares=tuple(shares))


def _keys(origins: Sequence[Origin], previous: Sequence[str], *, given: int) -> list[str]:
    """The keys of the new segments: the main parent's where it lives on, else the next ones."""
    keys = []
    for origin in origins:
        if origin.event in ("survived", "moved"):
            keys.append(previous[origin.rows[0]])
        else:
            given += 1
            keys.append(f"s{given}")
    return keys


def _shares(overlaps: Overlaps, *, row: int, segment: int) -> tuple[float | None, float | None]:
    kept, from_ = float(overlaps.kept[row, segment]), float(overlaps.from_[row, segment])
    return None if isnan(kept) else kept, None if isnan(from_) else from_


def _identity(
    overlaps: Overlaps, origin: Origin, *, segment: int, key: str, by_id: Counts | None
) -> Identity:
    parents = tuple(overlaps.keys[row] for row in origin.rows)
    if origin.event == "moved" and by_id is not None:
        row = origin.rows[0]
        reason = reasons.of_move(
            key,
            kept=by_id[row, segment] / by_id[row].sum(),
            from_=by_id[row, segment] / by_id[:, segment].sum(),
            absorbed=parents[1:],
        )
    else:
        reason = reasons.of_event(
            overlaps, segment=segment, key=key, event=origin.event, rows=origin.rows
        )
    shares = _shares(overlaps, row=origin.rows[0], segment=segment) if parents else (None, None)
    return Identity(key, origin.event, parents, *shares, reason)


def _end(overlaps: Overlaps, row: int, identities: Sequence[Identity]) -> EndedKey:
    """The end of a key that no segment has: ``identities`` are all of the new run."""
    key = overlaps.keys[row]
    into = [(each.key, at) for at, each in enumerate(identities) if key in each.parents]
    (heirs,) = np.nonzero(overlaps.is_kept[row])
    if overlaps.is_from[row].sum() > 1:
        fate = "split"
    elif len(heirs):
        fate = "merged" if identities[int(heirs[0])].event == "merged" else "absorbed"
    else:
        fate = "disappeared"
    reason = reasons.of_end(overlaps, row=row, fate=fate, into=into)
    return EndedKey(key, fate, tuple(name for name, _ in into), reason)
