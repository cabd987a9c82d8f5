"""What centres cost: one function for all contestants, which shares no code with any of them."""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Self

import numpy as np
import numpy.typing as npt
import pyarrow.parquet as pq

Floats = npt.NDArray[np.float64]

BLOCK_ROWS = 65_536


@dataclass(frozen=True)
class ScaledTable:
    """A Parquet table read in blocks: logarithm, then mean 0 and sample deviation 1."""

    folder: Path
    features: Sequence[str]
    means: Floats
    deviations: Floats

    @classmethod
    def of(cls, folder: Path, *, features: Sequence[str]) -> Self:
        """The table, its moments found in two passes."""
        rows = sum(pq.ParquetFile(file).metadata.num_rows for file in _files(folder))
        nothing, one = np.zeros(len(features)), np.ones(len(features))
        unscaled = cls(folder, features, nothing, one)
        means = _sums(block for block in unscaled.blocks()) / rows
        centred = cls(folder, features, means, one)
        squares = _sums(block**2 for block in centred.blocks())
        return cls(folder, features, means, np.sqrt(squares / (rows - 1)))

    def blocks(self) -> Iterator[Floats]:
        """Some rows at a time, one row per customer."""
        for file in _files(self.folder):
            parquet = pq.ParquetFile(file)
            for batch in parquet.iter_batches(BLOCK_ROWS, columns=list(self.features)):
                columns = [batch.column(name).to_numpy() for name in self.features]
                yield self.scaled(np.log1p(np.column_stack(columns).astype(np.float64)))

    def scaled(self, logarithms: npt.ArrayLike) -> Floats:
        """Points whose coordinates are logarithms, in scaled units."""
        points: Floats = (np.asarray(logarithms, dtype=np.float64) - self.means) / self.deviations
        return points

    def points(self) -> Floats:
        """All rows at once."""
        return np.vstack(list(self.blocks()))


def costs(blocks: Iterator[Floats], centre_sets: Sequence[Floats]) -> list[float]:
    """For each set of centres the sum of all rows' squared distances to the nearest of them.

    The plain definition in doubles: no expanded squares, which would cancel.
    """
    parts: list[list[float]] = [[] for _ in centre_sets]
    for block in blocks:
        columns = np.ascontiguousarray(block.T)
        for part, centres in zip(parts, centre_sets, strict=True):
            nearest = np.full(len(block), np.inf)
            for centre in centres:
                offsets = columns - centre[:, np.newaxis]
                np.minimum(nearest, np.einsum("ij,ij->j", offsets, offsets), out=nearest)
            part.append(float(nearest.sum()))
    return [math.fsum(part) for part in parts]


def in_blocks(points: Floats) -> Iterator[Floats]:
    """Points in memory, some at a time."""
    for first in range(0, len(points), BLOCK_ROWS):
        yield points[first : first + BLOCK_ROWS]


def _files(folder: Path) -> list[Path]:
    return sorted(folder.glob("*.parquet"))


def _sums(blocks: Iterator[Floats]) -> Floats:
    totals = [block.sum(axis=0) for block in blocks]
    return np.array([math.fsum(column) for column in np.array(totals).T])
