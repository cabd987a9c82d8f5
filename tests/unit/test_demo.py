"""The generated customers: the segments that were planted are in them."""

import numpy as np
import pandas as pd
import pytest
from sklearn.cluster import KMeans
from sklearn.metrics import adjusted_rand_score
from sklearn.preprocessing import StandardScaler

from segmentation.storage.demo import SEGMENTS, demo_customers, generate

FEATURES = ["products_purchased", "complains", "money_spent"]


@pytest.fixture(scope="module")
def customers():
    return demo_customers(6000, seed=42)


def planted(customers, *, seed):
    """The segment that each customer was drawn from: the generator's first draw."""
    shares = [segment[0] for segment in SEGMENTS]
    return np.random.default_rng(seed).choice(len(SEGMENTS), size=len(customers), p=shares)


def test_the_columns_are_those_of_the_tutorial(customers):
    assert list(customers) == ["customer_id", *FEATURES]
    assert customers["customer_id"].is_unique
    assert customers["customer_id"].iloc[7] == "C0000007"
    assert (customers[FEATURES] >= 0).all(axis=None)
    assert not customers.isna().any(axis=None)


def test_shares_and_means_are_those_planted(customers):
    groups = customers.groupby(planted(customers, seed=42))
    for group, (share, products, complaints, money) in zip(groups, SEGMENTS, strict=True):
        own = group[1]
        assert len(own) / len(customers) == pytest.approx(share, abs=0.02)
        assert own["products_purchased"].mean() == pytest.approx(products, rel=0.05, abs=0.1)
        assert own["complains"].mean() == pytest.approx(complaints, rel=0.05, abs=0.03)
        assert own["money_spent"].median() == pytest.approx(money, rel=0.05)


def test_k_means_finds_the_planted_segments(customers):
    scaled = StandardScaler().fit_transform(np.log1p(customers[FEATURES]))
    found = KMeans(len(SEGMENTS), n_init=5, random_state=0).fit_predict(scaled)
    assert adjusted_rand_score(planted(customers, seed=42), found) > 0.95


def test_the_same_seed_gives_the_same_customers(customers):
    pd.testing.assert_frame_equal(demo_customers(6000, seed=42), customers)
    assert not demo_customers(6000, seed=43).equals(customers)
    assert len(demo_customers(10, seed=-1)) == 10


def test_a_file_is_generated_once_and_then_left_alone(tmp_path):
    path = tmp_path / "new" / "customers.csv"
    assert generate(str(path), customers=20, seed=1)
    pd.testing.assert_frame_equal(pd.read_csv(path), demo_customers(20, seed=1))
    path.write_text("mine")
    assert not generate(str(path), customers=20, seed=1)
    assert path.read_text() == "mine"
    assert [entry.name for entry in path.parent.iterdir()] == ["customers.csv"]
