"""Lloyd's algorithm on all rows, a pass at a time, in whole numbers.

A pass assigns every row to its nearest centre, for several sets of centres at once, and
returns the counts and sums of every cluster. Rows and centres are points of one grid (see
``features.preparation``), so that ``|c|**2 - 2 x.c`` is a whole number below ``2**53``: the
matrix product that computes it is exact whatever the order of its additions, ties are true
ties (the first centre wins), and every sum is the same for any partitioning.

Lloyd (1982), doi:10.1109/TIT.1982.1056489.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction

import numpy as np
import numpy.typing as npt
import pyarrow as pa
from pyspark import cloudpickle
from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from segmentation.clustering.nearest import farthest_point

Points = npt.NDArray[np.float64]
"""Grid points, one a row: whole numbers held in doubles."""

HALF = 26
"""Squared norms are summed as high and low halves of this many bits."""


@dataclass(frozen=True)
class Partition:
    """The clusters that one set of centres makes of all rows, in grid units.

    ``counts`` has one entry a cluster, ``sums`` one row a cluster and one column a feature;
    ``squares`` is the sum of the squared norms of all rows.
    """

    centres: Points
    counts: tuple[int, ...]
    sums: tuple[tuple[int, ...], ...]
    squares: int

    @property
    def has_empty(self) -> bool:
        """Whether a centre is nearest to no row."""
        return 0 in self.counts

    def means(self) -> Points:
        """The clusters' means on the grid; an empty cluster keeps its centre."""
        return np.array(
            [
                [_rounded(total, count) for total in sums] if count else centre
                for centre, count, sums in zip(self.centres, self.counts, self.sums, strict=True)
            ],
            dtype=np.float64,
        )

    def cost(self) -> Fraction:
        """The within-cluster sum of squares about the clusters' means, exact."""
        between = sum(
            Fraction(sum(total * total for total in sums), count)
            for count, sums in zip(self.counts, self.sums, strict=True)
            if count
        )
        return self.squares - between


def partitions(
    rows: DataFrame, coordinates: Sequence[str], centre_sets: Sequence[Points]
) -> list[Partition]:
    """What every set of centres makes of all rows: one pass over the table, for all sets.

    Starts a Spark job. What reaches the driver has the size of the centres, not of the rows.
    """
    width = len(coordinates)
    schema = ", ".join(
        ["position int", "count bigint", "squares_high bigint", "squares_low bigint"]
        + [f"sum_{j} bigint" for j in range(width)]
    )
    totals = [F.sum(name).alias(name) for name in ("count", "squares_high", "squares_low")]
    totals += [F.sum(f"sum_{j}").alias(f"sum_{j}") for j in range(width)]
    found = (
        rows.select(*coordinates)
        .mapInArrow(_pass_over([len(centres) for centres in centre_sets], centre_sets), schema)
        .groupBy("position")
        .agg(*totals)
        .collect()
    )
    by_position = {row.position: row for row in found}
    squares = sum((row.squares_high << HALF) + row.squares_low for row in found)
    result = []
    position = 0
    for centres in centre_sets:
        clusters = [by_position[position + i] for i in range(len(centres))]
        position += len(centres)
        counts = tuple(cluster["count"] for cluster in clusters)
        sums = tuple(tuple(c[f"sum_{j}"] for j in range(width)) for c in clusters)
        result.append(Partition(centres, counts, sums, squares))
    return result


def refined(
    rows: DataFrame, coordinates: Sequence[str], centres: Points, *, max_steps: int
) -> tuple[Partition, bool]:
    """Lloyd steps on all rows from the given centres, and whether they came to rest.

    At rest no centre moves by a grid step, and so no label changes. A centre that loses all
    its rows is put on the row that is farthest from its own centre, so the partition returned
    has no empty cluster as long as there are as many distinct rows as centres. A step is a
    pass over the table.
    """
    partition = partitions(rows, coordinates, [centres])[0]
    for _ in range(max_steps):
        means = partition.means()
        if partition.has_empty:
            empty = partition.counts.index(0)
            means[empty] = farthest_point(rows, coordinates, np.delete(means, empty, axis=0))
        elif np.array_equal(means, partition.centres):
            return partition, True
        partition = partitions(rows, coordinates, [means])[0]
    return partition, False


def grown(
    rows: DataFrame, coordinates: Sequence[str], partition: Partition, *, clusters: int
) -> Partition:
    """A partition into so many clusters that costs no more than the given smaller one.

    The row that is farthest from its centre becomes a centre, until there are enough.
    """
    centres = partition.means()
    while len(centres) < clusters:
        centres = np.vstack([centres, farthest_point(rows, coordinates, centres)])
    return partitions(rows, coordinates, [centres])[0]


def _rounded(total: int, count: int) -> int:
    """``total / count`` to the nearest whole number, exactly, halves upwards."""
    return (2 * total + count) // (2 * count)


def _pass_over(
    sizes: Sequence[int], centre_sets: Sequence[Points]
) -> Callable[[Iterator[pa.RecordBatch]], Iterator[pa.RecordBatch]]:
    """The function that a Spark task runs: its rows' counts and sums, a row a centre."""
    centres = np.vstack(centre_sets)
    bounds = np.concatenate([[0], np.cumsum(sizes)]).tolist()
    doubled, norms = 2 * centres.T, (centres**2).sum(axis=1)
    width = centres.shape[1]

    def totals(batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        counts = np.zeros(len(centres), dtype=np.int64)
        sums = np.zeros((width, len(centres)), dtype=np.int64)
        squares = np.zeros(2, dtype=np.int64)
        for batch in batches:
            points = np.column_stack([column.to_numpy() for column in batch.columns])
            nearness = norms - points @ doubled
            for low, high in zip(bounds, bounds[1:], strict=False):
                labels = nearness[:, low:high].argmin(axis=1)
                counts[low:high] += np.bincount(labels, minlength=high - low)
                for j in range(width):
                    in_cluster = np.bincount(labels, weights=points[:, j], minlength=high - low)
                    sums[j, low:high] += in_cluster.astype(np.int64)
            square = (points**2).sum(axis=1).astype(np.int64)
            squares += (square >> HALF).sum(), (square & ((1 << HALF) - 1)).sum()
        first = np.arange(len(centres)) == 0
        columns = [counts, first * squares[0], first * squares[1], *sums]
        yield pa.RecordBatch.from_arrays(
            [pa.array(np.arange(len(centres), dtype=np.int32)), *map(pa.array, columns)],
            names=["position", "count", "squares_high", "squares_low"]
            + [f"sum_{j}" for j in range(width)],
        )

    return totals


def ship_by_value(module: str) -> None:
    """Let tasks carry a module's functions with them, so that workers need not have it."""
    import sys

    cloudpickle.register_pickle_by_value(sys.modules[module])


ship_by_value(__name__)
