"""Views in Spark's catalog over the newest run, for whatever reads SQL."""

from pyspark.sql import SparkSession

from segmentation.errors import ConfigError
from segmentation.schemas import quoted
from segmentation.storage.filesystem import Folder


def check_catalog(spark: SparkSession) -> None:
    """Whether a view outlives the session.

    Raises
    ------
    ConfigError
        If Spark's catalog is in memory only.
    """
    kind = spark.conf.get("spark.sql.catalogImplementation")
    if kind != "hive":
        raise ConfigError(
            f"output.catalog needs a catalog that outlives the job, Spark's is {kind}: set "
            "spark.sql.catalogImplementation = hive in Spark's properties"
        )


def point_views_at(run: Folder, *, spark: SparkSession, database: str) -> None:
    """Create or replace a view over each table of a run; the database is made if need be.

    Every view shows one whole run; while they are replaced one may be a run ahead of another.
    """
    spark.sql(f"CREATE DATABASE IF NOT EXISTS {quoted(database)}")
    for name in run.names():
        if run.child(name).is_table():
            # S608: names and paths are quoted as Spark wants them.
            source = f"parquet.{quoted(run.child(name).uri)}"
            spark.sql(
                f"CREATE OR REPLACE VIEW {quoted(database)}.{quoted(name)} "  # noqa: S608
                f"AS SELECT * FROM {source}"
            )
