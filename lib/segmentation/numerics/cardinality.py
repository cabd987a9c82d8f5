"""Approximate distinct counts, from the smallest hashes of rows; they merge by their minimum.

The module is pickled with Spark tasks, so it imports nothing of the package except type aliases.
"""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from segmentation.numerics.arrays import Floats

BUCKETS = 16
"""The standard error is one over the square root of this, 25 %: enough to know few from many."""

EMPTY = 2**63 - 1
"""The smallest hash of a bucket without any."""

_BUCKET_BITS = 4
_VALUES: int = 2 ** (64 - _BUCKET_BITS)

_MIX = tuple(np.uint64(each) for each in (0xFF51AFD7ED558CCD, 0xC4CEB9FE1A85EC53))
"""The multipliers of MurmurHash3's finaliser, which makes every bit depend on all."""


def smallest_hashes(rows: Floats) -> npt.NDArray[np.int64]:
    """The smallest hash of the rows in each bucket, :data:`EMPTY` where there is none.

    The low bits of a hash choose the bucket, the others are the value.
    """
    found = np.full(BUCKETS, EMPTY, dtype=np.int64)
    hashes = np.zeros(len(rows), dtype=np.uint64)
    for column in rows.T:
        hashes ^= (column + 0.0).view(np.uint64)  # -0.0 becomes 0.0
        for factor in _MIX:
            hashes ^= hashes >> np.uint64(33)
            hashes *= factor
        hashes ^= hashes >> np.uint64(33)
    buckets = (hashes % np.uint64(BUCKETS)).astype(np.intp)
    np.minimum.at(found, buckets, (hashes >> np.uint64(_BUCKET_BITS)).astype(np.int64))
    return found


def estimate(smallest: Sequence[int]) -> int:
    """About how many distinct hashes there were; at most ``BUCKETS`` where a bucket is empty.

    With D values in M buckets the smallest of a bucket is about M / D of the range, so the sum of
    all is gamma distributed and M (M - 1) / sum is an unbiased estimate of D. Giroire (2009),
    "Order statistics and estimating cardinalities of massive data sets",
    doi:10.1016/j.dam.2008.06.020, with the first order statistic.
    """
    filled = [value for value in smallest if value != EMPTY]
    if len(filled) < BUCKETS:
        return len(filled)
    return BUCKETS * (BUCKETS - 1) * _VALUES // max(1, sum(filled))
