"""Planted events: where customers are in each of twelve months, and what is right to say of it."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

MONTHS = 12
APART = 9.0
"""The least distance between two groups that are no event, in spreads within a group; by default.

Parts of one group are 3 apart where they are near, and 5 or more after a split."""

BOX = {2: 36.0, 3: 24.0, 4: 20.0}
"""The side of the space that groups are in, by number of features."""


@dataclass(frozen=True)
class Outcome:
    """A right answer: event and parents by group that did not merely survive, ends by group."""

    events: Mapping[str, tuple[str, tuple[str, ...]]] = field(default_factory=dict)
    ends: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Month:
    """Where customers are. A part is a letter; a group is the word of its parts, as ``AB``.

    ``outcomes`` are the right answers, where more than one is possible; of a group that is not
    mentioned, the key survives. All spend is multiplied by ``spend``.
    """

    groups: tuple[str, ...]
    centres: Mapping[str, Any]
    sizes: Mapping[str, int]
    outcomes: tuple[Outcome, ...] = (Outcome(),)
    spend: float = 1.0

    @property
    def is_eventful(self) -> bool:
        return self.spend != 1 or any(each.events or each.ends for each in self.outcomes)


Places = dict[str, Any]


class Space:
    """Groups A to D far from one another, and free places for more."""

    def __init__(
        self, chance: np.random.Generator, dimensions: int, *, scale: float, apart: float
    ) -> None:
        self.chance, self.dimensions, self.scale, self.apart = chance, dimensions, scale, apart
        self.side = BOX[dimensions] * apart / APART
        self.centres: dict[str, Any] = {}
        self.sizes: dict[str, int] = {}
        for letter in "ABCD":
            self.place(letter, chance.uniform(200, 500))

    def place(self, letter: str, size: float, *, at: Any = None) -> None:
        """A part of so many customers, at a place or far from all."""
        self.centres[letter] = self.free() if at is None else at
        self.sizes[letter] = int(size * self.scale)

    def free(self, *, beside: Sequence[Any] = ()) -> Any:
        """A place far from all groups, and from the places ``beside``."""
        taken = np.array([*self.centres.values(), *beside]).reshape(-1, self.dimensions)
        while True:
            place = self.chance.uniform(0, self.side, self.dimensions)
            if not len(taken) or np.linalg.norm(taken - place, axis=1).min() >= self.apart:
                return place

    def near_and_far(self, letters: str, *, radius: float, factor: float) -> tuple[Places, Places]:
        """Places of the parts of A at equal angles around it: near, and so many times as far.

        A is somewhere else from now on where others are too near.
        """
        others = np.array([place for letter, place in self.centres.items() if letter != "A"])
        while True:
            angles = self.chance.uniform(0, 2 * np.pi) + 2 * np.pi * np.arange(len(letters)) / len(
                letters
            )
            offsets = np.zeros((len(letters), self.dimensions))
            offsets[:, :2] = radius * np.column_stack([np.cos(angles), np.sin(angles)])
            near, far = self.centres["A"] + offsets, self.centres["A"] + factor * offsets
            if np.linalg.norm(far[:, None] - others, axis=2).min() >= self.apart:
                break
            self.centres["A"] = self.free()
        return dict(zip(letters, near, strict=True)), dict(zip(letters, far, strict=True))

    def month(self, groups: str, *, at: Mapping[str, Any] | None = None, **facts: Any) -> Month:
        """A month with these groups; ``at`` are parts that are elsewhere than at first."""
        parts = groups.replace(" ", "")
        centres = {each: {**self.centres, **(at or {})}[each] for each in parts}
        return Month(tuple(groups.split()), centres, {p: self.sizes[p] for p in parts}, **facts)


History = list[Month]


def _changed(before: Month, event: Month, after: Month, *, at: int) -> History:
    return [before] * at + [event] + [after] * (MONTHS - at - 1)


def survival(space: Space, at: int) -> History:  # noqa: ARG001 - as all scenarios
    return [space.month("A B C D")] * MONTHS


def split(space: Space, at: int, *, shares: Sequence[int]) -> History:
    """The parts of A draw apart: the largest keeps the key if it is most of A.

    Of two halves, either may be most of it by a few customers, or none.
    """
    letters = "AXY"[: len(shares)]
    near, far = space.near_and_far(letters, radius=1.5, factor=2.2)
    for letter, share in zip(letters, shares, strict=True):
        space.place(letter, 6 * share, at=near[letter])
    ending = Outcome(dict.fromkeys(letters, ("split off", (letters,))), {letters: "split"})
    if len(shares) == 2:
        ending = Outcome({"A": ("survived", (letters,)), "X": ("split off", (letters,))})
    outcomes = [ending]
    if len(set(shares)) == 1 and len(shares) == 2:
        outcomes += [
            Outcome({"X": ("survived", (letters,)), "A": ("split off", (letters,))}),
            Outcome(dict.fromkeys(letters, ("split off", (letters,))), {letters: "split"}),
        ]
    groups = f"{' '.join(letters)} B C D"
    parted = space.month(groups, at=far, outcomes=tuple(outcomes))
    return _changed(space.month(f"{letters} B C D"), parted, space.month(groups, at=far), at=at)


def merge(space: Space, at: int, *, letters: str) -> History:
    """Groups of equal size draw together; of two, either may have a majority by a few customers."""
    near, far = space.near_and_far(letters, radius=1.5, factor=2.2)
    for letter in letters:
        space.place(letter, 300, at=far[letter])
    outcomes = [Outcome({letters: ("merged", tuple(letters))}, dict.fromkeys(letters, "merged"))]
    if len(letters) == 2:
        for one, other in (("A", "X"), ("X", "A")):
            outcomes.append(Outcome({letters: ("survived", (one, other))}, {other: "absorbed"}))
    joined = space.month(f"{letters} B C D", at=near, outcomes=tuple(outcomes))
    after = space.month(f"{letters} B C D", at=near)
    return _changed(space.month(f"{' '.join(letters)} B C D"), joined, after, at=at)


def absorption(space: Space, at: int) -> History:
    """A small group draws near to a large one, and later parts from it again: with a new key."""
    near, far = space.near_and_far("AX", radius=1.6, factor=1.6)
    space.place("A", 800, at=far["A"])
    space.place("X", 120, at=far["X"])
    joined = Outcome({"AX": ("survived", ("A", "X"))}, {"X": "absorbed"})
    parted = Outcome({"A": ("survived", ("AX",)), "X": ("split off", ("AX",))})
    together = space.month("AX B C D", at=near)
    months = _changed(
        space.month("A X B C D"),
        space.month("AX B C D", at=near, outcomes=(joined,)),
        together,
        at=at,
    )
    months[at + 3] = space.month("A X B C D", outcomes=(parted,))
    months[at + 4 :] = [space.month("A X B C D")] * (MONTHS - at - 4)
    return months


def birth(space: Space, at: int) -> History:
    space.place("N", 300)
    event = space.month("A B C D N", outcomes=(Outcome({"N": ("new", ())}),))
    return _changed(space.month("A B C D"), event, space.month("A B C D N"), at=at)


def birth_beside(space: Space, at: int) -> History:
    """A large group beside a small one, to which the previous rule assigns all of it."""
    others = [space.centres[each] for each in "BCD"]
    while True:
        small = space.free()
        offset = space.chance.normal(size=space.dimensions)
        large = small + space.apart * offset / np.linalg.norm(offset)
        if np.linalg.norm(np.array(others) - large, axis=1).min() >= 1.5 * space.apart:
            break
    space.place("A", 80, at=small)
    space.place("N", 800, at=large)
    event = space.month("A B C D N", outcomes=(Outcome({"N": ("new", ())}),))
    return _changed(space.month("A B C D"), event, space.month("A B C D N"), at=at)


def disappearance(space: Space, at: int) -> History:
    """A group leaves, and three months later there is one in its place: with a new key."""
    gone = space.month("B C D", outcomes=(Outcome(ends={"A": "disappeared"}),))
    months = _changed(space.month("A B C D"), gone, space.month("B C D"), at=at)
    months[at + 3] = space.month("A B C D", outcomes=(Outcome({"A": ("new", ())}),))
    months[at + 4 :] = [space.month("A B C D")] * (MONTHS - at - 4)
    return months


def swap(space: Space, at: int) -> History:
    """Two groups of equal size have each other's place in the order of value from now on."""
    spend = space.centres["A"][0]
    del space.centres["B"]
    while True:
        place = space.free()
        place[0] = spend
        if min(np.linalg.norm(place - each) for each in space.centres.values()) >= space.apart:
            break
    space.place("A", 400, at=space.centres["A"])
    space.place("B", 400, at=place)
    up = np.eye(space.dimensions)[0] * 0.75
    rich = {"A": space.centres["A"] + up, "B": space.centres["B"] - up}
    poor = {"A": space.centres["A"] - up, "B": space.centres["B"] + up}
    after = space.month("A B C D", at=poor)
    event = space.month("A B C D", at=poor, outcomes=(Outcome({"A": ("survived", ("A",))}),))
    return _changed(space.month("A B C D", at=rich), event, after, at=at)


def drift(space: Space, at: int) -> History:  # noqa: ARG001 - as all scenarios
    """A moves across half the space, a little every month, far from all others."""
    length = space.side / 2
    while True:
        direction = space.chance.normal(size=space.dimensions)
        step = length / (MONTHS - 1) * direction / np.linalg.norm(direction)
        path = space.centres["A"] + np.outer(np.arange(MONTHS), step)
        others = np.array([space.centres[each] for each in "BCD"])
        if np.linalg.norm(path[:, None] - others, axis=2).min() >= space.apart:
            return [space.month("A B C D", at={"A": place}) for place in path]
        space.centres["A"] = space.free()


def season(space: Space, at: int) -> History:
    """All spend is 30 % higher for three months."""
    months = survival(space, at)
    return [
        space.month("A B C D", spend=1.3) if at <= month < at + 3 else each
        for month, each in enumerate(months)
    ]


def jump(space: Space, at: int, *, turnover: float) -> History:
    """A is elsewhere within a month: by id it has moved, if most of its customers are there."""
    there = {"A": space.free()}
    moved = Outcome({"A": ("moved", ("A",))})
    new = Outcome({"A": ("new", ())}, {"A": "disappeared"})
    outcomes = (moved,) if turnover < 0.5 else (new,) if turnover > 0.5 else (moved, new)
    after = space.month("A B C D", at=there)
    event = space.month("A B C D", at=there, outcomes=outcomes)
    return _changed(space.month("A B C D"), event, after, at=at)


Scenario = Callable[..., History]

SCENARIOS: dict[str, tuple[Scenario, dict[str, Any]]] = {
    "survival": (survival, {}),
    "split, a third leaves": (split, {"shares": (65, 35)}),
    "split into two halves": (split, {"shares": (50, 50)}),
    "split into three": (split, {"shares": (34, 33, 33)}),
    "merge of three": (merge, {"letters": "AXY"}),
    "merge of two": (merge, {"letters": "AX"}),
    "absorption, and apart again": (absorption, {}),
    "birth": (birth, {}),
    "birth beside a small segment": (birth_beside, {}),
    "disappearance, and one in its place": (disappearance, {}),
    "equal sizes swap places in value": (swap, {}),
    "drift across half the space": (drift, {}),
    "season, all spend 30 % higher": (season, {}),
    "sudden move of a segment": (jump, {}),
}
