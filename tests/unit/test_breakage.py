"""Broken data against customers who have changed, on values drawn and then prepared by hand."""

import re

import numpy as np
import pytest

from segmentation.model.features import Feature, labels
from segmentation.model.preparation import ModelColumn, Preparation, transformed_value
from segmentation.model.reference import Reference
from segmentation.numerics.grid_points import GridPoints
from segmentation.selection.breakage import breakages, refusal

BITS = 18
CUSTOMERS = 2000


def preparation_of(features, values):
    """The preparation of some customers, a column of values per feature."""
    columns = []
    for feature in sorted(features, key=lambda each: each.name):
        own = values[feature.name]
        if feature.kind == "categorical":
            shares = {label: float(np.mean(own == label)) for label in labels(feature)}
            columns += [
                ModelColumn(feature.name, label, share, (share * (1 - share)) ** 0.5, 0.5)
                for label, share in shares.items()
            ]
        else:
            numbers = np.array(
                [transformed_value(each, feature) for each in _clipped(own, feature)]
            )
            deviation = float(numbers.std())
            columns.append(
                ModelColumn(feature.name, None, float(numbers.mean()), deviation, deviation)
            )
    return Preparation(tuple(features), tuple(columns), BITS)


def _clipped(values, feature):
    return values if feature.bounds is None else np.clip(values, *feature.bounds)


def reference_of(preparation, values, *, customers=None):
    """The customers on the grid: numbers by name, then the codes of categories."""
    numbers = [preparation.columns[j] for j in preparation.layout.numbers]
    entries = []
    for column in numbers:
        feature = preparation.by_name[column.feature]
        transformed = [
            transformed_value(each, feature) for each in _clipped(values[feature.name], feature)
        ]
        scale = 2.0**preparation.bits / column.unit
        entries.append(np.rint((np.array(transformed) - column.mean) * scale))
    for name in preparation.used:
        feature = preparation.by_name[name]
        if feature.kind == "categorical":
            places = {label: place for place, label in enumerate(labels(feature))}
            entries.append(
                np.array([places.get(each, len(places)) for each in values[name]], float)
            )
    points = GridPoints(np.column_stack(entries), preparation.layout)
    return Reference(points, np.ones(len(points)), customers or len(points), True)


def clauses(features, before, today, *, customers_before=None, customers=None):
    features = [features] if isinstance(features, Feature) else features
    if not isinstance(before, dict):
        before, today = {features[0].name: before}, {features[0].name: today}
    preparation = preparation_of(features, before)
    now = reference_of(preparation, today, customers=customers)
    return breakages(
        now,
        reference_of(preparation, before),
        preparation=preparation,
        customers_before=customers_before or now.customers,
    )


def log_normal(seed, *, sigma=1.0, customers=CUSTOMERS):
    return np.random.default_rng(seed).lognormal(3, sigma, customers)


def grouped(seed, *, customers=CUSTOMERS):
    """Three groups far apart: any quantile may lie in a gap."""
    random = np.random.default_rng(seed)
    means = random.choice([1.0, 4.0, 7.0], customers, p=[0.25, 0.25, 0.5])
    return np.exp(random.normal(means, 0.3))


def factor_in(clause):
    """The factor that a clause names."""
    match = re.search(r"about (?:([\d.,e+]+) times|a ([\d.,]+)th)", clause)
    assert match is not None
    number = float((match[1] or match[2]).replace(",", ""))
    return number if match[1] else 1 / number


SPEND = Feature("spend", transform="log1p")
PLAIN = Feature("spend")


@pytest.mark.parametrize("factor", [100, 1000, 0.01, 1 / 60])
@pytest.mark.parametrize("draw", [log_normal, grouped])
@pytest.mark.parametrize("feature", [SPEND, PLAIN])
@pytest.mark.parametrize("customers", [300, CUSTOMERS])
def test_a_changed_unit_is_named_with_its_factor(factor, draw, feature, customers):
    (found,) = clauses(feature, draw(1, customers=customers), factor * draw(2, customers=customers))
    assert "was its unit changed?" in found
    assert factor_in(found) == pytest.approx(factor, rel=0.35)


def test_the_clause_and_the_refusal():
    values = np.arange(1.0, 301)
    found = clauses(SPEND, values, 100 * values)
    assert found == (
        "feature 'spend' is about 100 times as large as when the model was fitted: was its unit "
        "changed?",
    )
    assert refusal(found) == (
        "the data look broken: feature 'spend' is about 100 times as large as when the model was "
        "fitted: was its unit changed? --accept goes on anyway"
    )
    (found,) = clauses(SPEND, values, values / 100)
    assert "is about a 100th of what it was when the model was fitted" in found


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("draw", [log_normal, grouped])
@pytest.mark.parametrize("customers", [100, 300, CUSTOMERS])
def test_seasons_drift_and_chance_are_not_broken(draw, seed, customers):
    before, same = draw(seed, customers=customers), draw(seed + 100, customers=customers)
    deviation = np.log1p(before).std()
    drifted = np.expm1(np.log1p(same) + deviation)
    for today in (same, 1.3 * same, same / 1.3, 2.5 * same, drifted):
        for feature in (SPEND, PLAIN):
            assert clauses(feature, before, today) == ()
    for shift in (-1, 1):
        assert clauses(PLAIN, before, same + shift * before.std()) == ()


def test_a_tail_that_grows_is_no_unit():
    before = log_normal(1)
    today = log_normal(2)
    today[: CUSTOMERS // 2] *= 100
    assert clauses(SPEND, before, today) == ()


@pytest.mark.parametrize("factor", [100, 0.01])
def test_amounts_of_all_magnitudes_have_a_unit(factor):
    before, today = log_normal(1, sigma=4.0), factor * log_normal(2, sigma=4.0)
    (found,) = clauses(SPEND, before, today)
    assert factor_in(found) == pytest.approx(factor, rel=0.5)
    assert clauses(SPEND, before, 40 * log_normal(2, sigma=4.0)) == ()


def test_amounts_keep_their_unit_among_zeros_and_imputed_values():
    before, today = log_normal(1), 100 * log_normal(2)
    before[:700], today[:900] = 0, 0
    feature = Feature("spend", transform="log1p", missing="impute", fill=20.0)
    before[700:1000], today[900:1300] = 20.0, 20.0
    (found,) = clauses(feature, before, today)
    assert factor_in(found) == pytest.approx(100, rel=0.2)


def test_negative_amounts_have_a_unit_too():
    before, today = -log_normal(1), -100 * log_normal(2)
    (found,) = clauses(Feature("spend", transform="signed"), before, today)
    assert "times as large" in found


@pytest.mark.parametrize("factor", [100, 0.01])
@pytest.mark.parametrize("sigma", [0.5, 1.0, 1.5, 2.0])
def test_a_changed_unit_is_found_through_clipping(factor, sigma):
    before, today = log_normal(1, sigma=sigma), factor * log_normal(2, sigma=sigma)
    low, high = np.quantile(before, [0.01, 0.99]).tolist()
    feature = Feature("spend", transform="log1p", bounds=(low, high))
    (found,) = clauses(feature, before, today)
    if sigma > 1:  # else nearly all of today's amounts are the bound
        assert factor_in(found) == pytest.approx(factor, rel=0.5)
    else:
        assert f"is {high if factor > 1 else low:.4g} for " in found
        assert "the bound to which it is clipped: was its unit changed?" in found


def test_the_largest_amounts_do_not_overflow():
    before, today = log_normal(1), 1e97 * log_normal(2)
    for feature in (SPEND, PLAIN):
        (found,) = clauses(feature, before, today)
        assert "e+97" in found or "e+96" in found


def test_a_feature_that_has_become_constant():
    (found,) = clauses(SPEND, log_normal(1), np.full(CUSTOMERS, 7.0))
    assert found == (
        "feature 'spend' is 7 for 100.0% of the customers, and was for 0.0% when the model was "
        "fitted: is it filled as before?"
    )


def test_a_feature_is_as_good_as_constant_with_a_hundredth_of_the_others_left():
    before = np.where(np.arange(CUSTOMERS) < 0.3 * CUSTOMERS, 9.0, 1.0)
    today = np.where(np.arange(CUSTOMERS) < 0.0025 * CUSTOMERS, 9.0, 1.0)
    (found,) = clauses(SPEND, before, today)
    assert "is 1 for 99.8% of the customers, and was for 70.0%" in found
    today[:10] = 9.0
    assert clauses(SPEND, before, today) == ()


def test_a_rare_value_may_be_gone_by_chance():
    before = np.where(np.arange(CUSTOMERS) < 15, 9.0, 1.0)
    assert clauses(SPEND, before, np.ones(CUSTOMERS)) == ()
    before = np.where(np.arange(CUSTOMERS) < 25, 9.0, 1.0)
    assert len(clauses(SPEND, before, np.ones(CUSTOMERS))) == 1


def test_a_boolean_that_says_the_same_of_all():
    before = (np.arange(CUSTOMERS) % 3 == 0).astype(float)
    feature = Feature("newsletter", "boolean")
    (found,) = clauses(feature, before, np.ones(CUSTOMERS))
    assert "feature 'newsletter' is yes for 100.0% of the customers, and was for 33.4%" in found
    assert clauses(feature, before, (np.arange(CUSTOMERS) % 30 == 0).astype(float)) == ()


def test_an_ordered_feature_in_one_band():
    feature = Feature("tier", "ordered", bands=("bronze", "silver", "gold"))
    before = (np.arange(CUSTOMERS) % 3).astype(float)
    (found,) = clauses(feature, before, np.full(CUSTOMERS, 1.0))
    assert "feature 'tier' is 'silver' for 100.0%" in found


def test_all_customers_in_one_category():
    country = Feature("country", "categorical", categories=("DE", "FR", "IT"), other="other")
    before = {"country": np.array(["DE", "FR", "IT", "other"] * 500), "spend": log_normal(1)}
    same = {"country": np.array(["DE", "DE", "IT", "FR"] * 500), "spend": log_normal(2)}
    assert clauses([country, SPEND], before, same) == ()
    one = {**same, "country": np.array(["Germany"] * CUSTOMERS)}
    (found,) = clauses([country, SPEND], before, one)
    assert "feature 'country' is none of its known values for 100.0%" in found
    other = {**same, "country": np.array(["other"] * CUSTOMERS)}
    (found,) = clauses([country, SPEND], before, other)
    assert "feature 'country' is 'other' for 100.0% of the customers, and was for 25.0%" in found


def test_half_of_the_customers_are_gone():
    values = log_normal(1)
    assert clauses(SPEND, values, values[:1000], customers_before=2000) == ()
    assert clauses(SPEND, values, values[:999], customers_before=2000) == (
        "999 customers are left of 2,000 in the previous run: is part of the input missing?",
    )


def test_every_problem_is_said_at_once():
    before = {"orders": log_normal(1), "spend": log_normal(2)}
    today = {"orders": np.ones(CUSTOMERS), "spend": 100 * log_normal(3)}
    features = [Feature("orders"), SPEND]
    found = clauses(features, before, today, customers=900, customers_before=2000)
    assert len(found) == 3
    assert refusal(found).count("\n") == 0
