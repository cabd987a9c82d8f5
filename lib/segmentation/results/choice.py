"""The number of segments: the evidence for each k, the verdict and the choice."""

from collections.abc import Mapping
from dataclasses import dataclass, field

INDEX_NAMES = {
    "elbow": "the elbow (Kneedle)",
    "log_drop": "the drop in log cost",
    "silhouette": "the silhouette",
    "calinski_harabasz": "Calinski-Harabasz",
    "davies_bouldin": "Davies-Bouldin",
    "gap": "the gap statistic",
    "stability": "stability",
}
"""What the indices of k are called in a sentence."""


@dataclass(frozen=True)
class CostPoint:
    """One k: the within-cluster sum of squares, in squared scaled units, and every index.

    An index is None where it is undefined, as most are for k = 1. ``stability`` is the mean over
    clusters, ``min_stability`` the least. See ``schemas`` for each.
    """

    k: int
    cost: float
    chosen: bool = False
    log_drop: float | None = None
    silhouette: float | None = None
    calinski_harabasz: float | None = None
    davies_bouldin: float | None = None
    gap: float | None = None
    gap_error: float | None = None
    stability: float | None = None
    min_stability: float | None = None
    smallest_share: float | None = None


@dataclass(frozen=True)
class Verdict:
    """The verdict on k from the evidence, whether or not it is followed.

    ``strength`` is ``clear``, ``weak`` or ``none``; ``groups`` is the number of well-separated
    groups. ``against`` and ``runners_up`` are of its own k, the most important first;
    ``favourites`` has the k that each index favours, by its name.
    """

    k: int
    strength: str
    groups: int
    reason: str
    against: tuple[str, ...]
    runners_up: tuple[int, ...]
    favourites: Mapping[str, int]


@dataclass(frozen=True)
class Choice:
    """The number of segments, the method that chose it and the reason in words.

    ``algorithm`` made the segments, with the parameters in ``setting``: ``{"k": 5}`` for k-means.
    ``against`` is the evidence against this k, ``runners_up`` are the alternatives, the most
    important first: the verdict's own where the verdict was followed. ``summary`` says in one
    plain sentence how clear the segments are.
    ``silhouette`` is the average over all customers, exact up to the last bits of a double.
    """

    k: int
    method: str
    reason: str
    verdict: Verdict
    against: tuple[str, ...] = ()
    runners_up: tuple[int, ...] = ()
    summary: str = ""
    silhouette: float | None = None
    algorithm: str = "kmeans"
    setting: Mapping[str, int | float | str] = field(default_factory=dict)
