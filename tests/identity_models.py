"""Models of k-means and the keys of their segments, run after run, without Spark."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from scipy.optimize import linear_sum_assignment
from sklearn.cluster import KMeans
from threadpoolctl import threadpool_limits

from segmentation.model.rules import NearestPrototype
from segmentation.numerics.grid_points import GridPoints
from segmentation.segments.identity import (
    EndedKey,
    Identities,
    Identity,
    PreviousKey,
    drifted_keys,
    identify,
    new_identities,
)
from tests.histories import SPREAD, Customers

METHOD = "majorities and reach"
UNIT = 2.0**12
REACH = 0.999


@dataclass(frozen=True)
class Model:
    """A fitted rule with its own scaling: the first feature is spend, on a logarithmic scale."""

    mean: Any
    deviation: float
    rule: NearestPrototype
    reach: Any
    keys: tuple[str, ...] = ()

    def labels(self, features: Any) -> Any:
        """The segment of every customer."""
        return self._assign(features).segment

    def labels_in_reach(self, features: Any) -> Any:
        """The segment of every customer; out of reach is the number of segments."""
        found = self._assign(features)
        is_far = found.square > self.reach[found.segment]
        return np.where(is_far, self.rule.segments, found.segment)

    def _assign(self, features: Any) -> Any:
        return self.rule.assign(_grid(features, self.mean, self.deviation))


def fit(features: Any, *, k: int, seed: int, starts: int = 10) -> Model:
    """The k-means model of these customers; segments are in the order of spend, the most first."""
    scaled = _numbers(features)
    # One unit for all features, as the spread within a group is the same in each.
    mean, deviation = scaled.mean(axis=0), float(np.sqrt(scaled.var(axis=0).mean()))
    points = _grid(features, mean, deviation)
    with threadpool_limits(1):  # threads that wait for one another take seconds on a busy machine
        kmeans = KMeans(k, n_init=starts, random_state=seed).fit(points.coordinates)
    centres = np.rint(kmeans.cluster_centers_)
    labels = NearestPrototype.of(centres).assign(points).segment
    value = [features[labels == each, 0].mean() for each in range(k)]
    rule = NearestPrototype.of(centres[np.argsort(value)[::-1]])
    found = rule.assign(points)
    reach = [np.quantile(found.square[found.segment == each], REACH) for each in range(k)]
    return Model(mean, deviation, rule, np.array(reach))


def compare(
    previous: Model,
    model: Model,
    features: Any,
    *,
    shares: Sequence[float],
    method: str = METHOD,
    **facts: Any,
) -> Identities:
    """The identity of the model's segments on today's customers, by one of the ``METHODS``."""
    size = previous.rule.segments + 1, model.rule.segments
    has_reach, identities = METHODS[method]
    before = previous.labels_in_reach(features) if has_reach else previous.labels(features)
    counts = crossed(before, model.labels(features), size=size)
    keys = [PreviousKey(*each) for each in zip(previous.keys, shares, strict=True)]
    return identities(counts, keys, **facts)


def matched(counts: Any, previous: Sequence[PreviousKey], *, given: int, **_: Any) -> Identities:
    """The identity by an optimal one-to-one matching, for which a segment survives or is new."""
    old, new = linear_sum_assignment(counts[:-1], maximize=True)
    row_of = dict(zip(new.tolist(), old.tolist(), strict=True))
    names = []
    for segment in range(counts.shape[1]):
        if segment in row_of:
            key = previous[row_of[segment]].key
            names.append(Identity(key, "survived", (key,), None, None, ""))
        else:
            given += 1
            names.append(Identity(f"s{given}", "new", (), None, None, ""))
    ended = [each.key for row, each in enumerate(previous) if row not in row_of.values()]
    return tuple(names), tuple(EndedKey(key, "disappeared", (), "") for key in ended)


METHODS: dict[str, tuple[bool, Callable[..., Identities]]] = {
    METHOD: (True, identify),
    "majorities, without the reach": (False, identify),
    "one-to-one matching (Hungarian)": (False, matched),
}
"""Whether customers out of the previous model's reach are apart, and how identities are found."""


def _numbers(features: Any) -> Any:
    return np.column_stack([np.log(features[:, 0]) / SPREAD, features[:, 1:]])


def _grid(features: Any, mean: Any, deviation: float) -> GridPoints:
    return GridPoints.of(np.rint((_numbers(features) - mean) / deviation * UNIT))


def crossed(one: Any, other: Any, *, size: tuple[int, int]) -> Any:
    """How many customers have which two labels."""
    return np.bincount(one * size[1] + other, minlength=size[0] * size[1]).reshape(size)


class Chain:
    """Runs month by month, each compared with the one before."""

    def __init__(self, *, seed: int, method: str = METHOD) -> None:
        self.seed, self.given, self.method = seed, 0, method
        self.model: Model | None = None
        self.labels: dict[int, int] = {}
        self.shares: list[float] = []
        self.anchors: dict[str, Model] = {}

    def run(self, customers: Customers, *, k: int) -> tuple[Identities, Any]:
        """The identities of this month's segments, and the segment of every customer."""
        model = fit(customers.features, k=k, seed=self.seed)
        labels = model.labels(customers.features)
        if self.model is None:
            identities = new_identities(k)
        else:
            identities = compare(
                self.model,
                model,
                customers.features,
                shares=self.shares,
                method=self.method,
                given=self.given,
                followed=lambda: self._followed(customers.ids, labels, k=k),
            )
        keys = tuple(each.key for each in identities[0])
        self.model = replace(model, keys=keys)
        for key in keys:
            if key not in self.anchors:
                self.anchors[key] = self.model
                self.given = max(self.given, int(key.removeprefix("s")))
        self.labels = dict(zip(customers.ids.tolist(), labels.tolist(), strict=True))
        self.shares = (np.bincount(labels, minlength=k) / len(labels)).tolist()
        return identities, labels

    def drifted(self, customers: Customers, labels: Any) -> dict[str, float]:
        """The keys far from the run in which they were given."""
        assert self.model is not None
        found: dict[str, float] = {}
        for anchor in {id(each): each for each in self.anchors.values()}.values():
            own = [key if self.anchors[key] is anchor else None for key in anchor.keys]
            there = anchor.labels_in_reach(customers.features)
            size = len(self.model.keys), anchor.rule.segments + 1
            counts = crossed(labels, there, size=size)
            found |= drifted_keys(counts, keys=self.model.keys, anchor_keys=own)
        return found

    def _followed(self, ids: Any, labels: Any, *, k: int) -> Any:
        now = dict(zip(ids.tolist(), labels.tolist(), strict=True))
        before = np.array(list(self.labels.values()))
        after = np.array([now.get(each, k) for each in self.labels])
        return crossed(before, after, size=(len(self.shares), k + 1))
