"""``[input]``, ``[transactions]`` and ``[[join]]``: where the customers come from."""

from collections.abc import Mapping
from datetime import date
from pathlib import PurePosixPath
from typing import Annotated, Any, ClassVar, Literal, Self
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import BeforeValidator, Field, model_validator

from segmentation.config.section import Name, Section, Whole
from segmentation.redaction import redacted_tree

LOSSLESS_MODES = ("PERMISSIVE", "FAILFAST")
FILE_FILTERS = ("pathglobfilter", "recursivefilelookup", "modifiedbefore", "modifiedafter")
LOSSY_OPTIONS = ("ignorecorruptfiles", "ignoremissingfiles")

FORMATS = {
    ".parquet": "parquet", ".pq": "parquet", ".orc": "orc",
    ".json": "json", ".jsonl": "json", ".ndjson": "json",
    ".csv": "csv", ".tsv": "csv", ".txt": "csv",
}  # fmt: skip
COMPRESSED = (".gz", ".bz2", ".zst", ".lz4", ".deflate")


def _as_option(value: object) -> object:
    """Spark takes its reader options as strings; TOML's true and 1 are as good."""
    if isinstance(value, bool):
        return str(value).lower()
    return str(value) if isinstance(value, int | float) else value


def _format_of(path: object) -> str | None:
    """The format by a file's extension, compressed or not; None if the extension is unknown."""
    return FORMATS.get(_stem(path).suffix) if isinstance(path, str) else None


def _stem(path: str) -> PurePosixPath:
    """A path in lower case, without the extension of a compression."""
    name = PurePosixPath(path.lower())
    return name.with_suffix("") if name.suffix in COMPRESSED else name


DERIVED_NAMES = {
    "recency_days": "last purchase",
    "tenure_days": "tenure",
    "monetary": "spend",
}
"""How people call features that are derived from transactions, in the names of segments."""


class Source(Section):
    """A table that Spark reads; ``section`` is what messages call it."""

    section: ClassVar[str]

    path: Name | Annotated[tuple[Name, ...], Field(min_length=1)]
    format: Literal["csv", "parquet", "json", "orc", "table"] = "csv"
    options: dict[str, Annotated[str, BeforeValidator(_as_option)]] = Field(default={})
    decimal: Literal[".", ","] | None = None

    @model_validator(mode="before")
    @classmethod
    def _format_follows_from_names(cls, tree: Any) -> Any:
        """Where no format is given, and all paths end alike, the ending says it."""
        if not isinstance(tree, Mapping) or "format" in tree:
            return tree
        path = tree.get("path")
        formats = {
            _format_of(each) for each in (path if isinstance(path, list | tuple) else [path])
        }
        return {**tree, "format": formats.pop()} if len(formats) == 1 and all(formats) else tree

    @model_validator(mode="after")
    def _no_row_disappears(self) -> Self:
        for option, value in self.options.items():
            if option.lower() in LOSSY_OPTIONS and value.lower() != "false":
                raise ValueError(
                    f"{self.section}.options.{option} is {value!r}, needs to be false: no file "
                    "may be skipped silently"
                )
        for option, mode in self.options.items():
            if option.lower() == "mode" and mode.upper() not in LOSSLESS_MODES:
                raise ValueError(
                    f"{self.section}.options.{option} is {mode!r}, needs to be "
                    f"{' or '.join(LOSSLESS_MODES)}: no row may be dropped silently"
                )
        return self

    @property
    def paths(self) -> tuple[str, ...]:
        """``path`` as a tuple, also for a single path."""
        return (self.path,) if isinstance(self.path, str) else self.path

    @property
    def reader_options(self) -> dict[str, str]:
        """Spark's reader options: the configured ones, and that no file is skipped silently."""
        given = {name.lower() for name in self.options}
        options = dict.fromkeys(("ignoreCorruptFiles", "ignoreMissingFiles"), "false")
        has_tabs = all(_stem(path).suffix == ".tsv" for path in self.paths)
        if self.format == "csv" and has_tabs and not given & {"sep", "delimiter"}:
            options["sep"] = "\t"
        return {**options, **self.options}

    @property
    def file_filters(self) -> dict[str, str]:
        """The options that select files."""
        return {name: v for name, v in self.options.items() if name.lower() in FILE_FILTERS}

    @property
    def shown(self) -> str:
        """The source in messages: paths and options, credentials hidden."""
        options = redacted_tree(dict(self.options))
        suffix = f", {self.section}.options = {options}" if options else ""
        return f"{self.section}.path = {', '.join(map(repr, self.paths))}{suffix}"


class Input(Source):
    """``[input]``: where the rows come from and which of them are usable."""

    section = "input"

    customer_id: Name | None = None
    kind: Literal["customers", "transactions"] = "customers"
    duplicates: Literal["keep", "reject"] = "keep"
    min_usable: Annotated[float, Field(ge=0, le=1)] = 0.5
    generate: Annotated[Whole, Field(ge=1)] | None = None


class Returns(Section):
    """``transactions.returns``: lines with this prefix are returns, like negative ones."""

    column: Name
    prefix: Name


class Transactions(Section):
    """``[transactions]``: the columns of the lines, and which lines are used."""

    customer: Name
    timestamp: Name
    timestamp_format: Name | None = None
    timezone: Name = "UTC"
    amount: Name | None = None
    quantity: Name | None = None
    unit_price: Name | None = None
    order: Name | None = None
    product: Name | None = None
    product_pattern: Name | None = None
    category: Name | None = None
    attributes: tuple[Name, ...] = ()
    returns: Literal["negative"] | Returns = "negative"
    duplicates: Literal["keep", "drop"] = "keep"
    as_of: date | None = None
    window_days: Annotated[Whole, Field(ge=1)] | None = None
    net_spend: Literal["positive", "any"] = "positive"

    @model_validator(mode="after")
    def _amount_is_known(self) -> Self:
        problems = []
        if self.amount is None and None in (self.quantity, self.unit_price):
            problems.append("transactions needs amount, or quantity and unit_price")
        if self.amount is not None and self.unit_price is not None:
            problems.append(
                "transactions has amount and unit_price: remove one, as quantity times "
                "unit_price is the amount"
            )
        if self.product_pattern is not None and self.product is None:
            problems.append("transactions.product_pattern needs transactions.product")
        try:
            ZoneInfo(self.timezone)
        except (ZoneInfoNotFoundError, ValueError, OSError):
            problems.append(
                f"transactions.timezone is {self.timezone!r}, needs to be a name like "
                "'UTC' or 'Europe/London'"
            )
        if problems:
            raise ValueError("; ".join(problems))
        return self

    @property
    def columns(self) -> Mapping[str, str]:
        """The configured columns of the lines, by key."""
        keys = ("customer", "timestamp", "amount", "quantity", "unit_price", "order", "product")
        named = {key: getattr(self, key) for key in (*keys, "category")}
        if isinstance(self.returns, Returns):
            named["returns.column"] = self.returns.column
        named |= {f"attributes.{i}": name for i, name in enumerate(self.attributes)}
        return {f"transactions.{key}": name for key, name in named.items() if name is not None}

    @property
    def features(self) -> tuple[str, ...]:
        """The features derived from these columns; see ``features.purchases``."""
        return (
            "recency_days",
            "frequency",
            "monetary",
            "average_order_value",
            "tenure_days",
            "days_between_orders",
            "return_rate",
            *(["units"] if self.quantity is not None else []),
            *(["distinct_products"] if self.product is not None else []),
            *(["category_spread"] if self.category is not None else []),
        )


class Join(Source):
    """``[[join]]``: a table with one row per customer, whose columns are added.

    ``on`` is the customer column that is matched with ``key``; the default of both is the id.
    """

    section = "join"

    key: Name = ""
    on: Name | None = None
    columns: Annotated[tuple[Name, ...], Field(min_length=1)] | None = None

    def looked_up_by(self, customer_id: str | None) -> tuple[Self, str]:
        """The join with its key, and the customer column to match; both default to the id."""
        on = self.on or customer_id or self.key
        return self.model_copy(update={"key": self.key or on}), on
