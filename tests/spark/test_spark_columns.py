"""Nearest and second nearest centres in Spark's expressions, against plain whole numbers."""

from typing import cast

import numpy as np
import pytest
from pyspark.sql import functions as F

from segmentation.clustering.distributed import DistributedPopulation
from segmentation.model import spark_columns
from segmentation.model.expressions import Column
from segmentation.model.rules import LabellingRule, NearestPrototype
from segmentation.model.spark_columns import (
    CLUSTER,
    ENTRIES,
    SECOND_CLUSTER,
    SECOND_SQUARE,
    SQUARE,
    with_assignment,
    with_nearest,
)
from segmentation.model.spark_sql import spark_sql
from segmentation.numerics.grid_points import CodeTable, GridPoints, Layout
from tests.brute_force import Listed, squares
from tests.spark.tables import on_grid, points_of


def labelled(rows, centres):
    """For every row its point and what was found of it."""
    names = [name for name in rows.columns if name != ENTRIES]
    layout = Layout.of_numbers(len(names))
    found = with_nearest(rows, layout, np.array(centres, dtype=np.float64)).collect()
    columns = (CLUSTER, SQUARE, SECOND_CLUSTER, SECOND_SQUARE)
    return [
        (tuple(int(row[n]) for n in names), tuple(row[column] for column in columns))
        for row in found
    ]


def test_two_centres_on_paper(spark):
    rows = on_grid(spark, [(0, 0), (3, 4), (10, 0)])
    assert dict(labelled(rows, [(0, 0), (10, 0)])) == {
        (0, 0): (0, 0, 1, 100),
        (3, 4): (0, 25, 1, 65),
        (10, 0): (1, 0, 0, 100),
    }


def test_a_rule_in_sparks_columns_is_its_assignment_in_numpy(spark):
    points = np.random.default_rng(3).integers(-3, 4, (60, 2))  # few values, so that many are ties
    rule = NearestPrototype.of(points[:4].astype(float))
    found = with_assignment(on_grid(spark, points), Layout.of_numbers(2), rule).toPandas()
    expected = rule.assign(GridPoints.of(found[["q0", "q1"]].to_numpy()))
    assert found[CLUSTER].tolist() == expected.segment.tolist()
    assert found[SQUARE].tolist() == expected.square.tolist()
    assert found[SECOND_CLUSTER].tolist() == expected.runner_up.tolist()
    assert found[SECOND_SQUARE].tolist() == expected.runner_up_square.tolist()


def test_a_rule_that_has_no_columns_is_named(spark):
    with pytest.raises(TypeError, match="no Spark columns for"):
        with_assignment(
            on_grid(spark, [(0, 0)]), Layout.of_numbers(2), cast(LabellingRule, "a tree")
        )


def test_a_single_centre_has_no_second(spark):
    assert labelled(on_grid(spark, [(3, 4)]), [(0, 0)]) == [((3, 4), (0, 25, None, None))]


def test_of_equals_the_first_is_nearest_and_the_next_is_second(spark):
    rows = on_grid(spark, [(5, 0)])
    for centres in ([(0, 0), (10, 0)], [(10, 0), (0, 0)]):
        assert labelled(rows, centres) == [((5, 0), (0, 25, 1, 25))]
    three = [(90, 0), (10, 0), (0, 0), (5, 5)]
    assert labelled(rows, three) == [((5, 0), (1, 25, 2, 25))]


@pytest.mark.parametrize("reach", [3, 2**23])
def test_equals_whole_number_arithmetic(spark, reach):
    random = np.random.default_rng(reach)
    points = random.integers(-reach, reach + 1, (80, 3))
    centres = random.integers(-reach, reach + 1, (6, 3)).astype(float)
    for point, (cluster, square, second, second_square) in labelled(
        on_grid(spark, points), centres
    ):
        distances = squares(point, centres)
        order = sorted(range(6), key=lambda i: (distances[i], i))
        assert (cluster, second) == tuple(order[:2])
        assert (int(square), int(second_square)) == (distances[order[0]], distances[order[1]])


def test_no_column_is_lost_or_left_over(spark):
    rows = on_grid(spark, [(1, 2)])
    found = with_nearest(rows, Layout.of_numbers(2), np.zeros((3, 2)))
    assert set(found.columns) == {
        "q0",
        "q1",
        ENTRIES,
        CLUSTER,
        SQUARE,
        SECOND_CLUSTER,
        SECOND_SQUARE,
    }


def test_the_farthest_row_is_that_of_plain_python(spark):
    random = np.random.default_rng(6)
    points = random.integers(-4, 5, (60, 2))  # few values, so that many are equally far
    rows = on_grid(spark, points)
    population = DistributedPopulation(points_of(rows, ["q0", "q1"], points=points))
    for clusters in (1, 2, 5):
        centres = points[:clusters].astype(float)
        expected = Listed(points.tolist()).farthest(centres)
        assert population.farthest(centres).tolist() == expected.tolist()


@pytest.mark.parametrize("k", [1, 4])
def test_python_workers_find_what_generated_code_finds(spark, monkeypatch, k):
    """Two numbers and a category of two columns, some of them as near to two centres."""
    random = np.random.default_rng(k)
    layout = Layout((2, 3), (CodeTable(0, np.array([[3.0, -1], [-1, 2], [-1, -1]])),))
    entries = np.column_stack([random.integers(-2, 3, (80, 2)), random.integers(0, 3, 80)])
    rows = on_grid(spark, entries).drop("q0", "q1", "q2")
    centres = random.integers(-2, 3, (k, 4)).astype(float)
    compiled = with_nearest(rows, layout, centres).toPandas()
    expected = GridPoints(np.vstack(list(compiled[ENTRIES])), layout).nearest_two(centres)
    monkeypatch.setattr(spark_columns, "MAX_TERMS", 0)
    for found in (compiled, with_nearest(rows, layout, centres).toPandas()):
        assert found[CLUSTER].tolist() == expected[0].tolist()
        assert found[SQUARE].tolist() == expected[1].tolist()
        if k == 1:
            assert found[[SECOND_CLUSTER, SECOND_SQUARE]].isna().all(axis=None)
        else:
            assert found[SECOND_CLUSTER].tolist() == expected[2].tolist()
            assert found[SECOND_SQUARE].tolist() == expected[3].tolist()


@pytest.mark.parametrize("k", [1, 2, 5])
def test_the_rules_expression_as_spark_sql_is_its_assignment(spark, k):
    random = np.random.default_rng(k)
    points = random.integers(-3, 4, (80, 2))  # few values, so that many are ties
    rule = NearestPrototype.of(points[:k].astype(float))
    columns = [Column("q0"), Column("q1")]
    rows = on_grid(spark, points).select("*", F.expr(spark_sql(rule.expression(columns))))
    found = rows.drop(ENTRIES).toPandas().to_numpy()
    assigned = rule.assign(GridPoints.of(found[:, :2]))
    assert found[:, 2].tolist() == assigned.segment.tolist()
    unknown = on_grid(spark, [(1, 2)]).withColumn("q1", F.lit(None).cast("double"))
    (row,) = unknown.select(F.expr(spark_sql(rule.expression(columns)))).collect()
    assert row[0] is None
