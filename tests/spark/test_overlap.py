"""The pass that counts how two models divide the same customers, beside numpy."""

import numpy as np
import pytest

from segmentation.clustering.overlap import BEFORE, FARTHEST, Division, overlaps
from segmentation.model.spark_columns import ENTRIES
from segmentation.numerics.grid_points import CodeTable, GridPoints, Layout

LAYOUT = Layout((0, 1), (CodeTable(2, np.array([[40.0, -10.0], [-10.0, 40.0]])),))
OWN = Layout.of_numbers(2)
CENTRES = np.array([[-100.0, 0, 40, -10], [100.0, 0, -10, 40], [0.0, 150, 40, -10]])
FRESH = np.array([[-90.0, 5], [95.0, -5]])
REACHES = np.array([60.0, 60.0, 500.0])


@pytest.fixture(scope="module")
def customers():
    """Entries on both grids; some cells of the old ones are null, some values very far out."""
    random = np.random.default_rng(3)
    centre = CENTRES[random.integers(0, 3, 500)][:, :2]
    numbers = np.rint(centre + random.normal(0, 30, (500, 2)))
    old = np.column_stack([numbers, random.integers(0, 2, 500)])
    old[::50, 0] = np.nan
    old[7, 1], old[8, 0] = 1e12, -1e300
    return old, numbers


@pytest.mark.parametrize("partitions", [1, 5])
def test_overlaps_and_moments_are_those_of_numpy(spark, customers, partitions):
    old, own = customers
    cells = [[None if np.isnan(cell) else float(cell) for cell in row] for row in old]
    rows = list(zip(cells, own.tolist(), strict=True))
    table = spark.createDataFrame(rows, f"{BEFORE} array<double>, {ENTRIES} array<double>")
    moved = CENTRES + np.array([5.0, 5.0, 0.0, 0.0])
    found = overlaps(
        table.repartition(partitions),
        Division(LAYOUT, CENTRES, True),
        reaches=REACHES,
        others={
            "moved": Division(LAYOUT, moved, True),
            "fresh": Division(OWN, FRESH, False),
        },
    )
    is_known = ~np.isnan(old).any(axis=1)
    entries = np.where(is_known[:, None], old, 0.0)
    entries[:, :2] = entries[:, :2].clip(-FARTHEST, FARTHEST)
    points = GridPoints(entries, LAYOUT)
    first, square, _, _ = points.nearest_two(CENTRES)
    labels = np.where(is_known & (square <= REACHES[first] ** 2), first, 3)
    assert 3 in labels[is_known]
    expected = {"moved": points.nearest(moved), "fresh": GridPoints.of(own).nearest(FRESH)}
    coordinates = points.coordinates
    for name, theirs in expected.items():
        k = 3 if name == "moved" else 2
        counts = np.zeros((4, k), dtype=int)
        np.add.at(counts, (labels, theirs), 1)
        assert found[name].counts.tolist() == counts.tolist()
        partition = found[name].partition
        assert partition.counts == tuple(np.bincount(theirs, minlength=k).tolist())
        for cluster in range(k):
            own_points = coordinates[theirs == cluster]
            assert partition.sums[cluster] == tuple(map(int, own_points.sum(axis=0)))
            squares = sum(int(c) ** 2 for point in own_points.tolist() for c in point)
            assert partition.squares[cluster] == squares


def test_customers_that_the_old_model_cannot_read_are_out_of_its_reach(spark):
    table = spark.createDataFrame([([None, 1.0],), ([-100.0, 0.0],)], f"{BEFORE} array<double>")
    layout = Layout.of_numbers(2)
    old = Division(layout, np.array([[-100.0, 0.0], [0.0, 0.0]]), True)
    found = overlaps(table, old, reaches=np.array([1.0, 1.0]), others={"same": old})
    assert found["same"].counts.tolist() == [[1, 0], [0, 0], [0, 1]]
