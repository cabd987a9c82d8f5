"""Validation of the configuration's patterns, by Spark itself."""

from collections.abc import Mapping

from pyspark.errors import PySparkException
from pyspark.sql import SparkSession

from segmentation.errors import ConfigError
from segmentation.model.spark_dates import at_zone, letters
from segmentation.schemas import string

PATTERNS = "https://spark.apache.org/docs/latest/sql-ref-datetime-pattern.html"


def check_patterns(spark: SparkSession, patterns: Mapping[str, str]) -> None:
    """Check these date patterns, by configuration key, with Spark.

    Raises
    ------
    ConfigError
        Names every pattern that Spark does not know, or that does not determine a day.
    """
    problems = []
    for key, pattern in patterns.items():
        parts = letters(pattern)
        if "y" not in parts or ("d" in parts and not parts & set("ML")):
            problems.append(
                f"{key} is {pattern!r}, needs a year (y), and a month (M) beside a day (d): m is "
                f"the minute; see {PATTERNS}"
            )
        elif not _is_known(spark, f"try_to_timestamp('', {string(pattern)})"):
            problems.append(f"{key} is {pattern!r}, a pattern that Spark does not know: {PATTERNS}")
    if problems:
        raise ConfigError("; ".join(problems))


def check_expression(spark: SparkSession, key: str, expression: str) -> None:
    """Check a regular expression with Java, which will match it.

    Raises
    ------
    ConfigError
        If it is not valid.
    """
    if not _is_known(spark, f"'' RLIKE {string(expression)}"):
        raise ConfigError(f"{key} is {expression!r}, needs to be a valid Java regular expression")


def check_zone(spark: SparkSession, key: str, zone: str) -> None:
    """Check that Java knows a time zone too; Python accepts some other files of the machine.

    Raises
    ------
    ConfigError
        If it is not valid.
    """
    if not _is_known(spark, at_zone("TIMESTAMP'2026-01-01'", zone)):
        raise ConfigError(f"{key} is {zone!r}, needs to be a name like 'UTC' or 'Europe/London'")


def _is_known(spark: SparkSession, sql: str) -> bool:
    try:
        spark.sql(f"SELECT {sql}").collect()
    except PySparkException:
        return False
    return True
