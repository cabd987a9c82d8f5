"""What a run finds out, as plain values: made by the pipeline, used by storage and reporting."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from functools import cache
from typing import Any, Self

from pydantic import TypeAdapter

from segmentation.schemas import VERSION


@dataclass(frozen=True)
class CostPoint:
    """One k: the within-cluster sum of squares, in squared scaled units, and every index.

    An index is None where it has no value: most have none for k = 1. ``stability`` is the
    mean over clusters, ``min_stability`` the least. See ``schemas`` for each.
    """

    k: int
    cost: float
    chosen: bool = False
    log_drop: float | None = None
    silhouette: float | None = None
    calinski_harabasz: float | None = None
    davies_bouldin: float | None = None
    gap: float | None = None
    gap_error: float | None = None
    stability: float | None = None
    min_stability: float | None = None
    smallest_share: float | None = None


@dataclass(frozen=True)
class Verdict:
    """What the evidence says of k, whether or not it is followed.

    ``strength`` is ``clear``, ``weak`` or ``none``; ``groups`` is the number of well-separated
    groups. ``against`` and ``runners_up`` are of its own k, the most important first;
    ``favourites`` has the k that each index favours, by its name.
    """

    k: int
    strength: str
    groups: int
    reason: str
    against: tuple[str, ...]
    runners_up: tuple[int, ...]
    favourites: Mapping[str, int]


@dataclass(frozen=True)
class Choice:
    """The number of segments, the method that chose it and the reason in words.

    ``algorithm`` made the segments, with the parameters in ``setting``: ``{"k": 5}`` for k-means.
    ``against`` is what speaks against this k, ``runners_up`` the others that might be taken, the
    most important first: the verdict's own where the verdict was followed. ``summary`` is how
    clear the segments are, in one plain sentence.
    ``silhouette`` is the average over all customers, exact up to the last bits of a double.
    """

    k: int
    method: str
    reason: str
    verdict: Verdict
    against: tuple[str, ...] = ()
    runners_up: tuple[int, ...] = ()
    summary: str = ""
    silhouette: float | None = None
    algorithm: str = "kmeans"
    setting: Mapping[str, int | float | str] = field(default_factory=dict)


@dataclass(frozen=True)
class Correlation:
    """Two features whose prepared values are strongly correlated: Pearson's ``r``."""

    first: str
    second: str
    r: float


@dataclass(frozen=True)
class Rejection:
    """How many rows were left out for one reason; ``column`` is the column at fault, if one is."""

    reason: str
    column: str | None
    rows: int


@dataclass(frozen=True)
class LineCounts:
    """What became of the transaction lines: ``counted + left out = lines``.

    ``returns`` are among those that count. Recency is at the end of the day ``as_of``; the lines
    that count are of ``first_day`` to ``last_day``.
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
class Segment:
    """One segment: ``share`` and ``value_share`` are parts of 1, values are in original units.

    ``value_mean`` is None without a value feature, or where no customer's is known;
    ``value_sum`` also where the feature does not add up over customers, ``value_share`` also
    where the total is not positive.
    """

    segment: int
    name: str
    customers: int
    share: float
    value_mean: float | None
    value_sum: float | None
    value_share: float | None
    mean_distance: float


@dataclass(frozen=True)
class FeatureProfile:
    """One feature, or one value of a categorical or ordered one, in one segment; original units.

    Statistics are of the customers whose value is ``known``, as it came: nothing is imputed or
    winsorised; they are None where no customer's is. ``kind`` is one of :data:`KINDS`. Of a
    ``value``, and of a ``boolean`` feature, a mean is a share of those customers; only the
    share of a missing value is of all. A ``date`` counts in days before ``as_of``.

    ``difference`` is the segment's centre less the mean of all customers, both of the prepared
    feature, over its standard deviation; ``centroid`` is the centre in original units. Both are
    None where ``used_for_clustering`` is false: the feature is only profiled. An ordered feature
    has no centroid, and the difference of a band is that of its share.
    """

    segment: int
    feature: str
    mean: float | None
    median: float | None
    p10: float | None
    p90: float | None
    centroid: float | None
    overall_mean: float
    difference: float | None
    value: str | None = None
    used_for_clustering: bool = True
    known: int = 0
    kind: str = "numeric"

    @property
    def name(self) -> str:
        """What people call it: ``spend``, ``gender = Female``."""
        return self.feature if self.value is None else f"{self.feature} = {self.value}"


KINDS = ("numeric", "ordered", "date", "boolean", "categorical")
"""What a feature may be."""


@dataclass(frozen=True)
class PreparedFeature:
    """How one dimension was prepared: ``mean`` and ``deviation`` are of the transformed values.

    ``column`` is the feature's column. A categorical feature has a dimension for each ``value``,
    1 where a customer has it and else 0; of any other feature ``value`` is None. ``kind`` is one
    of :data:`KINDS`; an ordered feature has ``bands``, and is the position in them from 0.
    """

    name: str
    transform: str
    mean: float
    deviation: float
    column: str = ""
    value: str | None = None
    kind: str = "numeric"
    bands: tuple[str, ...] = ()


@dataclass(frozen=True)
class Imputed:
    """A feature whose missing values were imputed: for how many customers, a ``share`` of all."""

    feature: str
    customers: int
    share: float


@dataclass(frozen=True)
class PlottedValue:
    """One feature of one point of the scatter plot, in original units: a row of ``plot_sample``."""

    point: int
    segment: int
    customers: int | None
    feature: str
    value: float


@dataclass(frozen=True)
class CustomerSample:
    """The points of the scatter plot: ``values[feature][i]`` and ``segments[i]`` are one point.

    Values are in original units. A point is one customer, or the average of ``customers[i]``
    similar ones where these are given. No customer id is kept here.
    """

    values: Mapping[str, tuple[float, ...]]
    segments: tuple[int, ...]
    customers: tuple[int, ...] = ()

    def records(self) -> list[PlottedValue]:
        """The sample as a table, one record per point and feature; see :meth:`from_records`."""
        counts = self.customers or (None,) * len(self.segments)
        return [
            PlottedValue(point, segment, count, feature, values[point])
            for point, (segment, count) in enumerate(zip(self.segments, counts, strict=True))
            for feature, values in self.values.items()
        ]

    @classmethod
    def from_records(cls, records: Sequence[PlottedValue]) -> Self:
        """The sample of a table's records; a feature without any point is not among them."""
        values: dict[str, list[float]] = {}
        points: dict[int, PlottedValue] = {}
        for each in sorted(records, key=lambda record: record.point):
            values.setdefault(each.feature, []).append(each.value)
            points[each.point] = each
        counts = [point.customers for point in points.values()]
        return cls(
            {feature: tuple(column) for feature, column in values.items()},
            tuple(point.segment for point in points.values()),
            tuple(count for count in counts if count is not None),
        )


@dataclass(frozen=True)
class StepTime:
    """How long one step of the run took."""

    step: str
    seconds: float


@dataclass(frozen=True)
class Run:
    """Everything one run says of itself: the content of ``manifest.json``."""

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
    imputed: tuple[Imputed, ...] = ()
    headline: tuple[str, ...] = ()
    schema_version: int = VERSION

    def as_json(self) -> dict[str, Any]:
        """The manifest as JSON types."""
        return asdict(self)

    @classmethod
    def from_json(cls, content: Mapping[str, Any]) -> "Run":
        """The run of a manifest; keys that are not of it are passed over.

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
    """A published run, in short; ``is_current`` where ``latest.json`` names it."""

    run: str
    created_at: str
    k: int
    strength: str
    labelled: int
    rejected: int
    is_current: bool

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
        )


@dataclass(frozen=True)
class Report:
    """What the report shows; ``segments`` and ``cost_curve`` in their published order.

    The ``sample`` of a run of version 1 is empty: it was not published.
    ``withheld`` are the numbers of segments that are not among them, so that nobody is recognised.
    """

    run: Run
    cost_curve: tuple[CostPoint, ...]
    segments: tuple[Segment, ...]
    profiles: tuple[FeatureProfile, ...]
    sample: CustomerSample
    withheld: tuple[int, ...] = ()
