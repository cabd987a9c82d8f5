"""The evidence gathered from weighted points, and the customers that stand for all."""

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from sklearn.datasets import make_blobs

from scripts.benchmarking.suite import swept
from segmentation.clustering.refit import refit_kmeans
from segmentation.numerics.grid_points import GridPoints
from segmentation.selection import evidence
from segmentation.selection.samples import equal_rows
from segmentation.selection.validity import Clusters
from segmentation.selection.verdict import choose, favourites


def test_few_customers_are_repeated_as_often_as_they_weigh():
    assert equal_rows(np.array([2.0, 1.0, 3.0])).tolist() == [0, 0, 1, 2, 2, 2]


@given(hnp.arrays(np.int64, st.integers(5, 60), elements=st.integers(1, 500)))
def test_of_many_customers_each_kind_is_taken_by_its_weight(weights):
    found = equal_rows(weights.astype(float), most=40)
    taken = np.bincount(found, minlength=len(weights))
    if weights.sum() > 40:
        assert taken.sum() == 40
        assert abs(taken - weights * 40 / weights.sum()).max() < 1 + 1e-9
    else:
        assert taken.tolist() == weights.tolist()


@pytest.fixture(scope="module")
def blobs():
    points, _ = make_blobs(800, centers=4, n_features=2, random_state=21)
    return points


def test_the_verdict_is_the_same_when_the_range_of_k_grows(blobs):
    short, long = (choose(swept(blobs, ks=range(1, last)), k="auto") for last in (7, 12))
    assert (short.k, short.verdict.strength) == (long.k, long.verdict.strength) == (4, "clear")
    assert short.reason == long.reason


def test_the_same_points_give_the_same_evidence_on_any_number_of_cores(blobs, monkeypatch):
    once = swept(blobs, ks=range(1, 6))
    monkeypatch.setattr("os.cpu_count", lambda: 1)
    assert swept(blobs, ks=range(1, 6)).curve == once.curve


def test_every_index_has_its_value_where_it_has_one(blobs):
    first, second, *_ = swept(blobs, ks=range(1, 4)).curve
    assert [name for name, value in vars(first).items() if value is None] == [
        "log_drop",
        "silhouette",
        "calinski_harabasz",
        "davies_bouldin",
        "stability",
        "min_stability",
    ]
    assert None not in vars(second).values()
    assert (second.min_stability or 2) <= (second.stability or 0)
    assert second.log_drop == pytest.approx(np.log(first.cost / second.cost))


def test_beyond_thirty_values_of_k_the_resampled_indices_are_left_out(blobs, monkeypatch):
    monkeypatch.setattr(evidence, "MAX_KS", 2)
    found = swept(blobs, ks=range(1, 5)).curve
    assert [point.gap is None for point in found] == [False, False, True, True]
    assert [point.stability is None for point in found] == [True, False, True, True]
    assert all(point.silhouette is not None for point in found[1:])


def test_two_customers_are_evidence_enough_for_no_error():
    points = np.array([[-1.0], [1.0]])
    found = swept(points, ks=[1, 2])
    assert choose(found, k="auto").k in (1, 2)


def test_no_favourite_is_a_k_with_a_cluster_that_the_coreset_lacks():
    """Eleven customers of a million are a cluster; the coreset has none of them."""
    points = np.array([[-1.0], [-0.9], [0.9], [1.0]])
    weights = np.full(4, 250_000.0)
    clusters = {
        2: Clusters(
            np.array([5e5, 5e5]), np.array([[-0.95], [0.95]]), np.array([4.6e5, 4.6e5]), 5e3
        ),
        3: Clusters(
            np.array([5e5, 5e5, 11.0]),
            np.array([[-0.95], [0.95], [50.0]]),
            np.array([4.6e5, 4.6e5, 27_500.0]),
            4e3,
        ),
    }
    found = evidence.evidence_on_k(
        GridPoints.of(points), weights, clusters=clusters, refit=refit_kmeans, seed=1
    )
    with_all, with_empty = found.curve
    assert with_all.silhouette == pytest.approx(0.99, abs=0.01)
    assert (with_empty.silhouette, with_empty.min_stability) == (None, None)
    assert favourites(found.curve)["silhouette"] == 2


PROGRAM = """
import json
from dataclasses import asdict
from sklearn.datasets import make_blobs
from scripts.benchmarking.suite import swept

points, _ = make_blobs(900, centers=4, n_features=5, cluster_std=2.0, random_state=3)
found = swept(points, ks=range(1, 7))
print(json.dumps([[asdict(point) for point in found.curve], found.agreement]))
"""


def test_processors_that_sum_in_another_order_publish_the_same_indices():
    """OpenBLAS has a kernel for every processor, and a switch to take another's."""

    def on(core: str) -> list[object]:
        done = subprocess.run(
            [sys.executable, "-c", PROGRAM],
            env={**os.environ, "OPENBLAS_CORETYPE": core},
            cwd=Path(__file__).parents[2],
            capture_output=True,
            text=True,
            check=True,
            timeout=120,
        )
        points, agreement = json.loads(done.stdout)
        # the cost is scikit-learn's here, and of whole numbers in a run
        return [[{**point, "cost": None, "log_drop": None} for point in points], agreement]

    assert on("Core2") == on("Haswell")
