"""Tables of what no contest measures: the suites, and the job from transaction lines."""

from collections.abc import Sequence

from scripts.benchmarking.labelling import LabelTimes
from scripts.benchmarking.lines import LineTimes
from scripts.benchmarking.months import MonthTimes
from scripts.benchmarking.origins import ORIGINS, Origins, total
from scripts.benchmarking.suite import JUDGES, VERDICT, Found, shares_right
from scripts.benchmarking.tables import Rows, text_of


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


def label_tables(found: LabelTimes) -> list[Rows]:
    """The rows per second of a published model in Spark and in pandas, and their seconds."""
    title = f"{found.rows:,} rows of {found.dimensions:,} dimensions"
    return [
        Rows(
            f"{title} labelled: {found.different:,} labels differ",
            ("labelled by", "rows per second"),
            [(name, f"{rate:,.0f}") for name, rate in found.rates().items()],
        ),
        Rows(
            f"{title}: seconds",
            ("step", "seconds"),
            [(step, f"{seconds:.2f}") for step, seconds in found.seconds.items()],
        ),
    ]


def month_tables(found: MonthTimes) -> list[Rows]:
    """What it costs to continue a previous run, and the seconds of every step."""
    title = f"{found.rows:,} x {found.features}"
    names = dict.fromkeys(step for steps in found.steps.values() for step in steps)
    return [
        Rows(
            f"{title}: a run with a previous one, over one without",
            ("run", "model", "seconds", "ratio"),
            [
                (kind, found.decisions[kind], f"{seconds:.1f}", f"{found.ratio(kind):.2f}")
                for kind, seconds in found.seconds.items()
            ],
        ),
        Rows(
            f"{title}: seconds",
            ("step", *found.steps),
            [
                (step, *(f"{steps.get(step, 0.0):.1f}" for steps in found.steps.values()))
                for step in names
            ],
        ),
    ]


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


def wide_suite_table(found: Sequence[Found]) -> Rows:
    """The verdict on each wide table, and how well k-means with its k agrees with the groups."""
    return Rows(
        "wide tables with a known number of groups",
        ("table", "features", "planted", "verdict", "Rand", "Rand of the right k"),
        [
            (
                each.name,
                f"{each.features:,}",
                str(each.groups) if each.groups > 1 else "none",
                f"{each.says[VERDICT]} {each.strength}" if each.strength != "none" else "none",
                text_of(each.rand, ".3f"),
                text_of(each.rand_of_truth, ".3f"),
            )
            for each in found
        ],
    )


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
