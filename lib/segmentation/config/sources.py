"""``[input]``, ``[transactions]`` and ``[[join]]``: where the customers come from."""

from collections.abc import Mapping
from datetime import date
from typing import Annotated, ClassVar, Literal, Self
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import BeforeValidator, Field, model_validator

from segmentation.config.section import Name, Section, Whole

KEEPING_MODES = ("PERMISSIVE", "FAILFAST")


def _as_option(value: object) -> object:
    """Spark takes its reader options as strings; TOML's true and 1 are as good."""
    if isinstance(value, bool):
        return str(value).lower()
    return str(value) if isinstance(value, int | float) else value


class Source(Section):
    """A table that Spark reads; ``section`` is what messages call it."""

    section: ClassVar[str]

    path: Name | Annotated[tuple[Name, ...], Field(min_length=1)]
    format: Literal["csv", "parquet", "json", "orc", "table"] = "csv"
    options: dict[str, Annotated[str, BeforeValidator(_as_option)]] = Field(default={})

    @model_validator(mode="after")
    def _no_row_disappears(self) -> Self:
        for option, mode in self.options.items():
            if option.lower() == "mode" and mode.upper() not in KEEPING_MODES:
                raise ValueError(
                    f"{self.section}.options.{option} is {mode!r}, needs to be "
                    f"{' or '.join(KEEPING_MODES)}: no row is dropped unseen"
                )
        return self

    @property
    def paths(self) -> tuple[str, ...]:
        """``path`` as a tuple, whether one or several were given."""
        return (self.path,) if isinstance(self.path, str) else self.path


class Input(Source):
    """``[input]``: where the rows come from and which of them will do."""

    section = "input"

    customer_id: Name | None = None
    kind: Literal["customers", "transactions"] = "customers"
    duplicates: Literal["keep", "reject"] = "keep"
    min_usable: Annotated[float, Field(ge=0, le=1)] = 0.5
    generate: Annotated[Whole, Field(ge=1)] | None = None


class Returns(Section):
    """``transactions.returns``: lines whose column begins so are returns, as negative ones are."""

    column: Name
    prefix: Name


class Transactions(Section):
    """``[transactions]``: what the columns of the lines are, and which lines count."""

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
                "transactions has amount and unit_price: take one out, as quantity times "
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
        """The columns of the lines that are named, by key."""
        keys = ("customer", "timestamp", "amount", "quantity", "unit_price", "order", "product")
        named = {key: getattr(self, key) for key in (*keys, "category")}
        if isinstance(self.returns, Returns):
            named["returns.column"] = self.returns.column
        named |= {f"attributes.{i}": name for i, name in enumerate(self.attributes)}
        return {f"transactions.{key}": name for key, name in named.items() if name is not None}

    @property
    def features(self) -> tuple[str, ...]:
        """The features that these columns give a customer; see ``features.transactions``."""
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
    """``[[join]]``: a table with one row a customer, whose columns are added.

    ``on`` is the customers' column that ``key`` is looked up by: their id where not given.
    """

    section = "join"

    key: Name
    on: Name | None = None
    columns: Annotated[tuple[Name, ...], Field(min_length=1)] | None = None
