"""What was measured as tables: rows of text, for the terminal and for the page."""

import sys
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from statistics import median

from rich.console import Console
from rich.table import Table

from scripts.benchmarking.measuring import DRIVER, JVM, TOTAL, WORKERS
from scripts.benchmarking.records import (
    CONTESTANTS,
    Comparison,
    CoresetSizes,
    CostRow,
    Finding,
    Measurement,
    Scaling,
    Spread,
    shape,
)
from scripts.benchmarking.session import highest_mib

WIDTH = 140
"""Columns of text where the output is no terminal."""

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
                    f"({name}) {CONTESTANTS[name]}{_mark(found, name)}",
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
        finding_table(title, found.findings),
        cost_table(title, found.costs),
    ]
    return [table for table in tables if table.rows]


def finding_table(title: str, found: Sequence[Finding]) -> Rows:
    """What each contestant makes of the planted groups."""
    return Rows(
        f"{title}: the planted groups",
        ("contestant", "k", "adjusted Rand", "verdict", "warnings", "report MiB", "generated code"),
        [
            (
                competitor(each.contestant),
                str(each.k),
                text_of(each.rand, ".4f"),
                each.verdict or "",
                text_of(each.warnings, ","),
                text_of(each.report_mib, ".1f"),
                text_of(each.generated_lines, ","),
            )
            for each in found
        ],
    )


def scaling_tables(found: Scaling) -> list[Rows]:
    """Time and memory of this job against rows."""
    slope = "" if found.slope is None else f"; slope of log time on log rows {found.slope:.2f}"
    return [
        Rows(
            f"(a) on growing tables of {found.conditions.shape} features{slope}",
            ("rows", "seconds", "min", "max", "s per million", *(f"{role} MiB" for role in ROLES)),
            [
                (
                    f"{point.rows:,}",
                    *_three(point.seconds, ".1f"),
                    f"{point.seconds.median / point.rows * 1e6:.2f}",
                    *_memory(point.peak_mib),
                )
                for point in found.points
            ]
            + _growth(found),
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


def _growth(found: Scaling) -> list[tuple[str, ...]]:
    """A row with the longest table's numbers over the shortest's: 1.00 is flat."""
    if len(found.points) < 2:
        return []
    first, last = found.points[0], found.points[-1]
    memory = {role: last.peak_mib[role] / mib for role, mib in first.peak_mib.items()}
    return [
        (
            f"x {last.rows / first.rows:.1f}",
            f"x {last.seconds.median / first.seconds.median:.2f}",
            *[""] * 3,
            *(f"x {memory[role]:.2f}" if role in memory else "" for role in ROLES),
        )
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


def _mark(found: Comparison, name: str) -> str:
    if (failure := found.failure(name)) is not None:
        return f": {failure}"
    is_scaled = any(run.scaled_from_ks for run in found.runs if run.contestant == name)
    return ", scaled up" if is_scaled else ""


def text_of(value: float | None, form: str) -> str:
    """A number in a cell; an empty cell where there is none."""
    return "" if value is None else format(value, form)


def _three(spread: Spread, form: str) -> tuple[str, str, str]:
    return format(spread.median, form), format(spread.least, form), format(spread.most, form)


def _memory(peak_mib: dict[str, float]) -> list[str]:
    return [f"{peak_mib[role]:,.0f}" if role in peak_mib else "" for role in ROLES]


def print_tables(report: Iterable[Rows]) -> None:
    """Print the tables, as wide as the terminal or as a page."""
    console = Console(width=None if sys.stdout.isatty() else WIDTH)
    for rows in report:
        table = Table(title=rows.title, title_justify="left")
        for i, head in enumerate(rows.head):
            table.add_column(head, justify="right" if i else "left")
        for row in rows.rows:
            table.add_row(*row)
        console.print(table, markup=False)
