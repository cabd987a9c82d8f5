"""Keep the model, warm it, or take a fresh one: the decision, and one sentence for people."""

from collections.abc import Iterator
from dataclasses import dataclass

from segmentation.config.refresh import Refresh

MIN_CUSTOMERS = 10
"""Fewer customers are chance: where 10 are expected, none are left once in 20,000 segments."""

DIED = 0.1
"""A segment has died where it has less than this part of its former share."""

CLEARLY = 2.0
"""How many times the allowance fresh centres have to save where the old ones need not move: of 72
pairs of samples of one population none saved as much, but for one of 300 customers with an extreme
one among them."""

BORN = 0.5
"""A segment was born where the model reaches at most this part of it."""


@dataclass(frozen=True)
class Costs:
    """What three sets of centres cost on all of today's customers, in the model's scaled units.

    ``kept`` are the model's own centres (and not the means of their clusters), ``warm`` those
    that Lloyd's algorithm makes of them, ``fresh`` the cheapest of the sweep with as many, None
    where the range of k does not include that. ``band`` is by how much ``kept`` may exceed
    ``warm`` by chance, relative: :func:`~segmentation.selection.cost_band.cost_band`.
    """

    kept: float
    warm: float
    fresh: float | None
    band: float


@dataclass(frozen=True)
class OldSegment:
    """A segment of the model: its name, and its shares of the customers.

    ``share_before`` is that when the model was fitted, ``share_now`` that of today's customers
    whom the model puts there, those out of its reach not among them. ``is_empty`` is whether it
    puts none there at all.
    """

    name: str
    share_before: float
    share_now: float
    is_empty: bool = False


@dataclass(frozen=True)
class FreshSegment:
    """A segment of the fresh partition: its share of today's customers, and how many are new.

    ``out_of_reach`` is the share of its customers who are out of reach of all old segments.
    """

    share: float
    out_of_reach: float


@dataclass(frozen=True)
class Grouping:
    """The well-separated groups that a verdict on k found, and its ``strength``.

    ``strict`` and ``lax`` are their numbers at half and twice the overlap that makes groups one;
    they tell a number that is certain from one that the next sample may change.
    """

    strength: str
    groups: int
    strict: int
    lax: int


@dataclass(frozen=True)
class Structure:
    """How today's customers are grouped, compared with the segments of the model.

    ``groups_before`` are the verdict's when the model was fitted.
    ``every_segment_survives`` is whether each of its segments does when its centres are warmed.
    """

    customers: int
    groups_before: int
    now: Grouping
    old: tuple[OldSegment, ...]
    fresh: tuple[FreshSegment, ...]
    every_segment_survives: bool


@dataclass(frozen=True)
class RefreshEvidence:
    """All that the decision depends on.

    ``model_run`` fitted the model, ``age_days`` ago. ``changed`` are the settings that have
    changed since (``selection.changed_settings``). ``costs`` and ``structure`` are None where
    nothing was computed: a policy that was asked for by name needs neither.
    """

    model_run: str
    age_days: int
    changed: tuple[str, ...] = ()
    costs: Costs | None = None
    structure: Structure | None = None


@dataclass(frozen=True)
class Decision:
    """One of :data:`~segmentation.results.changes.DECISIONS`, and why, in one sentence."""

    decision: str
    reason: str


def decide(evidence: RefreshEvidence, *, settings: Refresh, min_share: float) -> Decision:
    """What becomes of the model: the configured policy, or with ``auto`` what the evidence says.

    ``min_share`` is the share of customers from which a fresh segment counts.

    Raises
    ------
    ValueError
        With ``auto``, if there are neither changed settings, nor age, nor costs and structure.
    """
    if settings.policy != "auto":
        return _configured(evidence, settings)
    model = f"the model of run {evidence.model_run}"
    if evidence.changed:
        return _fresh(model, f"the configuration has changed ({'; '.join(evidence.changed)})")
    if settings.max_age_days is not None and evidence.age_days > settings.max_age_days:
        return _fresh(
            model,
            f"it is {_counted(evidence.age_days, 'day')} old, more than refresh.max_age_days = "
            f"{settings.max_age_days}",
        )
    if evidence.costs is None or evidence.structure is None:
        raise ValueError("policy 'auto' needs costs and structure")
    change = next(structural_changes(evidence.structure, min_share=min_share), None)
    if change is not None:
        return _fresh(model, change)
    return _by_cost(model, evidence.costs, evidence.structure, tolerance=settings.tolerance)


def first_run() -> Decision:
    """The decision where there is no previous run to compare with."""
    return Decision("first", "the model was fitted because there is no previous run to continue")


def structural_changes(structure: Structure, *, min_share: float) -> Iterator[str]:
    """Why the segments are no longer the same, one clause each; usually none."""
    now = structure.now
    is_certain = not (
        min(now.strict, now.lax) <= structure.groups_before <= max(now.strict, now.lax)
    )
    if now.strength == "clear" and is_certain:
        yield (
            f"today's customers form {_counted(now.groups, 'well-separated group')} and those of "
            f"the model {structure.groups_before}"
        )
    for old in structure.old:
        # Of few customers all may be missing by chance; but an empty segment cannot be published.
        is_expected = old.share_before * structure.customers >= MIN_CUSTOMERS
        if old.is_empty:
            yield f"its segment {old.name!r} has no customer any more"
        elif is_expected and old.share_now < DIED * old.share_before:
            yield (
                f"its segment {old.name!r} has died out: of {old.share_before:.1%} of the "
                f"customers less than a tenth is left"
            )
    for each in structure.fresh:
        unreached = each.share * each.out_of_reach * structure.customers
        if each.share >= min_share and each.out_of_reach > BORN and unreached >= MIN_CUSTOMERS:
            yield (
                f"a segment was born: {each.share:.1%} of the customers, of whom "
                f"{each.out_of_reach:.0%} are unlike any of its segments"
            )


def _by_cost(model: str, costs: Costs, structure: Structure, *, tolerance: float) -> Decision:
    allowance = max(tolerance, costs.band)
    allowed = f"the {allowance:.1%} that {_limit(costs.band, tolerance)}"
    excess = _excess(costs.kept, costs.warm)
    moved = f"its centres cost {excess:.1%} more than if they were moved to today's customers"
    gain, saved = 0.0, ""
    if costs.fresh is not None and costs.fresh < costs.warm:
        gain = _excess(costs.warm, costs.fresh)
        saved = f"a new start leads to centres that cost {1 - costs.fresh / costs.warm:.1%} less"
    if excess <= allowance:
        if gain > CLEARLY * allowance:
            return _fresh(model, f"{saved} than its own, moved to today's customers")
        return Decision("keep", f"{model} was kept: {moved}, within {allowed}")
    beyond = f"{moved}, beyond {allowed}"
    if not structure.every_segment_survives:
        return _fresh(model, f"{beyond}, and then not all of its segments would stay the same")
    if gain > allowance:
        return _fresh(model, f"{beyond}, and {saved} still")
    return Decision(
        "warm", f"{model} was warmed, its centres moved to today's customers: before, {beyond}"
    )


def _excess(cost: float, least: float) -> float:
    """By how much a cost exceeds another one, relative; 0 where both are 0."""
    if least > 0:
        return cost / least - 1
    return 0.0 if cost <= 0 else float("inf")


def _limit(band: float, tolerance: float) -> str:
    return "counts as chance" if band > tolerance else "refresh.tolerance allows"


def _fresh(model: str, reason: str) -> Decision:
    return Decision("fresh", f"{model} was replaced by a fresh one because {reason}")


def _configured(evidence: RefreshEvidence, settings: Refresh) -> Decision:
    """The policy that was asked for by name, and what would have spoken against it."""
    done = {
        "keep": "was kept",
        "warm": "was warmed, its centres moved to today's customers",
        "fresh": "was replaced by a fresh one",
        "combine": f"was combined with a fresh one that weighs {settings.blend:.0%}",
    }[settings.policy]
    reason = f"the model of run {evidence.model_run} {done}, as refresh.policy asks"
    if evidence.costs is not None and settings.policy != "fresh":
        excess = _excess(evidence.costs.kept, evidence.costs.warm)
        reason += f"; its own centres cost {excess:.1%} more than if they were moved to today's"
    if evidence.changed and settings.policy != "fresh":
        reason += f"; the configuration has changed since ({'; '.join(evidence.changed)})"
    return Decision(settings.policy, reason)


def _counted(count: int, noun: str) -> str:
    return f"{count:,} {noun}" if count == 1 else f"{count:,} {noun}s"
