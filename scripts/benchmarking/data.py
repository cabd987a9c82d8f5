"""Customers to measure with: planted log-normal segments, made in blocks, kept as Parquet."""

import math
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.parquet as pq

CUSTOMER_ID = "customer_id"
KINDS = ("orders", "spend_eur", "refunds_eur", "visits")
"""Names of features, over and over; those in euro have cents, the others are counts."""

PLANTED = 9
MEDIANS = (1.0, 400.0)
SPREADS = (0.4, 0.9)
"""Ranges that a planted segment's medians and standard deviations of the logarithm lie in."""

BLOCK_ROWS = 1_000_000
ROW_GROUP_ROWS = 250_000


def feature_names(features: int) -> tuple[str, ...]:
    """The names of this many features."""
    rounds = [(KINDS[j % len(KINDS)], j // len(KINDS) + 1) for j in range(features)]
    return tuple(kind if number == 1 else f"{kind}_{number}" for kind, number in rounds)


def customers(folder: Path, *, rows: int, features: int, seed: int) -> Path:
    """The folder of Parquet files of this many customers; created if missing.

    One file per block, so that memory does not grow with the rows. A smaller table is the
    beginning of a larger one with the same features and seed.
    """
    table = folder / f"customers-rows={rows}-features={features}-seed={seed}"
    return in_blocks(table, rows, lambda number: _block(number, features=features, seed=seed))


def in_blocks(table: Path, rows: int, block_of: Callable[[int], pa.Table]) -> Path:
    """The folder of a table of this many rows, one file per block; created if missing."""
    if table.is_dir():
        return table
    aside = table.with_name(f"{table.name}.part")
    shutil.rmtree(aside, ignore_errors=True)
    aside.mkdir(parents=True)
    for number, first in enumerate(range(0, rows, BLOCK_ROWS)):
        block = block_of(number).slice(0, rows - first)
        file = aside / f"part-{number:05}.parquet"
        pq.write_table(block, file, row_group_size=ROW_GROUP_ROWS)
    aside.rename(table)
    return table


def _block(number: int, *, features: int, seed: int) -> pa.Table:
    """Block ``number`` of the customers: ``BLOCK_ROWS`` of them."""
    planted = np.random.default_rng([seed, features])
    shares = planted.dirichlet(np.full(PLANTED, 4.0))
    centres = planted.uniform(math.log(MEDIANS[0]), math.log(MEDIANS[1]), size=(PLANTED, features))
    spreads = planted.uniform(*SPREADS, size=(PLANTED, features))

    random = np.random.default_rng([seed, features, number])
    segments = random.choice(PLANTED, size=BLOCK_ROWS, p=shares)
    columns: dict[str, npt.NDArray[np.int64] | npt.NDArray[np.float64]] = {
        CUSTOMER_ID: np.arange(BLOCK_ROWS, dtype=np.int64) + number * BLOCK_ROWS
    }
    for j, name in enumerate(feature_names(features)):
        logarithms = random.normal(centres[segments, j], spreads[segments, j])
        values = np.exp(logarithms)
        columns[name] = values.round(2) if "_eur" in name else values.astype(np.int64)
    return pa.table(columns)
