"""Wide tables: those that ``--wide`` measures, and what was measured of such tables as text."""

from collections.abc import Sequence

from scripts.benchmarking.data import Shape
from scripts.benchmarking.records import JOB, MEMORY, Comparison, Finding, shape
from scripts.benchmarking.tables import Rows, competitor, text_of
from scripts.benchmarking.widths import Widths

GROUPS = 5
WIDE = {
    "mixed": (200_000, Shape(20, 10, 12, groups=GROUPS)),
    "mixed-2m": (2_000_000, Shape(20, 10, 12, groups=GROUPS)),
    "numeric-60": (20_000, Shape(60, groups=GROUPS)),
    "numeric-300": (20_000, Shape(300, groups=GROUPS)),
    "numeric-1000": (3_000, Shape(1_000, groups=GROUPS)),
    "categories": (20_000, Shape(1, 40, 50, groups=GROUPS)),
    "noise": (20_000, Shape(100, groups=GROUPS, noise=90)),
    "nothing": (20_000, Shape(100, groups=1)),
}
"""Rows and shape of each table by name. A table needs a number: ``categories`` has one."""

MIN_DIMENSIONS = 33
"""From this many dimensions on a table is called wide."""


def wide_tables(comparisons: Sequence[Comparison]) -> list[Rows]:
    """The job beside scikit-learn on every wide table: time and cost; the groups and the report."""
    wide = [c for c in comparisons if c.conditions.shape.dimensions >= MIN_DIMENSIONS]
    times = ("table", "dimensions", "(a) s", "(c) s", "(a)/(c)", "worst cost (a)/(c)")
    facts = ("table", "planted", "verdict", "Rand (a)", "Rand (c)", "warnings", "report MiB")
    return [
        Rows("wide tables: seconds and cost", times, [_times(found) for found in wide]),
        Rows(
            "wide tables: the groups, the report, lines of generated code in the output",
            (*facts, "code lines"),
            [_facts(found) for found in wide],
        ),
    ]


def _times(found: Comparison) -> tuple[str, ...]:
    pairs = [row.costs for row in found.costs if {JOB, MEMORY} <= set(row.costs)]
    worst = max((costs[JOB] / costs[MEMORY] for costs in pairs), default=None)
    both = [found.seconds[name].median for name in (JOB, MEMORY) if _finished(found, name)]
    return (
        shape(found),
        f"{found.conditions.shape.dimensions:,}",
        _seconds(found, JOB),
        _seconds(found, MEMORY),
        f"{both[0] / both[1]:.2f}" if len(both) == 2 else "",
        text_of(worst, ".5f"),
    )


def _facts(found: Comparison) -> tuple[str, ...]:
    by = {each.contestant: each for each in found.findings}
    own = by.get(JOB, Finding(contestant=JOB, k=0, rand=None))
    other = by.get(MEMORY, Finding(contestant=MEMORY, k=0, rand=None))
    planted = found.conditions.shape.groups
    return (
        shape(found),
        str(planted) if planted > 1 else "none",
        own.verdict or "",
        text_of(own.rand, ".3f"),
        text_of(other.rand, ".3f"),
        text_of(own.warnings, ","),
        text_of(own.report_mib, ".1f"),
        text_of(own.generated_lines, ","),
    )


def _finished(found: Comparison, contestant: str) -> bool:
    return contestant in found.seconds and found.failure(contestant) is None


def _seconds(found: Comparison, contestant: str) -> str:
    if contestant not in found.seconds:
        return ""
    return found.failure(contestant) or f"{found.seconds[contestant].median:.1f}"


def width_table(found: Widths) -> Rows:
    """Seconds of each contestant by dimensions, and the power with which they grow."""
    return Rows(
        f"{found.rows:,} rows: seconds by dimensions",
        ("contestant", *(f"{width:,}" for width in found.dimensions), "exponent", "steepest"),
        [
            (
                competitor(name),
                *(
                    f"{spreads[width].median:.1f}"
                    if width in spreads
                    else found.failures.get(name, {}).get(width, "")
                    for width in found.dimensions
                ),
                text_of(found.exponent(name), ".2f"),
                text_of(found.steepest(name), ".2f"),
            )
            for name, spreads in found.seconds.items()
        ],
    )
