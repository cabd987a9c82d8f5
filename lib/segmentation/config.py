"""The configuration: TOML in, one tree of frozen models out. Defaults are written here, once."""

import tomllib
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any, Literal, Self

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    StringConstraints,
    ValidationError,
    model_validator,
)
from pydantic_core import ErrorDetails

from segmentation.errors import ConfigError, nearest, one_line

ELBOW_POINTS = 3
LARGEST_K = 200
KEEPING_MODES = ("PERMISSIVE", "FAILFAST")

Name = Annotated[str, StringConstraints(min_length=1)]
Whole = Annotated[int, Field(strict=True)]
Transform = Literal["log1p", "signed", "none"]
Negative = Literal["reject", "clip", "signed"]
Index = Literal[
    "elbow", "log_drop", "silhouette", "calinski_harabasz", "davies_bouldin", "gap", "stability"
]


def _as_option(value: object) -> object:
    """Spark takes its reader options as strings; TOML's true and 1 are as good."""
    if isinstance(value, bool):
        return str(value).lower()
    return str(value) if isinstance(value, int | float) else value


class Section(BaseModel):
    """A table of the configuration: frozen, and closed to unknown keys."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)


class Input(Section):
    """``[input]``: where the customers come from and which rows of them will do."""

    path: Name | Annotated[tuple[Name, ...], Field(min_length=1)]
    format: Literal["csv", "parquet", "json", "orc", "table"] = "csv"
    options: dict[str, Annotated[str, BeforeValidator(_as_option)]] = {}
    customer_id: Name | None = None
    kind: Literal["customers"] = "customers"
    duplicates: Literal["keep", "reject"] = "keep"
    min_usable: Annotated[float, Field(ge=0, le=1)] = 0.5
    generate: Annotated[Whole, Field(ge=1)] | None = None

    @model_validator(mode="after")
    def _no_row_disappears(self) -> Self:
        for option, mode in self.options.items():
            if option.lower() == "mode" and mode.upper() not in KEEPING_MODES:
                raise ValueError(
                    f"input.options.{option} is {mode!r}, needs to be "
                    f"{' or '.join(KEEPING_MODES)}: no row is dropped unseen"
                )
        return self

    @property
    def paths(self) -> tuple[str, ...]:
        """``path`` as a tuple, whether one or several were given."""
        return (self.path,) if isinstance(self.path, str) else self.path


class Feature(Section):
    """One numeric feature; ``transform`` and ``negative`` override the section's."""

    name: Name
    transform: Transform | None = None
    negative: Negative | None = None


def _as_feature(value: object) -> object:
    return {"name": value} if isinstance(value, str) else value


class Features(Section):
    """``[features]``: the columns that shape the segments and how they are prepared."""

    numeric: Annotated[
        tuple[Annotated[Feature, BeforeValidator(_as_feature)], ...], Field(min_length=1)
    ]
    transform: Transform = "log1p"
    scale: Literal["standard", "none"] = "standard"
    negative: Negative = "reject"

    @model_validator(mode="after")
    def _names_differ(self) -> Self:
        repeated = sorted({name for name in self.names if self.names.count(name) > 1})
        if repeated:
            raise ValueError(f"features.numeric names a feature twice: {', '.join(repeated)}")
        return self

    @property
    def names(self) -> tuple[str, ...]:
        """The feature columns, in the order given."""
        return tuple(feature.name for feature in self.numeric)


class Sweep(Section):
    """``[sweep]``: the range of k and how it is searched."""

    k_min: Annotated[Whole, Field(ge=1, le=LARGEST_K)] = 1
    k_max: Annotated[Whole, Field(ge=1, le=LARGEST_K)] = 12
    seed: Annotated[Whole, Field(ge=-(2**63), lt=2**63)] = 42
    engine: Literal["coreset", "mllib"] = "coreset"
    coreset_size: Annotated[int, Field(ge=1_000, le=1_000_000)] = 20_000

    @model_validator(mode="after")
    def _range_is_not_empty(self) -> Self:
        if self.k_max < self.k_min:
            raise ValueError(
                f"sweep.k_max is {self.k_max}, needs at least sweep.k_min = {self.k_min}"
            )
        return self


class Choose(Section):
    """``[choose]``: which k is frozen, and how small a segment may be before it is an alarm."""

    k: Literal["auto", Index] | Annotated[Whole, Field(ge=1)] = "auto"
    min_share: Annotated[float, Field(ge=0, lt=1)] = 0.01


class Segments(Section):
    """``[segments]``: what orders the segments; the last numeric feature where not given."""

    value: Name | None = None


class Output(Section):
    """``[output]``: the folder that holds every run."""

    path: Name


class Config(Section):
    """Everything a run is told. How Spark runs it stands in Spark's own properties."""

    input: Input
    features: Features
    sweep: Sweep = Sweep()
    choose: Choose = Choose()
    segments: Segments = Segments()
    output: Output

    @model_validator(mode="after")
    def _sections_agree(self) -> Self:
        sweep, k = self.sweep, self.choose.k
        problems = []
        if k == "elbow" and sweep.k_max < sweep.k_min + ELBOW_POINTS - 1:
            problems.append(
                f"sweep.k_max is {sweep.k_max}, needs at least {sweep.k_min + ELBOW_POINTS - 1} "
                f"with choose.k = 'elbow': an elbow takes {ELBOW_POINTS} points"
            )
        if isinstance(k, int) and not sweep.k_min <= k <= sweep.k_max:
            problems.append(
                f"choose.k is {k}, needs to lie within sweep.k_min = {sweep.k_min} "
                f"and sweep.k_max = {sweep.k_max}"
            )
        value = self.segments.value
        if value is not None and value not in self.features.names:
            problems.append(
                f"segments.value is {value!r}, needs to be one of features.numeric"
                f"{nearest(value, self.features.names)}"
            )
        if self.input.customer_id in self.features.names:
            problems.append(
                f"input.customer_id is {self.input.customer_id!r}, which features.numeric "
                "names too: an id is no feature"
            )
        if problems:
            raise ValueError("; ".join(problems))
        return self

    @property
    def value_feature(self) -> str:
        """The feature whose mean orders the segments, highest first."""
        return self.segments.value or self.features.names[-1]


def load(path: str | Path, *, overrides: Sequence[str] = ()) -> Config:
    """The configuration in a TOML file, with ``section.key=VALUE`` overrides laid over it.

    Raises
    ------
    ConfigError
        Names every problem found, in one line: file, key, value, rule.
    """
    try:
        text = Path(path).read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or "is not UTF-8 text"
        raise ConfigError(f"{path}: the configuration cannot be read: {reason}") from None
    try:
        tree = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise ConfigError(
            f"{path}: the configuration is not TOML: {one_line(str(error))}"
        ) from None
    for override in overrides:
        _lay_over(tree, override)
    return parse(tree, source=str(path))


def parse(tree: Mapping[str, Any], *, source: str) -> Config:
    """The configuration in a parsed TOML tree; ``source`` is named in messages.

    Raises
    ------
    ConfigError
        Names every problem found, in one line.
    """
    try:
        return Config.model_validate(tree)
    except ValidationError as error:
        raise ConfigError(f"{source}: {'; '.join(_problems(error.errors()))}") from None


def _lay_over(tree: dict[str, Any], override: str) -> None:
    key, separator, text = override.partition("=")
    *sections, last = key.strip().split(".")
    if not separator or not sections or not all([*sections, last]):
        raise ConfigError(f"--set {override}: needs the form section.key=VALUE")
    table = tree
    for section in sections:
        table = table.setdefault(section, {})
        if not isinstance(table, dict):
            raise ConfigError(f"--set {override}: {section!r} is a value, not a section")
    table[last] = _toml_value(text)


def _toml_value(text: str) -> Any:
    """A TOML value; what is none, a bare word or a path say, is a string."""
    try:
        parsed = tomllib.loads(f"value = {text}")
    except tomllib.TOMLDecodeError:
        return text
    return parsed["value"] if parsed.keys() == {"value"} else text


def _problems(found: Sequence[ErrorDetails]) -> list[str]:
    """Every problem in words; what a value may be instead is gathered, each thing told once."""
    told: dict[str, list[str]] = {}
    for details in found:
        key = ".".join(str(part) for part in _without_union_tags(details["loc"]))
        in_words = _RULES.get(details["type"])
        rule = in_words.format(**details.get("ctx", {})) if in_words else details["msg"]
        if details["type"] == "extra_forbidden":
            known = _known_keys(details["loc"][:-1])
            hint = nearest(str(details["loc"][-1]), known) or _listing(known)
            told[f"unknown key {key}{hint}"] = []
        elif details["type"] == "missing":
            told[f"{key} is missing"] = []
        elif details["type"] == "value_error":
            told[one_line(rule).removeprefix("Value error, ")] = []
        elif details["type"] != "too_short" or not details["input"]:  # else it says what is told
            told.setdefault(f"{key} = {details['input']!r}: needs ", []).append(one_line(rule))
    return [problem + " or ".join(rules) for problem, rules in told.items()]


def _listing(known: Sequence[str]) -> str:
    return f" (known: {', '.join(known)})" if known else ""


def _known_keys(location: Sequence[int | str]) -> list[str]:
    """The keys of the section at a location, found by walking the models."""
    section: type[BaseModel] = Config
    for part in location:
        if isinstance(part, int):
            section = Feature
        elif (field := section.model_fields.get(part)) is not None and isinstance(
            field.annotation, type
        ):
            section = field.annotation if issubclass(field.annotation, BaseModel) else section
    return list(section.model_fields)


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
    "float_type": "a number",
    "float_parsing": "a number",
    "finite_number": "a finite number",
    "greater_than_equal": "at least {ge}",
    "less_than_equal": "at most {le}",
    "less_than": "less than {lt}",
    "tuple_type": "a list",
    "too_short": "at least one entry",
    "dict_type": "a table of keys and values",
    "model_type": "a table of keys and values",
    "literal_error": "{expected}",
}
