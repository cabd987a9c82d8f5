"""Wide tables: planted groups among noise, none where there are none, costs by scikit-learn."""

from functools import partial

import numpy as np
import pytest
from sklearn.cluster import KMeans
from sklearn.metrics import adjusted_rand_score
from threadpoolctl import threadpool_limits

from segmentation.clustering.coreset import Coreset
from segmentation.clustering.refit import refit_kmeans
from segmentation.clustering.search import split_and_merge
from segmentation.clustering.starts import WideSearch, search_of
from segmentation.numerics.grid_points import CodeTable, GridPoints, Layout
from segmentation.selection.groups import WIDE_STARTS, separate_groups
from segmentation.selection.imputation import Spike
from segmentation.selection.samples import points_for_groups, sample_of
from segmentation.selection.validity import Clusters, silhouette
from tests.rotation import rotation

BITS = 18
ROWS, WIDTH, SIGNAL = 2_500, 100, 10


def scaled(values):
    return (values - values.mean(axis=0)) / values.std(axis=0)


def planted(groups, *, seed, apart=8.0):
    """Groups in ten dimensions, the two nearest so many standard deviations apart, and noise."""
    random = np.random.default_rng([seed, groups])
    centres = random.standard_normal((groups, SIGNAL))
    distances = np.linalg.norm(centres[:, np.newaxis] - centres, axis=2)
    centres *= apart / distances[distances > 0].min()
    group = random.integers(groups, size=ROWS)
    values = random.standard_normal((ROWS, WIDTH))
    values[:, :SIGNAL] += centres[group]
    return scaled(values), group


def categorical(values, *, features, seed):
    """Categories drawn independently, as a run prepares them: a variance of one per feature."""
    random = np.random.default_rng(seed)
    codes, tables = [], []
    for j in range(features):
        shares = random.dirichlet(np.full(values, 2.0))
        codes.append(random.choice(values, ROWS, p=shares).astype(float))
        unit = np.sqrt((shares * (1 - shares)).sum())
        tables.append(CodeTable(j * values, (np.eye(values) - shares) / unit))
    return GridPoints(np.column_stack(codes), Layout((), tuple(tables)))


def amounts(random):
    known = np.exp(random.normal(4, 1, (ROWS, WIDTH))).round(2)
    is_zero = random.uniform(size=(ROWS, WIDTH)) < random.uniform(0.1, 0.8, WIDTH)
    return np.log1p(np.where(is_zero, 0, known))


NULLS = {
    "independent": lambda random: random.standard_normal((ROWS, WIDTH)),
    "correlated": lambda random: (
        random.standard_normal((ROWS, WIDTH)) @ random.standard_normal((WIDTH, WIDTH))
    ),
    "skewed": lambda random: np.log1p(random.poisson(random.gamma(1.5, 4, (ROWS, WIDTH)))),
    "half of them zero": amounts,
}


def groups_of(points, spikes=(), *, seed=1):
    """The groups of points of weight one, as the evidence on k finds them."""
    with threadpool_limits(1):
        sample = sample_of(points, np.ones(len(points)), clusters={})
        points = points_for_groups(sample, spikes, refit=refit_kmeans, seed=seed)
        return separate_groups(points, seed=seed, starts=WIDE_STARTS)


def searched(points, ks, *, seed=1):
    """The partition of every k that the engine finds, without MLlib's starts."""
    layout = points.layout
    entries = points.entries.copy()
    entries[:, : len(layout.numbers)] = np.rint(entries[:, : len(layout.numbers)] * 2.0**BITS)
    tables = tuple(CodeTable(t.first, np.rint(t.coordinates * 2.0**BITS)) for t in layout.tables)
    grid = GridPoints(entries, Layout(layout.numbers, tables))
    coreset = Coreset(grid, np.ones(len(grid), dtype=np.int64), is_whole=True)
    with threadpool_limits(1):
        search = search_of(coreset, BITS)
        assert isinstance(search, WideSearch)
        found = split_and_merge(
            {k: search.restarted(k, starts=4, seed=seed) for k in ks},
            search.scaled,
            search.weights,
            fit=partial(map, search.converged),
        )
        return coreset, {k: search.exact(found[k])[0] for k in ks}


@pytest.mark.parametrize(
    ("groups", "seed"), rotation([(g, s) for g in (2, 3, 5) for s in range(3)])
)
def test_groups_in_ten_of_a_hundred_dimensions_are_found(groups, seed):
    values, group = planted(groups, seed=seed)
    oracle = KMeans(groups, n_init=5, random_state=0).fit(values)
    assert adjusted_rand_score(group, oracle.labels_) > 0.95

    found = groups_of(GridPoints.of(values))
    assert found.count == groups
    assert adjusted_rand_score(group, found.labels) > 0.9  # one point per customer, in order
    coreset, partitions = searched(GridPoints.of(values), [groups - 1, groups, groups + 1])
    labels = coreset.labels(partitions[groups].means())
    assert adjusted_rand_score(group, labels) > 0.95
    assert partitions[groups].scaled_cost(BITS) <= oracle.inertia_ * (1 + 1e-6)


@pytest.mark.parametrize(("kind", "seed"), rotation([(k, s) for s in range(4) for k in NULLS]))
def test_a_hundred_dimensions_without_groups_have_none(kind, seed):
    values = NULLS[kind](np.random.default_rng(seed))
    assert groups_of(GridPoints.of(scaled(values))).count == 1


@pytest.mark.parametrize(
    ("values", "features", "seed"),
    rotation([(v, f, s) for s in range(3) for v, f in ((2, 60), (3, 30), (20, 15))]),
)
def test_independent_categories_are_one_group(values, features, seed):
    assert groups_of(categorical(values, features=features, seed=seed)).count == 1


def test_imputed_values_of_wide_tables_make_no_groups():
    random = np.random.default_rng(5)
    values = random.standard_normal((ROWS, 40)) + 2 * random.standard_normal((ROWS, 1))
    is_missing = random.random((ROWS, 40)) < 0.3
    values = scaled(np.where(is_missing, 0.0, values))
    at = [float(values[is_missing[:, j], j][0]) for j in range(40)]
    spikes = [Spike(j, at[j], 1e-9, float(is_missing[:, j].mean())) for j in range(40)]
    assert groups_of(GridPoints.of(values), spikes).count == 1


@pytest.mark.parametrize("seed", rotation(range(4)))
def test_no_k_costs_more_than_one_start_of_scikit_learns(seed):
    """Without groups every start ends elsewhere, so that costs say how good the search is."""
    points = categorical(8, features=12, seed=seed)
    coreset, partitions = searched(points, range(1, 7), seed=seed)
    coordinates = coreset.points.coordinates / 2.0**BITS
    for k, partition in partitions.items():
        oracle = KMeans(k, n_init=1, random_state=seed).fit(coordinates)
        assert partition.scaled_cost(BITS) <= oracle.inertia_ * (1 + 1e-4)


def test_the_silhouette_looks_categories_up():
    points = categorical(4, features=3, seed=1)
    labels = np.random.default_rng(1).integers(0, 3, ROWS)
    dense = GridPoints.of(points.coordinates)
    expected = silhouette(dense, np.ones(ROWS), labels, k=3)
    assert silhouette(points, np.ones(ROWS), labels, k=3) == pytest.approx(expected, rel=1e-12)


def test_costs_of_a_wide_sample_are_those_of_its_components():
    values, group = planted(3, seed=1)
    means = np.array([values[group == i].mean(axis=0) for i in range(3)])
    counts = np.bincount(group).astype(float)
    clusters = {3: Clusters(1000 * counts, means, counts, cost=1.0)}
    sample = sample_of(GridPoints.of(values), np.ones(ROWS), clusters=clusters)
    assert sample.points.shape == (ROWS, 32)
    own = (
        sample.points - np.array([sample.points[group == i].mean(axis=0) for i in range(3)])[group]
    )
    assert sample.costs[3] == pytest.approx(1000 * (own**2).sum(), rel=0.01)
