"""The content of ``results.json``: everything that was measured, and on what."""

from collections.abc import Sequence
from dataclasses import astuple
from statistics import median
from typing import Self

from pydantic import BaseModel, ConfigDict

from scripts.benchmarking.data import Shape

JOB, LOOP, MEMORY, COPY, EARLIER = "a", "b", "c", "d", "e"
CONTESTANTS = {
    JOB: "this job",
    LOOP: "MLlib loop",
    MEMORY: "scikit-learn in memory",
    COPY: "partitioned copy",
    EARLIER: "this job, earlier state",
}
MANY_STARTS, SPLIT = "many starts", "k-1 split"


class Record(BaseModel):
    """A part of ``results.json``."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class Spread(Record):
    """One quantity over the repeats."""

    values: list[float]
    least: float
    median: float
    most: float

    @classmethod
    def of(cls, values: Sequence[float]) -> Self:
        """The spread of at least one value."""
        return cls(values=list(values), least=min(values), median=median(values), most=max(values))


class Conditions(Record):
    """What a measurement was made with. The machine has no name here."""

    command: str
    measured_at: str
    machine: dict[str, str]
    versions: dict[str, str]
    cores: int
    driver_memory: str
    seed: int
    shape: Shape
    k_max: int


class Timed(Record):
    """One run of one contestant.

    ``seconds`` is ``wall_seconds`` unless only some k were run: then ``scaled_from_ks`` names
    them and ``seconds`` is what all of them would have taken, ``cpu_seconds`` in proportion.
    A run that failed or was cut off has the reason in ``failure``, and its time until then.
    """

    contestant: str
    repeat: int
    seconds: float
    wall_seconds: float
    scaled_from_ks: list[int] | None
    cpu_seconds: float
    peak_mib: dict[str, float]
    steps: dict[str, float]
    chosen_k: int | None
    failure: str | None = None


class Step(Record):
    """A step of this job: its median time, and its share of the median wall time."""

    name: str
    seconds: float
    share: float


class CostRow(Record):
    """What each competitor's centres cost for one k; ``ratios`` are to the least of all."""

    k: int
    best: float
    best_by: str
    costs: dict[str, float]
    ratios: dict[str, float]

    @classmethod
    def of(cls, k: int, costs: dict[str, float]) -> Self:
        """The row of at least one cost above 0."""
        by = min(costs, key=lambda name: costs[name])
        best = costs[by]
        ratios = {name: cost / best for name, cost in costs.items()}
        return cls(k=k, best=best, best_by=by, costs=costs, ratios=ratios)


class Finding(Record):
    """What one contestant makes of the planted groups, and how it says so.

    ``rand`` is the adjusted Rand index of its labels and the planted groups: the published ones of
    this job; of others those of the right k, by their own centres or by the best of more starts,
    which are not timed. The rest is of this job only: the verdict on k, the number of warnings,
    the size of the report and the lines of generated code in the output.
    """

    contestant: str
    k: int
    rand: float | None
    verdict: str | None = None
    warnings: int | None = None
    report_mib: float | None = None
    generated_lines: int | None = None


class Comparison(Record):
    """All contestants on one table; ``ratios`` are of their seconds, repeat by repeat.

    ``seconds`` of a contestant that never finished are those of its failed run.
    ``published_to_measured`` is this job's published cost for its chosen k, over the cost
    that the independent function finds for its published centres.
    """

    rows: int
    conditions: Conditions
    notes: list[str]
    runs: list[Timed]
    seconds: dict[str, Spread]
    ratios: dict[str, Spread]
    steps: list[Step]
    costs: list[CostRow]
    published_to_measured: float | None
    findings: list[Finding] = []

    def failure(self, contestant: str) -> str | None:
        """Why a contestant never finished; None if it did."""
        own = [run for run in self.runs if run.contestant == contestant]
        return own[-1].failure if own else None


class ScalePoint(Record):
    """The job on this many rows; memory is the peak of all repeats."""

    rows: int
    seconds: Spread
    peak_mib: dict[str, float]
    steps: list[Step]


class Scaling(Record):
    """The job on growing tables; ``slope`` is that of log time on log rows: 1 is linear."""

    conditions: Conditions
    runs: list[Timed]
    points: list[ScalePoint]
    slope: float | None


class CoresetPoint(Record):
    """The job with one coreset size; cost ratios are to the best known, by k."""

    size: int
    seconds: Spread
    compress_and_sweep_seconds: Spread
    cost_ratios: dict[int, float]


class CoresetSizes(Record):
    """Cost error and time against the size of the coreset, on one table."""

    rows: int
    conditions: Conditions
    notes: list[str]
    runs: list[Timed]
    points: list[CoresetPoint]
    costs: list[CostRow]


Measurement = Comparison | Scaling | CoresetSizes


class Results(Record):
    """Everything measured into one output folder; a later measurement replaces its like."""

    comparisons: list[Comparison] = []
    scaling: list[Scaling] = []
    coreset_sizes: list[CoresetSizes] = []

    def joined(self, new: Measurement) -> "Results":
        """These results and the new one, which replaces one of its kind on the same table."""
        kind = {Comparison: "comparisons", Scaling: "scaling", CoresetSizes: "coreset_sizes"}
        name = kind[type(new)]
        kept = [one for one in getattr(self, name) if _table(one) != _table(new)]
        return self.model_copy(update={name: sorted([*kept, new], key=_table)})


def shape(measurement: Comparison | CoresetSizes) -> str:
    """The table in words: 2,000,000 x 3."""
    columns = measurement.conditions.shape
    text = str(columns)
    return (
        f"{measurement.rows:,} x {text}" if text.isdigit() else f"{measurement.rows:,} x ({text})"
    )


def _table(measurement: Measurement) -> tuple[int, ...]:
    """Shape and rows; growing tables differ in their shape."""
    rows = 0 if isinstance(measurement, Scaling) else measurement.rows
    return *astuple(measurement.conditions.shape), rows
