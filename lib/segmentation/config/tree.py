"""The whole configuration: one tree of frozen models, and the only place of defaults."""

import re
from collections.abc import Mapping
from typing import Annotated, Any, Literal, Self

from pydantic import Field, field_validator, model_validator

from segmentation.config.features import Features
from segmentation.config.overlap import is_within
from segmentation.config.refresh import Refresh
from segmentation.config.section import Name, Section, Whole
from segmentation.config.sources import Input, Join, Transactions
from segmentation.errors import nearest
from segmentation.redaction import redacted_tree

ELBOW_POINTS = 3
MAX_K = 200
DISTANCE_QUANTILES = (0.5, 0.9, 0.99, 0.999)
"""The shares of a segment's customers of whose distances a fitted model keeps the largest."""

KEY = re.compile("s[1-9][0-9]*")
RECENCY_FREQUENCY_MONETARY = ("recency_days", "frequency", "monetary")
ADDITIVE = frozenset({"monetary", "frequency", "units"})
"""Features of transactions that can be added up over customers."""

Index = Literal[
    "elbow", "log_drop", "silhouette", "calinski_harabasz", "davies_bouldin", "gap", "stability"
]


class Sweep(Section):
    """``[sweep]``: the range of k and how it is searched."""

    k_min: Annotated[Whole, Field(ge=1, le=MAX_K)] = 1
    k_max: Annotated[Whole, Field(ge=1, le=MAX_K)] = 12
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
    """``[choose]``: how k is chosen, and the segment size below which the run warns."""

    k: Literal["auto", Index] | Annotated[Whole, Field(ge=1)] = "auto"
    min_share: Annotated[float, Field(ge=0, lt=1)] = 0.01


class Segments(Section):
    """``[segments]``: the value of a customer, and names by key that replace the automatic ones.

    A customer is an outlier beyond the distance within which ``outlier_quantile`` of its segment's
    customers were when the model was fitted.
    """

    value: Name | None = None
    value_adds_up: Annotated[bool, Field(strict=True)] | None = None
    names: Mapping[str, Name] = {}
    outlier_quantile: float = 0.999

    @field_validator("names")
    @classmethod
    def _are_of_keys(cls, names: Mapping[str, str]) -> Mapping[str, str]:
        wrong = [key for key in names if not KEY.fullmatch(key)]
        if wrong:
            raise ValueError(f"segments.names has {wrong[0]!r}, needs keys like 's1' and 's12'")
        return names

    @field_validator("outlier_quantile")
    @classmethod
    def _is_kept(cls, quantile: float) -> float:
        if quantile not in DISTANCE_QUANTILES:
            among = ", ".join(map(str, DISTANCE_QUANTILES))
            raise ValueError(f"segments.outlier_quantile is {quantile}, needs to be one of {among}")
        return quantile


class Output(Section):
    """``[output]``: the folder of runs, how many are kept, and where else they are published."""

    path: Name
    shared: Annotated[bool, Field(strict=True)] = False
    keep_runs: Annotated[Whole, Field(ge=1)] | None = None
    target_file_mb: Annotated[Whole, Field(ge=1)] = 128
    catalog: Name | None = None
    delta: Annotated[bool, Field(strict=True)] = False
    database: Name | None = None


class ReportSection(Section):
    """``[report]``: disclosure control, and what the scatter plot shows."""

    min_group: Annotated[Whole, Field(ge=1)] = 10
    points: Literal["groups", "customers"] = "groups"


class Config(Section):
    """The whole configuration of a run, except how Spark runs: that is in Spark properties."""

    input: Input
    transactions: Transactions | None = None
    join: tuple[Join, ...] = ()
    features: Features
    sweep: Sweep = Sweep()
    choose: Choose = Choose()
    segments: Segments = Segments()
    refresh: Refresh = Refresh()
    report: ReportSection = ReportSection()
    output: Output

    @model_validator(mode="before")
    @classmethod
    def _transactions_say_who(cls, tree: Any) -> Any:
        """Defaults for transactions: the customer id, and recency, frequency and monetary value."""
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
        problems += self._of_value()
        described = [each.name for each in self.features.describe]
        if self.input.customer_id in [*self.features.names, *described]:
            problems.append(
                f"input.customer_id is {self.input.customer_id!r}, which is also in features: "
                "an id is not a feature"
            )
        problems += self._of_transactions() + self._of_time() + self._of_joins()
        problems += self._of_output()
        if problems:
            raise ValueError("; ".join(problems))
        return self

    def redacted_dump(self) -> dict[str, Any]:
        """The configuration for the manifest: JSON types, with credentials hidden."""
        dump: dict[str, Any] = redacted_tree(self.model_dump(mode="json"))
        return dump

    @property
    def value_feature(self) -> str | None:
        """The value of a customer: the configured one, else ``monetary`` of transactions, if any.

        Its mean orders the segments; None without a configured value.
        """
        if self.segments.value is None and self.transactions is not None:
            return "monetary" if "monetary" in self.features.valuable else None
        return self.segments.value

    @property
    def value_adds_up(self) -> bool:
        """Whether the value feature can be added up over customers."""
        value = self.value_feature
        if value is None:
            return False
        stated = self.segments.value_adds_up
        return self._may_add_up(value) if stated is None else stated

    def _may_add_up(self, value: str) -> bool:
        if self.transactions is not None and value in self.transactions.features:
            return value in ADDITIVE
        features = self.features
        are_no_amounts = {each.name for each in features.dates}
        are_no_amounts |= {each.name for each in features.boolean}
        return value not in are_no_amounts

    def _of_value(self) -> list[str]:
        value, known = self.segments.value, self.features.valuable
        if value is not None and value not in known:
            return [
                f"segments.value is {value!r}, needs to be a numeric column of features or "
                f"features.describe{nearest(value, known)}"
            ]
        if self.segments.value_adds_up is not None and self.value_feature is None:
            return ["segments.value_adds_up needs segments.value"]
        if self.segments.value_adds_up and not self._may_add_up(str(self.value_feature)):
            return [
                f"segments.value_adds_up is true, but {self.value_feature!r} is a rate, a mean, a "
                "date or yes/no, which cannot be added up over customers"
            ]
        return []

    @property
    def timezone(self) -> str:
        """The time zone whose calendar defines days: the shop's for transactions."""
        return "UTC" if self.transactions is None else self.transactions.timezone

    def _of_output(self) -> list[str]:
        """An output inside the input would be read by the next run."""
        return [
            f"output.path is {self.output.path!r}, which is or lies within {source.section}.path = "
            f"{path!r}: the next run would read this one's tables; name a folder elsewhere"
            for source in (self.input, *self.join)
            if source.format != "table"
            for path in source.paths
            if "\0" not in path + self.output.path and is_within(self.output.path, path)
        ]

    def _of_transactions(self) -> list[str]:
        lines, kind = self.transactions, self.input.kind
        if lines is None:
            return ["input.kind = 'transactions' needs [transactions]"] * (kind == "transactions")
        if kind == "customers":
            return ["[transactions] needs input.kind = 'transactions'"]
        if self.input.customer_id != lines.customer:
            return [
                f"input.customer_id is {self.input.customer_id!r}, needs to be that of "
                f"transactions.customer = {lines.customer!r}, or to be omitted"
            ]
        return []

    def _of_time(self) -> list[str]:
        if self.transactions is not None and self.features.as_of is not None:
            return ["features.as_of does not apply to transactions: set transactions.as_of"]
        if self.features.dates and self.transactions is None and self.features.as_of is None:
            return ["features.dates needs features.as_of, the day from which days are counted back"]
        return []

    def _of_joins(self) -> list[str]:
        if self.input.customer_id is None and any(each.on is None for each in self.join):
            return ["join needs input.customer_id, or join.on, the customer column to match"]
        return []
