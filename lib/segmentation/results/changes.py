"""What changed since the previous run: the refresh, the moves of customers, drift, and history."""

from dataclasses import dataclass

NEW, LEFT = "new", "left"
"""In place of a key in a flow: of customers who were not there before, and who are no longer."""


@dataclass(frozen=True)
class Flow:
    """Customers who were in ``from_key`` in the previous run and are in ``to_key`` now.

    ``NEW`` and ``LEFT`` take the place of a key. Values are sums of the value feature in the
    previous run and in this one; None without a value feature that adds up, and where the
    customers are in one of the runs only, for the other one. Of those who moved,
    ``moved_by_behaviour`` have changed so much that the previous model puts them elsewhere, too;
    ``moved_by_model`` are put elsewhere by this model than by the previous one. A customer may
    count as both.
    """

    from_key: str
    to_key: str
    customers: int
    value_before: float | None
    value_after: float | None
    moved_by_behaviour: int
    moved_by_model: int


@dataclass(frozen=True)
class Drift:
    """How far one feature or one segment is from the customers that the model was fitted to.

    ``subject`` is ``feature`` or ``segment``, ``name`` the feature's name or the segment's key.
    ``effect`` is the size of the change; resampling the reference gives at most ``band``.
    ``reference`` and ``current`` are what is compared, None where it is no single number.
    ``verdict`` is one of :data:`DRIFT_VERDICTS`.
    """

    subject: str
    name: str
    measure: str
    reference: float | None
    current: float | None
    effect: float
    band: float
    verdict: str


DRIFT_VERDICTS = ("stable", "slight", "drifted")
"""Within the band; beyond it, but too small to matter; beyond it and notable."""


@dataclass(frozen=True)
class Combined:
    """How many customers have these labels: of the previous model, the fresh one, and both.

    ``previous_model_key`` is None for those out of the previous model's reach.
    """

    previous_model_key: str | None
    fresh_segment: int
    segment_key: str
    customers: int


@dataclass(frozen=True)
class KeyRecord:
    """One key in one run. A key that ended in the run has no ``segment``, and 0 customers.

    ``event`` is how it came or went, ``parents`` the keys that it comes from, as text with
    commas (of one that ended: the keys it went to); ``value`` is the sum of the value feature.
    ``reason`` says why in one sentence.
    """

    run: str
    created_at: str
    segment_key: str
    segment: int | None
    name: str
    event: str
    parents: str | None
    customers: int
    value: float | None
    reason: str


@dataclass(frozen=True)
class Refresh:
    """How the model of a run came to be, and the evidence for it.

    ``decision`` is one of :data:`DECISIONS`, ``reason`` one sentence for people. ``model_run``
    fitted the model, at ``model_created_at``: this run, or an earlier one whose model is kept.
    Costs are within-cluster sums of squares over today's customers in the previous model's
    scaled units: of its own centres, after Lloyd's algorithm from them, and of a fresh sweep;
    ``band`` is how much more than the second the first may cost by chance, relative.
    ``agreement`` is the adjusted Rand index of the previous model's labels and fresh ones,
    ``share_changed`` the share of customers who would change segment.
    None where there is no previous run, or it was not computed.
    """

    policy: str
    decision: str
    reason: str
    model_run: str
    model_created_at: str
    previous_run: str | None = None
    previous_created_at: str | None = None
    cost_kept: float | None = None
    cost_warm: float | None = None
    cost_fresh: float | None = None
    band: float | None = None
    tolerance: float | None = None
    k_before: int | None = None
    k_fresh: int | None = None
    groups_before: int | None = None
    groups_now: int | None = None
    agreement: float | None = None
    share_changed: float | None = None
    repeated_ids: int | None = None


DECISIONS = ("first", "keep", "warm", "fresh", "combine")


@dataclass(frozen=True)
class Changes:
    """All that changed since the previous run; ``flows`` are empty without customer ids.

    ``history`` has the records of all runs so far, the oldest first, this run's last.
    """

    refresh: Refresh
    flows: tuple[Flow, ...]
    drift: tuple[Drift, ...]
    history: tuple[KeyRecord, ...]
