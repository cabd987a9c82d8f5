"""What was measured as tables: rows of text, for the terminal and for the page."""

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median

from scripts.benchmarking.lines import LineTimes
from scripts.benchmarking.measuring import DRIVER, JVM, TOTAL, WORKERS
from scripts.benchmarking.origins import ORIGINS, Origins, total
from scripts.benchmarking.records import (
    CONTESTANTS,
    Comparison,
    CoresetSizes,
    CostRow,
    Measurement,
    Scaling,
    Spread,
    shape,
)
from scripts.benchmarking.session import highest_mib
from scripts.benchmarking.suite import JUDGES, VERDICT, Found, shares_right

ROLES = (DRIVER, JVM, WORKERS, TOTAL)


@dataclass(frozen=True)
class Rows:
    """A table of text: the first column names, the others are numbers."""

    title: str
    head: Sequence[str]
    rows: Sequence[Sequence[str]]


def tables(found: Measurement) -> list[Rows]:
    """All tables of one measurement."""
    if isinstance(found, Comparison):
        return comparison_tables(found)
    return scaling_tables(found) if isinstance(found, Scaling) else coreset_tables(found)


def line_table(found: LineTimes) -> Rows:
    """The seconds of every step from transaction lines to segments, and their part of all."""
    return Rows(
        f"{found.lines:,} lines of {found.customers:,} customers: {found.seconds:.1f} s",
        ("step", "seconds", "share"),
        [
            (step, f"{seconds:.1f}", f"{seconds / found.seconds:.0%}")
            for step, seconds in found.steps.items()
        ],
    )


def suite_tables(found: Sequence[Found], known: Sequence[Found]) -> list[Rows]:
    """What every judge of k says: right in per cent by kind of table, and each recognised one."""
    planted = [each for each in found if each.groups > 1]
    nulls = [each for each in found if each.groups == 1]
    groups = {"all planted": planted}
    for each in planted:
        groups.setdefault(each.name, []).append(each)
    for width in sorted({each.features for each in planted}):
        groups[f"planted, {width} features"] = [e for e in planted if e.features == width]
    groups["all without groups"] = nulls
    for each in nulls:
        groups.setdefault(each.name, []).append(each)
    right = [
        (f"{name} ({len(some)})", *(f"{share:.0%}" for share in shares_right(some).values()))
        for name, some in groups.items()
    ]
    answers = [
        (
            f"{each.name} ({each.groups})",
            f"{each.says[VERDICT]} {each.strength}",
            *(str(each.says[name]) for name in JUDGES if name != VERDICT),
        )
        for each in known
    ]
    return [
        Rows("the right number of groups is found", ("tables", *JUDGES), right),
        Rows("recognised tables (their classes)", ("table", *JUDGES), answers),
    ]


def origin_table(found: Sequence[Origins]) -> Rows:
    """Of each table, and of all, the number of k that each kind of start finds the centres of."""
    sums = [
        (
            each.name,
            str(each.ks),
            *(str(each.reached[origin]) for origin in ORIGINS),
            *(str(each.alone[origin]) for origin in ORIGINS),
            f"{each.without_mllib:.5f}",
        )
        for each in [*found, total(found)]
    ]
    head = ("table", "k", *ORIGINS, *(f"only {origin}" for origin in ORIGINS), "cost without mllib")
    return Rows("values of k whose cheapest centres a kind of start reaches", head, sums)


def comparison_tables(found: Comparison) -> list[Rows]:
    """Times, ratios, memory, steps and costs of one comparison."""
    title = shape(found)
    spread = ("median", "min", "max")
    tables = [
        Rows(
            f"{title}: seconds",
            ("contestant", *spread, "CPU s"),
            [
                (
                    f"({name}) {CONTESTANTS[name]}{_scaled_mark(found, name)}",
                    *_three(each, ".1f"),
                    f"{median(r.cpu_seconds for r in found.runs if r.contestant == name):.1f}",
                )
                for name, each in found.seconds.items()
            ],
        ),
        Rows(
            f"{title}: ratios of seconds",
            ("ratio", *spread),
            [(ratio_title(name), *_three(each, ".2f")) for name, each in found.ratios.items()],
        ),
        Rows(
            f"{title}: peak memory in MiB",
            ("contestant", *ROLES),
            [
                (f"({name}) {CONTESTANTS[name]}", *_memory(memory))
                for name, memory in memory_by_contestant(found).items()
            ],
        ),
        Rows(
            f"{title}: steps of (a)",
            ("step", "seconds", "share"),
            [(step.name, f"{step.seconds:.2f}", f"{step.share:.1%}") for step in found.steps],
        ),
        cost_table(title, found.costs),
    ]
    return [table for table in tables if table.rows]


def scaling_tables(found: Scaling) -> list[Rows]:
    """Time and memory of this job against rows."""
    features = len(found.conditions.features)
    slope = "" if found.slope is None else f"; slope of log time on log rows {found.slope:.2f}"
    return [
        Rows(
            f"(a) on growing tables of {features} features{slope}",
            ("rows", "seconds", "min", "max", "s per million", *(f"{role} MiB" for role in ROLES)),
            [
                (
                    f"{point.rows:,}",
                    *_three(point.seconds, ".1f"),
                    f"{point.seconds.median / point.rows * 1e6:.2f}",
                    *_memory(point.peak_mib),
                )
                for point in found.points
            ],
        ),
        Rows(
            "Seconds of each step",
            ("step", *(f"{point.rows:,}" for point in found.points)),
            [
                (step.name, *(f"{p.steps[i].seconds:.2f}" for p in found.points))
                for i, step in enumerate(found.points[0].steps)
            ],
        ),
    ]


def coreset_tables(found: CoresetSizes) -> list[Rows]:
    """Cost error and time against the coreset's size."""
    ks = [row.k for row in found.costs]
    return [
        Rows(
            f"{shape(found)}: coreset size",
            ("size", "worst cost ratio", "mean cost ratio", "compress + sweep s", "whole job s"),
            [
                (
                    f"{point.size:,}",
                    f"{max(point.cost_ratios.values()):.6f}",
                    f"{sum(point.cost_ratios.values()) / len(point.cost_ratios):.6f}",
                    f"{point.compress_and_sweep_seconds.median:.1f}",
                    f"{point.seconds.median:.1f}",
                )
                for point in found.points
            ],
        ),
        Rows(
            f"{shape(found)}: cost over best known, by coreset size",
            ("k", *(f"{point.size:,}" for point in found.points)),
            [(str(k), *(f"{p.cost_ratios[k]:.6f}" for p in found.points)) for k in ks],
        ),
    ]


def cost_table(title: str, costs: Sequence[CostRow]) -> Rows:
    """For every k the best known cost and each competitor's ratio to it."""
    names = list(dict.fromkeys(name for row in costs for name in row.costs))
    return Rows(
        f"{title}: cost over best known",
        ("k", "best known", "found by", *map(competitor, names)),
        [
            (
                str(row.k),
                f"{row.best:,.3f}",
                competitor(row.best_by),
                *(f"{row.ratios[name]:.6f}" if name in row.ratios else "" for name in names),
            )
            for row in costs
        ],
    )


def competitor(name: str) -> str:
    """A contestant's letter and name, or what else a cost is named by."""
    return f"({name}) {CONTESTANTS[name]}" if name in CONTESTANTS else name


def ratio_title(name: str) -> str:
    """A ratio in words: (b)/(a) MLlib loop / this job."""
    upper, lower = name.split("/")
    return f"({upper})/({lower}) {CONTESTANTS[upper]} / {CONTESTANTS[lower]}"


def memory_by_contestant(found: Comparison) -> dict[str, dict[str, float]]:
    """The highest memory of each contestant over the repeats, by role."""
    return {
        name: highest_mib([run for run in found.runs if run.contestant == name])
        for name in found.seconds
    }


def _scaled_mark(found: Comparison, name: str) -> str:
    is_scaled = any(run.scaled_from_ks for run in found.runs if run.contestant == name)
    return ", scaled up" if is_scaled else ""


def _three(spread: Spread, form: str) -> tuple[str, str, str]:
    return format(spread.median, form), format(spread.least, form), format(spread.most, form)


def _memory(peak_mib: dict[str, float]) -> list[str]:
    return [f"{peak_mib[role]:,.0f}" if role in peak_mib else "" for role in ROLES]
