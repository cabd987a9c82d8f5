"""A number for every row that follows from its values: the same whatever the partitioning."""

from collections.abc import Iterable

from pyspark.sql import Column
from pyspark.sql import functions as F

_HASH_VALUES = 2**52


def hash_fraction(values: Iterable[Column], *, seed: int) -> Column:
    """A fraction in [0, 1) from a hash of the values; rows that are equal in them have the same."""
    hashed = F.pmod(F.xxhash64(F.lit(seed), *values), F.lit(_HASH_VALUES))
    return hashed / F.lit(_HASH_VALUES)
