"""Alarms: each fires for what it is about, and for nothing else."""

import numpy as np
import pytest

from segmentation.selection.alarms import alarms
from segmentation.selection.validity import Clusters


def told(counts, means, *, distinct=10_000, min_share=0.01):
    clusters = Clusters(np.array(counts, float), np.array(means, float), np.zeros(len(counts)))
    names = ["orders", "spend"][: clusters.means.shape[1]]
    return alarms(clusters, features=names, distinct=distinct, min_share=min_share)


ORDINARY = ([50, 50], [(-1, 1), (1, -1)])


def test_ordinary_segments_raise_none():
    assert told(*ORDINARY) == []
    assert told([100], [(0, 0)]) == []


@pytest.mark.parametrize(
    ("found", "expected"),
    [
        (told([950, 50], [(-1, 1), (1, -1)]), "one segment holds 95.0%"),
        (told([1990, 5, 1005], [(-1, 1), (0, 3), (1, -1)]), "smallest segment holds 0.17%"),
        (told(*ORDINARY, min_share=0.6), "choose.min_share asks for 60.00%"),
        (told([50, 50], [(-3, 0.1), (3, -0.1)]), "feature 'orders' decides alone"),
        (told(*ORDINARY, distinct=24), "only 24 kinds of customers"),
    ],
)
def test_each_alarm_has_its_cause(found, expected):
    assert len(found) == 1
    assert expected in found[0]


def test_a_single_feature_does_not_decide_alone():
    assert told([50, 50], [(-1,), (1,)]) == []
