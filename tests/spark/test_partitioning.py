"""The same rows in any order and any number of partitions give the same bits, step by step."""

import numpy as np
import pandas as pd
import pytest

from segmentation.clustering.coreset import sample
from segmentation.clustering.kmeans import fit_coreset
from segmentation.clustering.lloyd import lloyd_from_centres
from segmentation.clustering.sweep import score
from segmentation.segments.profile import Value
from tests.rotation import rotation
from tests.spark.tables import identity_of, in_partitions, labelled_rows, prepared, segments_of


@pytest.fixture(scope="module")
def frame():
    """Skewed customers; every tenth stands there twice."""
    random = np.random.default_rng(13)
    customers = pd.DataFrame(
        {
            "spend": random.lognormal(4, 1.5, 900).round(2),
            "orders": random.poisson(4, 900),
            "id": [f"C{i}" for i in range(900)],
        }
    )
    return pd.concat([customers, customers[::10]], ignore_index=True)


def found(customers, ks=(1, 2, 4)):
    """Everything that the story finds of a table, up to the labels."""
    with_id = {"path": "x", "customer_id": "id"}
    made = prepared(customers, numeric=["orders", "spend"], input=with_id)
    preparation, population = made.preparation, made.population
    coreset = sample(made.customers, identity=identity_of(made.config), size=200, seed=5)
    bits = preparation.bits
    centres = fit_coreset(customers.sparkSession, coreset, ks=ks, bits=bits, seed=5)
    swept = score(population, centres)
    partition, _ = lloyd_from_centres(population, swept[-1].means(), max_steps=3)
    _, built = segments_of(made, partition, value=Value("spend", adds_up=True))
    table = labelled_rows(made, built, columns=customers.columns)
    return {
        "audit": made.audit,
        "preparation": preparation,
        "coreset": (coreset.points.entries.tolist(), coreset.weights.tolist()),
        "curve": [(p.k, p.cost(), p.counts, p.sums) for p in swept],
        "segments": built,
        "labels": sorted(map(tuple, table.collect())),
    }


@pytest.fixture(scope="module")
def once(spark, frame):
    return found(spark.createDataFrame(frame).coalesce(1))


@pytest.mark.parametrize("partitions", rotation([2, 64]))
def test_order_and_partitions_change_no_bit(spark, frame, once, partitions):
    again = found(in_partitions(spark.createDataFrame(frame), partitions))
    for step, expected in once.items():
        assert again[step] == expected, step


def test_counts_add_up_to_the_rows(frame, once):
    for _, _, counts, _ in once["curve"]:
        assert sum(counts) == len(frame)
    assert len(once["labels"]) == len(frame)
    segments = once["segments"].segments
    assert sum(segment.customers for segment in segments) == len(frame)
    assert sum(segment.share for segment in segments) == pytest.approx(1, abs=1e-12)


def test_customers_that_are_alike_have_one_label(frame, once):
    labels = pd.DataFrame(once["labels"])
    copies = labels[labels[2].isin(frame["id"][::10])].groupby(2).nunique(dropna=False)
    assert len(copies) > 0
    assert (copies == 1).all(axis=None)
