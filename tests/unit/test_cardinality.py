"""The estimate of how many rows differ, from the smallest hashes of parts of them."""

import numpy as np
import pytest

from segmentation.numerics.cardinality import BUCKETS, EMPTY, estimate, smallest_hashes

VALUES = 2**64 // BUCKETS


def least(distinct, *, seed):
    """The smallest hashes of so many rows, all different: whole numbers, as counts are."""
    rows = np.random.default_rng(seed).integers(0, 2**25, (distinct, 2)).astype(float)
    halves = (smallest_hashes(half) for half in (rows[::2], np.vstack([rows[1::2], rows[:1]])))
    return np.minimum(*halves).tolist()


@pytest.mark.parametrize("distinct", [200, 5_000, 100_000])
def test_the_estimate_is_right_on_average_and_seldom_far_off(distinct):
    found = np.array([estimate(least(distinct, seed=seed)) for seed in range(200)])
    error = found.std(ddof=1) / np.sqrt(len(found))
    assert found.mean() == pytest.approx(distinct, abs=4 * error)
    assert found.std() < 1.4 * distinct / np.sqrt(BUCKETS)


@pytest.mark.parametrize("distinct", [0, 1, 2, 5])
def test_where_a_bucket_is_empty_there_are_few(distinct):
    assert estimate(least(distinct, seed=1)) <= distinct
    assert estimate([EMPTY] * BUCKETS) == 0


def test_the_largest_and_the_smallest_hash_are_no_error():
    assert estimate([0] * BUCKETS) > 2**60
    assert estimate([VALUES - 1] * BUCKETS) == BUCKETS - 1
