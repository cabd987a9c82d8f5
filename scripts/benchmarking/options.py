"""The options of ``scripts/benchmark``."""

import argparse
import os
from pathlib import Path

from scripts.benchmarking.data import PLANTED
from scripts.benchmarking.records import CONTESTANTS, COPY, EARLIER, JOB, LOOP, MEMORY
from scripts.benchmarking.session import SCALED_UP_FROM_ROWS
from scripts.benchmarking.wide import WIDE

WIDE_TIME_LIMIT_S = 300.0


def parse() -> argparse.Namespace:
    """The options that the command line gives; exits with 2 where they do not go together."""
    parser = _parser()
    options = parser.parse_args()
    if options.wide is not None:
        parser.set_defaults(only=[JOB, MEMORY], repeat=1, best_of=0, time_limit=WIDE_TIME_LIMIT_S)
        options = parser.parse_args()
        options.wide = options.wide or list(WIDE)
        options.noise, options.categories = 0, (0, 0)
    if not any(1 < k <= options.k_max for k in options.mllib_ks):
        parser.error(f"--mllib-ks needs a k between 2 and --k-max {options.k_max}")
    if not 0 <= options.noise < min(options.features):
        parser.error(f"--noise {options.noise} needs to be fewer than --features")
    if (options.against is not None) != (EARLIER in options.only):
        parser.error(f"--against CHECKOUT goes with --only {JOB},{EARLIER}")
    return options


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
    add(
        "--categories",
        type=_columns_and_values,
        default=(0, 0),
        metavar="COLUMNSxVALUES",
        help="categorical columns beside them, of so many values each: 10x10",
    )
    add("--groups", type=int, default=PLANTED, help="groups that are planted")
    add("--noise", type=int, default=0, help="how many of the features tell no group from another")
    add("--repeat", type=int, default=3, help="times that each contestant is run, taking turns")
    add(
        "--only",
        type=_contestants,
        default=[JOB, LOOP, MEMORY, COPY],
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
        "--label-rows",
        type=int,
        metavar="ROWS",
        help="instead: rows per second of the saved model of (a), in Spark and in pandas",
    )
    add(
        "--months",
        type=int,
        nargs="+",
        metavar="ROWS",
        help="instead: (a) with a previous run and without one, by what becomes of its model",
    )
    add(
        "--suite",
        choices=["k", "wide", "origins"],
        help="instead: does the verdict on k find the truth? in wide tables, too? "
        "which starts find the centres?",
    )
    add("--suite-rows", type=int, default=4_000, help="customers of each table of the suite")
    add("--suite-seed", type=int, default=90_000, help="of the suite's tables")
    add("--k-max", type=int, default=12, help="the range of k is 1 to this")
    add("--best-of", type=int, default=20, help="scikit-learn's starts for the best known cost")
    add("--best-of-rows", type=int, default=2_000_000, help="rows that these starts see at most")
    add(
        "--wide",
        nargs="*",
        choices=list(WIDE),
        metavar="TABLE",
        help="instead: (a) and (c) once on these wide tables, of all if none is named, each cut "
        f"off after {WIDE_TIME_LIMIT_S:.0f} s: " + ", ".join(_wide_tables()),
    )
    add("--time-limit", type=float, metavar="SECONDS", help="after which a contestant is cut off")
    add(
        "--against",
        type=Path,
        metavar="CHECKOUT",
        help=f"({EARLIER}) is the job of this checkout of another state, with this one's packages",
    )
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


def _wide_tables() -> list[str]:
    return [f"{name} ({rows:,} x {shape})" for name, (rows, shape) in WIDE.items()]


def _columns_and_values(text: str) -> tuple[int, int]:
    columns, _, values = text.partition("x")
    if not (columns.isdigit() and values.isdigit() and int(values) > 1):
        raise argparse.ArgumentTypeError(f"needs COLUMNSxVALUES, as in 10x10: {text}")
    return int(columns), int(values)
