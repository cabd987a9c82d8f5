"""Nearest and second nearest centres in Spark's expressions, against plain whole numbers."""

from typing import cast

import numpy as np
import pytest
from pyspark.sql import functions as F

from segmentation.model.expressions import Column
from segmentation.model.rules import LabellingRule, NearestPrototype
from segmentation.model.spark_columns import (
    CLUSTER,
    SECOND_CLUSTER,
    SECOND_SQUARE,
    SQUARE,
    farthest_point,
    with_assignment,
    with_nearest,
)
from segmentation.model.spark_sql import spark_sql
from tests.brute_force import Listed, squares
from tests.spark.tables import on_grid


def labelled(rows, centres):
    """For every row its point and what was found of it."""
    names = rows.columns
    found = with_nearest(rows, names, np.array(centres, dtype=np.float64)).collect()
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
    found = with_assignment(on_grid(spark, points), ["q0", "q1"], rule).toPandas()
    expected = rule.assign(found[["q0", "q1"]].to_numpy())
    assert found[CLUSTER].tolist() == expected.segment.tolist()
    assert found[SQUARE].tolist() == expected.square.tolist()
    assert found[SECOND_CLUSTER].tolist() == expected.runner_up.tolist()
    assert found[SECOND_SQUARE].tolist() == expected.runner_up_square.tolist()


def test_a_rule_that_has_no_columns_is_named(spark):
    with pytest.raises(TypeError, match="no Spark columns for"):
        with_assignment(on_grid(spark, [(0, 0)]), ["q0", "q1"], cast(LabellingRule, "a tree"))


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
    found = with_nearest(rows, rows.columns, np.zeros((3, 2)))
    assert set(found.columns) == {"q0", "q1", CLUSTER, SQUARE, SECOND_CLUSTER, SECOND_SQUARE}


def test_the_farthest_row_is_that_of_plain_python(spark):
    random = np.random.default_rng(6)
    points = random.integers(-4, 5, (60, 2))  # few values, so that many are equally far
    rows = on_grid(spark, points)
    for clusters in (1, 2, 5):
        centres = points[:clusters].astype(float)
        expected = Listed(points.tolist()).farthest(centres)
        assert farthest_point(rows, rows.columns, centres).tolist() == expected.tolist()


@pytest.mark.parametrize("k", [1, 2, 5])
def test_the_rules_expression_as_spark_sql_is_its_assignment(spark, k):
    random = np.random.default_rng(k)
    points = random.integers(-3, 4, (80, 2))  # few values, so that many are ties
    rule = NearestPrototype.of(points[:k].astype(float))
    columns = [Column("q0"), Column("q1")]
    rows = on_grid(spark, points).select("*", F.expr(spark_sql(rule.expression(columns))))
    found = rows.toPandas().to_numpy()
    assert found[:, 2].tolist() == rule.assign(found[:, :2]).segment.tolist()
    unknown = on_grid(spark, [(1, 2)]).withColumn("q1", F.lit(None).cast("double"))
    (row,) = unknown.select(F.expr(spark_sql(rule.expression(columns)))).collect()
    assert row[0] is None
