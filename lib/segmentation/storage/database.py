"""The small tables of a run in a database, through the optional package SQLAlchemy."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

from segmentation.errors import ConfigError, StorageError, one_line
from segmentation.redaction import redacted
from segmentation.schemas import COST_CURVE, SEGMENT_PROFILE, SEGMENTS, Column
from segmentation.storage.run_reader import PublishedRun

if TYPE_CHECKING:
    import sqlalchemy as sql

PREFIX = "segmentation_"
CURRENT, OUTPUT, RUN = "current", "output", "run"
MAX_ADDRESS, MAX_RUN = 1_000, 100


def check_database(address: str) -> None:
    """Check that the database answers.

    Raises
    ------
    ConfigError
        If SQLAlchemy or the database's driver is not installed, or the URL is not valid.
    StorageError
        If no database answers there.
    """
    if find_spec("sqlalchemy") is None:
        raise ConfigError(
            "output.database needs the package SQLAlchemy and the database's driver: "
            "pip install '.[sql]', or pip install 'sqlalchemy>=2.0'"
        )
    with (
        _one_line_failures(address, "cannot be reached"),
        _engine(address) as engine,
        engine.connect(),
    ):
        pass


def load(published: PublishedRun, *, output: str, database: str) -> None:
    """Load a run's segments, profiles and cost curve and make it current, in one transaction.

    The tables are ``segmentation_segments`` and so on, created if missing, with the
    output's address and the run's id in the columns ``output`` and ``run``: outputs that share a
    database do not touch each other's rows. ``segmentation_current`` has one row per output with
    its current run. Existing rows of that run are replaced, so loading twice
    duplicates nothing. Missing columns are added to a table of an older release.

    Raises
    ------
    StorageError
        If the database refuses any of it, which then changes nothing.
    """
    import sqlalchemy as sql

    run = published.name
    key = {OUTPUT: redacted(output)[:MAX_ADDRESS], RUN: run}
    metadata = sql.MetaData()
    with (
        _one_line_failures(database, "cannot be loaded"),
        _engine(database) as engine,
        engine.begin() as connection,
    ):
        for table, records in (
            (SEGMENTS, published.segments()),
            (SEGMENT_PROFILE, published.profiles()),
            (COST_CURVE, published.cost_curve()),
        ):
            columns = [sql.Column(column.name, _type(column)) for column in table.columns]
            made = _made(connection, metadata, table.name, columns)
            connection.execute(made.delete().where(_is_of(made, key[OUTPUT]), made.c[RUN] == run))
            rows = [
                {**key, **{column.name: getattr(record, column.name) for column in table.columns}}
                for record in records
            ]
            connection.execute(made.insert(), rows)
        current = _made(connection, metadata, CURRENT, [])
        connection.execute(current.delete().where(_is_of(current, key[OUTPUT])))
        connection.execute(current.insert(), [key])


def _is_of(table: "sql.Table", output: str) -> "sql.ColumnElement[bool]":
    """Whether a row is of this output; rows of older releases, with one output, have none."""
    column = table.c[OUTPUT]
    return (column == output) | column.is_(None)


def _made(
    connection: "sql.Connection",
    metadata: "sql.MetaData",
    name: str,
    columns: "Sequence[sql.Column[Any]]",
) -> "sql.Table":
    """The table of that name, created, or given the columns that it lacks."""
    import sqlalchemy as sql
    from sqlalchemy.schema import CreateColumn

    table = sql.Table(
        f"{PREFIX}{name}",
        metadata,
        sql.Column(OUTPUT, sql.String(MAX_ADDRESS)),
        sql.Column(RUN, sql.String(MAX_RUN), nullable=False),
        *columns,
    )
    if not sql.inspect(connection).has_table(table.name):
        table.create(connection)
        return table
    dialect = connection.dialect
    address = dialect.identifier_preparer.format_table(table)
    # DuckDB's inspector lists no columns: it asks for collations, which DuckDB does not have.
    known = set(connection.execute(sql.text(f"SELECT * FROM {address} WHERE 1 = 0")).keys())  # noqa: S608
    for column in table.columns:
        if column.name not in known:
            added = CreateColumn(column).compile(dialect=dialect)
            connection.execute(sql.text(f"ALTER TABLE {address} ADD {added}"))
    return table


@contextmanager
def _one_line_failures(address: str, what: str) -> Iterator[None]:
    """Errors of the database or its driver as one line."""
    from sqlalchemy.exc import SQLAlchemyError

    try:
        yield
    except SQLAlchemyError as error:
        said = str(error.args[0]) if error.args else type(error).__name__
        raise StorageError(f"output.database = {address!r} {what}: {one_line(said)}") from None


@contextmanager
def _engine(address: str) -> Iterator["sql.Engine"]:
    import sqlalchemy as sql
    from sqlalchemy.exc import ArgumentError, NoSuchModuleError

    try:
        engine = sql.create_engine(address)
    except (ArgumentError, NoSuchModuleError, ModuleNotFoundError, ValueError) as error:
        raise ConfigError(
            f"output.database = {address!r}: {one_line(str(error))}; see SQLAlchemy's database "
            "URLs and the database's driver"
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
