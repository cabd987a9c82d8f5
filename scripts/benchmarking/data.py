"""Customers to measure with: planted log-normal segments, made in blocks, kept as Parquet."""

import math
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
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
WIDE_BLOCK_ROWS = 50_000
MAX_BLOCK_COLUMNS = 32
"""A table with more columns is made in the smaller blocks."""

ROW_GROUP_ROWS = 250_000

Floats = npt.NDArray[np.float64]
Codes = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Shape:
    """The columns of a table, and what is planted in them.

    ``features`` numeric columns, of which the last ``noise`` are the same in all ``groups``, and
    ``categories`` columns of ``values`` values each, whose shares differ from group to group.
    """

    features: int
    categories: int = 0
    values: int = 0
    groups: int = PLANTED
    noise: int = 0

    @property
    def numeric(self) -> tuple[str, ...]:
        """The names of the numeric columns."""
        rounds = [(KINDS[j % len(KINDS)], j // len(KINDS) + 1) for j in range(self.features)]
        return tuple(kind if number == 1 else f"{kind}_{number}" for kind, number in rounds)

    @property
    def categorical(self) -> tuple[str, ...]:
        """The names of the categorical columns."""
        return tuple(f"category_{j + 1}" for j in range(self.categories))

    @property
    def dimensions(self) -> int:
        """The columns that one-hot encoding leads to."""
        return self.features + self.categories * self.values

    @property
    def block_rows(self) -> int:
        """The rows that are made at once."""
        is_wide = self.features + self.categories > MAX_BLOCK_COLUMNS
        return WIDE_BLOCK_ROWS if is_wide else BLOCK_ROWS

    def __str__(self) -> str:
        """``20 + 10x10``, and what is not the default about the groups."""
        parts = [str(self.features)]
        parts += [f"+ {self.categories}x{self.values}"] if self.categories else []
        parts += [f"({self.noise} of noise)"] if self.noise else []
        return " ".join(parts)


@dataclass(frozen=True)
class Customers:
    """A table of this many customers of one shape: the folder of its Parquet files."""

    path: Path
    rows: int
    shape: Shape
    seed: int

    @cached_property
    def planted(self) -> Codes:
        """The planted group of every customer, in the order of their ids."""
        step = self.shape.block_rows
        numbers = range(-(-self.rows // step))
        members = [_Planted.of(self.shape, self.seed).members(number) for number in numbers]
        return np.concatenate(members)[: self.rows]


def customers(folder: Path, *, rows: int, shape: Shape, seed: int) -> Customers:
    """The table of this many customers; created if missing.

    One file per block, so that memory does not grow with the rows. A smaller table is the
    beginning of a larger one with the same shape and seed.
    """
    name = f"customers-rows={rows}-features={shape.features}-seed={seed}"
    if shape != Shape(shape.features):
        name += f"-categories={shape.categories}x{shape.values}"
        name += f"-groups={shape.groups}-noise={shape.noise}"
    planted = _Planted.of(shape, seed)
    path = in_blocks(folder / name, rows, planted.block, block_rows=shape.block_rows)
    return Customers(path, rows, shape, seed)


def in_blocks(
    table: Path, rows: int, block_of: Callable[[int], pa.Table], *, block_rows: int = BLOCK_ROWS
) -> Path:
    """The folder of a table of this many rows, one file per block; created if missing."""
    if table.is_dir():
        return table
    aside = table.with_name(f"{table.name}.part")
    shutil.rmtree(aside, ignore_errors=True)
    aside.mkdir(parents=True)
    for number, first in enumerate(range(0, rows, block_rows)):
        block = block_of(number).slice(0, rows - first)
        file = aside / f"part-{number:05}.parquet"
        pq.write_table(block, file, row_group_size=ROW_GROUP_ROWS)
    aside.rename(table)
    return table


@dataclass(frozen=True)
class _Planted:
    """The planted groups: their shares, medians and deviations of the logarithms.

    ``cumulated`` are the shares of the values in each group, by categorical column.
    """

    shape: Shape
    seed: int
    shares: Floats
    centres: Floats
    spreads: Floats
    cumulated: Floats

    @classmethod
    def of(cls, shape: Shape, seed: int) -> "_Planted":
        random = np.random.default_rng([seed, shape.features])
        size = (shape.groups, shape.features)
        shares = random.dirichlet(np.full(shape.groups, 4.0))
        centres = random.uniform(math.log(MEDIANS[0]), math.log(MEDIANS[1]), size=size)
        spreads = random.uniform(*SPREADS, size=size)
        if shape.noise:
            centres[:, -shape.noise :] = centres[0, -shape.noise :]
            spreads[:, -shape.noise :] = spreads[0, -shape.noise :]
        of_values = random.dirichlet(np.ones(shape.values or 1), (shape.categories, shape.groups))
        return cls(shape, seed, shares, centres, spreads, of_values.cumsum(axis=2))

    def members(self, number: int) -> Codes:
        """The groups of the customers of a block."""
        return self._members(self._random(number))

    def block(self, number: int) -> pa.Table:
        """Block ``number`` of the customers."""
        rows, random = self.shape.block_rows, self._random(number)
        members = self._members(random)
        columns: dict[str, pa.Array] = {
            CUSTOMER_ID: pa.array(np.arange(rows, dtype=np.int64) + number * rows)
        }
        for j, name in enumerate(self.shape.numeric):
            logarithms = random.normal(self.centres[members, j], self.spreads[members, j])
            values = np.exp(logarithms)
            whole = values.round(2) if "_eur" in name else values.astype(np.int64)
            columns[name] = pa.array(whole)
        names = pa.array([f"value {code:02}" for code in range(self.shape.values)], pa.string())
        for name, cumulated in zip(self.shape.categorical, self.cumulated, strict=True):
            codes, drawn = np.empty(rows, dtype=np.int64), random.random(rows)
            for group, shares in enumerate(cumulated):
                own = members == group
                codes[own] = shares[:-1].searchsorted(drawn[own], side="right")
            columns[name] = names.take(pa.array(codes))
        return pa.table(columns)

    def _random(self, number: int) -> np.random.Generator:
        return np.random.default_rng([self.seed, self.shape.features, number])

    def _members(self, random: np.random.Generator) -> Codes:
        drawn: Codes = random.choice(self.shape.groups, size=self.shape.block_rows, p=self.shares)
        return drawn
