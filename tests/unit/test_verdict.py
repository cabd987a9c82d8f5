"""The verdict on k: what decides, how strongly, what speaks against it, and the house rules."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.datasets import make_blobs, make_moons

from scripts.benchmarking.suite import swept
from segmentation.results import CostPoint
from segmentation.selection.elbow import elbow
from segmentation.selection.evidence import Evidence
from segmentation.selection.groups import Groups
from segmentation.selection.verdict import choose, favourites, judge


def curve(*costs, k_min=1):
    return tuple(
        CostPoint(k, cost, least_stability=None if k == 1 else 0.9)
        for k, cost in enumerate(costs, start=k_min)
    )


def evidence(points, *, groups, agreement=1.0, overlaps=None, kinds=1000):
    """Evidence with so many groups of one point each."""
    apart = tuple(overlaps or [0.01] * (groups - 1))
    found = Groups(np.arange(groups), apart)
    return Evidence(tuple(points), found, {point.k: agreement for point in points}, kinds)


def test_groups_that_k_means_finds_and_finds_again_are_clear():
    choice = choose(evidence(curve(200, 50, 40, 30, 20), groups=4), k="auto")
    assert (choice.k, choice.method, choice.verdict.strength) == (4, "verdict", "clear")
    assert choice.reason.startswith("4 groups of customers stand apart")
    assert "the elbow (Kneedle) favours 2" in choice.verdict.against


def test_groups_that_k_means_does_not_get_at_are_weak():
    verdict = judge(evidence(curve(200, 50, 40, 30), groups=3, agreement=0.4))
    assert (verdict.k, verdict.strength) == (3, "weak")
    assert "0.40" in verdict.against[0]
    assert verdict.against[0] in verdict.reason


def test_groups_that_dissolve_in_resamples_are_weak():
    points = [replace(point, least_stability=0.5) for point in curve(200, 50, 40, 30)]
    verdict = judge(evidence(points, groups=3))
    assert verdict.strength == "weak"
    assert "mean Jaccard 0.50" in verdict.against[0]


def test_few_kinds_of_customers_are_weak_evidence():
    verdict = judge(evidence(curve(200, 50, 40, 30), groups=3, kinds=24))
    assert verdict.strength == "weak"
    assert "24 kinds" in verdict.reason


@pytest.mark.parametrize(("k_min", "groups", "k"), [(1, 9, 5), (4, 2, 4)])
def test_a_range_that_leaves_out_the_groups_is_weak_and_says_so(k_min, groups, k):
    points = curve(*[100 / i for i in range(k_min, 6)], k_min=k_min)
    verdict = judge(evidence(points, groups=groups))
    assert (verdict.k, verdict.strength, verdict.groups) == (k, "weak", groups)
    assert f"leave out {groups}" in verdict.against[0]


def test_one_group_is_no_structure_and_the_steadiest_cut_is_taken():
    points = [
        replace(point, least_stability=stability)
        for point, stability in zip(
            curve(9, 8, 7, 6, 5, 4, 3, 2), [None, 0.6, 0.8, 0.8, 0.5, 0.7, 0.95, 1.0], strict=True
        )
    ]
    choice = choose(evidence(points, groups=1), k="auto")
    assert (choice.k, choice.verdict.strength, choice.verdict.groups) == (3, "none", 1)
    assert choice.reason.startswith("no clear structure")
    assert "convenience" in choice.reason


def test_a_range_of_one_k_needs_no_comparison():
    for k in (1, 7):
        choice = choose(evidence(curve(5, k_min=k), groups=1), k="auto")
        assert (choice.k, choice.verdict.strength) == (k, "none")


def test_the_runners_up_are_other_numbers_of_groups_and_then_the_votes():
    points = curve(200, 50, 40, 30, 20, 18, 17)
    verdict = judge(evidence(points, groups=3, overlaps=[0.01, 0.08, 0.15]))
    assert verdict.k == 3
    assert verdict.runners_up == (2, 4)


def test_a_fixed_k_is_taken_whatever_the_verdict_which_is_told_all_the_same():
    choice = choose(evidence(curve(100, 10, 8, 6, 4), groups=2), k=4)
    assert (choice.k, choice.method, choice.verdict.k) == (4, "fixed", 2)
    assert choice.reason == "choose.k asks for 4"


def test_a_fixed_k_beyond_the_data_becomes_the_largest_and_says_so():
    choice = choose(evidence(curve(100, 10, 0), groups=2), k=8)
    assert (choice.k, choice.method) == (3, "fixed")
    assert "8" in choice.reason
    assert "fill 3" in choice.reason


INDEXED = (
    CostPoint(1, 100, gap=0.1, gap_error=0.1),
    CostPoint(2, 60, log_drop=0.51, silhouette=0.9, calinski_harabasz=5, davies_bouldin=0.9,
              gap=0.2, gap_error=0.05, least_stability=0.9),
    CostPoint(3, 50, log_drop=0.18, silhouette=0.5, calinski_harabasz=9, davies_bouldin=0.8,
              gap=0.4, gap_error=0.05, least_stability=0.8),
    CostPoint(4, 12, log_drop=1.43, silhouette=0.6, calinski_harabasz=6, davies_bouldin=0.3,
              gap=0.9, gap_error=0.05, least_stability=0.7),
    CostPoint(5, 11, log_drop=0.09, silhouette=0.6, calinski_harabasz=6, davies_bouldin=0.4,
              gap=0.93, gap_error=0.05, least_stability=0.2),
)  # fmt: skip


@pytest.mark.parametrize(
    ("index", "k"),
    [
        ("log_drop", 4),
        ("silhouette", 2),
        ("calinski_harabasz", 3),
        ("davies_bouldin", 4),
        ("gap", 4),
        ("stability", 3),
    ],
)
def test_every_index_has_its_favourite_and_can_be_the_house_rule(index, k):
    assert favourites(INDEXED)[index] == k
    choice = choose(evidence(INDEXED, groups=2), k=index)
    assert (choice.k, choice.method) == (k, index)
    assert f"favours {k}" in choice.reason


def test_a_house_rule_without_an_opinion_takes_the_smallest():
    choice = choose(evidence(curve(4, 3, 2, 1, k_min=2), groups=1), k="elbow")
    assert (choice.k, choice.method) == (2, "elbow")
    assert "favours no k of 2..5" in choice.reason


@given(st.lists(st.floats(0, 1e12), min_size=3, max_size=15))
def test_the_elbow_as_house_rule_is_the_elbow_or_the_first(costs):
    points = curve(*sorted(costs, reverse=True))
    choice = choose(evidence(points, groups=1), k="elbow")
    assert choice.k == (elbow(points) or points[0].k)
    assert "\n" not in choice.reason


def test_blobs_are_clear_moons_are_not_and_a_cloud_is_nothing():
    blobs, _ = make_blobs(600, centers=[(0, 0), (9, 0), (0, 9)], random_state=1)
    moons, _ = make_moons(800, noise=0.05, random_state=1)
    cloud = np.random.default_rng(1).standard_normal((800, 2))
    found = [judge(swept(points, ks=range(1, 9))) for points in (blobs, moons, cloud)]
    assert (found[0].k, found[0].strength) == (3, "clear")
    assert found[1].strength != "clear"
    assert found[2].strength == "none"
