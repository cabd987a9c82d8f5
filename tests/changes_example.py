"""An example of a report with what changed since the previous run, the same every time."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta

from segmentation.results import LEFT, NEW, Changes, Drift, Flow, KeyRecord, Refresh, Report
from tests.report_example import example_report

KEYS = ("s1", "s2", "s8", "s4", "s5")
"""Of today's segments: s8 split off from s2, and s3 is gone."""

BEFORE = ("s1", "s2", "s3", "s4", "s5")
ENDED = "Quiet since spring"

MOVES = (
    (3600, 40, 30, 4, 6, 180),
    (310, 1900, 1150, 50, 20, 240),
    (0, 120, 3900, 900, 300, 700),
    (12, 150, 1500, 1700, 260, 900),
    (8, 30, 400, 250, 3600, 1300),
    (270, 360, 2020, 296, 814, 0),
)
"""Customers by key before (the last row: new) and key now (the last column: left)."""

VALUE = (4000.0, 1500.0, 420.0, 90.0, 18.0, 60.0)
"""Typical value of a customer of each segment before; today's of whom they have moved to."""


def changed_report(*, runs: int = 14, report: Report | None = None) -> Report:
    """The example's report, and what changed in the last of so many monthly runs."""
    report = report or example_report()
    segments = tuple(
        replace(each, segment_key=key, event="split off" if key == "s8" else "survived")
        for each, key in zip(report.segments, KEYS, strict=True)
    )
    names = {each.segment_key: each.name for each in segments} | {"s3": ENDED}
    report = replace(report, segments=segments)
    history = _history(report, names, runs=runs)
    changes = Changes(
        refresh=refresh(report, previous=history[-7]),
        flows=flows(),
        drift=DRIFT,
        history=history,
    )
    return replace(report, changes=changes)


def earlier_report() -> Report:
    """The previous run's report: s3 was there, s8 was not."""
    report, now = example_report(), changed_report().changes
    assert now is not None
    records = {
        each.segment_key: each for each in now.history if each.run == now.refresh.previous_run
    }
    customers = sum(each.customers for each in records.values())
    values = [each.value or 0.0 for each in records.values()]
    segments = tuple(
        replace(
            each,
            segment_key=key,
            name=records[key].name,
            customers=records[key].customers,
            share=records[key].customers / customers,
            value_sum=value,
            value_mean=value / records[key].customers,
            value_share=value / sum(values),
        )
        for each, key, value in zip(report.segments, BEFORE, values, strict=True)
    )
    first = next(iter(records.values()))
    run = replace(report.run, run=first.run, created_at=first.created_at, labelled=customers)
    return replace(report, run=run, segments=segments)


def flows(moves: Sequence[Sequence[int]] = MOVES) -> tuple[Flow, ...]:
    """A flow for every two keys with customers."""
    rows, columns = (*BEFORE, NEW), (*KEYS, LEFT)
    return tuple(
        _flow((row, column), customers, (VALUE[at], VALUE[to]))
        for at, (row, counts) in enumerate(zip(rows, moves, strict=True))
        for to, (column, customers) in enumerate(zip(columns, counts, strict=True))
        if customers
    )


def _flow(pair: tuple[str, str], customers: int, values: tuple[float, float]) -> Flow:
    is_move = pair[0] != pair[1] and NEW not in pair and LEFT not in pair
    is_new_segment = pair[1] == "s8"
    return Flow(
        *pair,
        customers=customers,
        value_before=None if pair[0] == NEW else customers * values[0],
        value_after=None if pair[1] == LEFT else customers * values[1],
        moved_by_behaviour=customers if is_move and not is_new_segment else 0,
        moved_by_model=customers if is_move and is_new_segment else 0,
    )


def refresh(report: Report, *, previous: KeyRecord) -> Refresh:
    """A model that was fitted from scratch."""
    return Refresh(
        policy="auto",
        decision="fresh",
        reason="a new model was fitted: s3 disappeared and a group split off from s2",
        model_run=report.run.run,
        model_created_at=report.run.created_at,
        previous_run=previous.run,
        previous_created_at=previous.created_at,
        cost_kept=5210.4,
        cost_warm=4610.0,
        cost_fresh=4210.0,
        band=0.0042,
        tolerance=0.01,
        k_before=5,
        k_fresh=5,
        groups_before=4,
        groups_now=5,
        agreement=0.81,
        share_changed=0.143,
    )


DRIFT = (
    Drift("feature", "money_spent", "wasserstein", 1180.0, 1095.2, 0.31, 0.02, "drifted"),
    Drift("feature", "complains", "wasserstein", 2.1, 2.2, 0.024, 0.018, "slight"),
    Drift("feature", "products_purchased", "wasserstein", 21.0, 21.1, 0.009, 0.02, "stable"),
    Drift("segment", "s1", "share", 0.16, 0.175, 0.015, 0.004, "drifted"),
    Drift("segment", "s2", "median_distance", 0.41, 0.42, 0.01, 0.02, "stable"),
)


def _history(report: Report, names: dict[str, str], *, runs: int) -> tuple[KeyRecord, ...]:
    """Monthly runs that lead to the report's."""
    last = datetime.fromisoformat(report.run.created_at)
    found = []
    for at in range(runs - 1):
        created = (last - timedelta(days=30 * (runs - 1 - at))).astimezone(UTC)
        run = f"{created:%Y-%m-%d}T0951-demo"
        for place, key in enumerate(BEFORE):
            customers = sum(MOVES[place]) + (7 * (at + 1) * (place + 2)) * (runs - 2 - at)
            found.append(
                KeyRecord(
                    run, created.isoformat(), key, place, names[key],
                    "first" if at == 0 else "survived", None if at == 0 else key,
                    customers, customers * VALUE[place], f"{key} survived: 97% are in it",
                )
            )  # fmt: skip
    for each in report.segments:
        key = each.segment_key
        reason = (
            "s8 split off from s2: 71% of its customers are from s2, and 42% of the customers of "
            "s2 are in it"
            if key == "s8"
            else f"{key} survived: 91% of its former customers are in it"
        )
        found.append(
            KeyRecord(
                report.run.run, report.run.created_at, key, each.segment, each.name, each.event,
                "s2" if key == "s8" else key, each.customers, each.value_sum, reason,
            )
        )  # fmt: skip
    found.append(
        KeyRecord(
            report.run.run, report.run.created_at, "s3", None, names["s3"], "disappeared", None, 0,
            None, "s3 disappeared: no segment has most of its customers, at most 38%",
        )
    )  # fmt: skip
    return tuple(found)


def crowded_report(*, segments: int = 12, runs: int = 40, a_day: int = 3) -> Report:
    """Many segments with long names over many runs, several a day; every flow exists."""
    planted = [
        (f"High money spent, low number of complaints, mostly group {at}", (at + 1.0, 2.0, 9.0), 30)
        for at in range(segments)
    ]
    report = example_report(planted=planted)
    keys = [f"s{at + 3}" for at in range(segments)]
    report = replace(
        report,
        segments=tuple(
            replace(each, segment_key=key, event="survived")
            for each, key in zip(report.segments, keys, strict=True)
        ),
    )
    last = datetime.fromisoformat(report.run.created_at)
    history = []
    for at in range(runs):
        back = runs - 1 - at
        created = last - timedelta(days=back // a_day, hours=5 * (back % a_day))
        run = report.run.run if not back else f"run-{at:02}"
        for each in report.segments:
            customers = each.customers + 20 * back * (each.segment % 3)
            history.append(
                KeyRecord(
                    run, created.isoformat(), each.segment_key, each.segment, each.name, "survived",
                    each.segment_key, customers, 10.0 * customers * (each.segment + 1), "",
                )
            )  # fmt: skip
    previous = history[-1 - segments] if runs > 1 else history[0]
    flows = tuple(
        _flow((row, column), 120 if row == column else 15, (1.0, 2.0))
        for row in (*keys, NEW)
        for column in (*keys, LEFT)
        if (row, column) != (NEW, LEFT)
    )
    changes = Changes(
        refresh=replace(
            refresh(report, previous=previous), decision="keep", reason="the model was kept"
        ),
        flows=flows,
        drift=DRIFT[:3],
        history=tuple(history),
    )
    return replace(report, changes=changes)
