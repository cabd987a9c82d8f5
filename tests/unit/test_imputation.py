"""Imputed values in the evidence on groups: planted groups are found as if all were known."""

import numpy as np
import pytest
from sklearn.datasets import make_blobs
from sklearn.metrics import adjusted_rand_score

from segmentation.selection.groups import separate_groups
from segmentation.selection.imputation import Spike, without_spikes
from tests.rotation import rotation


def with_median(points, share, *, seed, columns=None):
    """The points with the median in place of a random share of values, and the spikes."""
    random = np.random.default_rng(seed)
    result, spikes = points.copy(), []
    for j in columns or range(points.shape[1]):
        missing = random.random(len(points)) < share
        median = float(np.median(points[~missing, j]))
        result[missing, j] = median
        spikes.append(Spike(j, median, 1e-9, float(missing.mean())))
    return result, spikes


def test_planted_groups_are_found_as_if_all_values_were_known():
    points, planted = make_blobs(
        [500, 500, 500], centers=[(0, 0, 0), (9, 0, 9), (0, 9, 5)], random_state=1
    )
    imputed, spikes = with_median(points, 0.5, seed=2, columns=[0])
    assert separate_groups(points, seed=1).count == 3
    assert separate_groups(imputed, seed=1).count > 3  # what the spike makes of it
    found = separate_groups(without_spikes(imputed, spikes, seed=1), seed=1)
    assert found.count == 3
    assert adjusted_rand_score(planted, found.labels) > 0.95


@pytest.mark.parametrize(("share", "columns"), rotation([(0.68, [0]), (0.2, [0, 1])]))
def test_imputed_values_make_no_groups_of_one_continuum(share, columns):
    random = np.random.default_rng(3)
    points = random.standard_normal((1500, 3))
    points[:, 1] = 0.7 * points[:, 0] + np.sqrt(1 - 0.7**2) * points[:, 1]
    imputed, spikes = with_median(points, share, seed=4, columns=columns)
    assert separate_groups(imputed, seed=1).count > 1
    restored = without_spikes(imputed, spikes, seed=1)
    assert separate_groups(restored, seed=1).count == 1
    assert np.asarray(np.corrcoef(restored.T))[0, 1] == pytest.approx(0.7, abs=0.12)
    assert restored.std(axis=0) == pytest.approx(np.ones(3), abs=0.1)


def test_only_as_many_values_change_as_were_imputed():
    points = np.column_stack([np.tile([1.0, 2, 3, 2], 100), np.arange(400.0)])
    changed = without_spikes(points, [Spike(0, 2.0, 0.0, 0.25)], seed=1)
    assert (changed[points[:, 0] != 2] == points[points[:, 0] != 2]).all()
    assert 0 < (changed[:, 0] != points[:, 0]).sum() <= 100
    assert (changed[:, 1] == points[:, 1]).all()
    assert (without_spikes(points, [], seed=1) == points).all()


def test_a_value_that_nobody_knows_stays():
    points = np.zeros((5, 1))
    assert (without_spikes(points, [Spike(0, 0.0, 0.0, 1.0)], seed=1) == points).all()
