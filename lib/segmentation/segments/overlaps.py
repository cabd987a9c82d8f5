"""How far the segments of two models overlap: both label the same customers of today."""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

Counts = NDArray[np.int64]
Shares = NDArray[np.float64]
Flags = NDArray[np.bool_]

VANISHED = 0.1
"""A segment with less than this part of its former share left has disappeared."""


@dataclass(frozen=True)
class Overlaps:
    """Customers by segment of the previous model (rows) and of the new one (columns).

    The last row of ``counts`` has those out of the previous model's reach. ``keys`` are the
    previous segments', ``former_shares`` their shares of the customers whom that run labelled.
    """

    counts: Counts
    keys: tuple[str, ...]
    former_shares: tuple[float, ...]

    def __post_init__(self) -> None:
        require_shape(self.counts, rows=len(self.keys) + 1)

    @cached_property
    def kept(self) -> Shares:
        """The share of every row in each column, NaN where the row is empty."""
        inside = self.counts[:-1]
        return _quotient(inside, inside.sum(axis=1, keepdims=True))

    @cached_property
    def from_(self) -> Shares:
        """The share of every column in each row, the last too; NaN where the column is empty."""
        return _quotient(self.counts, self.counts.sum(axis=0, keepdims=True))

    @cached_property
    def today(self) -> Shares:
        """The share of all customers today in each row but the last."""
        shares: Shares = self.counts[:-1].sum(axis=1) / max(int(self.counts.sum()), 1)
        return shares

    @cached_property
    def survives(self) -> Flags:
        """Where a majority of the row is in the column, and makes up a majority of that."""
        survives: Flags = (self.kept > 0.5) & (self.from_[:-1] > 0.5)
        return survives

    @cached_property
    def vanished(self) -> Flags:
        """The rows that survive nowhere and of whose former share too little is left."""
        floor = VANISHED * np.array(self.former_shares)
        is_left = (self.today > 0) & (self.today >= floor)
        vanished: Flags = ~self.survives.any(axis=1) & ~is_left
        return vanished

    @cached_property
    def is_kept(self) -> Flags:
        """Where a majority of the row is in the column, and the row has not vanished."""
        is_kept: Flags = (self.kept > 0.5) & ~self.vanished[:, None]
        return is_kept

    @cached_property
    def is_from(self) -> Flags:
        """Where a majority of the column is in the row, and the row has not vanished."""
        is_from: Flags = (self.from_[:-1] > 0.5) & ~self.vanished[:, None]
        return is_from


def require_shape(counts: Counts, *, rows: int, columns: int | None = None) -> None:
    """Raise a ValueError where the counts do not have so many rows and columns."""
    if counts.ndim != 2 or counts.shape != (rows, columns or counts.shape[1]):
        wanted = f"{rows} rows" if columns is None else f"{rows} rows and {columns} columns"
        raise ValueError(f"counts have the shape {counts.shape}, they need {wanted}")


def _quotient(part: Counts, whole: Counts) -> Shares:
    found = np.full(part.shape, np.nan)
    np.divide(part, whole, out=found, where=whole > 0)
    return found
