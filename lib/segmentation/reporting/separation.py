"""Which features tell the segments apart most."""

import math
from collections.abc import Mapping, Sequence

from segmentation.numerics.projection import WIDE
from segmentation.results import FeatureProfile, PreparedFeature, Segment

Key = tuple[str, str | None]
"""A feature, and a value of it or None."""


def is_wide(features: Sequence[PreparedFeature]) -> bool:
    """Whether there are more dimensions than a person reads one by one."""
    return len(features) > WIDE


def separation(profiles: Sequence[FeatureProfile], segments: Sequence[Segment]) -> dict[Key, float]:
    """The part of each dimension's variance that is between segments, from 0 to 1.

    Of the prepared feature: the squared difference of every segment's centre, in standard
    deviations, averaged over customers. It is the correlation ratio, eta squared (Fisher 1925,
    "Statistical Methods for Research Workers", section 45). A hidden difference counts as 0.
    """
    shares = {each.segment: each.share for each in segments}
    found: dict[Key, float] = {}
    for each in profiles:
        if each.used_for_clustering:
            square = (each.difference or 0.0) ** 2
            part = shares.get(each.segment, 0.0) * (square if math.isfinite(square) else 0.0)
            found[each.feature, each.value] = found.get((each.feature, each.value), 0.0) + part
    return found


def by_separation(
    features: Sequence[PreparedFeature], found: Mapping[Key, float]
) -> list[PreparedFeature]:
    """The features, those that tell the segments apart most first."""
    return sorted(
        features, key=lambda each: -found.get((each.column or each.name, each.value), 0.0)
    )
