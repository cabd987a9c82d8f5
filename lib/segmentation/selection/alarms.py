"""Segments that nobody should act on without a second look."""

from collections.abc import Sequence
from itertools import combinations

import numpy as np
import numpy.typing as npt

from segmentation.results import PreparedFeature
from segmentation.selection.evidence import FEW_KINDS
from segmentation.selection.validity import Clusters

CORRELATED = 0.8
"""From here on two features share two thirds of their variance or more."""

GIANT = 0.9
ALONE = 0.9


def correlated(
    points: npt.NDArray[np.float64],
    weights: npt.NDArray[np.float64],
    *,
    features: Sequence[PreparedFeature],
) -> list[str]:
    """Which features say much the same and so count twice, a sentence a pair, strongest first.

    Of weighted customers Pearson's correlation of the prepared values, a column a feature. The
    values of one categorical feature are no pair.
    """
    if len(points) < 2 or len(features) < 2:
        return []
    centred = points - np.average(points, axis=0, weights=weights)
    covariance = (centred * weights[:, np.newaxis]).T @ centred
    spreads = np.sqrt(np.diag(covariance))
    with np.errstate(invalid="ignore", divide="ignore"):
        found = np.nan_to_num(covariance / np.outer(spreads, spreads))
    pairs = [
        (float(found[i, j]), a.name, b.name)
        for (i, a), (j, b) in combinations(enumerate(features), 2)
        if a.column != b.column and abs(found[i, j]) >= CORRELATED
    ]
    return [
        f"features {a!r} and {b!r} are correlated (r = {r:.2f}): they count twice"
        for r, a, b in sorted(pairs, key=lambda pair: -abs(pair[0]))
    ]


def alarms(
    clusters: Clusters, *, features: Sequence[str], distinct: int, min_share: float
) -> list[str]:
    """What is degenerate about the chosen clusters, a sentence each; mostly nothing.

    Parameters
    ----------
    clusters
        In scaled units, the mean of all customers at 0.
    features
        One name a column of the means.
    distinct
        How many different customers there are, about.
    min_share
        The share of customers that a segment should have at least.
    """
    shares = clusters.counts / clusters.counts.sum()
    found = []
    if distinct <= FEW_KINDS:
        found.append(
            f"the usable rows hold only {distinct} kinds of customers, alike in every feature: "
            f"the cost falls to 0 at k = {distinct}, and an index may reward that"
        )
    if len(shares) > 1 and shares.max() > GIANT:
        found.append(f"one segment holds {shares.max():.1%} of all customers")
    if shares.min() < min_share:
        found.append(
            f"the smallest segment holds {shares.min():.2%} of all customers, "
            f"choose.min_share asks for {min_share:.2%}"
        )
    between = clusters.counts @ clusters.means**2
    if len(features) > 1 and between.sum() > 0 and between.max() > ALONE * between.sum():
        name = features[int(np.argmax(between))]
        found.append(
            f"feature {name!r} decides alone: {between.max() / between.sum():.1%} of what sets "
            "the segments apart"
        )
    return found
