"""The verdict on tables whose truth is known: a small part of ``scripts/benchmark --suite k``."""

import numpy as np
import pandas as pd
import pytest
from sklearn.mixture import GaussianMixture

from scripts.benchmarking.planted import MODERATE, WELL, mixture
from scripts.benchmarking.suite import (
    JUDGES,
    TUNED_WITH,
    VERDICT,
    Case,
    cases,
    judged,
    recognised,
    shares_right,
    swept,
    wide_cases,
)
from segmentation.selection.verdict import judge
from tests.rotation import rotation

SEED = 70_000


@pytest.fixture(scope="module", params=rotation([2, 6]))
def found(request):
    """Every judge's answers for tables of so many features."""
    return judged(cases(rows=800, seed=SEED, features=(request.param,)), processes=2)


def test_no_seed_is_one_that_the_verdict_was_tuned_with():
    assert not {case.seed for case in cases(rows=1, seed=SEED)} & set(TUNED_WITH)


def test_the_verdict_finds_planted_groups_and_beats_every_index(found):
    planted = [each for each in found if each.groups > 1]
    right = shares_right(planted)
    assert len(planted) == 8
    assert right[VERDICT] >= 7 / 8  # one may be missed
    assert all(right[VERDICT] >= right[name] for name in JUDGES)


def test_the_verdict_says_none_where_there_is_nothing(found):
    nulls = [each for each in found if each.groups == 1]
    assert len(nulls) == 5
    assert shares_right(nulls)[VERDICT] >= 0.95
    assert all((each.strength == "none") == (each.says[VERDICT] == 1) for each in found)


@pytest.mark.parametrize("overlap", [WELL, MODERATE])
def test_a_planted_mixture_overlaps_as_asked(overlap):
    # two equal components: a mixture with the truth about them misclassifies as many
    table = mixture(
        groups=2, features=2, overlap=overlap, equal=True, raw=False, rows=20_000, seed=SEED
    )
    fitted = GaussianMixture(2, covariance_type="spherical", random_state=1).fit(table.values)
    drawn, component = fitted.sample(20_000)
    lost = 2 * (fitted.predict(drawn) != component).mean()
    assert lost == pytest.approx(overlap, rel=0.35)


def test_raw_tables_hold_counts_and_cents():
    table = mixture(groups=3, features=2, overlap=WELL, equal=True, raw=True, rows=500, seed=SEED)
    assert table.is_raw
    assert (table.values >= 0).all()
    assert np.array_equal(table.values[:, 0], table.values[:, 0].round())
    assert np.array_equal(table.values[:, 1], table.values[:, 1].round(2))


def test_the_same_case_is_the_same_table():
    case = Case(3, 2, 100, SEED)
    assert np.array_equal(case.table().values, case.table().values)


def test_recognised_tables_have_their_classes():
    assert {table.name: table.groups for table in recognised()} == {
        "iris": 3,
        "wine": 3,
        "digits": 10,
        "blobs": 5,
        "moons": 2,
    }


def test_the_classic_examples_untransformed_curve_supports_five(shared_data):
    frame = pd.read_csv(shared_data / "customers-data.csv")
    values = frame[["products_purchased", "complains", "money_spent"]].to_numpy(float)
    evidence = swept(values)
    assert evidence.distinct_customers <= 24
    drops = {point.k: point.log_drop or 0 for point in evidence.curve}
    assert max(range(3, 13), key=drops.__getitem__) == 5
    verdict = judge(evidence)
    assert verdict.favourites["silhouette"] == 5
    assert verdict.strength != "clear"


def test_the_wide_suite_is_made_as_it_says():
    found = wide_cases(rows=50, seed=SEED)
    assert {case.seed for case in found}.isdisjoint(TUNED_WITH)
    noisy = next(case for case in found if case.noise and not case.raw).table()
    assert noisy.values.shape == (50, 100)
    assert noisy.members is not None
    assert noisy.members.shape == (50,)
    assert {case.features for case in found if case.null} == {100, 300}
