"""The three measurements: all contestants, growing tables, coreset sizes."""

from collections.abc import Mapping, Sequence

from scripts.benchmarking.data import Shape
from scripts.benchmarking.findings import findings
from scripts.benchmarking.measuring import BenchmarkError
from scripts.benchmarking.records import (
    CONTESTANTS,
    COPY,
    EARLIER,
    JOB,
    LOOP,
    MEMORY,
    Comparison,
    CoresetPoint,
    CoresetSizes,
    CostRow,
    ScalePoint,
    Scaling,
    Spread,
    Timed,
)
from scripts.benchmarking.session import Session, highest_mib, median_steps
from scripts.benchmarking.task import Answer
from scripts.benchmarking.widths import exponent

RATIOS = ((LOOP, JOB), (MEMORY, JOB), (JOB, COPY), (JOB, EARLIER))
WARM_UP = 0


def compare(session: Session, *, rows: int, shape: Shape, only: Sequence[str]) -> Comparison:
    """The contestants on one table, taking turns."""
    table = session.customers(rows=rows, shape=shape)
    runs: list[Timed] = []
    answers: dict[str, Answer] = {}
    # Not counted: the first to start would read Spark's jars and the table from disk.
    if set(only) != {MEMORY}:
        session.run(COPY, table, repeat=WARM_UP)
    failed: set[str] = set()
    for repeat in range(1, session.repeats + 1):
        for contestant in only:
            if contestant in failed:
                continue
            timed, answer = session.run(contestant, table, repeat=repeat)
            runs.append(timed)
            if timed.failure is None:
                answers.setdefault(contestant, answer)
            else:
                failed.add(contestant)
    scaled = session.scaled(table)
    costs = session.costs(scaled, answers)
    seconds = {name: [run.seconds for run in runs if run.contestant == name] for name in only}
    return Comparison(
        rows=rows,
        conditions=session.conditions(shape),
        notes=[*_scaled_note(runs, session), *session.cost_notes(rows=rows), *_same_costs(answers)],
        runs=runs,
        seconds={name: Spread.of(values) for name, values in seconds.items()},
        ratios={
            f"{upper}/{lower}": Spread.of(
                [x / y for x, y in zip(seconds[upper], seconds[lower], strict=True)]
            )
            for upper, lower in RATIOS
            if upper in seconds and lower in seconds and not failed & {upper, lower}
        },
        steps=median_steps(runs),
        costs=costs,
        published_to_measured=_published_to_measured(answers, costs),
        findings=findings(table, scaled, answers),
    )


def scale(session: Session, *, rows: Sequence[int], shape: Shape) -> Scaling:
    """The job alone on tables of growing length."""
    tables = {count: session.customers(rows=count, shape=shape) for count in rows}
    session.run(JOB, tables[min(rows)], repeat=WARM_UP)
    runs = {
        count: [
            _finished(session.run(JOB, table, repeat=repeat))[0]
            for repeat in range(1, session.repeats + 1)
        ]
        for count, table in tables.items()
    }
    points = [
        ScalePoint(
            rows=count,
            seconds=Spread.of([run.seconds for run in of_table]),
            peak_mib=highest_mib(of_table),
            steps=median_steps(of_table),
        )
        for count, of_table in sorted(runs.items())
    ]
    return Scaling(
        conditions=session.conditions(shape),
        runs=[run for count in sorted(runs) for run in runs[count]],
        points=points,
        slope=exponent([point.rows for point in points], [p.seconds.median for p in points]),
    )


def try_coreset_sizes(
    session: Session, *, rows: int, shape: Shape, sizes: Sequence[int]
) -> CoresetSizes:
    """The job with coresets of several sizes on one table, taking turns."""
    table = session.customers(rows=rows, shape=shape)
    session.run(JOB, table, repeat=WARM_UP)
    runs: dict[int, list[Timed]] = {size: [] for size in sizes}
    answers: dict[int, Answer] = {}
    for repeat in range(1, session.repeats + 1):
        for size in sizes:
            timed, answers[size] = _finished(
                session.run(JOB, table, repeat=repeat, settings={"sweep.coreset_size": size})
            )
            runs[size].append(timed)
    named = {f"{size:,}": answer for size, answer in answers.items()}
    costs = session.costs(session.scaled(table), named)
    points = [
        CoresetPoint(
            size=size,
            seconds=Spread.of([run.seconds for run in runs[size]]),
            compress_and_sweep_seconds=Spread.of([_compress_and_sweep(run) for run in runs[size]]),
            cost_ratios={row.k: row.ratios[f"{size:,}"] for row in costs},
        )
        for size in sorted(sizes)
    ]
    return CoresetSizes(
        rows=rows,
        conditions=session.conditions(shape),
        notes=session.cost_notes(rows=rows),
        runs=[run for size in sorted(sizes) for run in runs[size]],
        points=points,
        costs=costs,
    )


def _finished(found: tuple[Timed, Answer]) -> tuple[Timed, Answer]:
    if (failure := found[0].failure) is not None:
        raise BenchmarkError(f"{CONTESTANTS[found[0].contestant]}: {failure}")
    return found


def _compress_and_sweep(run: Timed) -> float:
    return round(run.steps.get("compress", 0.0) + run.steps.get("sweep", 0.0), 3)


def _scaled_note(runs: Sequence[Timed], session: Session) -> list[str]:
    scaled = next((run for run in runs if run.scaled_from_ks), None)
    if scaled is None or scaled.scaled_from_ks is None:
        return []
    ks = ", ".join(map(str, scaled.scaled_from_ks))
    return [
        f"({LOOP}), the {CONTESTANTS[LOOP]}, was run for k = {ks} only and scaled up: start, "
        "reading, scaling and writing as measured, plus the mean time of these k times "
        f"{session.k_max - 1}, the number of k from 2 to {session.k_max}."
    ]


def _same_costs(answers: Mapping[str, Answer]) -> list[str]:
    """Whether this state and the earlier one publish the same curve."""
    if not {JOB, EARLIER} <= set(answers):
        return []
    are_same = answers[JOB].costs == answers[EARLIER].costs
    return [f"The cost curves of ({JOB}) and ({EARLIER}) {'are equal' if are_same else 'differ'}."]


def _published_to_measured(answers: Mapping[str, Answer], costs: Sequence[CostRow]) -> float | None:
    """The job's own cost for its chosen k, over the one found for its centres."""
    own = answers.get(JOB)
    if own is None or own.chosen is None or own.costs is None:
        return None
    return own.costs[own.chosen] / next(r.costs[JOB] for r in costs if r.k == own.chosen)
