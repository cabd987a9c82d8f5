"""Views of the newest run in Spark's catalog, for SQL clients."""

from collections.abc import Iterator
from contextlib import contextmanager
from urllib.parse import quote

from py4j.protocol import Py4JJavaError
from pyspark.errors import PySparkException
from pyspark.sql import SparkSession
from pyspark.sql.utils import is_remote

from segmentation.errors import ConfigError, StorageError, listed
from segmentation.redaction import redacted
from segmentation.runtime.spark_errors import CAUSE, in_short
from segmentation.schemas import PUBLISHED, quoted
from segmentation.storage.filesystem import Folder

OWNER = "segmentation.output"
"""The property of a view that names the output whose runs it shows."""


def check_catalog(spark: SparkSession, *, output: Folder, database: str) -> None:
    """Check that the catalog is persistent and reachable, and has no foreign views.

    Raises
    ------
    ConfigError
        If Spark's catalog is in memory only.
    StorageError
        If the catalog cannot be opened, or has other tables under the views' names.
    """
    kind = spark.conf.get("spark.sql.catalogImplementation")
    if kind != "hive":
        raise ConfigError(
            f"output.catalog needs a catalog that outlives the job, Spark's is {kind}: set "
            "spark.sql.catalogImplementation = hive in Spark's properties"
        )
    with _one_line_failures(database), _quiet(spark):
        conflicts = _conflicts(spark, output=output, database=database)
    if conflicts:
        raise StorageError(
            f"output.catalog = {database!r} has {listed(conflicts)} already, which show no runs "
            f"of {output.uri}: drop them, or choose another output.catalog"
        )


def point_views_at(run: Folder, *, output: Folder, spark: SparkSession, database: str) -> None:
    """Create or replace a view for each table of a run, and the database if necessary.

    Every view shows one complete run; during the update one may be a run ahead of another.
    Views of tables that this run lacks are dropped.

    Raises
    ------
    StorageError
        As :func:`check_catalog`.
    """
    check_catalog(spark, output=output, database=database)
    with _one_line_failures(database):
        spark.sql(f"CREATE DATABASE IF NOT EXISTS {quoted(database)}")
        for name in [table.name for table in PUBLISHED]:
            view = f"{quoted(database)}.{quoted(name)}"
            if run.child(name).is_table():
                # S608: names and paths are quoted for Spark.
                source = f"parquet.{quoted(run.child(name).uri)}"
                spark.sql(
                    f"CREATE OR REPLACE VIEW {view} "  # noqa: S608
                    f"TBLPROPERTIES ('{OWNER}' = '{_address(output)}') AS SELECT * FROM {source}"
                )
            else:
                spark.sql(f"DROP VIEW IF EXISTS {view}")


def _conflicts(spark: SparkSession, *, output: Folder, database: str) -> list[str]:
    """The names of our views that are taken: by a table, or by a view of other runs."""
    found = []
    for table in PUBLISHED:
        view = f"{quoted(database)}.{quoted(table.name)}"
        if spark.catalog.tableExists(view) and not _is_ours(spark, view, output=output):
            found.append(f"{database}.{table.name}")
    return found


def _is_ours(spark: SparkSession, view: str, *, output: Folder) -> bool:
    """Whether a view shows runs of this output, by its property or, in older releases, its text."""
    described = {
        row["col_name"]: row["data_type"]
        for row in spark.sql(f"DESCRIBE TABLE EXTENDED {view}").collect()
    }
    if described.get("Type") != "VIEW":
        return False
    properties = {
        row["key"]: row["value"] for row in spark.sql(f"SHOW TBLPROPERTIES {view}").collect()
    }
    if OWNER in properties:
        return bool(properties[OWNER] == _address(output))
    text = str(described.get("View Text", ""))
    runs = quoted(output.child("run=").uri).rstrip("`")
    return text.startswith(f"SELECT * FROM parquet.{runs}")  # noqa: S608 - compared, not run


def _address(output: Folder) -> str:
    """The output's URI without credentials, in characters that need no quoting."""
    return quote(redacted(output.uri), safe=":/=.,_~@*-")


@contextmanager
def _one_line_failures(database: str) -> Iterator[None]:
    """Errors of Hive as one line."""
    try:
        yield
    except (PySparkException, Py4JJavaError) as error:
        text = str(error)
        causes = CAUSE.findall(text)
        said = in_short(causes[-1] if causes else text)
        if "MetaStoreClient" in text:
            said += (
                ": where it is an embedded Derby one process may have it open, and a Thrift server "
                "is one; the README, section Query it, shows how to have both"
            )
        raise StorageError(
            f"output.catalog = {database!r}: Spark's Hive catalog fails: {said}"
        ) from None


@contextmanager
def _quiet(spark: SparkSession) -> Iterator[None]:
    """Keep the JVM from logging: a Hive client that cannot start does so in 18,000 lines."""
    if is_remote():
        yield
        return
    jvm = spark.sparkContext._jvm
    if jvm is None:
        raise RuntimeError("a session on this machine has a gateway to its JVM")
    # Not by Spark's setLogLevel, which cannot restore the previous level.
    log4j = jvm.org.apache.logging.log4j
    level = log4j.LogManager.getRootLogger().getLevel()
    log4j.core.config.Configurator.setRootLevel(log4j.Level.OFF)
    try:
        yield
    finally:
        log4j.core.config.Configurator.setRootLevel(level)
