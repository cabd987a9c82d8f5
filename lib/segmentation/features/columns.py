"""The input's columns: that they exist, have usable types, and no clashing names."""

from collections.abc import Sequence

from pyspark.sql import DataFrame
from pyspark.sql import types as T

from segmentation.config import Config
from segmentation.errors import SchemaError, listed, nearest
from segmentation.features.contract import types_of
from segmentation.schemas import MALFORMED, SEGMENT, published_name

SUBSTITUTED = ("${", "__THIS__")
"""Text that Spark substitutes in SQL, quoted or not: variables, and SQLTransformer's table."""

MAX_NAMED = 4
"""Up to this many missing columns are listed one by one, each with the nearest known name."""

SEPARATORS = (";", "\t", "|", ",", ":")

_TEXT = T.StringType()
_TIMES = (T.DateType, T.TimestampType, T.TimestampNTZType, T.StringType)


def check_columns(customers: DataFrame, config: Config, *, of_lines: Sequence[str] = ()) -> None:
    """Check that the input has the columns that the configuration names, with usable types.

    ``of_lines`` are the columns of the transaction lines from which customers are computed.

    Raises
    ------
    SchemaError
        Names every missing column with the nearest known one, every feature of a type that
        is neither a number nor text, and every name that clashes with one of the job's.
    """
    types = types_of(customers)
    known = [name for name in types if name != MALFORMED]
    missing = [(name, key) for name, key in _named(config) if name not in known]
    if missing and config.transactions is not None:
        problems = _missing_of_lines(missing, known, of_lines)
    else:
        problems = _missing(missing, known, config, has_malformed=MALFORMED in types)
    problems += _clashes(known)
    for feature in config.features.numeric:
        if not isinstance(types.get(feature.name, _TEXT), T.NumericType | T.StringType):
            problems.append(
                f"column {feature.name!r} is of type {types[feature.name].simpleString()}, needs "
                "to be a number or text that holds one: remove it from features.numeric or cast it"
            )
    for day in config.features.dates:
        if not isinstance(types.get(day.name, _TEXT), _TIMES):
            problems.append(
                f"column {day.name!r} is of type {types[day.name].simpleString()}, needs to be a "
                "date, a time or text that holds one: remove it from features.dates or cast it"
            )
    for name, key in _named(config):
        if not isinstance(types.get(name, _TEXT), T.AtomicType):
            problems.append(
                f"column {name!r} is of type {types[name].simpleString()}, needs to be "
                f"a single value: change {key}"
            )
        if name == SEGMENT:
            problems.append(f"{key} names {SEGMENT!r}, the column that the model adds: rename it")
        if any(mark in name for mark in SUBSTITUTED):
            problems.append(
                f"column {name!r} holds {listed([m for m in SUBSTITUTED if m in name])}, which "
                f"Spark replaces in SQL: rename it in input.path, or remove it from {key}"
            )
    if problems:
        raise SchemaError("; ".join(dict.fromkeys(problems)))


def check_lines(lines: DataFrame, config: Config) -> None:
    """Check that transaction lines have the columns that the configuration names.

    Raises
    ------
    SchemaError
        As :func:`check_columns`; also if a column clashes with a derived feature.
    """
    transactions = config.transactions
    if transactions is None:
        raise ValueError("there are no transactions")
    types = types_of(lines)
    known = [name for name in types if name != MALFORMED]
    problems = []
    named = [(name, key) for key, name in transactions.columns.items()]
    missing = [(name, key) for name, key in named if name not in known]
    problems += _missing(missing, known, config, has_malformed=MALFORMED in types)
    for name, key in named:
        if name in known and not isinstance(types[name], T.AtomicType):
            problems.append(
                f"column {name!r} is of type {types[name].simpleString()}, needs to be a single "
                f"value: change {key}"
            )
    made = {*transactions.features, "first_purchase", "last_purchase"}
    taken = [name for name in (transactions.customer, *transactions.attributes) if name in made]
    if taken:
        problems.append(
            f"the input's {listed(taken)} clashes with a feature that is derived from the "
            "transactions: rename it in input.path"
        )
    problems += _clashes(known)
    if problems:
        raise SchemaError("; ".join(problems))


def _missing(
    missing: Sequence[tuple[str, str]],
    known: Sequence[str],
    config: Config,
    *,
    has_malformed: bool,
) -> list[str]:
    """The message for columns that the input lacks, with a likely cause."""
    if not missing:
        return []
    if config.input.format == "csv" and len(known) == 1 and (sep := _separator(known[0])):
        return [f"input.path has one column, {listed(known)}: set input.options.sep = {sep!r}"]
    problems = [
        f"the input has no column {name!r}, which {key} names{nearest(name, known)}"
        for name, key in missing
    ]
    if len(missing) > MAX_NAMED:
        keys = dict.fromkeys(key for _, key in missing)
        problems = [
            f"the input has no columns {listed([name for name, _ in missing])}, which "
            f"{' and '.join(keys)} name"
        ]
    return [*problems, _columns_in_words(known, config, has_malformed=has_malformed)]


def _missing_of_lines(
    missing: Sequence[tuple[str, str]], known: Sequence[str], of_lines: Sequence[str]
) -> list[str]:
    """The message for columns that customers from transactions lack; the lines may have some."""
    problems = [
        f"{key} names {name!r}, a column of transactions, not of customers: list it in "
        "transactions.attributes"
        if name in of_lines
        else f"customers have no column {name!r}, which {key} names"
        f"{nearest(name, [*known, *of_lines])}"
        for name, key in missing
    ]
    return [*problems, f"customers built from transactions have {listed(known)}"]


def _separator(name: str) -> str:
    """The likely separator in the name of a file's only column; empty if there is none."""
    return max(SEPARATORS, key=name.count) if any(sep in name for sep in SEPARATORS) else ""


def _columns_in_words(known: Sequence[str], config: Config, *, has_malformed: bool) -> str:
    """The existing columns, with a likely cause if others are missing."""
    hint = ""
    if config.input.format == "csv" and len(known) == 1:
        hint = " in all: see input.options.sep"
    elif config.input.format == "json" and has_malformed:
        hint = " and lines that are not JSON objects: see input.options.multiLine"
    return f"input.path has {listed(known)}{hint}"


def _named(config: Config) -> list[tuple[str, str]]:
    """Every customer column that the configuration names, with its key."""
    features = config.features
    kinds = ("numeric", "ordered", "dates", "boolean", "categorical", "describe")
    named = [(each.name, f"features.{kind}") for kind in kinds for each in getattr(features, kind)]
    if config.input.customer_id is not None:
        named.append((config.input.customer_id, "input.customer_id"))
    return named


def _clashes(known: Sequence[str]) -> list[str]:
    """Messages for internal column names, and for columns that would be published as one."""
    published: dict[str, str] = {}
    problems = []
    for name in known:
        if name.startswith("__") and not name.endswith("__"):
            problems.append(
                f"column {name!r} begins with '__', like internal columns: rename it in input.path"
            )
        other = published.setdefault(published_name(name), name)
        if other != name:
            problems.append(
                f"columns {other!r} and {name!r} would both be published as "
                f"{published_name(name)!r}: rename one in input.path"
            )
    return problems
