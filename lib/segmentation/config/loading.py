"""TOML in, the configuration out; all problems are reported at once, in one line."""

import re
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, get_args

from pyarrow import ArrowException, fs
from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from segmentation.config.tree import Config
from segmentation.errors import ConfigError, nearest, one_line
from segmentation.redaction import redacted_tree, remember


def load(path: str | Path, *, overrides: Sequence[str] = (), as_of: str | None = None) -> Config:
    """The configuration in a TOML file, with ``section.key=VALUE`` overrides.

    ``as_of`` is the day from which days are counted back: of the lines where there are some.
    The path may be a URI that pyarrow can read, such as ``s3a://`` or ``hdfs://``.

    Raises
    ------
    ConfigError
        Names every problem found, in one line: file, key, value, rule.
    """
    text = _text(str(path))
    try:
        tree = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise ConfigError(
            f"{path}: the configuration is not TOML: {one_line(str(error))}"
        ) from None
    for override in overrides:
        _override(tree, override)
    if as_of is not None:
        _override(tree, f"{'transactions' if 'transactions' in tree else 'features'}.as_of={as_of}")
    return parse(tree, source=str(path))


def parse(tree: Mapping[str, Any], *, source: str) -> Config:
    """The configuration in a parsed TOML tree; ``source`` is named in messages.

    Raises
    ------
    ConfigError
        Names every problem found, in one line.
    """
    remember(tree)
    try:
        return Config.model_validate(tree)
    except ValidationError as error:
        raise ConfigError(f"{source}: {'; '.join(_problems(error.errors()))}") from None


def _text(path: str) -> str:
    """The text of a local file or of a URI."""
    try:
        if "://" in path:
            # pyarrow knows S3 by one scheme, Hadoop by three
            plain = re.sub(r"^s3[an]://", "s3://", path)
            filesystem, inner = fs.FileSystem.from_uri(plain)
            with filesystem.open_input_stream(inner) as stream:
                content = stream.read()
        else:
            content = Path(path).read_bytes()
        return str(content.decode("utf-8-sig"))
    except (OSError, ValueError, ArrowException) as error:
        reason = getattr(error, "strerror", None) or one_line(str(error))
        if isinstance(error, UnicodeDecodeError):
            reason = "is not UTF-8 text"
        raise ConfigError(f"{path}: the configuration cannot be read: {reason}") from None


def _override(tree: dict[str, Any], override: str) -> None:
    key, separator, text = override.partition("=")
    *sections, last = key.strip().split(".")
    value = _toml_value(text)
    names_all = all([*sections, last]) and (sections or isinstance(value, dict | list))
    if not separator or not names_all:
        raise ConfigError(f"--set {override}: needs the form section.key=VALUE")
    table = tree
    for section in sections:
        table = table.setdefault(section, {})
        if not isinstance(table, dict):
            raise ConfigError(f"--set {override}: {section!r} is a value, not a section")
    table[last] = value


def _toml_value(text: str) -> Any:
    """A TOML value; anything that is not TOML, such as a bare word or a path, is a string."""
    try:
        parsed = tomllib.loads(f"value = {text}")
    except tomllib.TOMLDecodeError:
        return text
    return parsed["value"] if parsed.keys() == {"value"} else text


def _problems(errors: Sequence[ErrorDetails]) -> list[str]:
    """Every problem in words, once; the alternatives for one value are joined."""
    problems: dict[str, list[str]] = {}
    for details in errors:
        key = ".".join(str(part) for part in _without_union_tags(details["loc"]))
        in_words = _RULES.get(details["type"])
        rule = in_words.format(**details.get("ctx", {})) if in_words else details["msg"]
        if details["type"] == "extra_forbidden":
            known = _known_keys(details["loc"][:-1])
            hint = nearest(str(details["loc"][-1]), known) or _listing(known)
            problems[f"unknown key {key}{hint}"] = []
        elif details["type"] == "missing":
            problems[f"{key} is missing"] = []
        elif details["type"] == "value_error":
            problems[one_line(rule).removeprefix("Value error, ")] = []
        elif (
            details["type"] != "too_short" or not details["input"]
        ):  # else the entries are reported
            (found,) = redacted_tree({key: details["input"]}).values()
            problems.setdefault(f"{key} = {found!r}: needs ", []).append(one_line(rule))
    return [problem + " or ".join(rules) for problem, rules in problems.items()]


def _listing(known: Sequence[str]) -> str:
    return f" (known: {', '.join(known)})" if known else ""


def _known_keys(location: Sequence[int | str]) -> list[str]:
    """The keys of the section at a location, found by walking the models."""
    section: type[BaseModel] = Config
    for part in location:
        if isinstance(part, str) and (field := section.model_fields.get(part)) is not None:
            section = next(_models(field.annotation), section)
    return list(section.model_fields)


def _models(annotation: Any) -> Iterator[type[BaseModel]]:
    """The sections within an annotation such as ``tuple[Feature, ...] | None``."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        yield annotation
    for inner in get_args(annotation):
        yield from _models(inner)


def _without_union_tags(location: Sequence[int | str]) -> Iterator[int | str]:
    """A location without the names that pydantic adds for the members of a union."""
    for part in location:
        if isinstance(part, int) or (part.isidentifier() and part not in _UNION_TAGS):
            yield part


_UNION_TAGS = {"str", "int", "constrained-str", "tuple", "literal"}
_RULES = {
    "string_type": "text",
    "string_too_short": "text that is not empty",
    "int_type": "a whole number",
    "date_type": "a day like 2026-01-31",
    "date_from_datetime_parsing": "a day like 2026-01-31",
    "date_from_datetime_inexact": "a day like 2026-01-31, without a time",
    "date_parsing": "a day like 2026-01-31",
    "float_type": "a number",
    "float_parsing": "a number",
    "finite_number": "a finite number",
    "greater_than": "more than {gt}",
    "greater_than_equal": "at least {ge}",
    "less_than_equal": "at most {le}",
    "less_than": "less than {lt}",
    "tuple_type": "a list",
    "too_short": "at least one entry",
    "dict_type": "a table of keys and values",
    "model_type": "a table of keys and values",
    "literal_error": "{expected}",
}
