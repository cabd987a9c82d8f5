"""``[features]``: the columns used for clustering, and those that are only profiled."""

from collections.abc import Sequence
from datetime import date
from typing import Annotated, Literal, Self, TypeVar

from pydantic import BeforeValidator, Field, model_validator

from segmentation.config.section import Name, Section, Whole, repeated

Transform = Literal["log1p", "signed", "none", "auto"]
Negative = Literal["reject", "clip", "signed"]
Missing = Literal["reject", "impute"]
Weight = Annotated[float, Field(ge=1e-6, le=1e6)]


class Feature(Section):
    """One numeric feature; its settings override those of the section."""

    name: Name
    transform: Transform | None = None
    negative: Negative | None = None
    missing: Missing | None = None
    weight: Weight = 1.0


class Categorical(Section):
    """One categorical feature; the ``top`` values have a dimension each, others share one."""

    name: Name
    top: Annotated[Whole, Field(ge=1, le=100)] = 10
    missing: Literal["reject", "impute", "category"] | None = None
    weight: Weight = 1.0


class Ordered(Section):
    """One ordinal feature: bands from the lowest to the highest."""

    name: Name
    order: Annotated[tuple[Name, ...], Field(min_length=2)]
    missing: Missing | None = None
    weight: Weight = 1.0

    @model_validator(mode="after")
    def _bands_differ(self) -> Self:
        if twice := repeated([band.strip() for band in self.order]):
            raise ValueError(f"features.ordered {self.name!r} names a band twice: {twice}")
        return self


class DateFeature(Section):
    """One date, as days before ``as_of``."""

    name: Name
    format: Name | None = None
    transform: Transform | None = None
    missing: Missing | None = None
    weight: Weight = 1.0


class BooleanFeature(Section):
    """One yes/no feature."""

    name: Name
    missing: Missing | None = None
    weight: Weight = 1.0


class Described(Section):
    """A profiling attribute: reported per segment, not used for clustering."""

    name: Name
    kind: Literal["auto", "numeric", "categorical"] = "auto"
    top: Annotated[Whole, Field(ge=1, le=100)] = 10


def _names(features: Sequence[Feature | Ordered | DateFeature | BooleanFeature]) -> list[str]:
    return [each.name for each in features]


def _named(value: object) -> object:
    return {"name": value} if isinstance(value, str) else value


Each = TypeVar("Each")
Several = tuple[Annotated[Each, BeforeValidator(_named)], ...]
Quantile = Annotated[float, Field(ge=0, le=1)]


MAX_COLUMNS = 1_000
"""So many features, and so many columns in ``describe``, are possible; tests prepare as many.

Spark plans and compiles an expression for each."""


class Features(Section):
    """``[features]``: the columns used for clustering and how they are prepared."""

    numeric: Several[Feature] = ()
    ordered: Several[Ordered] = ()
    dates: Several[DateFeature] = ()
    boolean: Several[BooleanFeature] = ()
    categorical: Several[Categorical] = ()
    describe: Several[Described] = ()
    transform: Transform = "log1p"
    scale: Literal["standard", "none"] = "standard"
    negative: Negative = "reject"
    missing: Missing = "reject"
    winsorise: tuple[Quantile, Quantile] | None = None
    as_of: date | None = None
    scoring_day: Literal["as_of", "today"] = "as_of"

    @model_validator(mode="after")
    def _is_in_order(self) -> Self:
        problems = []
        if not self.measured:
            problems.append(
                "features.numeric = []: needs at least one entry, or ordered, dates or boolean"
            )
        if twice := repeated(self.names):
            problems.append(f"features names a feature twice: {twice}")
        for key, found in (
            ("features", len(self.names)),
            ("features.describe", len(self.describe)),
        ):
            if found > MAX_COLUMNS:
                problems.append(
                    f"{key} names {found:,} columns, at most {MAX_COLUMNS:,} are possible: list "
                    "fewer, or reduce them to principal components before"
                )
        if twice := repeated([each.name for each in self.describe]):
            problems.append(f"features.describe names a column twice: {twice}")
        if self.winsorise is not None and self.winsorise[0] >= self.winsorise[1]:
            problems.append(
                f"features.winsorise is {list(self.winsorise)}, needs the lower quantile first"
            )
        if problems:
            raise ValueError("; ".join(problems))
        return self

    @property
    def measured(self) -> tuple[str, ...]:
        """The features that are one number per customer."""
        kinds = (self.numeric, self.ordered, self.dates, self.boolean)
        return tuple(name for kind in kinds for name in _names(kind))

    @property
    def valuable(self) -> tuple[str, ...]:
        """The candidates for customer value: every numeric feature or attribute."""
        described = [each.name for each in self.describe if each.kind != "categorical"]
        numbers = [*_names(self.numeric), *_names(self.dates), *_names(self.boolean), *described]
        return tuple(dict.fromkeys(numbers))

    @property
    def names(self) -> tuple[str, ...]:
        """Every column used for clustering."""
        return (*self.measured, *(each.name for each in self.categorical))
