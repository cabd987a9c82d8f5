"""The command ``scripts/benchmark``: options in, ``results.json`` and ``benchmark.html`` out."""

import argparse
import json
import os
import shlex
import shutil
import sys
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict
from pathlib import Path

from pydantic import ValidationError
from pyspark.sql import SparkSession
from rich.console import Console
from rich.table import Table

from scripts.benchmarking.contestants import Arena
from scripts.benchmarking.lines import time_transactions
from scripts.benchmarking.measurements import compare, scale, try_coreset_sizes
from scripts.benchmarking.measuring import BenchmarkError
from scripts.benchmarking.origins import origins
from scripts.benchmarking.origins import tables as tables_of_origins
from scripts.benchmarking.page import render
from scripts.benchmarking.records import CONTESTANTS, LOOP, Measurement, Results
from scripts.benchmarking.session import SCALED_UP_FROM_ROWS, Session
from scripts.benchmarking.suite import cases, judged, recognised
from scripts.benchmarking.tables import Rows, line_table, origin_table, suite_tables, tables
from segmentation.errors import SegmentationError
from segmentation.runtime.java import java_home

RESULTS, PAGE, SCRATCH = "results.json", "benchmark.html", "scratch"
SUITE, ORIGINS, TRANSACTIONS = "suite.json", "origins.json", "transactions.json"
SUITE_ROUNDS = 3
WIDTH = 140
LOCAL_OPTIONS = ("--output", "--data")
"""Options that name a place on this machine, which is nobody else's business."""


def main() -> int:
    """Measure what the command line asks for; 0 when done, 2 with the reason if not."""
    parser = _parser()
    options = parser.parse_args()
    if not any(1 < k <= options.k_max for k in options.mllib_ks):
        parser.error(f"--mllib-ks needs a k between 2 and --k-max {options.k_max}")
    output: Path = options.output.resolve()
    console = Console(stderr=True)
    if options.suite == "origins":
        _origins(options, output)
        return 0
    if options.suite:
        _suite(output, rows=options.suite_rows, seed=options.suite_seed, cores=options.cores)
        return 0
    try:
        if options.transactions:
            _transactions(options, output)
            return 0
        results = _stored(output / RESULTS)
        for measurement in _measured(_session(options, output, console), options):
            results = results.joined(measurement)
            _store(output, results)
            _print(tables(measurement))
    except (BenchmarkError, SegmentationError) as error:
        console.print(str(error), markup=False, style="red")
        return 2
    finally:
        shutil.rmtree(output / SCRATCH / "spark", ignore_errors=True)
    print(f"results: {output / RESULTS}\npage: {output / PAGE}")
    return 0


def _suite(output: Path, *, rows: int, seed: int, cores: int) -> None:
    """Print what every judge of k says of tables whose truth is known, and keep it as JSON."""
    found = judged(cases(rows=rows, seed=seed, rounds=SUITE_ROUNDS), processes=cores)
    known = judged(recognised(), processes=cores)
    output.mkdir(parents=True, exist_ok=True)
    answers = [asdict(each) for each in [*found, *known]]
    (output / SUITE).write_text(json.dumps(answers, indent=2) + "\n", encoding="utf-8")
    _print(suite_tables(found, known))
    print(f"answers: {output / SUITE}")


def _origins(options: argparse.Namespace, output: Path) -> None:
    """Print which kinds of starts reach the cheapest centres, and keep it as JSON."""
    arena = _arena(options, output)
    arena.folder.mkdir(parents=True, exist_ok=True)
    os.environ |= arena.environment(LOOP)
    spark = SparkSession.builder.appName("origins").getOrCreate()
    some = tables_of_origins(rows=options.suite_rows, seed=options.suite_seed, files=options.data)
    found = [origins(spark, points, seed=options.seed) for points in some]
    spark.stop()
    answers = [asdict(each) for each in found]
    (output / ORIGINS).write_text(json.dumps(answers, indent=2) + "\n", encoding="utf-8")
    _print([origin_table(found)])
    print(f"answers: {output / ORIGINS}")


def _transactions(options: argparse.Namespace, output: Path) -> None:
    """Print how long the job takes from transaction lines, step by step, and keep it as JSON."""
    output.mkdir(parents=True, exist_ok=True)
    found = [
        time_transactions(
            (options.data or output / "data").resolve(),
            _arena(options, output),
            lines=lines,
            seed=options.seed,
        )
        for lines in options.transactions
    ]
    (output / TRANSACTIONS).write_text(
        json.dumps([asdict(each) for each in found], indent=2) + "\n", encoding="utf-8"
    )
    _print([line_table(each) for each in found])
    print(f"times: {output / TRANSACTIONS}")


def _arena(options: argparse.Namespace, output: Path) -> Arena:
    return Arena(
        output / SCRATCH,
        cores=options.cores,
        driver_memory=options.driver_memory,
        java_home=java_home(),
    )


def _session(options: argparse.Namespace, output: Path, console: Console) -> Session:
    return Session(
        command=_command(sys.argv[1:]),
        arena=_arena(options, output),
        data=(options.data or output / "data").resolve(),
        console=console,
        repeats=options.repeat,
        k_max=options.k_max,
        seed=options.seed,
        mllib_ks=tuple(k for k in options.mllib_ks if k > 1),
        best_of=options.best_of,
        best_of_rows=options.best_of_rows,
    )


def _measured(session: Session, options: argparse.Namespace) -> Iterator[Measurement]:
    """Each measurement asked for, when it is done."""
    for features in options.features:
        if options.scaling:
            yield scale(session, rows=options.scaling, features=features)
            continue
        for rows in options.rows:
            if options.coreset_sizes:
                sizes = options.coreset_sizes
                yield try_coreset_sizes(session, rows=rows, features=features, sizes=sizes)
            else:
                yield compare(session, rows=rows, features=features, only=options.only)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="scripts/benchmark",
        description="Time this job against the loop that it replaces, against scikit-learn in "
        "memory and against a plain copy, each as a process of its own, all in one go. Results "
        "of earlier calls in the same output folder are kept, unless measured anew.",
    )
    add = parser.add_argument
    add("--rows", type=int, nargs="+", default=[2_000_000], help="customers, one table each")
    add("--features", type=int, nargs="+", default=[3], help="numeric features, one table each")
    add("--repeat", type=int, default=3, help="times that each contestant is run, taking turns")
    add(
        "--only",
        type=_contestants,
        default=list(CONTESTANTS),
        metavar="a,b,c,d",
        help="contestants: " + ", ".join(f"{key} = {name}" for key, name in CONTESTANTS.items()),
    )
    add(
        "--mllib-ks",
        type=int,
        nargs="+",
        default=[3, 6, 9],
        metavar="K",
        help=f"k of (b) that are run, and scaled up, from {SCALED_UP_FROM_ROWS:,} rows on",
    )
    add("--scaling", type=int, nargs="+", metavar="ROWS", help="instead: (a) on growing tables")
    add("--coreset-sizes", type=int, nargs="+", metavar="SIZE", help="instead: (a) by coreset")
    add(
        "--transactions",
        type=int,
        nargs="+",
        metavar="LINES",
        help="instead: (a) from this many transaction lines, 30 per customer",
    )
    add(
        "--suite",
        choices=["k", "origins"],
        help="instead: does the verdict on k find the truth? which starts find the centres?",
    )
    add("--suite-rows", type=int, default=4_000, help="customers of each table of the suite")
    add("--suite-seed", type=int, default=90_000, help="of the suite's tables")
    add("--k-max", type=int, default=12, help="the range of k is 1 to this")
    add("--best-of", type=int, default=20, help="scikit-learn's starts for the best known cost")
    add("--best-of-rows", type=int, default=2_000_000, help="rows that these starts see at most")
    add("--cores", type=int, default=2, help="N of Spark's local[N]; threads of (c)")
    add("--driver-memory", default="4g", help="spark.driver.memory of all contestants on Spark")
    add("--seed", type=int, default=42, help="of the customers and of every fit")
    output = Path(os.environ.get("BENCHMARK_OUTPUT", "out/benchmark"))
    add("--output", type=Path, default=output, help="folder of results, page, logs and tables")
    add(
        "--data",
        type=Path,
        help="folder of the customers instead of OUTPUT/data; of --suite origins, of real files",
    )
    return parser


def _contestants(text: str) -> list[str]:
    chosen = text.split(",")
    unknown = [name for name in chosen if name not in CONTESTANTS]
    if unknown:
        raise argparse.ArgumentTypeError(f"needs letters of {','.join(CONTESTANTS)}: {text}")
    return chosen


def _command(arguments: Sequence[str]) -> str:
    """The call without what only means something on this machine."""
    kept, is_place = [], False
    for argument in arguments:
        if is_place:
            is_place = False
        elif argument in LOCAL_OPTIONS:
            is_place = True
        elif not argument.startswith(tuple(f"{option}=" for option in LOCAL_OPTIONS)):
            kept.append(argument)
    return shlex.join(["scripts/benchmark", *kept])


def _stored(path: Path) -> Results:
    if not path.exists():
        return Results()
    try:
        return Results.model_validate_json(path.read_text(encoding="utf-8"))
    except ValidationError:
        raise BenchmarkError(
            f"{path} is not of this benchmark's version: move it away, or change --output"
        ) from None


def _store(output: Path, results: Results) -> None:
    output.mkdir(parents=True, exist_ok=True)
    for name, text in (
        (RESULTS, results.model_dump_json(indent=2) + "\n"),
        (PAGE, render(results)),
    ):
        aside = output / f".{name}.part"
        aside.write_text(text, encoding="utf-8")
        aside.replace(output / name)


def _print(report: Iterable[Rows]) -> None:
    console = Console(width=None if sys.stdout.isatty() else WIDTH)
    for rows in report:
        table = Table(title=rows.title, title_justify="left")
        for i, head in enumerate(rows.head):
            table.add_column(head, justify="right" if i else "left")
        for row in rows.rows:
            table.add_row(*row)
        console.print(table, markup=False)


if __name__ == "__main__":
    sys.exit(main())
