"""Segments, their profiles, and how features were prepared."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Segment:
    """One segment: ``share`` and ``value_share`` are fractions, values are in original units.

    ``value_mean`` is None without a value feature or a known value; ``value_sum`` also where the
    feature does not add up over customers, ``value_share`` also where the total is not positive.

    ``segment_key`` stays when the model is fitted anew; ``event`` is one of :data:`EVENTS`,
    ``parents`` are the keys that it comes from, as text with commas. ``overlap_kept`` is the
    share of the parent's customers today who are in it, ``overlap_from`` the share of its
    customers who come from there; None where nothing could be compared. ``automatic_name`` is the
    name that the segment would get now, where that is not ``name``.
    """

    segment: int
    name: str
    customers: int
    share: float
    value_mean: float | None
    value_sum: float | None
    value_share: float | None
    mean_distance: float
    segment_key: str = ""
    event: str = "first"
    parents: str | None = None
    overlap_kept: float | None = None
    overlap_from: float | None = None
    since_run: str | None = None
    automatic_name: str | None = None


@dataclass(frozen=True)
class FeatureProfile:
    """One feature, or one value of a categorical or ordered one, in one segment; original units.

    Statistics are of the original values of the ``known`` customers: nothing is imputed or
    winsorised; they are None if no value is known. ``kind`` is one of :data:`KINDS`. Of a
    ``value``, and of a ``boolean`` feature, a mean is a share of those customers; only the
    share of a missing value is of all. A ``date`` counts in days before ``as_of``.

    ``difference`` is the segment's centre minus the mean of all customers, both of the prepared
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


EVENTS = ("first", "survived", "split off", "merged", "moved", "new")
"""How a segment came to be; ``first`` where there was nothing to compare it with."""

ENDS = ("split", "absorbed", "merged", "disappeared")
"""How a key ended."""

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
class Correlation:
    """Two features whose prepared values are strongly correlated: Pearson's ``r``."""

    first: str
    second: str
    r: float


@dataclass(frozen=True)
class CorrelationGroup:
    """Features of which every two are strongly correlated: by ``least_r`` or more, in size.

    ``opposite`` are those that fall where the first rises.
    """

    features: tuple[str, ...]
    opposite: tuple[str, ...]
    least_r: float
