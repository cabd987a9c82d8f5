"""Where centres come from: the counts of ``scripts/benchmark --suite origins``, without Spark."""

import numpy as np
import pytest

from scripts.benchmarking.origins import CORESET, coreset_of, counted, published, total
from segmentation.clustering.search import Optimum


def optimum(cost, origin):
    return Optimum(np.zeros((1, 1)), cost, np.zeros(1, np.int32), origin)


def test_a_start_counts_where_it_reaches_the_cheapest_and_alone_where_no_other_does():
    same = [optimum(2.0, "split"), optimum(2.0 + 1e-9, "mllib"), optimum(2.1, "restart")]
    alone = [optimum(1.0, "mllib"), optimum(1.01, "merge")]

    found = total([counted("a", [same]), counted("b", [alone])])

    assert found.ks == 2
    assert found.reached == {"restart": 0, "split": 1, "merge": 0, "mllib": 2}
    assert found.alone == {"restart": 0, "split": 0, "merge": 0, "mllib": 1}
    assert found.without_mllib == pytest.approx(1.01)


def test_a_coreset_of_a_small_table_is_all_of_it():
    values = np.array([[0.0, 7], [0, 7], [3, 7], [9, 7]])

    coreset = coreset_of(values)

    assert coreset.points.entries.shape == (3, 1), "a constant column tells nobody apart"
    assert coreset.weights.tolist() == [2, 1, 1]
    assert len(coreset_of(np.random.default_rng(1).normal(size=(2 * CORESET, 2))).points) == CORESET


def test_the_published_sets_have_their_numbers_of_points():
    sizes = {points.name: len(points.values) for points in published()}

    assert sizes["like A3"] == 7_500
    assert sizes["like Unbalance"] == 6_500
    assert sizes["like Birch1"] == 100_000
    assert [sizes[f"like S{i}"] for i in range(1, 5)] == [5_000] * 4
