"""Equally weighted customers that represent all: what is resampled, and where groups are sought."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from segmentation.numerics.arrays import Floats
from segmentation.numerics.grid_points import GridPoints
from segmentation.numerics.nearest import nearest
from segmentation.numerics.projection import WIDE, Matrix, Projection, leading_components
from segmentation.selection.groups import MAX_COMPONENTS, dithered
from segmentation.selection.imputation import Spike, without_spikes
from segmentation.selection.refit import Refit
from segmentation.selection.validity import Clusters

POINTS = 4_000
"""Equally weighted points that represent all customers where pairs, resamples and mixtures are
needed: the rarest group that counts, 1 %, still has some 40."""

MAX_COMPONENTS_FOR_GROUPS = 2 * WIDE
"""Components among which directions of groups are sought, at most half of the dimensions: more
find weaker groups, nearly all would find a feature that has a gap of its own."""

DIRECTIONS = 10
"""Directions in which groups of wide points are sought at most."""

STARTS = 4

Labels = npt.NDArray[np.intp]


@dataclass(frozen=True)
class Sample:
    """Customers of weight one: all their coordinates, and their ``points``.

    ``points`` are the coordinates; of wide customers, the first of their ``components``, which
    are the leading principal ones by ``projection``. For every k ``labels`` has the cluster of
    each, and ``costs`` what the clusters of all customers cost where ``points`` are.
    """

    customers: GridPoints
    points: Floats
    labels: Mapping[int, Labels]
    costs: Mapping[int, float]
    components: Floats | None = None
    projection: Projection | None = None


def sample_of(points: GridPoints, weights: Floats, *, clusters: Mapping[int, Clusters]) -> Sample:
    """The sample of weighted points; see :func:`equal_rows`."""
    rows = equal_rows(weights)
    some = points[rows]
    labels = {k: labels_of(some, each) for k, each in clusters.items()}
    if points.layout.width <= WIDE:
        costs = {k: each.cost for k, each in clusters.items()}
        return Sample(some, some.coordinates, labels, costs)
    matrix = Matrix.of(points)
    most = max(WIDE, min(MAX_COMPONENTS_FOR_GROUPS, points.layout.width // 2))
    projection = leading_components(matrix, weights, most=most)
    components = projection.of(matrix)[rows]
    seen = np.ascontiguousarray(components[:, :WIDE])
    costs = {
        k: _cost(seen, labels[k]) * float(each.counts.sum()) / len(rows)
        for k, each in clusters.items()
    }
    return Sample(some, seen, labels, costs, components, projection)


def labels_of(points: GridPoints, clusters: Clusters) -> Labels:
    """The cluster of every point: that with the nearest mean, the first of equals."""
    if points.layout.width <= WIDE:  # as ever: means are no grid points, so rounding breaks ties
        return nearest(points.coordinates, clusters.means)
    return points.nearest(clusters.means)


def equal_rows(weights: Floats, *, most: int = POINTS) -> Labels:
    """At most ``most`` positions that represent weighted points by points of weight one.

    Few customers are repeated by their weights. Of more, every n-th is taken, counting weights,
    in the order of the points: systematic sampling, so that the verdict varies less.
    """
    total = weights.sum()
    if total <= most:
        return np.repeat(np.arange(len(weights)), np.rint(weights).astype(np.intp))
    positions = (np.arange(most) + 0.5) * total / most
    found: Labels = np.searchsorted(np.cumsum(weights), positions)
    return found


def points_for_groups(
    sample: Sample, spikes: Sequence[Spike], *, refit: Refit, seed: int
) -> Floats:
    """The points among which groups are sought, imputed values replaced by those of others.

    Of wide customers, the plane through the centres of as many clusters as there may be groups,
    within the leading principal components: in it, well-separated groups differ most. Ding, He,
    Zha and Simon (2002), "Adaptive dimension reduction for clustering high dimensional data",
    doi:10.1109/ICDM.2002.1183897. The components mix so many features that neither a feature
    with a gap of its own nor chance makes a group; all dimensions together would.
    """
    if sample.projection is None or sample.components is None:
        return without_spikes(sample.points, spikes, seed=seed)
    layout, projection = sample.customers.layout, sample.projection
    moved = [replace(each, dimension=layout.numbers.index(each.dimension)) for each in spikes]
    entries, a = sample.customers.entries, len(layout.numbers)
    known = without_spikes(entries[:, :a], moved, seed=seed, near=sample.points)
    clusters = min(MAX_COMPONENTS, len(known))
    labels = refit(sample.components, clusters, seed=seed, starts=STARTS).labels
    directions = _directions(sample.components, labels) @ projection.components
    random = np.random.default_rng(seed)
    found: Floats = dithered(known, random=random) @ directions[:, layout.numbers].T
    for table, codes in zip(layout.tables, entries[:, a:].T.astype(np.intp), strict=True):
        own = dithered(table.coordinates[codes], random=random)
        found += own @ directions[:, table.positions].T
    return found


def _directions(points: Floats, labels: Labels) -> Floats:
    """The directions in which the means of clusters vary, the widest first; unit rows."""
    members = np.eye(labels.max() + 1)[labels]
    roots = np.sqrt(members.sum(axis=0))[:, np.newaxis]
    offsets = members.T @ (points - points.mean(axis=0)) / np.maximum(roots, 1)
    _, spreads, directions = np.linalg.svd(offsets, full_matrices=False)
    found: Floats = directions[: max(1, min(DIRECTIONS, np.count_nonzero(spreads > 0)))]
    return found


def _cost(points: Floats, labels: Labels) -> float:
    """The sum of squared distances to the means of clusters."""
    members = np.eye(labels.max() + 1)[labels]
    means = members.T @ points / np.maximum(members.sum(axis=0), 1)[:, np.newaxis]
    return float(((points - means[labels]) ** 2).sum())
