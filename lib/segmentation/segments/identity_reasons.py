"""Why a segment has its key, and why a key ended: one sentence each, for people."""

from collections.abc import Sequence

import numpy as np

from segmentation.segments.overlaps import Overlaps


def of_event(overlaps: Overlaps, *, segment: int, key: str, event: str, rows: Sequence[int]) -> str:
    """Why the segment has its key; ``rows`` are its parents, and ``event`` is not ``moved``."""
    kept, from_ = overlaps.kept[:, segment], overlaps.from_[:, segment]
    names = [overlaps.keys[row] for row in rows]
    match event:
        case "survived":
            return (
                f"{key} survived: {percent(kept[rows[0]])} of the customers whom the previous"
                f" model assigns to {key} are in it, and they are {percent(from_[rows[0]])} of"
                " its customers"
                f"{_absorbed(names[1:])}"
            )
        case "split off":
            return (
                f"{key} split off from {names[0]}: {percent(from_[rows[0]])} of its customers"
                f" are from {names[0]}, and {percent(kept[rows[0]])} of the customers of"
                f" {names[0]} are in it{_absorbed(names[1:])}"
            )
        case "merged":
            parts = [f"{percent(kept[row])} of {overlaps.keys[row]}" for row in rows]
            return f"{key} was merged from {listed(names)}: {listed(parts)} are in it"
    return f"{key} is new: {_newness(overlaps, segment)}{_absorbed(names)}"


def of_move(key: str, *, kept: float, from_: float, absorbed: Sequence[str] = ()) -> str:
    """Why the segment has the key of one that its customers, by id, were in before."""
    return (
        f"{key} moved: by customer id, {percent(kept)} of its former customers are in it, and"
        f" {percent(from_)} of its customers who were there before were in it{_absorbed(absorbed)}"
    )


def of_end(overlaps: Overlaps, *, row: int, fate: str, into: Sequence[tuple[str, int]]) -> str:
    """Why the key of a row ended; ``into`` are keys and columns of those that it went to."""
    key, kept = overlaps.keys[row], overlaps.kept[row]
    parts = [f"{percent(kept[segment])} are in {name}" for name, segment in into]
    match fate:
        case "split":
            return f"{key} split: of its customers {listed(parts)}"
        case "absorbed" | "merged":
            return f"{key} was {fate}: of its customers {listed(parts)}"
    if overlaps.vanished[row]:
        return (
            f"{key} disappeared: the previous model assigns {percent(overlaps.today[row])} of"
            f" today's customers to it, after {percent(overlaps.former_shares[row])}"
        )
    return f"{key} disappeared: no segment has most of its customers, at most {percent(kept.max())}"


def of_kept_model(key: str) -> str:
    """Why a segment of a model that was kept has its key."""
    return f"{key} survived: the model was kept, so the rule that defines it is the same"


def without_comparison(key: str, *, event: str) -> str:
    """Why a segment that could not be compared has its key."""
    if event == "first":
        return f"{key} is a segment of the first run"
    return f"{key} is new: these segments cannot be compared with those of the previous run"


def of_end_without_comparison(key: str) -> str:
    """Why the key of a segment that could not be compared ended."""
    return f"{key} ended: its run cannot be compared with this one"


def percent(share: float) -> str:
    """The share in percent: with a decimal next to 0, a half and 1, which it would else seem."""
    is_near_a_bound = min(abs(share - bound) for bound in (0, 0.5, 1)) < 0.01
    return f"{share:.1%}" if is_near_a_bound and share not in (0, 0.5, 1) else f"{share:.0%}"


def listed(parts: Sequence[str]) -> str:
    """The parts as words: a, b and c."""
    return " and ".join(filter(None, [", ".join(parts[:-1]), parts[-1]]))


def _newness(overlaps: Overlaps, segment: int) -> str:
    from_ = overlaps.from_[:, segment]
    if np.isnan(from_[-1]):
        return "it has no customers"
    if from_[-1] > 0.5:
        return f"{percent(from_[-1])} of its customers are out of reach of every previous segment"
    if len(from_) == 1:
        return "there is no previous segment"
    largest = int(from_[:-1].argmax())
    return (
        "no previous segment accounts for it: at most"
        f" {percent(from_[largest])} of its customers are from one, {overlaps.keys[largest]}"
    )


def _absorbed(names: Sequence[str]) -> str:
    return f"; it absorbed {listed(names)}" if names else ""
