"""The first sentences of the report: true by pandas, and said as a person would."""

from dataclasses import replace
from fractions import Fraction

import numpy as np
import pandas as pd
import pytest

from segmentation.reporting.headline import HINT, lede, sentences
from segmentation.results import FeatureProfile, LineCounts, Segment
from tests.headline import check
from tests.report_example import PLANTED, example_report

LINES = LineCounts(
    lines=9, counted=9, returns=0, excluded=(), as_of="2011-12-31", fingerprint="x",
    first_day="2010-12-01", last_day="2011-12-09",
)  # fmt: skip


def report_of(customers, *, value, adds_up=True, lines=None):
    """A report on customers with ``segment_name`` and ``value``, as the job would make it."""
    groups = list(customers.groupby("segment_name"))
    sums = [float(sum(map(Fraction, g["value"].dropna()), Fraction())) for _, g in groups]
    report = example_report(
        features=["value"], planted=PLANTED[:1], run={"labelled": len(customers)}
    )
    segments = tuple(
        Segment(
            segment=at,
            name=str(name),
            customers=len(group),
            share=len(group) / len(customers),
            value_mean=float(group["value"].mean()) if value else None,
            value_sum=sums[at] if value and adds_up else None,
            value_share=sums[at] / sum(sums) if value and adds_up and sum(sums) > 0 else None,
            mean_distance=1.0,
        )
        for at, (name, group) in enumerate(groups)
    )
    profiles = tuple(
        FeatureProfile(
            each.segment, "money_spent", each.value_mean, None, None, None, None,
            float(customers["value"].mean()), 0.0,
        )
        for each in segments
    )  # fmt: skip
    run = replace(report.run, value_feature="money_spent" if value else None, transactions=lines)
    return replace(report, run=run, segments=segments, profiles=profiles)


def random_customers(seed, *, negative=False):
    chance = np.random.default_rng(seed)
    rows, k = int(chance.integers(10, 3000)), int(chance.integers(2, 8))
    segment = np.concatenate([np.arange(k), chance.integers(0, k, rows - k)])
    value = np.exp(chance.normal(chance.uniform(-3, 12), 2, rows) + segment / 3)
    value = np.where(chance.random(rows) < 0.1, np.nan, value.round(2) - negative * value.mean())
    value[:k] = 1.0
    return pd.DataFrame({"segment_name": [f"Segment no. {s}" for s in segment], "value": value})


@pytest.mark.parametrize("seed", range(40))
def test_the_numbers_are_those_of_pandas(seed):
    customers = random_customers(seed)
    said = lede(report_of(customers, value=True))
    assert said[0].count("customers (") == 1
    check(said, customers, value="value")
    assert any("in money spent" in each for each in said)
    only_means = lede(report_of(customers, value=True, adds_up=False))
    check(only_means, customers, value="value")
    assert not any("account" in each for each in only_means)
    none = sentences(report_of(customers, value=False))
    check(none[:1], customers, value=None)
    assert none[-1] == HINT
    assert not any("money" in each for each in none)


def test_parts_that_do_not_add_up_to_the_whole_are_not_told():
    """With refunds one segment may bring less than nothing, another more than all."""
    customers = random_customers(3, negative=True)
    report = report_of(customers, value=True)
    assert min(each.value_sum or 0 for each in report.segments) < 0
    said = lede(report)
    assert not any(" of " in each and "money spent (" in each for each in said)
    check(said, customers, value="value")


def test_the_period_opens_the_first_sentence():
    customers = random_customers(5)
    said = lede(report_of(customers, value=True, lines=LINES))
    assert said[0].startswith("From 1 December 2010 to 9 December 2011, ")
    assert " accounted for " in said[0]
    check(said, customers, value="value")
    without = lede(report_of(customers, value=False, lines=LINES))
    assert without[0].startswith("From 1 December 2010 to 9 December 2011, the largest segment, ")


def test_who_brings_most_and_who_is_worth_most_are_told_apart():
    customers = pd.DataFrame(
        {"segment_name": ["Many"] * 90 + ["Few"] * 10, "value": [10.0] * 90 + [50.0] * 10}
    )
    assert lede(report_of(customers, value=True)) == (
        "90 of 100 customers (90.0%), “Many”, account for 900 of 1,400 in money spent (64.3%).",
        "“Few” has the highest average money spent: 50 per customer, against 14 overall.",
    )


def test_nothing_is_told_of_value_where_a_segment_is_withheld():
    report = replace(report_of(random_customers(1), value=True), withheld=(9,))
    assert lede(report)[0].startswith("The largest segment, ")


def test_one_segment_has_no_share_of_anything():
    report = example_report(planted=PLANTED[:1])
    assert lede(report) == ()
