"""The options as what a measurement needs: an arena, a session, the shape of a table."""

import argparse
import shlex
import sys
from collections.abc import Sequence
from pathlib import Path

from rich.console import Console

from scripts.benchmarking.contestants import Arena
from scripts.benchmarking.data import Shape
from scripts.benchmarking.session import Session
from segmentation.runtime.java import java_home

SCRATCH = "scratch"
LOCAL_OPTIONS = ("--output", "--data", "--against")
"""Options that name a place on this machine, which is nobody else's business."""


def arena_of(options: argparse.Namespace, output: Path) -> Arena:
    """The arena: its folder is in the output's."""
    return Arena(
        output / SCRATCH,
        cores=options.cores,
        driver_memory=options.driver_memory,
        java_home=java_home(),
        time_limit=options.time_limit,
        earlier=options.against and options.against.resolve(),
    )


def session_of(options: argparse.Namespace, output: Path, console: Console) -> Session:
    """One call of the benchmark with these options."""
    return Session(
        command=_command(sys.argv[1:]),
        arena=arena_of(options, output),
        data=(options.data or output / "data").resolve(),
        console=console,
        repeats=options.repeat,
        k_max=options.k_max,
        seed=options.seed,
        mllib_ks=tuple(k for k in options.mllib_ks if k > 1),
        best_of=options.best_of,
        best_of_rows=options.best_of_rows,
    )


def shape_of(options: argparse.Namespace, features: int) -> Shape:
    """The shape of a table of so many numeric features."""
    categories, values = options.categories
    return Shape(features, categories, values, options.groups, options.noise)


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
