"""Degeneracies and correlations: each is reported for its own cause only."""

import numpy as np
import pytest

from segmentation.results import Correlation, PreparedFeature
from segmentation.selection.degeneracy import correlations, degeneracies
from segmentation.selection.validity import Clusters


def warnings(counts, means, *, min_share=0.01):
    clusters = Clusters(np.array(counts, float), np.array(means, float), np.zeros(len(counts)), 0.0)
    names = ["orders", "spend"][: clusters.means.shape[1]]
    return degeneracies(clusters, features=names, min_share=min_share)


ORDINARY = ([50, 50], [(-1, 1), (1, -1)])


def test_ordinary_segments_are_not_degenerate():
    assert warnings(*ORDINARY) == []
    assert warnings([100], [(0, 0)]) == []


@pytest.mark.parametrize(
    ("found", "expected"),
    [
        (warnings([950, 50], [(-1, 1), (1, -1)]), "one segment holds more than 90%"),
        (
            warnings([1990, 5, 1005], [(-1, 1), (0, 3), (1, -1)]),
            "smallest segment holds less than 1.00%",
        ),
        (warnings(*ORDINARY, min_share=0.6), "less than 60.00%"),
        (
            warnings([50, 50], [(-3, 0.1), (3, -0.1)]),
            "differ almost only in 'orders': it makes 99.9%",
        ),
    ],
)
def test_each_degeneracy_has_its_cause(found, expected):
    assert len(found) == 1
    assert expected in found[0]


def prepared(name, column=None, value=None):
    return PreparedFeature(name, "none", 0.0, 1.0, column or name, value)


def test_correlated_features_are_found_with_numpys_r_strongest_first():
    random = np.random.default_rng(5)
    spend = random.normal(size=400)
    points = np.column_stack(
        [spend, -spend + random.normal(size=400) / 5, random.normal(size=400), spend * 2]
    )
    weights = random.integers(1, 4, 400).astype(float)
    each = np.repeat(points, weights.astype(int), axis=0)
    r = np.asarray(np.corrcoef(each.T))
    found = correlations(points, weights, features=[prepared(name) for name in "abcd"])
    assert found[0] == Correlation("a", "d", 1.0)
    assert [(pair.first, pair.second) for pair in found[1:]] == [("a", "b"), ("b", "d")]
    assert found[1].r == pytest.approx(r[0, 1], abs=1e-4)
    assert found[1].r < 0


def test_two_values_of_one_column_are_no_pair():
    points = np.array([[0.0, 1.0], [1.0, 0.0], [1.0, 0.0]])
    features = [prepared("c = x", "c", "x"), prepared("c = y", "c", "y")]
    assert correlations(points, np.ones(3), features=features) == ()
    apart = [prepared("c = x", "c", "x"), prepared("d")]
    assert len(correlations(points, np.ones(3), features=apart)) == 1


def test_a_single_feature_is_not_called_dominant():
    assert warnings([50, 50], [(-1,), (1,)]) == []
