"""The small tables of a run in a database, by the optional package SQLAlchemy."""

from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

import pyarrow.parquet as pq

from segmentation.errors import ConfigError, StorageError, one_line
from segmentation.schemas import COST_CURVE, SEGMENT_PROFILE, SEGMENTS, Column, Table
from segmentation.storage.filesystem import Folder

if TYPE_CHECKING:
    import sqlalchemy as sql

SMALL = (SEGMENTS, SEGMENT_PROFILE, COST_CURVE)
PREFIX = "segmentation_"
CURRENT, RUN = "current", "run"


def check_database(address: str) -> None:
    """Whether the database answers.

    Raises
    ------
    ConfigError
        If SQLAlchemy or the database's driver is not installed, or the address is none.
    StorageError
        If nobody answers there.
    """
    if find_spec("sqlalchemy") is None:
        raise ConfigError(
            "output.database needs the package SQLAlchemy and the database's driver: "
            "pip install '.[sql]', or pip install 'sqlalchemy>=2.0'"
        )
    from sqlalchemy.exc import SQLAlchemyError

    try:
        with _engine(address) as engine, engine.connect():
            pass
    except SQLAlchemyError as error:
        raise StorageError(
            f"output.database = {address!r} is not to be reached: {one_line(str(error.args[0]))}"
        ) from None


def load(run_folder: Folder, *, run: str, database: str) -> None:
    """Load a run's segments, profiles and cost curve and make it current, in one transaction.

    The tables are ``segmentation_segments`` and so on, made if they are not there, with the
    run's name in the column ``run``; the one row of ``segmentation_current`` names the current
    run. Rows of that run that are there already are replaced, so loading again counts nothing
    twice.
    """
    import sqlalchemy as sql

    metadata = sql.MetaData()
    with _engine(database) as engine, engine.begin() as connection:
        for table in SMALL:
            made = sql.Table(
                f"{PREFIX}{table.name}",
                metadata,
                _name(),
                *(sql.Column(column.name, _type(column)) for column in table.columns),
            )
            made.create(connection, checkfirst=True)
            connection.execute(made.delete().where(made.c[RUN] == run))
            connection.execute(
                made.insert(), [{RUN: run, **row} for row in _rows(run_folder, table)]
            )
        current = sql.Table(f"{PREFIX}{CURRENT}", metadata, _name())
        current.create(connection, checkfirst=True)
        connection.execute(current.delete())
        connection.execute(current.insert(), [{RUN: run}])


def _name() -> "sql.Column[str]":
    import sqlalchemy as sql

    return sql.Column(RUN, sql.String(100), nullable=False)


def _rows(run: Folder, table: Table) -> list[dict[str, object]]:
    found = pq.read_table(f"{run.path}/{table.name}", filesystem=run.filesystem).to_pylist()
    return [dict(row) for row in found]


@contextmanager
def _engine(address: str) -> Iterator["sql.Engine"]:
    import sqlalchemy as sql
    from sqlalchemy.exc import ArgumentError, NoSuchModuleError

    try:
        engine = sql.create_engine(address)
    except (ArgumentError, NoSuchModuleError, ModuleNotFoundError, ValueError) as error:
        raise ConfigError(
            f"output.database = {address!r}: {one_line(str(error))}; see SQLAlchemy's addresses "
            "and the database's driver"
        ) from None
    try:
        yield engine
    finally:
        engine.dispose()


def _type(column: Column) -> "sql.types.TypeEngine[Any]":
    import sqlalchemy as sql

    kinds: dict[str, sql.types.TypeEngine[Any]] = {
        "int": sql.Integer(),
        "bigint": sql.BigInteger(),
        "double": sql.Double(),
        "boolean": sql.Boolean(),
        "string": sql.Text(),
    }
    return kinds[column.type]
