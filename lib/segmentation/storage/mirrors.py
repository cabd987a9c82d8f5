"""What else shows the current run: views in a catalog, small tables in a database."""

from collections.abc import Callable, Mapping
from typing import Any

from pyspark.sql import SparkSession

from segmentation.config import Output
from segmentation.storage import catalog, database
from segmentation.storage.filesystem import Folder


def check(settings: Output, *, session: Callable[[], SparkSession]) -> None:
    """Whether whatever is to show the run can be reached; asked before any work is done.

    Raises
    ------
    ConfigError, StorageError
        If it cannot.
    """
    if settings.catalog is not None:
        catalog.check_catalog(session())
    if settings.database is not None:
        database.check_database(settings.database)


def left_behind(manifest: Mapping[str, Any] | None, settings: Output) -> list[str]:
    """What showed a run when it was made, and is not known of here."""
    output = manifest["config"]["output"] if manifest else {}
    return [
        f"output.{name}"
        for name in ("catalog", "database")
        if output.get(name) is not None and getattr(settings, name) is None
    ]


def show(
    run: str, folder: Folder, settings: Output, *, session: Callable[[], SparkSession]
) -> None:
    """Show the run of this folder there; they follow the pointer, one after another."""
    if settings.catalog is not None:
        catalog.point_views_at(folder, spark=session(), database=settings.catalog)
    if settings.database is not None:
        database.load(folder, run=run, database=settings.database)
