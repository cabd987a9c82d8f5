"""The verdict on k: what decides, how strongly, what speaks against it, and the house rules."""

import re
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.datasets import make_blobs, make_moons

from scripts.benchmarking.suite import swept
from segmentation.results import CostPoint
from segmentation.selection import validity
from segmentation.selection.elbow import elbow
from segmentation.selection.evidence import Evidence
from segmentation.selection.groups import Groups
from segmentation.selection.verdict import choose, favourites, judge, weaknesses


def curve(*costs, k_min=1):
    return tuple(
        CostPoint(k, cost, min_stability=None if k == 1 else 0.9)
        for k, cost in enumerate(costs, start=k_min)
    )


def evidence(points, *, groups, agreement=1.0, overlaps=None, distinct=1000):
    """Evidence with so many groups of one point each."""
    apart = tuple(overlaps or [0.01] * (groups - 1))
    found = Groups(np.arange(groups), apart)
    return Evidence(tuple(points), found, {point.k: agreement for point in points}, distinct)


def test_groups_that_k_means_finds_and_finds_again_are_clear():
    choice = choose(evidence(curve(200, 50, 40, 30, 20), groups=4), k="auto")
    assert (choice.k, choice.method, choice.verdict.strength) == (4, "verdict", "clear")
    assert (choice.algorithm, choice.setting) == ("kmeans", {"k": 4})
    assert choice.reason.startswith("the customers form 4 well-separated groups")
    assert "the elbow (Kneedle) favours 2" in choice.verdict.against


def test_groups_that_k_means_does_not_get_at_are_weak():
    verdict = judge(evidence(curve(200, 50, 40, 30), groups=3, agreement=0.4))
    assert (verdict.k, verdict.strength) == (3, "weak")
    assert "0.40" in verdict.against[0]
    assert verdict.against[0] in verdict.reason


def test_groups_that_dissolve_in_resamples_are_weak():
    points = [replace(point, min_stability=0.5) for point in curve(200, 50, 40, 30)]
    verdict = judge(evidence(points, groups=3))
    assert verdict.strength == "weak"
    assert "mean Jaccard 0.50" in verdict.against[0]


def test_few_kinds_of_customers_are_weak_evidence():
    verdict = judge(evidence(curve(200, 50, 40, 30), groups=3, distinct=24))
    assert verdict.strength == "weak"
    assert "only 24 distinct customers" in verdict.reason


@pytest.mark.parametrize(("k_min", "groups", "k"), [(1, 9, 5), (4, 2, 4)])
def test_a_range_that_leaves_out_the_groups_is_weak_and_says_so(k_min, groups, k):
    points = curve(*[100 / i for i in range(k_min, 6)], k_min=k_min)
    verdict = judge(evidence(points, groups=groups))
    assert (verdict.k, verdict.strength, verdict.groups) == (k, "weak", groups)
    key = "sweep.k_max = 5 allows no more" if groups > k else "sweep.k_min = 4 allows no fewer"
    assert key in verdict.against[0]
    assert f"to {groups} or" in verdict.against[0]
    assert verdict.against[0] in verdict.reason


def test_one_group_is_no_structure_and_the_steadiest_cut_is_taken():
    points = [
        replace(point, min_stability=stability)
        for point, stability in zip(
            curve(9, 8, 7, 6, 5, 4, 3, 2), [None, 0.6, 0.8, 0.8, 0.5, 0.7, 0.95, 1.0], strict=True
        )
    ]
    choice = choose(evidence(points, groups=1), k="auto")
    assert (choice.k, choice.verdict.strength, choice.verdict.groups) == (3, "none", 1)
    assert choice.reason.startswith("there are no well-separated groups")
    assert "3 segments are a convention" in choice.reason


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
    assert choice.reason == "choose.k is 4"


def test_a_fixed_k_beyond_the_data_becomes_the_largest_and_says_so():
    choice = choose(evidence(curve(100, 10, 0), groups=2), k=8)
    assert (choice.k, choice.method) == (3, "fixed")
    assert "8" in choice.reason
    assert "only 3 distinct customers" in choice.reason


def test_the_arguments_are_for_and_against_the_k_that_is_frozen():
    """Three groups, four asked for: the verdict speaks of 3, the choice of 4, neither of itself."""
    points = [
        replace(point, min_stability=0.45 if point.k == 4 else 0.9)
        for point in curve(200, 50, 40, 30, 20, 18)
    ]
    found = evidence(points, groups=3)
    choice = choose(found, k=4)
    assert choice.against[:2] == (
        "the customers form 3 well-separated groups, not 4",
        "at least one of the 4 segments is not recovered in resampled customers (mean Jaccard "
        "0.45, below 0.75)",
    )
    assert choice.verdict.k == 3
    assert choice.runners_up[0] == 3
    assert 4 not in choice.runners_up
    assert 3 not in choice.verdict.runners_up
    assert not any("not recovered" in told for told in choice.verdict.against)
    assert weaknesses(found, 4) == list(choice.against[:2])


def test_what_favours_the_cut_of_a_continuum_does_not_speak_against_it():
    points = [replace(p, min_stability=0.9 - p.k / 100) for p in INDEXED]
    points[0] = replace(points[0], min_stability=None)
    verdict = judge(evidence(points, groups=1))
    assert (verdict.k, verdict.strength) == (2, "none")
    assert verdict.favourites["silhouette"] == 2
    assert not any("favours 2" in told for told in verdict.against)
    assert "the silhouette favours 2" not in verdict.against
    assert "the drop in log cost favours 4" in verdict.against


@pytest.mark.parametrize(
    ("given", "asked", "said"),
    [
        ({"groups": 3}, "auto", "clearly separated groups, and random samples of the customers"),
        ({"groups": 1}, "auto", "There are no natural groups: the customers differ gradually"),
        ({"groups": 3, "agreement": 0.03}, "auto", "match them only roughly"),
        ({"groups": 3, "distinct": 24}, "auto", "there are only 24 distinct customers"),
        ({"groups": 9}, "auto", "show 9 well-separated groups, but the configuration allows no"),
        ({"groups": 3}, 3, "sets the number of segments to 3, and the data agree"),
        ({"groups": 3}, 4, "sets the number of segments to 4, but the data show 3 well-separated"),
        ({"groups": 1}, 4, "sets the number of segments to 4; the data show no natural groups"),
        ({"groups": 3}, "log_drop", "follows one index"),
        ({"groups": 1}, 1, "There are no natural groups: all customers are in one segment."),
    ],
)  # fmt: skip
def test_the_summary_says_it_in_plain_words(given, asked, said):
    points = curve(200, 50, 40, 30, 20)
    points = [replace(p, log_drop=None if p.k == 1 else 1 / p.k) for p in points]
    choice = choose(evidence(points, **given), k=asked)
    assert said in choice.summary
    assert choice.summary.endswith(".")
    jargon = r"(?i)jaccard|rand index|silhouette|resampl|k-means|kneedle|choose\.k"
    assert not re.search(jargon, choice.summary)


def test_segments_that_are_not_recovered_are_reported_without_jargon():
    points = [replace(point, min_stability=0.5) for point in curve(200, 50, 40, 30)]
    summary = choose(evidence(points, groups=3), k="auto").summary
    assert "random samples of the customers do not give all of the same segments" in summary


values = st.none() | st.floats(0.01, 0.99)


@given(
    st.lists(st.tuples(values, values, values), min_size=1, max_size=8),
    st.integers(1, 10),
    st.sampled_from(["auto", "silhouette", "stability", "log_drop", 1, 2, 5]),
)
def test_no_k_speaks_against_itself_nor_is_its_own_runner_up(indices, groups, asked):
    points = [
        CostPoint(k, 100 / k, silhouette=one, gap=two, gap_error=0.05, min_stability=three)
        for k, (one, two, three) in enumerate(indices, start=1)
    ]
    choice = choose(evidence(points, groups=groups, agreement=0.9), k=asked)
    for k, said in ((choice.k, choice), (choice.verdict.k, choice.verdict)):
        assert k not in said.runners_up
        assert not any(told.endswith(f"favours {k}") for told in said.against)
        assert not any("the smallest" in told for told in said.against)
        others = {other for other in choice.verdict.favourites.values() if other != k}
        assert all(any(told.endswith(f"favours {o}") for told in said.against) for o in others)
    if choice.k == choice.verdict.k:
        assert set(choice.against) == set(choice.verdict.against)


def test_two_hundred_values_of_k_are_judged(monkeypatch):
    """sweep.k_max may be 200: the gap and stability stop at 30, the rest goes on."""
    random = np.random.default_rng(3)
    points = random.normal(size=(600, 2)) + 30 * random.integers(0, 3, (600, 1))
    monkeypatch.setattr(validity, "REFERENCES", 2)
    monkeypatch.setattr(validity, "BOOTSTRAPS", 2)
    found = swept(points, ks=[*range(1, 32), 100, 200], starts=1)
    choice = choose(found, k="auto")
    assert (choice.k, choice.verdict.groups) == (3, 3)
    assert [point.k for point in found.curve if point.gap is None] == [31, 100, 200]
    assert choose(found, k=200).k == 200


INDEXED = (
    CostPoint(1, 100, gap=0.1, gap_error=0.1),
    CostPoint(2, 60, log_drop=0.51, silhouette=0.9, calinski_harabasz=5, davies_bouldin=0.9,
              gap=0.2, gap_error=0.05, min_stability=0.9),
    CostPoint(3, 50, log_drop=0.18, silhouette=0.5, calinski_harabasz=9, davies_bouldin=0.8,
              gap=0.4, gap_error=0.05, min_stability=0.8),
    CostPoint(4, 12, log_drop=1.43, silhouette=0.6, calinski_harabasz=6, davies_bouldin=0.3,
              gap=0.9, gap_error=0.05, min_stability=0.7),
    CostPoint(5, 11, log_drop=0.09, silhouette=0.6, calinski_harabasz=6, davies_bouldin=0.4,
              gap=0.93, gap_error=0.05, min_stability=0.2),
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
    assert "favours no k from 2 to 5" in choice.reason


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
    found = [judge(swept(points, ks=range(1, 7))) for points in (blobs, moons, cloud)]
    assert (found[0].k, found[0].strength) == (3, "clear")
    assert found[1].strength != "clear"
    assert found[2].strength == "none"
