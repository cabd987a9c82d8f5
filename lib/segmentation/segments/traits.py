"""Traits: candidates for a segment's name, and whether they are true of most customers."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction

from segmentation.model.preparation import Key
from segmentation.segments.attributes import Attribute
from segmentation.segments.statistics import (
    LOWER_MIDDLE,
    MEDIAN,
    UPPER_MIDDLE,
    ClusterStatistics,
    Facts,
)

SURE_FROM = 11
"""With this many customers or more, over half of them lie above the 45th percentile."""


@dataclass(frozen=True)
class Trait:
    """How one segment differs from the average in one column, or in one ``value`` of it.

    ``difference`` is the centre minus the mean of all, in standard deviations; its sign is what
    would be stated. ``share`` is the least part of the ``known`` customers of whom the statement
    is true: of a category or of yes and no those who have it (or have it not), of ordered bands
    those in the bands that ``value`` names, of a number those on that side of the mean of all.
    """

    column: str
    kind: str
    difference: float
    known: int
    share: float
    value: str | None = None

    @property
    def holds_for_most(self) -> bool:
        """Whether the statement is true of more than half of the customers who are known."""
        return self.share > 0.5


def traits(
    cluster: ClusterStatistics,
    differences: Mapping[Key, float],
    *,
    attributes: Sequence[Attribute],
    overall: Mapping[Key, Facts],
) -> tuple[Trait, ...]:
    """The traits of one cluster in the columns used for clustering.

    Parameters
    ----------
    differences
        Of the dimensions: a column's own, or one for each of its categories.
    attributes
        Bands of an ordered column from the lowest to the highest.
    overall
        Of all customers, by the attributes' keys.

    A column that is missing for half of the cluster's customers or more is not a trait.
    """
    found: list[Trait] = []
    for each in attributes:
        if each.kind == "ordered":
            found += _of_bands(cluster, each, differences, overall)
            continue
        for key in each.keys:
            difference, facts = differences.get(key), cluster.attributes[key]
            if difference is not None and 2 * facts.known > cluster.customers:
                share = _share(facts, overall[key], difference, kind=each.kind)
                column, value = key
                found.append(Trait(column, each.kind, difference, facts.known, share, value))
    return tuple(found)


def _share(facts: Facts, of_all: Facts, difference: float, *, kind: str) -> float:
    is_high = difference > 0
    if kind in ("boolean", "categorical"):
        mean = facts.mean or 0.0
        return mean if is_high else 1 - mean
    return 0.51 if _is_beyond(facts, of_all.mean or 0.0, is_high=is_high) else 0.0


def _is_beyond(facts: Facts, mean: float, *, is_high: bool) -> bool:
    """Whether more than half of the customers lie above, or below, the mean of all."""
    at = LOWER_MIDDLE if is_high else UPPER_MIDDLE
    if facts.known < SURE_FROM:
        if facts.known % 2 == 0:
            return False  # the median of an even number may lie between two halves
        at = MEDIAN
    middle = facts.quantiles[at]
    return middle is not None and (middle > mean if is_high else middle < mean)


def _of_bands(
    cluster: ClusterStatistics,
    attribute: Attribute,
    differences: Mapping[Key, float],
    overall: Mapping[Key, Facts],
) -> Iterator[Trait]:
    """The fewest bands from one end with more than half of the customers, if informative."""
    column, bands = attribute.column, attribute.keys
    difference = differences.get((column, None))
    known = cluster.attributes[bands[0]].known
    if not difference or 2 * known <= cluster.customers:
        return
    ends = list(reversed(bands)) if difference > 0 else list(bands)
    held, of_all = Fraction(), Fraction()
    for place, band in enumerate(ends[:-1]):
        held += cluster.attributes[band].total
        of_all += overall[band].total
        if 2 * held > known:
            if held / known > of_all / overall[band].known:
                more = " or above" if difference > 0 else " or below"
                value = f"{band[1]}{more if place else ''}"
                yield Trait(column, "ordered", difference, known, float(held / known), value)
            return
