"""The identity of a run's segments: their keys, their history, and where their anchors are."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import pyarrow as pa

from segmentation.errors import SchemaError
from segmentation.model.fitted import FittedModel
from segmentation.model.labelling import points
from segmentation.model.preparation import counted_from
from segmentation.numerics.arrays import Floats
from segmentation.pipelines.as_before import reaches
from segmentation.pipelines.previous import PreviousRun
from segmentation.results import KeyRecord, Segment
from segmentation.segments.identity import (
    EndedKey,
    Identity,
    PreviousKey,
    drifted_keys,
    identify,
    kept_identities,
    new_identities,
    successors,
)
from segmentation.segments.overlaps import Counts


@dataclass(frozen=True)
class Identities:
    """The identity of every segment, in the segments' order, and the keys that ended.

    ``successors`` has for every key of the previous run the one that its customers have now.
    """

    segments: tuple[Identity, ...]
    ended: tuple[EndedKey, ...]
    successors: Mapping[str, str | None]
    given: int


def identities_of(
    previous: PreviousRun | None,
    counts: Counts | None,
    *,
    clusters: int,
    given: int,
    is_kept: bool,
    followed: Callable[[], Counts] | None = None,
) -> Identities:
    """Who the clusters are, in the order of ``counts``' columns.

    ``counts`` are today's customers by previous segment, the last row out of its reach, and
    cluster; None where they could not be compared. ``is_kept`` says that the rule is the previous
    one, ``given`` how many keys there are already; ``followed`` counts customers by id.
    """
    keys = [] if previous is None else previous_keys(previous)
    if counts is None or previous is None:
        found, ended = new_identities(clusters, keys, given=given)
        return Identities(found, ended, dict.fromkeys(e.key for e in keys), given + clusters)
    if is_kept:
        found, ended = kept_identities(counts, keys)
    else:
        found, ended = identify(counts, keys, given=given, followed=followed)
    numbers = [int(each.key.removeprefix("s")) for each in found]
    return Identities(found, ended, successors(counts, keys, found), max(given, *numbers))


def previous_keys(previous: PreviousRun) -> list[PreviousKey]:
    """The keys of the previous run with their shares of customers, in the model's order."""
    shares = {each.segment_key: each.share for each in previous.segments}
    return [PreviousKey(key, shares.get(key, 0.0)) for key in previous.keys]


def identified(
    segments: Sequence[Segment],
    identities: Sequence[Identity],
    *,
    previous: PreviousRun | None,
    names: Mapping[str, str],
    run: str,
) -> tuple[Segment, ...]:
    """The segments with their keys, and the names that stay: configured ones, then previous ones.

    ``identities`` are in the order of the segments.
    """
    before = {} if previous is None else {each.segment_key: each for each in previous.segments}
    found = []
    for segment, identity in zip(segments, identities, strict=True):
        old = before.get(identity.key)
        name = names.get(identity.key) or (old.name if old else segment.name)
        found.append(
            replace(
                segment,
                name=name,
                automatic_name=None if name == segment.name else segment.name,
                segment_key=identity.key,
                event=identity.event,
                parents=", ".join(identity.parents) or None,
                overlap_kept=identity.overlap_kept,
                overlap_from=identity.overlap_from,
                since_run=old.since_run if old else run,
            )
        )
    return _with_different_names(found)


def history_of(
    segments: Sequence[Segment],
    identities: Sequence[Identity],
    ended: Sequence[EndedKey],
    *,
    previous: PreviousRun | None,
    run: str,
    created_at: str,
) -> tuple[KeyRecord, ...]:
    """The history of all keys: the previous run's, then one record per segment and ended key."""
    old = () if previous is None else previous.history
    names = {} if previous is None else {e.segment_key: e.name for e in previous.segments}
    own = [
        KeyRecord(
            run=run,
            created_at=created_at,
            segment_key=segment.segment_key,
            segment=segment.segment,
            name=segment.name,
            event=segment.event,
            parents=segment.parents,
            customers=segment.customers,
            value=segment.value_sum,
            reason=identity.reason,
        )
        for segment, identity in zip(segments, identities, strict=True)
    ]
    gone = [
        KeyRecord(
            run=run,
            created_at=created_at,
            segment_key=each.key,
            segment=None,
            name=names.get(each.key, each.key),
            event=each.fate,
            parents=", ".join(each.into) or None,
            customers=0,
            value=None,
            reason=each.reason,
        )
        for each in ended
    ]
    return (*old, *own, *gone)


def anchors_of(
    previous: PreviousRun | None, keys: Sequence[str], fitted: FittedModel
) -> dict[str, FittedModel]:
    """The models of the runs that gave the keys, where they are others than the ``fitted`` one."""
    if previous is None:
        return {}
    kept = {key: previous.anchor(key) for key in keys if key in previous.keys}
    return {key: model for key, model in kept.items() if model.model_id != fitted.model_id}


def drifted_from_anchors(
    anchors: Mapping[str, FittedModel], fitted: FittedModel, sample: pa.Table
) -> dict[str, float]:
    """The keys of which fewer than half of the sampled customers would have it by their anchor.

    ``sample`` are customers with the columns of the features. An anchor that reads a column that is
    gone is passed over.
    """
    keys = [str(each.key) for each in fitted.segments]
    own = _assigned(fitted, sample, reach=None)
    found: dict[str, float] = {}
    for model_id in dict.fromkeys(model.model_id for model in anchors.values()):
        of_model = {key for key, model in anchors.items() if model.model_id == model_id}
        anchor = next(anchors[key] for key in of_model)
        try:
            theirs = _assigned(counted_to(anchor, fitted), sample, reach=reaches(anchor))
        except SchemaError:
            continue
        width = len(anchor.segments) + 1
        is_labelled = own >= 0
        pairs = own[is_labelled] * width + theirs[is_labelled]
        counts = np.bincount(pairs, minlength=len(keys) * width).reshape(len(keys), width)
        anchor_keys = [each.key if each.key in of_model else None for each in anchor.segments]
        found |= drifted_keys(counts, keys=keys, anchor_keys=anchor_keys)
    return found


def counted_to(model: FittedModel, other: FittedModel) -> FittedModel:
    """A model whose dates count back from the same day as another one's."""
    return replace(model, preparation=counted_from(model.preparation, other.as_of))


def _assigned(
    model: FittedModel, customers: pa.Table, *, reach: Floats | None
) -> np.ndarray[tuple[int], np.dtype[np.int64]]:
    """The segment of every customer; -1 where the model labels none, k where it is out of reach."""
    found, is_usable = points(model.preparation, customers)
    assignment = model.rule.assign(found)
    labels = assignment.segment.astype(np.int64)
    if reach is None:
        return np.where(is_usable, labels, -1)
    is_far = ~is_usable | (assignment.square > reach[labels] ** 2)
    return np.where(is_far, len(model.segments), labels)


def _with_different_names(segments: Sequence[Segment]) -> tuple[Segment, ...]:
    """The segments; where a new one's name is an older one's the key is added."""
    taken: set[str] = set()
    found = {}
    for each in sorted(segments, key=lambda one: int(one.segment_key.removeprefix("s"))):
        name = f"{each.name} ({each.segment_key})" if each.name in taken else each.name
        taken.add(name)
        found[each.segment] = replace(each, name=name)
    return tuple(found[each.segment] for each in segments)
