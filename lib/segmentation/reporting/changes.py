"""What changed since the previous run, as a section of a page: words, tables and charts."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from segmentation.reporting import drift_text, formatting, moves
from segmentation.reporting.change_disclosure import WITHHELD, Disclosed, Names, disclosed
from segmentation.reporting.charts import flows as flow_charts
from segmentation.reporting.charts.flows import Node
from segmentation.reporting.charts.markers import marker_of_key
from segmentation.reporting.charts.theme import MUTED
from segmentation.reporting.headline import value_name
from segmentation.reporting.key_history import KeyHistory, key_history
from segmentation.reporting.key_names import KeyNames
from segmentation.reporting.offline_page import Chart, chart
from segmentation.reporting.segment_table import HIDDEN
from segmentation.results import LEFT, NEW, Changes, Refresh, Report

DECISIONS = {
    "keep": "Model kept",
    "warm": "Model adjusted",
    "fresh": "New model",
    "combine": "Models combined",
}
NO_COLOUR = {NEW: "New customers", LEFT: "No longer customers", WITHHELD: "Withheld segments"}


@dataclass(frozen=True)
class Picture:
    """The Sankey diagram, and the customers of its node of small flows."""

    chart: Chart
    folded: int


@dataclass(frozen=True)
class Section:
    """The content of the section; ``picture`` is None where nobody could be followed."""

    refresh: Refresh
    decision: str
    reason: str
    costs: tuple[tuple[str, str, str], ...]
    evidence: tuple[tuple[str, str], ...]
    names: KeyNames
    value: str | None
    has_flows: bool
    hides_flows: bool
    picture: Picture | None
    matrix: moves.Matrix
    balances: tuple[moves.Balance, ...]
    movers: tuple[str, ...]
    largest: tuple[str, ...]
    events: tuple[tuple[str, str], ...]
    drift: drift_text.DriftTables
    past: KeyHistory


def content(report: Report, suppressed: Report, *, min_group: int) -> dict[str, Any]:
    """What ``changes.html.j2`` needs for a report of one run; see :func:`section`.

    There is no section on a first run, and where nothing was compared.
    """
    changes = report.changes
    if changes is None or changes.refresh.decision == "first":
        return words(None, report)
    return words(section(report, suppressed, changes, min_group=min_group), report)


def words(found: Section | None, report: Report) -> dict[str, Any]:
    """What ``changes.html.j2`` needs beside the section."""
    columns = report.run.config.get("input")
    return {
        "changes": found,
        "marker_of_key": marker_of_key,
        "no_colour": NO_COLOUR,
        "has_ids": isinstance(columns, Mapping) and bool(columns.get("customer_id")),
    }


def section(
    report: Report,
    suppressed: Report,
    changes: Changes,
    *,
    earlier: Names | None = None,
    min_group: int,
) -> Section:
    """The section of the changes up to the run of a report.

    No count of fewer than ``min_group`` customers can be derived from it, together with the page
    of ``suppressed``, the same report without its small counts. ``earlier`` are names by key that
    may be shown of the previous run, by default those of the history.
    """
    shown = disclosed(report, suppressed, changes, earlier=earlier, bound=min_group)
    names = KeyNames(shown.names)
    refresh, run = changes.refresh, suppressed.run
    value = value_name(run) if run.value_feature else None
    has_value = any(each.value is not None for each in shown.past)
    return Section(
        refresh=refresh,
        decision=DECISIONS.get(refresh.decision, refresh.decision),
        reason=names.in_text(shown.reason),
        costs=_costs(refresh),
        evidence=_evidence(refresh),
        names=names,
        value=value if has_value else None,
        has_flows=bool(changes.flows),
        hides_flows=bool(shown.withheld),
        picture=_picture(shown, names, previous=refresh.previous_run, run=run.run),
        matrix=moves.matrix(shown),
        balances=moves.balances(shown, run=run.run, previous=refresh.previous_run),
        movers=moves.movers(shown, names, same_model=_is_same_model(refresh), bound=min_group),
        largest=moves.largest(shown, names, value=value if has_value else None),
        events=tuple(
            (each.segment_key, names.in_text(each.reason))
            for each in shown.events
            if each.event not in ("first", "survived")
        ),
        drift=drift_text.tables(shown.drift, names),
        past=key_history(shown, names, value=value),
    )


def _is_same_model(refresh: Refresh) -> bool:
    """Whether both runs have one model; not told of runs between which others lie."""
    return refresh.decision == "keep" and bool(refresh.reason)


def _costs(refresh: Refresh) -> tuple[tuple[str, str, str], ...]:
    """Name, cost, and how much more than the adjusted centres cost."""
    rows = (
        ("The previous model, unchanged", refresh.cost_kept),
        ("The previous model, adjusted to today's customers", refresh.cost_warm),
        ("A model fitted from scratch", refresh.cost_fresh),
    )
    base = refresh.cost_warm
    return tuple(
        (
            name,
            formatting.number(cost),
            formatting.percent(cost / base - 1) if base else HIDDEN,
        )
        for name, cost in rows
        if cost is not None
    )


def _evidence(refresh: Refresh) -> tuple[tuple[str, str], ...]:
    """The other figures behind the decision, those that are known."""
    shares = (
        ("Difference in cost that chance explains", refresh.band),
        ("Difference in cost that is tolerated", refresh.tolerance),
        ("Customers whom a model fitted from scratch would put elsewhere", refresh.share_changed),
    )
    numbers = (
        ("Segments before", refresh.k_before),
        ("Segments of a model fitted from scratch", refresh.k_fresh),
        ("Well-separated groups before", refresh.groups_before),
        ("Well-separated groups today", refresh.groups_now),
        ("Customers whose id is not unique, who are not followed", refresh.repeated_ids or None),
    )
    agreement = refresh.agreement
    return (
        *((name, formatting.percent(share)) for name, share in shares if share is not None),
        *((name, formatting.number(count)) for name, count in numbers if count is not None),
        *(
            [
                (
                    "Agreement of the previous model with one fitted from scratch (adjusted Rand "
                    "index: 0 by chance, 1 identical)",
                    formatting.correlation(agreement),
                )
            ]
            if agreement is not None
            else []
        ),
        ("Model fitted in run", refresh.model_run),
        ("Model fitted at", formatting.moment(refresh.model_created_at)),
    )


def _picture(
    shown: Disclosed, names: KeyNames, *, previous: str | None, run: str
) -> Picture | None:
    """The diagram; small flows go through a node of their own, as do those that are withheld."""
    drawn = flow_charts.large(shown.flows)
    if not drawn:
        return None
    folded = Counter(shown.sums_before), Counter(shown.sums_now)
    for each in drawn:
        folded[0][each.from_key] -= each.customers
        folded[1][each.to_key] -= each.customers

    def node(key: str, of: str | None) -> Node:
        style, there = marker_of_key(key), shown.segment(of, key)
        ends = {NEW: shown.sums_before.get(NEW), LEFT: shown.sums_now.get(LEFT)}
        customers = there.customers if there else ends.get(key)
        name = NO_COLOUR.get(key) or names.name(key)
        return Node(key, name, customers, style.colour if style else MUTED)

    figure = flow_charts.sankey(
        drawn,
        before=[node(key, previous) for key in (*shown.before, WITHHELD, NEW)],
        now=[node(key, run) for key in (*shown.now, WITHHELD, LEFT)],
        folded=(+folded[0], +folded[1]),
    )
    label = "Flow diagram: customers from the segments of the previous run to those of this run"
    return Picture(chart("flows", label, figure), sum((+folded[0]).values()))
