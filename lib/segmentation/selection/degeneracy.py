"""Signs of degenerate segments."""

from collections.abc import Sequence

import numpy as np

from segmentation.selection.validity import Clusters

DOMINANT_SEGMENT_SHARE = 0.9
DOMINANT_FEATURE_SHARE = 0.9


def degeneracies(clusters: Clusters, *, features: Sequence[str], min_share: float) -> list[str]:
    """What is degenerate about the chosen clusters, one sentence each; usually none.

    Parameters
    ----------
    clusters
        In scaled units, the mean of all customers at 0.
    features
        One name per column of the means.
    min_share
        The least share of customers that a segment should have.
    """
    shares = clusters.counts / clusters.counts.sum()
    found = []
    if len(shares) > 1 and shares.max() > DOMINANT_SEGMENT_SHARE:
        found.append(f"one segment holds more than {DOMINANT_SEGMENT_SHARE:.0%} of all customers")
    if shares.min() < min_share:
        found.append(
            f"the smallest segment holds less than {min_share:.2%} of all customers "
            "(choose.min_share)"
        )
    between = clusters.counts @ clusters.means**2
    dominates = between.sum() > 0 and between.max() > DOMINANT_FEATURE_SHARE * between.sum()
    if len(features) > 1 and dominates:
        found.append(
            f"the segments differ almost only in {features[int(np.argmax(between))]!r}: it makes "
            f"{between.max() / between.sum():.1%} of the variance between them"
        )
    return found
