"""The input's columns: whether they are there, of usable types, and named so that both can live."""

from collections.abc import Sequence

from pyspark.sql import DataFrame
from pyspark.sql import types as T

from segmentation.config import Config
from segmentation.errors import SchemaError, listed, nearest
from segmentation.schemas import MALFORMED, SEGMENT, published_name


def check_columns(customers: DataFrame, config: Config) -> None:
    """Whether the input has the columns that the configuration names, of usable types.

    Raises
    ------
    SchemaError
        Names every missing column with the nearest known one, every feature of a type that
        is neither a number nor text, and every name that clashes with one of the job's.
    """
    types = {field.name: field.dataType for field in customers.schema.fields}
    known = [name for name in types if name != MALFORMED]
    problems = _missing(known, config, has_malformed=MALFORMED in types) + _clashes(known)
    for name in config.features.names:
        if not isinstance(types.get(name, T.StringType()), T.NumericType | T.StringType):
            problems.append(
                f"column {name!r} is of type {types[name].simpleString()}, needs to be a number "
                "or text that holds one: take it out of features.numeric or cast it"
            )
    customer_id = config.input.customer_id
    if customer_id in types and not isinstance(types[customer_id], T.AtomicType):
        problems.append(
            f"column {customer_id!r} is of type {types[customer_id].simpleString()}, needs to be "
            "a single value: change input.customer_id"
        )
    if SEGMENT in config.features.names:
        problems.append(
            f"features.numeric names {SEGMENT!r}, the column that the model adds: rename it"
        )
    if problems:
        raise SchemaError("; ".join(problems))


def _missing(known: Sequence[str], config: Config, *, has_malformed: bool) -> list[str]:
    """Columns that the configuration names and the input lacks, and what that may come from."""
    wanted = [(name, "features.numeric") for name in config.features.names]
    if config.input.customer_id is not None:
        wanted.append((config.input.customer_id, "input.customer_id"))
    missing = [(name, key) for name, key in wanted if name not in known]
    if not missing:
        return []
    problems = [
        f"the input has no column {name!r}, which {key} names{nearest(name, known)}"
        for name, key in missing
    ]
    hint = ""
    if config.input.format == "csv" and len(known) == 1:
        hint = " in all: see input.options.sep"
    elif config.input.format == "json" and has_malformed:
        hint = " and lines that are no JSON object: see input.options.multiLine"
    return [*problems, f"input.path has {listed(known)}{hint}"]


def _clashes(known: Sequence[str]) -> list[str]:
    """Columns whose names the job takes for its own, and those that would be published as one."""
    published: dict[str, str] = {}
    problems = []
    for name in known:
        if name.startswith("__") and not name.endswith("__"):
            problems.append(
                f"column {name!r} begins with '__' as the job's own do: rename it in input.path"
            )
        other = published.setdefault(published_name(name), name)
        if other != name:
            problems.append(
                f"columns {other!r} and {name!r} would both be published as "
                f"{published_name(name)!r}: rename one in input.path"
            )
    return problems
