"""Parquet: files of one table whose columns differ in type, order or number are read as one."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import unquote, urlsplit

import pyarrow as pa
import pyarrow.parquet as pq
from pyspark.errors import PySparkTypeError
from pyspark.sql import Column, DataFrame, DataFrameReader, SparkSession
from pyspark.sql import functions as F
from pyspark.sql import types as T

from segmentation.config import Source
from segmentation.errors import SchemaError
from segmentation.schemas import quoted
from segmentation.storage.addresses import escaped
from segmentation.storage.parquet_types import spark_type, wider

NANOS_AS_LONG = "spark.sql.legacy.parquet.nanosAsLong"
MAX_FOOTERS = 20_000
WHOLE_DOUBLES = 2**53
"""Up to here every whole number is represented exactly by a double."""


@dataclass(frozen=True)
class _Footers:
    """Files with the same columns: Spark's types, and the columns of nanoseconds.

    ``nanos`` is true for instants in UTC, false for local times.
    """

    files: list[str]
    types: dict[str, T.DataType]
    nanos: Mapping[str, bool]


def read_parquet(spark: SparkSession, source: Source) -> DataFrame:
    """The rows of Parquet files; a column that a file lacks, or has no type for, is null there.

    The footers of files on the local disk are read, so that types that differ can be
    widened: whole numbers to longer ones or doubles, days to times. Elsewhere Spark merges the
    columns, and refuses types that differ. Nanoseconds are truncated to microseconds.

    Raises
    ------
    SchemaError
        Names the column, the types and two files.
    """
    paths = [escaped(path) for path in source.paths]
    reader = spark.read.options(**source.reader_options)
    groups = _groups(spark, source, paths)
    if groups is None:
        return reader.option("mergeSchema", "true").parquet(*paths)
    if any(group.nanos for group in groups):
        spark.conf.set(NANOS_AS_LONG, "true")
    if len(groups) == 1 and not groups[0].nanos and not _has_untyped(groups[0]):
        return reader.parquet(*paths)
    folders = _listing(spark, source, paths).columns[1:]
    if folders and (len(source.paths) > 1 or not Path(source.paths[0]).is_dir()):
        raise SchemaError(
            f"{source.shown}: the files differ in their columns, and folders give the columns "
            f"{', '.join(map(repr, folders))}: name the one folder that holds them all"
        )
    if folders:
        reader = reader.option("basePath", source.paths[0])
    merged = _merged(groups, source)
    parts = [_part(reader.schema(_readable(group)), group, merged, folders) for group in groups]
    table = parts[0]
    for part in parts[1:]:
        table = table.unionByName(part)
    return table


def _groups(spark: SparkSession, source: Source, paths: list[str]) -> list[_Footers] | None:
    """The files grouped by columns, in the order of their names; None if not all are local."""
    addresses = sorted(_listing(spark, source, paths).inputFiles())
    files = [unquote(urlsplit(each).path) for each in addresses if each.startswith("file:")]
    if not files or len(files) < len(addresses) or len(files) > MAX_FOOTERS:
        return None
    groups: dict[object, _Footers] = {}
    for file in files:
        try:
            found = _footers(file, pq.ParquetFile(file), source)
        except (OSError, pa.ArrowException, PySparkTypeError):
            return None  # Spark reports the error, or knows the type
        is_same = (frozenset(found.types.items()), frozenset(found.nanos.items()))
        known = groups.setdefault(is_same, found)
        if known is not found:
            known.files.append(file)
    return list(groups.values())


def _listing(spark: SparkSession, source: Source, paths: list[str]) -> DataFrame:
    return spark.read.options(**source.file_filters).text(paths)


def _footers(file: str, footer: pq.ParquetFile, source: Source) -> _Footers:
    types: dict[str, T.DataType] = {}
    nanos: dict[str, bool] = {}
    leaves = [footer.schema.column(place) for place in range(len(footer.schema.names))]
    for leaf in leaves:
        logical = str(leaf.logical_type)
        top = leaf.path.split(".")[0]
        is_nanos = "nanoseconds" in logical
        if is_nanos and leaf.path == top and logical.startswith("Timestamp"):
            nanos[top] = "isAdjustedToUTC=true" in logical
        elif is_nanos or logical.startswith("Float16"):
            cure = "a time to the microsecond" if is_nanos else "a double"
            raise SchemaError(
                f"{source.section}.path: column {leaf.path!r} of {file} is of the type "
                f"{logical.split('(')[0]}, which Spark does not read: write it as {cure}"
            )
    old_times = {leaf.path for leaf in leaves if leaf.physical_type == "INT96"}
    for field in footer.schema_arrow:
        type_ = spark_type(field.type, is_nanos=field.name in nanos)
        types[field.name] = T.TimestampType() if field.name in old_times else type_
    return _Footers([file], types, nanos)


def _is_beyond(file: str, name: str) -> bool:
    """Whether a column may have integers that doubles cannot represent, by footer statistics."""
    metadata = pq.read_metadata(file)
    place = next(j for j in range(metadata.num_columns) if metadata.schema.column(j).path == name)
    for group in range(metadata.num_row_groups):
        column = metadata.row_group(group).column(place)
        known = column.statistics
        if known is not None and known.has_min_max:
            if max(-known.min, known.max) > WHOLE_DOUBLES:
                return True
        elif column.num_values and (known is None or known.null_count != column.num_values):
            return True
    return False


def _has_untyped(group: _Footers) -> bool:
    return any(isinstance(type_, T.NullType) for type_ in group.types.values())


def _readable(group: _Footers) -> T.StructType:
    """The columns with a known type."""
    return T.StructType(
        [
            T.StructField(name, type_)
            for name, type_ in group.types.items()
            if not isinstance(type_, T.NullType)
        ]
    )


def _merged(groups: Sequence[_Footers], source: Source) -> dict[str, T.DataType]:
    """The widest type of every column of any file."""
    merged: dict[str, T.DataType] = {}
    where: dict[str, str] = {}
    for group in groups:
        for name, own in group.types.items():
            type_ = own
            if name in group.nanos:
                type_ = T.TimestampType() if group.nanos[name] else T.TimestampNTZType()
            before = merged.get(name, T.NullType())
            wide = wider(before, type_)
            if wide is None:
                raise SchemaError(
                    f"{source.section}.path: column {name!r} is of type {before.simpleString()} "
                    f"in {where[name]} and {type_.simpleString()} in {group.files[0]}: write it "
                    "as one type"
                )
            merged[name] = wide
            if not isinstance(type_, T.NullType):
                where.setdefault(name, group.files[0])
    for group in groups:
        for name, type_ in group.types.items():
            if isinstance(merged[name], T.DoubleType) and isinstance(type_, T.LongType):
                _check_exact(group.files, name, source)
    # A column without any value has no known type.
    return {n: T.StringType() if isinstance(t, T.NullType) else t for n, t in merged.items()}


def _check_exact(files: Sequence[str], name: str, source: Source) -> None:
    for file in files:
        if _is_beyond(file, name):
            raise SchemaError(
                f"{source.section}.path: column {name!r} is a double in some files, and {file} may "
                "hold whole numbers beyond 2**53, which a double cannot tell apart: write it as "
                "one type"
            )


def _part(
    reader: DataFrameReader,
    group: _Footers,
    merged: Mapping[str, T.DataType],
    folders: Sequence[str],
) -> DataFrame:
    """The rows of files with the same columns, cast to the columns and types of all files."""
    rows = reader.parquet(*map(escaped, group.files))
    columns = []
    for name, type_ in merged.items():
        own = group.types.get(name, T.NullType())
        column: Column = F.lit(None) if isinstance(own, T.NullType) else F.col(quoted(name))
        if name in group.nanos:
            whole = quoted(name)
            column = F.timestamp_micros(F.expr(f"({whole} - pmod({whole}, 1000)) div 1000"))
        columns.append(column.cast(type_).alias(name))
    return rows.select(*columns, *[quoted(name) for name in folders])
