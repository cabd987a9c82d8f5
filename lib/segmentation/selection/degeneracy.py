"""Signs of degenerate segments, and strongly correlated features."""

from collections.abc import Sequence
from itertools import combinations

import numpy as np
import numpy.typing as npt

from segmentation.results import Correlation, PreparedFeature
from segmentation.selection.validity import Clusters

MIN_CORRELATION = 0.8
"""From this |r| on, two features share about two thirds of their variance or more."""

R_DECIMALS = 4
DOMINANT_SEGMENT_SHARE = 0.9
DOMINANT_FEATURE_SHARE = 0.9


def correlations(
    points: npt.NDArray[np.float64],
    weights: npt.NDArray[np.float64],
    *,
    features: Sequence[PreparedFeature],
) -> tuple[Correlation, ...]:
    """The strongly correlated pairs of features, strongest first.

    Pearson's correlation of weighted customers' prepared values, one column per feature. Two
    values of one categorical feature do not make a pair.
    """
    if len(points) < 2 or len(features) < 2:
        return ()
    centred = points - np.average(points, axis=0, weights=weights)
    covariance = (centred * weights[:, np.newaxis]).T @ centred
    spreads = np.sqrt(np.diag(covariance))
    with np.errstate(invalid="ignore", divide="ignore"):
        found = np.nan_to_num(covariance / np.outer(spreads, spreads))
    pairs = [
        Correlation(a.name, b.name, round(float(found[i, j]), R_DECIMALS))
        for (i, a), (j, b) in combinations(enumerate(features), 2)
        if a.column != b.column and abs(found[i, j]) >= MIN_CORRELATION
    ]
    return tuple(sorted(pairs, key=lambda pair: (-abs(pair.r), pair.first, pair.second)))


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
