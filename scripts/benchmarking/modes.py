"""What is measured instead of a contest: the suites, transactions, labelling."""

import argparse
import json
import os
from collections.abc import Callable, Sequence
from dataclasses import asdict
from pathlib import Path

from pyspark.sql import SparkSession
from rich.console import Console

from scripts.benchmarking.labelling import LabelTimes, time_labelling
from scripts.benchmarking.lines import LineTimes, time_transactions
from scripts.benchmarking.months import MonthTimes, time_months
from scripts.benchmarking.origins import Origins, origins
from scripts.benchmarking.origins import tables as tables_of_origins
from scripts.benchmarking.records import LOOP
from scripts.benchmarking.sessions import arena_of, session_of, shape_of
from scripts.benchmarking.suite import Found, cases, judged, recognised, wide_cases
from scripts.benchmarking.suite_tables import (
    label_tables,
    line_table,
    month_tables,
    origin_table,
    suite_tables,
    wide_suite_table,
)
from scripts.benchmarking.tables import print_tables

SUITE, WIDE_SUITE, ORIGINS = "suite.json", "wide-suite.json", "origins.json"
TRANSACTIONS, LABELLING, MONTHS = "transactions.json", "labelling.json", "months.json"
SUITE_ROUNDS = 3

Times = LineTimes | LabelTimes | MonthTimes
Mode = Callable[[argparse.Namespace, Path, Console], None]


def mode(options: argparse.Namespace) -> Mode | None:
    """What the options ask for instead of a contest, if anything."""
    suites: dict[str, Mode] = {"k": _suite, "wide": _wide_suite, "origins": _origins}
    if options.suite:
        return suites[options.suite]
    if options.transactions:
        return _transactions
    if options.months:
        return _months
    return _labelling if options.label_rows else None


def _suite(options: argparse.Namespace, output: Path, _: Console) -> None:
    """Print what every judge of k says of tables whose truth is known, and keep it as JSON."""
    some = cases(rows=options.suite_rows, seed=options.suite_seed, rounds=SUITE_ROUNDS)
    found = judged(some, processes=options.cores)
    known = judged(recognised(), processes=options.cores)
    _keep(output / SUITE, [*found, *known])
    print_tables(suite_tables(found, known))
    print(f"answers: {output / SUITE}")


def _wide_suite(options: argparse.Namespace, output: Path, _: Console) -> None:
    """Print what the verdict says of wide tables whose truth is known, and keep it as JSON."""
    some = wide_cases(rows=options.suite_rows, seed=options.suite_seed)
    found = judged(some, processes=options.cores)
    _keep(output / WIDE_SUITE, found)
    print_tables([wide_suite_table(found)])
    print(f"answers: {output / WIDE_SUITE}")


def _keep(
    path: Path, found: Sequence[Found | Origins | LineTimes | LabelTimes | MonthTimes]
) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    answers = [asdict(each) for each in found]
    path.write_text(json.dumps(answers, indent=2) + "\n", encoding="utf-8")


def _origins(options: argparse.Namespace, output: Path, _: Console) -> None:
    """Print which kinds of starts reach the cheapest centres, and keep it as JSON."""
    arena = arena_of(options, output)
    arena.folder.mkdir(parents=True, exist_ok=True)
    os.environ |= arena.environment(LOOP)
    spark = SparkSession.builder.appName("origins").getOrCreate()
    some = tables_of_origins(rows=options.suite_rows, seed=options.suite_seed, files=options.data)
    found = [origins(spark, points, seed=options.seed) for points in some]
    spark.stop()
    _keep(output / ORIGINS, found)
    print_tables([origin_table(found)])
    print(f"answers: {output / ORIGINS}")


def _transactions(options: argparse.Namespace, output: Path, _: Console) -> None:
    """Print how long the job takes from transaction lines, step by step, and keep it as JSON."""
    output.mkdir(parents=True, exist_ok=True)
    found = [
        time_transactions(
            (options.data or output / "data").resolve(),
            arena_of(options, output),
            lines=lines,
            seed=options.seed,
        )
        for lines in options.transactions
    ]
    _keep(output / TRANSACTIONS, found)
    print_tables([line_table(each) for each in found])
    print(f"times: {output / TRANSACTIONS}")


def _months(options: argparse.Namespace, output: Path, console: Console) -> None:
    """Print what it costs to continue a previous run, and keep it as JSON."""
    session, found = session_of(options, output, console), []
    for rows in options.months:
        table = session.customers(rows=rows, shape=shape_of(options, options.features[0]))
        task = session.task(table, session.ks)
        with console.status(f"months of {rows:,} customers"):
            found.append(time_months(session.arena, task, table, repeats=options.repeat))
    _keep(output / MONTHS, found)
    print_tables([rows for each in found for rows in month_tables(each)])
    print(f"times: {output / MONTHS}")


def _labelling(options: argparse.Namespace, output: Path, console: Console) -> None:
    """Print how fast the model of the first table asked for labels, and keep it as JSON."""
    session = session_of(options, output, console)
    shape = shape_of(options, options.features[0])
    fitted_on = session.customers(rows=options.rows[0], shape=shape)
    table = session.customers(rows=options.label_rows, shape=shape)
    with console.status(f"fitting on {fitted_on.rows:,} rows, labelling {table.rows:,}"):
        task = session.task(fitted_on, session.ks)
        found = time_labelling(session.arena, task, table)
    _keep(output / LABELLING, [found])
    print_tables(label_tables(found))
    print(f"times: {output / LABELLING}")
