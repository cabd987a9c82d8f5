"""A Delta log beside the Parquet files of a run, through the optional package ``deltalake``."""

from importlib.util import find_spec

from segmentation.errors import ConfigError
from segmentation.schemas import SEGMENT
from segmentation.storage.filesystem import Folder


def check_delta() -> None:
    """Check that the package is installed.

    Raises
    ------
    ConfigError
        Says how to install it.
    """
    if find_spec("deltalake") is None:
        raise ConfigError(
            "output.delta needs the package deltalake: pip install '.[delta]', or "
            "pip install 'deltalake>=1.0'"
        )


def log_tables(run: Folder) -> None:
    """Write a Delta log into every table of a run that has rows; its files are not changed.

    The log is written with the run and published with it, so a table has one version: the next
    run is another table.
    """
    from deltalake import Field, Schema, convert_to_deltalake
    from deltalake.schema import PrimitiveType

    for name in run.names():
        table = run.child(name)
        if not table.is_table():
            continue
        if any(inner.startswith(f"{SEGMENT}=") for inner in table.names()):
            segment = Schema([Field(SEGMENT, PrimitiveType("integer"))])
            convert_to_deltalake(table.uri, partition_by=segment, partition_strategy="hive")
        else:
            convert_to_deltalake(table.uri)
