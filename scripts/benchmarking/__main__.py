"""The command ``scripts/benchmark``: options in, ``results.json`` and ``benchmark.html`` out."""

import argparse
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path

from pydantic import ValidationError
from rich.console import Console

from scripts.benchmarking.measurements import compare, scale, try_coreset_sizes
from scripts.benchmarking.measuring import BenchmarkError
from scripts.benchmarking.modes import mode
from scripts.benchmarking.options import parse
from scripts.benchmarking.page import render
from scripts.benchmarking.records import Measurement, Results
from scripts.benchmarking.session import Session
from scripts.benchmarking.sessions import SCRATCH, session_of, shape_of
from scripts.benchmarking.tables import print_tables, tables
from scripts.benchmarking.wide import WIDE, wide_tables, width_table
from scripts.benchmarking.widths import widths
from segmentation.errors import SegmentationError

RESULTS, PAGE = "results.json", "benchmark.html"


def main() -> int:
    """Measure what the command line asks for; 0 when done, 2 with the reason if not."""
    options = parse()
    output: Path = options.output.resolve()
    console = Console(stderr=True)
    try:
        if (measure := mode(options)) is not None:
            measure(options, output, console)
            return 0
        results = _stored(output / RESULTS)
        for measurement in _measured(session_of(options, output, console), options):
            results = results.joined(measurement)
            _store(output, results)
            print_tables(tables(measurement))
        summaries = [
            *wide_tables(results.comparisons),
            *map(width_table, widths(results.comparisons)),
        ]
        print_tables(summary for summary in summaries if summary.rows)
    except (BenchmarkError, SegmentationError) as error:
        console.print(str(error), markup=False, style="red")
        return 2
    finally:
        shutil.rmtree(output / SCRATCH / "spark", ignore_errors=True)
    print(f"results: {output / RESULTS}\npage: {output / PAGE}")
    return 0


def _measured(session: Session, options: argparse.Namespace) -> Iterator[Measurement]:
    """Each measurement asked for, when it is done."""
    for name in options.wide or ():
        rows, shape = WIDE[name]
        yield compare(session, rows=rows, shape=shape, only=options.only)
    if options.wide:
        return
    for features in options.features:
        shape = shape_of(options, features)
        if options.scaling:
            yield scale(session, rows=options.scaling, shape=shape)
            continue
        for rows in options.rows:
            if options.coreset_sizes:
                sizes = options.coreset_sizes
                yield try_coreset_sizes(session, rows=rows, shape=shape, sizes=sizes)
            else:
                yield compare(session, rows=rows, shape=shape, only=options.only)


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


if __name__ == "__main__":
    sys.exit(main())
