"""What Spark sends to its Python workers runs there without this package."""

import subprocess
import sys
from fractions import Fraction

import numpy as np
import pyarrow as pa
import pytest
from pyspark import cloudpickle

from segmentation.clustering.coreset import kept_rows
from segmentation.clustering.distributed import farthest_of_task, pass_over
from segmentation.features.preparation import moments_task
from segmentation.features.wide_audit import counted
from segmentation.numerics import spark_sums
from segmentation.numerics.fixed_point import Grid
from segmentation.numerics.grid_points import CodeTable, Layout
from segmentation.numerics.partition import Partition
from segmentation.numerics.spark_sums import Task
from segmentation.segments.facts import fact_rows, merged_facts
from segmentation.segments.statistics_pass import Measured, statistics_pass

WORKER = """
import pickle, sys
sys.modules["segmentation"] = None  # whoever needs it fails
task, batches = pickle.load(sys.stdin.buffer)
print(sum(batch.num_rows for batch in task(iter(batches))))
"""

LAYOUT = Layout((0,), (CodeTable(1, np.array([[4.0, -1], [-2, 3], [-2, -1]])),))
CENTRES = np.array([[0.0, 0, 0], [9, -2, 3]])
ENTRIES = pa.array([[0.0, 0.0], [9.0, 1.0], [8.0, 2.0]])
VALUES = pa.array([[1.5, 0.0], [None, 1.0], [2.5, None]])


def partition() -> Partition:
    counts, sums, squares = (2, 1), ((8, 2, -2), (9, -2, 3)), (80, 94)
    made = Partition(CENTRES, counts, sums, squares)
    assert made.cost() > Fraction(0)
    return made


def tasks() -> dict[str, tuple[Task, list[pa.Array], int]]:
    """Every task with the columns that it is given, and how many rows it returns."""
    entries = [ENTRIES]
    measured = Measured(1, (2,), rounds=False)
    facts = fact_rows([(0, 0, 0, [1], [2.0]), (2, 0, 0, [1, 2], [0.5, 0.7])])
    fraction = pa.array([0.0, 0.0, 0.9])
    hashes = [pa.nulls(3, pa.int32()), pa.array([1, 2, 3]), VALUES]
    lists = [pa.array([[1], [2]]), pa.array([[3], [4]])]
    return {
        "pass": (pass_over(CENTRES, [2], layout=LAYOUT), entries, 1),
        "farthest": (farthest_of_task(CENTRES, LAYOUT), entries, 1),
        "sample": (
            kept_rows(LAYOUT, wanted=1.0, equal=0.5, by_square=0.0), [*entries, fraction], 2,
        ),
        "moments": (moments_task([Grid(0.0, 1.0)], [3]), entries, 1),
        "statistics": (
            statistics_pass(partition(), LAYOUT, measured, distance_step=0.1),
            [*entries, VALUES],
            6,
        ),
        "merged facts": (merged_facts([0.5]), facts.columns, 2),
        "merged vectors": (spark_sums._merged_rows, lists, 1),
        "audit": (counted, hashes, 1),
    }  # fmt: skip


@pytest.mark.parametrize("name", list(tasks()))
def test_a_task_runs_where_the_package_is_not(name):
    task, columns, expected = tasks()[name]
    batch = pa.RecordBatch.from_arrays(columns, [f"c{i}" for i in range(len(columns))])
    given = cloudpickle.dumps((task, [batch]))
    found = subprocess.run(
        [sys.executable, "-P", "-c", WORKER], input=given, capture_output=True, timeout=60
    )
    assert found.returncode == 0, found.stderr.decode()
    own = sum(each.num_rows for each in task(iter([batch])))
    assert int(found.stdout) == own == expected
