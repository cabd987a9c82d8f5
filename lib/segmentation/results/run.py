"""The records of a run: its manifest, its entry in a list of runs, its report."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from functools import cache
from typing import Any, Self

from pydantic import TypeAdapter

from segmentation.results.changes import Changes, Refresh
from segmentation.results.choice import Choice, CostPoint
from segmentation.results.sample import CustomerSample
from segmentation.results.segments import (
    Correlation,
    CorrelationGroup,
    FeatureProfile,
    Imputed,
    PreparedFeature,
    Segment,
)
from segmentation.schemas import VERSION


@dataclass(frozen=True)
class Rejection:
    """How many rows were excluded for one reason; ``column`` is the offending column, if any."""

    reason: str
    column: str | None
    rows: int


@dataclass(frozen=True)
class LineCounts:
    """The transaction lines of a run: ``counted + excluded = lines``.

    ``returns`` are among those counted. Recency is as of the end of the day ``as_of``; the counted
    lines are from ``first_day`` to ``last_day``.
    """

    lines: int
    counted: int
    returns: int
    excluded: tuple[Rejection, ...]
    as_of: str
    fingerprint: str
    first_day: str | None = None
    last_day: str | None = None

    @property
    def excluded_lines(self) -> int:
        """How many were excluded."""
        return self.lines - self.counted


@dataclass(frozen=True)
class JoinCounts:
    """How a joined table matched: ``unmatched`` of its own rows, ``customers`` found in it."""

    path: str
    rows: int
    unmatched: int
    customers: int
    customers_unmatched: int


@dataclass(frozen=True)
class StepTime:
    """How long one step of the run took."""

    step: str
    seconds: float


@dataclass(frozen=True)
class Run:
    """The content of ``manifest.json``.

    ``correlations`` are the strongest pairs of features, all of them for up to 32 dimensions;
    ``correlation_groups`` are all groups. ``keys_given`` is how many segment keys the output
    folder has given so far, which are not given again.
    """

    run: str
    created_at: str
    input: Mapping[str, Any]
    fingerprint: str
    rows_in: int
    labelled: int
    rejected: int
    rejections: tuple[Rejection, ...]
    warnings: tuple[str, ...]
    choice: Choice
    value_feature: str | None
    features: tuple[PreparedFeature, ...]
    seed: int
    config: Mapping[str, Any]
    versions: Mapping[str, str]
    timings: tuple[StepTime, ...]
    transactions: LineCounts | None = None
    joins: tuple[JoinCounts, ...] = ()
    correlations: tuple[Correlation, ...] = ()
    correlation_groups: tuple[CorrelationGroup, ...] = ()
    imputed: tuple[Imputed, ...] = ()
    headline: tuple[str, ...] = ()
    model_id: str | None = None
    refresh: Refresh | None = None
    keys_given: int = 0
    schema_version: int = VERSION

    def as_json(self) -> dict[str, Any]:
        """The manifest as JSON types."""
        return asdict(self)

    @classmethod
    def from_json(cls, content: Mapping[str, Any]) -> "Run":
        """The run of a manifest; unknown keys are ignored.

        Raises
        ------
        pydantic.ValidationError
            If a key is missing, or a value is of another type.
        """
        return _reader().validate_python(content)


@cache
def _reader() -> TypeAdapter[Run]:
    return TypeAdapter(Run)


@dataclass(frozen=True)
class PastRun:
    """A published run, in short; ``is_current`` where ``latest.json`` names it.

    ``decision`` is how its model came to be, None in runs without segment keys.
    """

    run: str
    created_at: str
    k: int
    strength: str
    labelled: int
    rejected: int
    is_current: bool
    decision: str | None = None

    @classmethod
    def of(cls, run: Run, *, name: str, current: str | None) -> Self:
        """A run by the name of its folder."""
        return cls(
            run=name,
            created_at=run.created_at,
            k=run.choice.k,
            strength=run.choice.verdict.strength,
            labelled=run.labelled,
            rejected=run.rejected,
            is_current=name == current,
            decision=None if run.refresh is None else run.refresh.decision,
        )


@dataclass(frozen=True)
class Report:
    """The content of the report; ``segments`` and ``cost_curve`` in their published order.

    The ``sample`` of a run of version 1 is empty: it was not published.
    ``changes`` are those since the previous run, None where there is none or it had no keys.
    ``withheld`` are the numbers of segments that are withheld to protect privacy.
    """

    run: Run
    cost_curve: tuple[CostPoint, ...]
    segments: tuple[Segment, ...]
    profiles: tuple[FeatureProfile, ...]
    sample: CustomerSample
    withheld: tuple[int, ...] = ()
    changes: Changes | None = None
