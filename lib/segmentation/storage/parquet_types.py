"""Types of Parquet columns as Spark reads them, and the common type of two."""

from collections.abc import Mapping

import pyarrow as pa
from pyspark.sql import types as T
from pyspark.sql.pandas.types import from_arrow_type

WHOLE: tuple[T.DataType, ...] = (T.ByteType(), T.ShortType(), T.IntegerType(), T.LongType())
DIGITS: Mapping[T.DataType, int] = dict(zip(WHOLE, (3, 5, 10, 19), strict=True))
MAX_DIGITS = 38
UNSIGNED: Mapping[pa.DataType, T.DataType] = {
    pa.uint8(): T.ShortType(),
    pa.uint16(): T.IntegerType(),
    pa.uint32(): T.LongType(),
    pa.uint64(): T.DecimalType(20, 0),
}


def spark_type(type_: pa.DataType, *, is_nanos: bool = False) -> T.DataType:
    """Spark's type for an Arrow type; nanosecond timestamps are read as integers."""
    if is_nanos:
        return T.LongType()
    if pa.types.is_dictionary(type_):
        return spark_type(type_.value_type)
    if pa.types.is_timestamp(type_):
        return T.TimestampNTZType() if type_.tz is None else T.TimestampType()
    return UNSIGNED.get(type_) or from_arrow_type(type_)


def wider(one: T.DataType, other: T.DataType) -> T.DataType | None:
    """The type that represents both without loss, if any; a long may become a double."""
    if one == other or isinstance(other, T.NullType):
        return one
    if isinstance(one, T.NullType):
        return other
    if one in WHOLE and other in WHOLE:
        return max(one, other, key=WHOLE.index)
    both = (one, other)
    if any(isinstance(each, T.DoubleType | T.FloatType) for each in both):
        is_number = all(isinstance(each, T.NumericType) for each in both)
        has_decimal = any(isinstance(each, T.DecimalType) for each in both)
        return T.DoubleType() if is_number and not has_decimal else None
    if any(isinstance(each, T.DecimalType) for each in both):
        return _wider_decimal(one, other)
    if any(isinstance(each, T.DateType) for each in both):
        times = [each for each in both if isinstance(each, T.TimestampType | T.TimestampNTZType)]
        return times[0] if times else None
    return None


def _wider_decimal(one: T.DataType, other: T.DataType) -> T.DataType | None:
    whole, scale = 0, 0
    for each in (one, other):
        if isinstance(each, T.DecimalType):
            whole, scale = max(whole, each.precision - each.scale), max(scale, each.scale)
        elif each in DIGITS:
            whole = max(whole, DIGITS[each])
        else:
            return None
    return T.DecimalType(whole + scale, scale) if whole + scale <= MAX_DIGITS else None
