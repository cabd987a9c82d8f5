"""The configuration and the Spark session of a run."""

import os
import re
from collections.abc import Callable, Mapping, Sequence

from pyspark.sql import SparkSession
from pyspark.sql.utils import is_remote

from segmentation.config import Config, Output, load
from segmentation.errors import ConfigError
from segmentation.runtime.session import build_session, is_running
from segmentation.storage.addresses import bytes_on_disk
from segmentation.storage.filesystem import Folder

SMALL_BYTES, DEMO_ROW_BYTES = 16_000_000, 20
"""Inputs up to this size are small: about half a million customers. And bytes per demo row."""

S3 = re.compile(r"s3[an]?://")
LOOPBACK = re.compile(r"(spark|sc)://(localhost|127\.[\d.]+|\[::1\])([:/;]|$)")
ONE_MACHINE = re.compile(r"local(\[|-cluster|$)")


def start(
    name: str,
    config: str,
    *,
    overrides: Sequence[str],
    conf: Mapping[str, str],
    as_of: str | None = None,
) -> tuple[Config, Callable[[], SparkSession]]:
    """The configuration and the function that gives the session, built when it is first asked for.

    A Spark on another machine, or with settings for S3, is started here at once.

    Raises
    ------
    ConfigError
        If the configuration cannot be used, or names an output that only this machine sees.
    """
    sessions: list[SparkSession] = []
    has_far_master = not ONE_MACHINE.match(conf.get("spark.master", "local"))

    def session(*, is_short_lived: bool = False) -> SparkSession:
        if not sessions:
            sessions.append(build_session(name, conf=conf, is_short_lived=is_short_lived))
        return sessions[0]

    def checked_session() -> SparkSession:
        spark = session(is_short_lived=_is_small(settings))
        check_output(settings.output, executors_of(spark))
        return spark

    if S3.match(config):
        session()
    settings = load(config, overrides=overrides, as_of=as_of)
    if S3.match(settings.output.path) or has_far_master or is_running():
        checked_session()
    return settings, checked_session


def properties(options: Sequence[str]) -> dict[str, str]:
    """Spark's properties of ``KEY=VALUE`` each.

    Raises
    ------
    ConfigError
        If one is not of that form.
    """
    found = {}
    for each in options:
        key, separator, value = each.partition("=")
        if not separator or not key.startswith("spark."):
            raise ConfigError(f"--conf {each}: needs the form spark.KEY=VALUE")
        found[key.strip()] = value.strip()
    return found


def executors_of(spark: SparkSession) -> str:
    """The address of the master or of the Connect server."""
    return (
        os.environ.get("SPARK_REMOTE", "sc://") if is_remote() else str(spark.sparkContext.master)
    )


def check_output(output: Output, executors: str) -> None:
    """Refuse an output that executors on other machines would write to their own disks.

    Raises
    ------
    ConfigError
        If the output is a local folder, the executors may run on other machines, and the
        configuration does not say that the folder is shared.
    """
    is_here = ONE_MACHINE.match(executors) or LOOPBACK.match(executors)
    if not is_here and not output.shared and Folder.at(output.path).is_local:
        raise ConfigError(
            f"output.path = {output.path!r} is local to each machine, but {executors} writes "
            "from several: name a URI that all can reach, such as s3a:// or hdfs://, or set "
            "output.shared = true if the folder is mounted on all"
        )


def _is_small(settings: Config) -> bool:
    """Whether all inputs are small local files, or a small demo that is generated."""
    read = 0
    for source in (settings.input, *settings.join):
        for path in source.paths:
            size = bytes_on_disk(path)
            if size is None and source is settings.input and source.generate is not None:
                size = source.generate * DEMO_ROW_BYTES
            if size is None:
                return False
            read += size
    return read <= SMALL_BYTES
