"""Degeneracies: each is reported for its own cause only."""

import numpy as np
import pytest

from segmentation.selection.degeneracy import degeneracies
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


def test_a_single_feature_is_not_called_dominant():
    assert warnings([50, 50], [(-1,), (1,)]) == []
