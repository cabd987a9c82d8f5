"""The sweep of all rows: engines against one another and against scikit-learn."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from sklearn.cluster import KMeans
from sklearn.metrics import adjusted_rand_score

from segmentation.clustering.coreset import compress, sample
from segmentation.clustering.kmeans import fit_coreset
from segmentation.clustering.sweep import fit_all_rows, score
from segmentation.model.spark_columns import CLUSTER, with_nearest
from tests.spark.tables import RAW, planted, prepared, table


def by_coreset(made, *, ks, size=None):
    """The swept curve of engine ``coreset``, from all points or from a sample of them."""
    customers = replace(made.customers, distinct=made.audit.usable)
    small = compress(customers, identity=made.usable.columns, size=20_000, seed=42)
    if size is not None:
        small = sample(customers, identity=made.usable.columns, size=size, seed=42)
    bits = customers.bits
    centres = fit_coreset(made.usable.sparkSession, small, ks=ks, bits=bits, seed=42)
    return score(small if small.is_whole else made.population, centres)


def by_mllib(made, *, ks):
    """The swept curve of engine ``mllib``."""
    centres = fit_all_rows(made.customers, stages=made.stages, ks=ks, seed=42)
    return score(made.population, centres)


def costs(swept, made):
    return {partition.k: partition.scaled_cost(made.preparation.bits) for partition in swept}


@pytest.fixture(scope="module")
def groups(spark):
    """Planted customers, prepared, and the group of each."""
    values, group = planted(1500, groups=4, seed=3)
    columns = dict(zip("abc", values.T, strict=True)) | {"group": group}
    return prepared(table(spark, **columns), numeric=["a", "b", "c"])


def test_the_coreset_is_no_dearer_than_mllib_on_all_rows_and_finds_the_groups(groups):
    ks = [1, 2, 3, 4, 5]
    swept = by_coreset(groups, ks=ks, size=1000)
    oracle = costs(by_mllib(groups, ks=ks), groups)
    for k, cost in costs(swept, groups).items():
        assert cost <= 1.001 * oracle[k]
    assert costs(swept, groups)[1] == pytest.approx(oracle[1], rel=1e-15)
    centres = swept[3].means()
    labels = with_nearest(groups.rows, groups.preparation.layout, centres).select("group", CLUSTER)
    found = labels.toPandas()
    assert adjusted_rand_score(found["group"], found[CLUSTER]) == 1


def test_costs_are_those_of_scikit_learn_on_the_same_rows(groups):
    swept = by_coreset(groups, ks=[1, 2, 4])
    for k, cost in costs(swept, groups).items():
        oracle = KMeans(k, n_init=10, random_state=0).fit(groups.scaled)
        assert cost == pytest.approx(oracle.inertia_, rel=1e-9)


def test_mllib_leaves_out_centres_that_coincide_and_the_sweep_fills_them_up(spark):
    made = prepared(table(spark, a=[1, 1, 1, 1, 2, 2, 2, 9]), features=RAW)
    swept = by_mllib(made, ks=[2, 3])
    assert [s.counts for s in swept if s.has_empty] == []
    assert [len(s.counts) for s in swept] == [2, 3]
    # 1 and 2 together, 9 alone: 4 * 3 / 7 of a squared unit
    assert costs(swept, made) == pytest.approx({2: 12 / 7, 3: 0})


def test_an_outlier_that_leaves_few_grid_points_does_no_harm(spark):
    made = prepared(table(spark, a=[*range(200), 1e15]), features={"transform": "none"})
    swept = by_coreset(made, ks=[1, 2])
    assert [s.counts for s in swept][-1] in ((200, 1), (1, 200))


DIGITS_SHOWN = {
    1: "2.46834e+09",
    2: "9.18642e+07",
    3: "2.53014e+07",
    4: "1.75528e+06",
    5: "117032",
    6: "49432",
    8: "24432",
    10: "10531",
    12: "3731",
}
"""The curve of the classic example, untransformed: scikit-learn with ten starts."""


def test_the_classic_example_costs_what_scikit_learn_finds(spark, shared_data):
    frame = pd.read_csv(shared_data / "customers-data.csv")
    numeric = ["products_purchased", "complains", "money_spent"]
    made = prepared(spark.createDataFrame(frame), numeric=numeric, features=RAW)
    found = costs(by_coreset(made, ks=list(range(1, 13))), made)
    assert {k: f"{found[k]:.6g}" if k < 5 else f"{found[k]:.0f}" for k in DIGITS_SHOWN} == (
        DIGITS_SHOWN
    )
    values, counts = np.unique(frame[numeric].to_numpy(float), axis=0, return_counts=True)
    for k, cost in found.items():
        oracle = KMeans(k, n_init=10, random_state=0).fit(values, sample_weight=counts)
        assert cost == pytest.approx(oracle.inertia_, rel=1e-6)
    assert sorted(found.values(), reverse=True) == list(found.values())
