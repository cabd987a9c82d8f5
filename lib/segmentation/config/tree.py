"""The whole configuration: one tree of frozen models. Defaults are written in it, once."""

from collections.abc import Mapping
from typing import Annotated, Any, Literal, Self

from pydantic import Field, model_validator

from segmentation.config.features import Features
from segmentation.config.section import Name, Section, Whole
from segmentation.config.sources import Input, Join, Transactions
from segmentation.errors import nearest
from segmentation.redaction import redacted_tree

ELBOW_POINTS = 3
LARGEST_K = 200
RECENCY_FREQUENCY_MONETARY = ("recency_days", "frequency", "monetary")

Index = Literal[
    "elbow", "log_drop", "silhouette", "calinski_harabasz", "davies_bouldin", "gap", "stability"
]


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
    """``[output]``: the folder that holds every run, and how many of them."""

    path: Name
    keep_runs: Annotated[Whole, Field(ge=1)] | None = None
    target_file_mb: Annotated[Whole, Field(ge=1)] = 128
    catalog: Name | None = None
    delta: Annotated[bool, Field(strict=True)] = False
    database: Name | None = None


class ReportSection(Section):
    """``[report]``: what the page leaves out so that nobody is recognised, and what it draws."""

    min_group: Annotated[Whole, Field(ge=1)] = 10
    points: Literal["groups", "customers"] = "groups"


class Config(Section):
    """Everything a run is told. How Spark runs it stands in Spark's own properties."""

    input: Input
    transactions: Transactions | None = None
    join: tuple[Join, ...] = ()
    features: Features
    sweep: Sweep = Sweep()
    choose: Choose = Choose()
    segments: Segments = Segments()
    report: ReportSection = ReportSection()
    output: Output

    @model_validator(mode="before")
    @classmethod
    def _transactions_say_who(cls, tree: Any) -> Any:
        """Lines name the customer in their own section, and have features without naming any."""
        match tree:
            case {"input": {"kind": "transactions"}, "transactions": {"customer": str(customer)}}:
                features = tree.get("features", {})
                if isinstance(features, Mapping):
                    features = {"numeric": RECENCY_FREQUENCY_MONETARY, **features}
                input = {"customer_id": customer, **tree["input"]}
                return {**tree, "input": input, "features": features}
        return tree

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
        if value is not None and value not in self.features.measured:
            problems.append(
                f"segments.value is {value!r}, needs to be one of features.numeric"
                f"{nearest(value, self.features.measured)}"
            )
        described = [each.name for each in self.features.describe]
        if self.input.customer_id in [*self.features.names, *described]:
            problems.append(
                f"input.customer_id is {self.input.customer_id!r}, which features names too: "
                "an id is no feature"
            )
        problems += self._of_transactions() + self._of_time() + self._of_joins()
        if problems:
            raise ValueError("; ".join(problems))
        return self

    @property
    def told(self) -> dict[str, Any]:
        """The configuration as the manifest tells it: JSON types, and credentials hidden."""
        told: dict[str, Any] = redacted_tree(self.model_dump(mode="json"))
        return told

    @property
    def value_feature(self) -> str:
        """The feature whose mean orders the segments, highest first; else the last numeric."""
        numeric = [feature.name for feature in self.features.numeric]
        return self.segments.value or (numeric or self.features.measured)[-1]

    @property
    def timezone(self) -> str:
        """The zone whose calendar tells days: the shop's where there are transactions."""
        return "UTC" if self.transactions is None else self.transactions.timezone

    def _of_transactions(self) -> list[str]:
        lines, kind = self.transactions, self.input.kind
        if lines is None:
            return ["input.kind = 'transactions' needs [transactions]"] * (kind == "transactions")
        if kind == "customers":
            return ["[transactions] needs input.kind = 'transactions'"]
        if self.input.customer_id != lines.customer:
            return ["input.customer_id is transactions.customer where the input are transactions"]
        return []

    def _of_time(self) -> list[str]:
        if self.transactions is not None and self.features.as_of is not None:
            return ["features.as_of is for customers: set transactions.as_of"]
        if self.features.dates and self.transactions is None and self.features.as_of is None:
            return ["features.dates needs features.as_of, the day from which days are counted back"]
        return []

    def _of_joins(self) -> list[str]:
        if self.input.customer_id is None and any(each.on is None for each in self.join):
            return [
                "join needs input.customer_id, or join.on with the customers' column to look up"
            ]
        return []
