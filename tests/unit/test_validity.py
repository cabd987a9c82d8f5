"""The validity indices against scikit-learn, by hand, and on planted clusters."""

import numpy as np
import pytest
from sklearn import metrics
from sklearn.cluster import AgglomerativeClustering, KMeans
from sklearn.datasets import make_blobs

from segmentation.clustering.refit import refit_kmeans
from segmentation.numerics.grid_points import GridPoints
from segmentation.numerics.nearest import nearest
from segmentation.selection.refit import Refitted
from segmentation.selection.validity import (
    Clusters,
    calinski_harabasz,
    davies_bouldin,
    gaps,
    rounded,
    silhouette,
    stability,
)
from tests.rotation import rotation


def all_gaps(points, **given):
    """The gaps where every k has one."""
    found = [gap for gap in gaps(points, refit=refit_kmeans, **given) if gap is not None]
    assert len(found) == len(given["ks"])
    return found


def stability_of(points, centres, *, seed):
    """The stability of the clusters around some centres, if they have one."""
    labels = nearest(points, centres)
    return stability(points, labels, k=len(centres), refit=refit_kmeans, seed=seed)


def similarities(points, centres, *, seed):
    """The clusters' stability where they have one."""
    found = stability_of(points, centres, seed=seed)
    assert found is not None
    return found


def moments(points, weights, labels):
    """The clusters of weighted points."""
    members = np.eye(labels.max() + 1)[labels] * weights[:, np.newaxis]
    counts = members.sum(axis=0)
    return Clusters(
        counts=counts,
        means=(members.T @ points) / counts[:, np.newaxis],
        squares=members.T @ (points**2).sum(axis=1),
        cost=0.0,
    )


@pytest.fixture(scope="module", params=[2, 5], ids="k = {}".format)
def weighted(request):
    """Points, whole weights and labels, and the same with every point as often as it weighs."""
    points, _ = make_blobs(300, n_features=3, centers=4, random_state=7)
    weights = np.random.default_rng(7).integers(1, 5, 300)
    labels = KMeans(request.param, n_init=1, random_state=1).fit(points).labels_
    return points, weights, labels, np.repeat(points, weights, axis=0), np.repeat(labels, weights)


def test_the_silhouette_equals_scikit_learns_of_every_customer(weighted):
    points, weights, labels, each, each_label = weighted
    expected = metrics.silhouette_score(each, each_label, metric="sqeuclidean")
    found = silhouette(GridPoints.of(points), weights.astype(float), labels, k=labels.max() + 1)
    assert found == pytest.approx(expected, rel=1e-9)


def test_calinski_harabasz_equals_scikit_learns(weighted):
    points, weights, labels, each, each_label = weighted
    expected = metrics.calinski_harabasz_score(each, each_label)
    found = calinski_harabasz(moments(points, weights, labels))
    assert found == pytest.approx(expected, rel=1e-9)


def test_davies_bouldin_is_its_formula_with_root_mean_squares(weighted):
    points, weights, labels, each, each_label = weighted
    means = [each[each_label == i].mean(axis=0) for i in range(labels.max() + 1)]
    spreads = [
        np.sqrt(((each[each_label == i] - mean) ** 2).sum(axis=1).mean())
        for i, mean in enumerate(means)
    ]
    worst = [
        max(
            (spreads[i] + spreads[j]) / np.linalg.norm(means[i] - means[j])
            for j in range(len(means))
            if j != i
        )
        for i in range(len(means))
    ]
    found = davies_bouldin(moments(points, weights, labels))
    assert found == pytest.approx(np.mean(worst), rel=1e-9)


def test_a_point_alone_has_silhouette_0_and_twins_have_1():
    points = np.array([[0.0], [0.0], [9.0]])
    labels = np.array([0, 0, 1])
    assert silhouette(GridPoints.of(points), np.ones(3), labels, k=2) == pytest.approx(2 / 3)
    assert metrics.silhouette_score(points, labels) == pytest.approx(2 / 3)


def test_one_cluster_has_no_index():
    points = np.random.default_rng(1).standard_normal((50, 2))
    one = moments(points, np.ones(50), np.zeros(50, dtype=int))
    assert silhouette(GridPoints.of(points), np.ones(50), np.zeros(50, dtype=int), k=1) is None
    assert calinski_harabasz(one) is None
    assert davies_bouldin(one) is None
    assert stability_of(points, one.means, seed=1) is None


def test_clusters_without_spread_have_no_variance_ratio():
    points = np.array([[0.0], [0.0], [5.0]])
    assert calinski_harabasz(moments(points, np.ones(3), np.array([0, 0, 1]))) is None


def fits(points, ks):
    """Costs and centres of k-means for every k."""
    found = {k: KMeans(k, n_init=5, random_state=3).fit(points) for k in ks}
    return [found[k].inertia_ for k in ks], {k: found[k].cluster_centers_ for k in ks}


KS = list(range(1, 6))


@pytest.mark.parametrize("planted", rotation([1, 3]))
def test_the_gap_finds_planted_blobs_and_one_uniform_box(planted):
    random = np.random.default_rng(5)
    points = random.uniform(size=(600, 2))
    if planted > 1:
        points, _ = make_blobs(600, centers=[(0, 0), (12, 0), (0, 12)], random_state=5)
    costs, _ = fits(points, KS)
    found = all_gaps(points, ks=KS, costs=costs, customers=600, seed=1)
    first = next(
        k
        for k, gap, after in zip(KS, found, found[1:], strict=False)
        if gap.gap >= after.gap - after.error
    )
    assert first == planted
    assert all(gap.error > 0 for gap in found)


def test_the_gap_does_not_depend_on_the_direction_of_the_points():
    points, _ = make_blobs(500, centers=3, random_state=2)
    turn = np.array([[np.cos(1), -np.sin(1)], [np.sin(1), np.cos(1)]])
    costs, _ = fits(points, [1, 2, 3])
    straight, turned = (
        all_gaps(p, ks=[1, 2, 3], costs=costs, customers=500, seed=1)
        for p in (points, points @ turn)
    )
    for one, other in zip(straight, turned, strict=True):
        assert one.gap == pytest.approx(other.gap, abs=4 * one.error)


def test_costs_of_0_and_more_clusters_than_customers_have_no_gap():
    points = np.array([[0.0], [1.0], [2.0]])
    costs = [2.0, 0.0, 0.0]
    found = gaps(points, ks=[1, 3, 4], costs=costs, customers=3, refit=refit_kmeans, seed=1)
    assert found[1:] == [None] * 2


def test_planted_clusters_are_stable_and_a_cut_blob_is_not():
    points, _ = make_blobs(600, centers=[(0, 0), (15, 0), (0, 15)], random_state=5)
    _, centres = fits(points, [3, 6])
    assert similarities(points, centres[3], seed=1) == pytest.approx(np.ones(3))
    assert similarities(points, centres[6], seed=1).min() < 0.75


def test_stability_is_the_same_for_the_same_seed():
    points = np.random.default_rng(4).standard_normal((300, 2))
    _, centres = fits(points, [4])
    once, again, other = (similarities(points, centres[4], seed=s) for s in (1, 1, 2))
    assert np.array_equal(once, again)
    assert not np.array_equal(once, other)


def test_the_stability_of_another_algorithm_is_of_its_own_clusters():
    """Two long stripes: single linkage finds them in any resample, k-means cuts across them."""
    random = np.random.default_rng(8)
    points = np.column_stack([random.uniform(0, 40, 300), np.repeat([0.0, 4.0], 150)])
    stripes = np.repeat([0, 1], 150)

    def single_linkage(points, k, **_):
        return Refitted(AgglomerativeClustering(k, linkage="single").fit_predict(points), 0.0)

    found = stability(points, stripes, k=2, refit=single_linkage, seed=1)
    assert found == pytest.approx(np.ones(2))
    cut = stability(points, stripes, k=2, refit=refit_kmeans, seed=1)
    assert cut is not None
    assert cut.max() < 0.5


def test_no_more_points_than_clusters_have_no_stability():
    points = np.array([[0.0], [1.0], [2.0]])
    assert stability_of(points, points, seed=1) is None


@pytest.mark.parametrize("empty", [0, 1, 2], ids=lambda at: f"cluster {at} is empty")
def test_a_cluster_without_a_point_leaves_no_silhouette_and_no_stability(weighted, empty):
    """A rare cluster may have no point in the coreset: then nothing is known of its quality."""
    points, weights, labels, *_ = weighted
    k = labels.max() + 2
    moved = labels + (labels >= min(empty, k - 1))
    assert silhouette(GridPoints.of(points), weights.astype(float), moved, k=k) is None
    centres = np.array([points[labels == i].mean(axis=0) for i in range(k - 1)])
    far = np.insert(centres, min(empty, k - 1), 1e3, axis=0)
    assert stability_of(points, far, seed=1) is None


@pytest.mark.parametrize(
    ("index", "found"),
    [(0.123456789, 0.123457), (123456.789, 123457.0), (-0.00000000123, -1e-9), (None, None)],
)
def test_an_index_is_published_to_six_digits(index, found):
    assert rounded(index) == found
