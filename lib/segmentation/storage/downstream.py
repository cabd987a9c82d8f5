"""Downstream copies of the current run: views in a catalog, small tables in a database."""

from collections.abc import Callable

import pyarrow as pa
from pyspark.sql import SparkSession

from segmentation.config import Output
from segmentation.errors import ConfigError, SegmentationError, StorageError, one_line
from segmentation.redaction import HIDDEN
from segmentation.results import Run
from segmentation.storage import catalog, database
from segmentation.storage.filesystem import Folder
from segmentation.storage.run_reader import PublishedRun

NAMES = ("catalog", "database")


def check(settings: Output, *, output: Folder, session: Callable[[], SparkSession]) -> None:
    """Check that catalog and database can be updated, before any work is done.

    Raises
    ------
    ConfigError, StorageError
        If it cannot.
    """
    if settings.catalog is not None:
        catalog.check_catalog(session(), output=output, database=settings.catalog)
    if settings.database is not None:
        database.check_database(settings.database)


def configured(settings: Output) -> dict[str, str]:
    """The catalog and database that a configuration names, by key."""
    named = {f"output.{name}": getattr(settings, name) for name in NAMES}
    return {key: value for key, value in named.items() if value is not None}


def settings_of(run: Run, settings: Output) -> Output:
    """These settings with the catalog and database that a run was published with.

    Raises
    ------
    ConfigError
        If an address is redacted in the run's manifest because it has a password.
    """
    output = run.config.get("output", {})
    named = {name: output.get(name) for name in NAMES}
    hidden = [f"output.{name}" for name, value in named.items() if HIDDEN in (value or "")]
    if hidden:
        raise ConfigError(
            f"the manifest does not hold the password of {', '.join(hidden)}: pass the "
            "configuration file instead of the folder"
        )
    return settings.model_copy(update=named)


def not_updated(run: Run, settings: Output) -> list[str]:
    """The keys that a run was published with and these settings do not set."""
    output = run.config.get("output", {})
    return [
        f"output.{name}"
        for name in NAMES
        if output.get(name) is not None and getattr(settings, name) is None
    ]


def show(
    run: str, output: Folder, settings: Output, *, session: Callable[[], SparkSession]
) -> None:
    """Update the catalog and the database to the current run; a failure of one stops no other.

    Raises
    ------
    StorageError
        If one could not be updated; the run stays current.
    """
    folder = output.child(f"run={run}")
    steps: dict[str, Callable[[], None]] = {}
    if settings.catalog is not None:
        name = settings.catalog
        steps["output.catalog"] = lambda: catalog.point_views_at(
            folder, output=output, spark=session(), database=name
        )
    if settings.database is not None:
        address = settings.database
        steps["output.database"] = lambda: database.load(
            PublishedRun.open(output, run), output=output.uri, database=address
        )
    behind = {}
    for key, update in steps.items():
        try:
            update()
        except (SegmentationError, OSError, pa.ArrowException) as error:
            behind[key] = one_line(str(error))
    if behind:
        raise StorageError(
            f"the run {folder.uri} is published, but {' and '.join(behind)} "
            f"{'is' if len(behind) == 1 else 'are'} out of date ({'; '.join(behind.values())}): "
            "segment mirror CONFIG, with the configuration file, updates them"
        )
