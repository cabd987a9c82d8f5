"""The share of variance between segments: against a table of customers."""

import numpy as np
import pytest

from segmentation.reporting.separation import by_separation, separation
from tests.random_report import random_report


@pytest.mark.parametrize("seed", range(3))
def test_separation_is_the_variance_of_means_over_the_variance(seed):
    known = random_report(seed)
    found = separation(known.report.profiles, known.report.segments)
    for name in ("spend", "visits", "complaints"):
        values = known.customers[name].to_numpy(float)
        means = known.customers.groupby("segment")[name].transform("mean").to_numpy(float)
        assert found[name, None] == pytest.approx(np.var(means) / np.var(values))
    assert all(-1e-9 <= part <= 1 + 1e-9 for part in found.values())
    assert not any(feature in ("age", "country") for feature, _ in found)  # only profiled


def test_features_are_ordered_by_it_and_equal_ones_stay_in_order():
    features = random_report(0).report.run.features
    parts = {(each.column, each.value): 0.0 for each in features} | {("visits", None): 0.5}
    ordered = by_separation(features, parts)
    assert ordered[0].name == "visits"
    assert ordered[1:] == [each for each in features if each.name != "visits"]
