"""Strongly correlated features: the pairs, and groups of which every two are a pair."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.cluster.hierarchy import fcluster, linkage
from scipy.spatial.distance import squareform

from segmentation.numerics.arrays import Floats
from segmentation.results import Correlation, CorrelationGroup, PreparedFeature

MIN_CORRELATION = 0.8
"""From this |r| on, two features share about two thirds of their variance or more."""

MAX_PAIRS = 496
"""Pairs that are published, the strongest: all that 32 dimensions can have."""

R_DECIMALS = 4


@dataclass(frozen=True)
class Correlated:
    """The strongest ``pairs``, strongest first, and all ``groups``, largest first."""

    pairs: tuple[Correlation, ...] = ()
    groups: tuple[CorrelationGroup, ...] = ()


def correlated(
    points: Floats, weights: npt.NDArray[np.float64], *, features: Sequence[PreparedFeature]
) -> Correlated:
    """The strongly correlated features, by Pearson's r of weighted customers' prepared values.

    ``points`` have one column per feature. Two values of one categorical feature do not make a
    pair. At most :data:`MAX_PAIRS` pairs are returned; every feature is in one group at most.
    """
    if len(points) < 2 or len(features) < 2:
        return Correlated()
    r = _matrix(points, weights)
    columns = np.unique([each.column for each in features], return_inverse=True)[1]
    r[columns[:, np.newaxis] == columns] = 0
    return Correlated(_pairs(r, features), _groups(r, features))


def _matrix(points: Floats, weights: npt.NDArray[np.float64]) -> Floats:
    """The correlation of every two columns, 0 where one of them is constant."""
    centred = points - np.average(points, axis=0, weights=weights)
    covariance = (centred * weights[:, np.newaxis]).T @ centred
    spreads = np.sqrt(np.diag(covariance))
    with np.errstate(invalid="ignore", divide="ignore"):
        found: Floats = np.nan_to_num(covariance / np.outer(spreads, spreads))
    return found


def _pairs(r: Floats, features: Sequence[PreparedFeature]) -> tuple[Correlation, ...]:
    """The strongest pairs; records are made of those only, as 2,000 features have 2 million."""
    first, second = np.nonzero(np.triu(np.abs(r) >= MIN_CORRELATION, 1))
    names = np.argsort(np.argsort([each.name for each in features]))
    strength = np.rint(np.abs(r[first, second]) * 10**R_DECIMALS)
    order = np.lexsort([names[second], names[first], -strength])[:MAX_PAIRS]
    pairs = [
        Correlation(features[i].name, features[j].name, round(float(r[i, j]), R_DECIMALS))
        for i, j in zip(first[order].tolist(), second[order].tolist(), strict=True)
    ]
    return tuple(sorted(pairs, key=lambda pair: (-abs(pair.r), pair.first, pair.second)))


def _groups(r: Floats, features: Sequence[PreparedFeature]) -> tuple[CorrelationGroup, ...]:
    """Clusters of features by complete linkage, so that every two of a group are a pair.

    Complete linkage is how regression modelling groups redundant variables (Harrell 2015,
    "Regression Modeling Strategies", section 4.7.1). Where categorical features repeat each
    other, value by value, the first group names them and the others are left out.
    """
    has_pair = np.flatnonzero((np.abs(r) >= MIN_CORRELATION).any(axis=1))
    if not len(has_pair):
        return ()
    own = r[np.ix_(has_pair, has_pair)]
    # rounded, so that the last bits of a matrix product decide no tie
    distances = np.round(1 - np.abs((own + own.T) / 2), R_DECIMALS)
    np.fill_diagonal(distances, 0)
    tree = linkage(squareform(distances, checks=False), "complete")
    labels = fcluster(tree, round(1 - MIN_CORRELATION, R_DECIMALS), criterion="distance")
    order = np.argsort(labels, kind="stable")
    found = []
    for rows in np.split(order, np.flatnonzero(np.diff(labels[order])) + 1):
        if len(rows) > 1:
            found.append(_group(own[np.ix_(rows, rows)], [features[i] for i in has_pair[rows]]))
    found.sort(key=lambda each: (-len(each[0].features), -each[0].least_r, each[0].features))
    groups: list[CorrelationGroup] = []
    seen: list[frozenset[str]] = []
    for group, columns in found:
        if not any(columns <= larger for larger in seen):
            groups.append(group)
            seen.append(columns)
    return tuple(groups)


def _group(
    r: Floats, features: Sequence[PreparedFeature]
) -> tuple[CorrelationGroup, frozenset[str]]:
    """A group and its columns. From |r| = 0.71 on, the signs of three features agree."""
    least = np.abs(r[np.triu_indices(len(features), 1)]).min()
    group = CorrelationGroup(
        features=tuple(each.name for each in features),
        opposite=tuple(
            each.name for each, other in zip(features, r[0].tolist(), strict=True) if other < 0
        ),
        least_r=round(float(least), R_DECIMALS),
    )
    return group, frozenset(each.column for each in features)
