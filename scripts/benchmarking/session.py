"""What all measurements of one call share: the options, the contestants' runs, the reference."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from statistics import mean, median

from rich.console import Console

from scripts.benchmarking import data
from scripts.benchmarking.contestants import OUTSIDE_STEPS, Arena, contest
from scripts.benchmarking.costs import ScaledTable, costs
from scripts.benchmarking.data import CUSTOMER_ID, Customers, Shape
from scripts.benchmarking.machine import describe_machine, versions
from scripts.benchmarking.measuring import ContestantError
from scripts.benchmarking.records import (
    CONTESTANTS,
    JOB,
    LOOP,
    MANY_STARTS,
    SPLIT,
    Conditions,
    CostRow,
    Step,
    Timed,
)
from scripts.benchmarking.reference import reference
from scripts.benchmarking.task import Answer, Task, fit_seconds

SCALED_UP_FROM_ROWS = 5_000_000
"""From this many rows on, the MLlib loop is run for some k only."""


@dataclass(frozen=True)
class Session:
    """One call of the benchmark."""

    command: str
    arena: Arena
    data: Path
    console: Console
    repeats: int
    k_max: int
    seed: int
    mllib_ks: tuple[int, ...]
    best_of: int
    best_of_rows: int

    @property
    def ks(self) -> list[int]:
        """The range of k."""
        return list(range(1, self.k_max + 1))

    def customers(self, *, rows: int, shape: Shape) -> Customers:
        """The table of this many customers, created if missing."""
        with self.console.status(f"making {rows:,} customers with {shape} features"):
            return data.customers(self.data, rows=rows, shape=shape, seed=self.seed)

    def conditions(self, shape: Shape) -> Conditions:
        """What a measurement that ends now was made with."""
        return Conditions(
            command=self.command,
            measured_at=datetime.now(UTC).isoformat(timespec="seconds"),
            machine=describe_machine(),
            versions=versions(self.arena.java_home),
            cores=self.arena.cores,
            driver_memory=self.arena.driver_memory,
            seed=self.seed,
            shape=shape,
            k_max=self.k_max,
        )

    def run(
        self,
        contestant: str,
        table: Customers,
        *,
        repeat: int,
        settings: Mapping[str, object] | None = None,
    ) -> tuple[Timed, Answer]:
        """One contestant measured once on a table; a failure is a result, with an empty answer."""
        is_scaled_up = contestant == LOOP and table.rows >= SCALED_UP_FROM_ROWS
        ks = [k for k in self.mllib_ks if k <= self.k_max] if is_scaled_up else self.ks
        title = f"{CONTESTANTS[contestant]} on {table.rows:,} x {table.shape}, repeat {repeat}"
        title += "".join(f", {key} = {value}" for key, value in (settings or {}).items())
        if contestant == LOOP:
            ks = [k for k in ks if k > 1]
        try:
            with self.console.status(title):
                measured, answer = contest(
                    contestant, self.arena, self.task(table, ks), settings=settings
                )
        except ContestantError as error:
            self.console.print(f"{title}: {error}", markup=False, style="red")
            return _failed(contestant, repeat, error), Answer({}, {})
        steps = dict(answer.steps)
        seconds = measured.seconds
        if is_scaled_up:
            seconds = scaled_up(seconds, fit_seconds(steps, ks), fits_in_all=self.k_max - 1)
        steps[OUTSIDE_STEPS] = measured.seconds - sum(steps.values())
        self.console.print(f"{title}: {seconds:.1f} s{' (scaled up)' if is_scaled_up else ''}")
        timed = Timed(
            contestant=contestant,
            repeat=repeat,
            seconds=round(seconds, 3),
            wall_seconds=measured.seconds,
            scaled_from_ks=ks if is_scaled_up else None,
            cpu_seconds=round(measured.cpu_seconds * seconds / measured.seconds, 2),
            peak_mib=dict(measured.peak_mib),
            steps={name: round(each, 3) for name, each in steps.items()},
            chosen_k=answer.chosen,
        )
        return timed, answer

    def task(self, table: Customers, ks: Sequence[int]) -> Task:
        """The table to cluster for these k; its categories have a dimension per value."""
        return Task(
            str(table.path),
            CUSTOMER_ID,
            list(table.shape.numeric),
            list(table.shape.categorical),
            max(table.shape.values, 1),
            list(ks),
            self.seed,
        )

    def scaled(self, table: Customers) -> ScaledTable:
        """The table in the units of costs; reads it three times."""
        return ScaledTable.of(
            table.path,
            features=table.shape.numeric,
            categories=table.shape.categorical,
            top=max(table.shape.values, 1),
        )

    def costs(self, scaled: ScaledTable, answers: Mapping[str, Answer]) -> list[CostRow]:
        """For every k what each answer's centres cost, and the reference's, on all rows.

        Where an answer has a cost and no centres for a k, its own word is taken.
        """
        if not any(answer.centres for answer in answers.values()):
            return []
        with self.console.status("looking for the best known costs"):
            found = {
                (name, k): scaled.scaled(centres)
                for name, answer in answers.items()
                for k, centres in answer.centres.items()
            }
            if self.best_of:
                known = {k: [c for (_, at), c in found.items() if at == k] for k in self.ks}
                best = reference(
                    scaled.points(),
                    ks=self.ks,
                    starts=self.best_of,
                    most_rows=self.best_of_rows,
                    seed=self.seed,
                    known=known,
                )
                found |= {(MANY_STARTS, k): centres for k, centres in best.many_starts.items()}
                found |= {(SPLIT, k): centres for k, centres in best.split.items()}
            computed = dict(zip(found, costs(scaled.blocks(), list(found.values())), strict=True))
        published = {
            (name, k): cost
            for name, answer in answers.items()
            for k, cost in (answer.costs or {}).items()
        }
        every = published | computed
        rows = {k: {name: every[name, at] for name, at in every if at == k} for k in self.ks}
        return [CostRow.of(k, by_name) for k, by_name in rows.items() if by_name]

    def cost_notes(self, *, rows: int) -> list[str]:
        """How the costs were found, in words."""
        notes = [
            "Costs are sums of squared distances of all rows to the nearest centre, in scaled "
            "units, computed from the centres by one function that shares no code with any "
            "contestant. This job publishes centres for the chosen k only; for the other k its "
            "published cost curve is taken."
        ]
        if self.best_of:
            where = (
                "on all rows"
                if rows <= self.best_of_rows
                else (f"on a random sample of {self.best_of_rows:,} rows, iterated on all rows")
            )
            notes.append(
                "Best known is the cheapest of all contestants, of scikit-learn's best of "
                f"{self.best_of} starts ({where}) and of the best for k - 1 with its costliest "
                "cluster split in two and iterated on all rows. Neither of the two is timed."
            )
        return notes


def _failed(contestant: str, repeat: int, error: ContestantError) -> Timed:
    found = error.measured
    return Timed(
        contestant=contestant,
        repeat=repeat,
        seconds=found.seconds,
        wall_seconds=found.seconds,
        scaled_from_ks=None,
        cpu_seconds=found.cpu_seconds,
        peak_mib=dict(found.peak_mib),
        steps={},
        chosen_k=None,
        failure=error.reason,
    )


def scaled_up(seconds: float, fits: Sequence[float], *, fits_in_all: int) -> float:
    """What a run would take if it did all its fits and not just some, of average length."""
    return seconds + (fits_in_all - len(fits)) * mean(fits)


def median_steps(runs: Sequence[Timed]) -> list[Step]:
    """The job's steps over the repeats, in their order."""
    own = [run for run in runs if run.contestant == JOB and run.failure is None]
    if not own:
        return []
    whole = median(run.wall_seconds for run in own)
    times = {name: median(run.steps.get(name, 0.0) for run in own) for name in own[0].steps}
    return [
        Step(name=name, seconds=round(seconds, 3), share=round(seconds / whole, 4))
        for name, seconds in times.items()
    ]


def highest_mib(runs: Sequence[Timed]) -> dict[str, float]:
    """The highest memory of each role over some runs."""
    roles = dict.fromkeys(role for run in runs for role in run.peak_mib)
    return {role: max(run.peak_mib.get(role, 0.0) for run in runs) for role in roles}
