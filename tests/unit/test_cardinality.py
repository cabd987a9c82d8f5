"""The estimate of how many values differ, from the least hashes as Spark would return them."""

import numpy as np
import pytest

from segmentation.numerics.cardinality import BUCKETS, estimate

VALUES = 2**64 // BUCKETS


def least(distinct, *, seed):
    """The least hash of every bucket, for so many different random hashes."""
    random = np.random.default_rng(seed)
    hashes = random.integers(0, 2**64, distinct, dtype=np.uint64)
    buckets, values = hashes % np.uint64(BUCKETS), hashes // np.uint64(BUCKETS)
    return [
        int(values[buckets == i].min()) if (buckets == i).any() else None for i in range(BUCKETS)
    ]


@pytest.mark.parametrize("distinct", [200, 5_000, 100_000])
def test_the_estimate_is_right_on_average_and_seldom_far_off(distinct):
    found = np.array([estimate(least(distinct, seed=seed)) for seed in range(200)])
    error = found.std(ddof=1) / np.sqrt(len(found))
    assert found.mean() == pytest.approx(distinct, abs=4 * error)
    assert found.std() < 1.4 * distinct / np.sqrt(BUCKETS)


@pytest.mark.parametrize("distinct", [0, 1, 2, 5])
def test_where_a_bucket_is_empty_there_are_few(distinct):
    assert estimate(least(distinct, seed=1)) <= distinct
    assert estimate([None] * BUCKETS) == 0


def test_the_largest_and_the_smallest_hash_are_no_error():
    assert estimate([0] * BUCKETS) > 2**60
    assert estimate([VALUES - 1] * BUCKETS) == BUCKETS - 1
