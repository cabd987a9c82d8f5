"""What centres cost: one function for all contestants, which shares no code with any of them."""

import math
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Self

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

Floats = npt.NDArray[np.float64]

BLOCK_ROWS = 65_536
OTHER = "(other)"
"""What this job calls the values of a category that have no dimension of their own."""


@dataclass(frozen=True)
class Category:
    """A categorical column: the values with a share each; all others share one if there are any."""

    name: str
    values: tuple[str, ...]
    has_others: bool

    @classmethod
    def of(cls, name: str, counts: Mapping[str, int], *, top: int) -> Self:
        """The ``top`` most frequent values, of equal counts the first in alphabetical order."""
        ranked = sorted(counts, key=lambda value: (-counts[value], value))
        return cls(name, tuple(sorted(ranked[:top])), has_others=len(ranked) > top)

    @property
    def width(self) -> int:
        """The number of its dimensions."""
        return len(self.values) + self.has_others

    def encoded(self, column: pa.Array) -> Floats:
        """A row per customer: 1 for the value that it has and 0 for the others."""
        at = pc.index_in(column, pa.array(self.values, pa.string())).fill_null(len(self.values))
        found: Floats = np.eye(len(self.values) + 1)[at.to_numpy()]
        return found[:, : self.width]


@dataclass(frozen=True)
class ScaledTable:
    """A Parquet table read in blocks: logarithms and shares of values, centred and scaled.

    A number has deviation 1, and so have the dimensions of a category together: ``units`` are a
    number's sample deviation and the root of the sum of variances of a category's dimensions.
    """

    folder: Path
    features: Sequence[str]
    categories: Sequence[Category]
    means: Floats
    units: Floats

    @classmethod
    def of(
        cls, folder: Path, *, features: Sequence[str], categories: Sequence[str] = (), top: int = 0
    ) -> Self:
        """The table, its moments found in two passes and its values in one before."""
        rows = sum(pq.ParquetFile(file).metadata.num_rows for file in _files(folder))
        found = [Category.of(name, _counts(folder, name), top=top) for name in categories]
        width = len(features) + sum(category.width for category in found)
        nothing, one = np.zeros(width), np.ones(width)
        unscaled = cls(folder, features, found, nothing, one)
        means = _sums(block for block in unscaled.blocks()) / rows
        centred = cls(folder, features, found, means, one)
        variances = _sums(block**2 for block in centred.blocks()) / (rows - 1)
        at = len(features)
        for category in found:
            of_category = slice(at, at + category.width)
            variances[of_category] = variances[of_category].sum()
            at += category.width
        return cls(folder, features, found, means, np.sqrt(variances))

    def blocks(self) -> Iterator[Floats]:
        """Some rows at a time, one row per customer."""
        names = [*self.features, *(category.name for category in self.categories)]
        for file in _files(self.folder):
            parquet = pq.ParquetFile(file)
            for batch in parquet.iter_batches(BLOCK_ROWS, columns=names):
                numbers = [batch.column(name).to_numpy() for name in self.features]
                logarithms = np.log1p(np.column_stack(numbers).astype(np.float64))
                shares = [each.encoded(batch.column(each.name)) for each in self.categories]
                yield self.scaled(np.hstack([logarithms, *shares]))

    def scaled(self, answered: npt.ArrayLike) -> Floats:
        """Points with the coordinates of an answer, in scaled units."""
        points: Floats = (np.asarray(answered, dtype=np.float64) - self.means) / self.units
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


def nearest(blocks: Iterator[Floats], centres: Floats) -> npt.NDArray[np.int64]:
    """For every row the nearest centre, the first of equally near ones."""
    found = []
    for block in blocks:
        distances = [((block - centre) ** 2).sum(axis=1) for centre in centres]
        found.append(np.argmin(distances, axis=0))
    return np.concatenate(found)


def _counts(folder: Path, column: str) -> Counter[str]:
    counts: Counter[str] = Counter()
    for file in _files(folder):
        for each in pc.value_counts(pq.read_table(file, columns=[column])[column]).to_pylist():
            counts[each["values"]] += each["counts"]
    return counts


def _files(folder: Path) -> list[Path]:
    return sorted(folder.glob("*.parquet"))


def _sums(blocks: Iterator[Floats]) -> Floats:
    totals = [block.sum(axis=0) for block in blocks]
    return np.array([math.fsum(column) for column in np.array(totals).T])
