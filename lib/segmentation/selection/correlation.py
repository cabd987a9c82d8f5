"""Strongly correlated features: the pairs, and groups of which every two are a pair."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.cluster.hierarchy import fcluster, linkage
from scipy.spatial.distance import squareform

from segmentation.numerics.arrays import Floats, Labels, Points
from segmentation.numerics.grid_points import GridPoints
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
    points: GridPoints, weights: Floats, *, features: Sequence[PreparedFeature]
) -> Correlated:
    """The strongly correlated features, by Pearson's r of weighted customers' prepared values.

    ``points`` have one coordinate per feature. Two values of one categorical feature do not make a
    pair. At most :data:`MAX_PAIRS` pairs are returned; every feature is in one group at most.
    """
    if len(points) < 2 or len(features) < 2:
        return Correlated()
    r = _matrix(points, weights)
    columns = np.unique([each.column for each in features], return_inverse=True)[1]
    r[columns[:, np.newaxis] == columns] = 0
    return Correlated(_pairs(r, features), _groups(r, features))


def _matrix(points: GridPoints, weights: Floats) -> Floats:
    """The correlation of every two coordinates, 0 where one of them is constant.

    Categories are counted, not multiplied: the joint counts of two features' codes give the
    products of all their coordinates. The cost of a pair of categories is one count per point.
    """
    layout, count = points.layout, len(points.layout.numbers)
    own = list(layout.numbers)
    numbers = points.entries[:, :count]
    if count:
        numbers = numbers - np.average(numbers, axis=0, weights=weights)
    weighted = numbers * weights[:, np.newaxis]
    covariance = np.zeros((layout.width, layout.width))
    covariance[np.ix_(own, own)] = weighted.T @ numbers
    tables = [
        (table.positions, codes, _centred(table.coordinates, codes, weights))
        for table, codes in zip(
            layout.tables, points.entries[:, count:].T.astype(np.intp), strict=True
        )
    ]
    for at, (rows, codes, centred) in enumerate(tables):
        has_code = np.zeros((len(points), len(centred)))
        has_code[np.arange(len(points)), codes] = 1
        shared = weighted.T @ has_code @ centred
        covariance[own, rows], covariance[rows, own] = shared, shared.T
        for columns, others, other in tables[at:]:
            joint = np.bincount(
                codes * len(other) + others, weights, minlength=len(centred) * len(other)
            ).reshape(len(centred), len(other))
            shared = centred.T @ joint @ other
            covariance[rows, columns], covariance[columns, rows] = shared, shared.T
    spreads = np.sqrt(np.diag(covariance))
    with np.errstate(invalid="ignore", divide="ignore"):
        found: Floats = np.nan_to_num(covariance / np.outer(spreads, spreads))
    return found


def _centred(coordinates: Points, codes: Labels, weights: Floats) -> Floats:
    """The coordinates of every code less their mean over the points."""
    counts = np.bincount(codes, weights, minlength=len(coordinates))
    centred: Floats = coordinates - counts @ coordinates / counts.sum()
    return centred


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
