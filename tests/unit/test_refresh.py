"""The decision between the model, a warm and a fresh one; changed settings; the band of chance."""

from dataclasses import replace
from datetime import date

import numpy as np
import pytest
from sklearn.cluster import KMeans

from segmentation.config.refresh import Refresh
from segmentation.config.tree import Config
from segmentation.model.reference import Reference
from segmentation.numerics.grid_points import GridPoints
from segmentation.selection import cost_band as module
from segmentation.selection.changed_settings import changed_settings
from segmentation.selection.cost_band import cost_band
from segmentation.selection.refresh import (
    Costs,
    FreshSegment,
    Grouping,
    OldSegment,
    RefreshEvidence,
    Structure,
    decide,
    first_run,
)

SAME = Structure(
    customers=1000,
    groups_before=3,
    now=Grouping("clear", 3, 3, 3),
    old=(OldSegment("Loyal", 0.5, 0.48), OldSegment("New", 0.3, 0.3), OldSegment("Idle", 0.2, 0.2)),
    fresh=(FreshSegment(0.5, 0.0), FreshSegment(0.3, 0.01), FreshSegment(0.2, 0.0)),
    every_segment_survives=True,
)
COSTS = Costs(kept=100.2, warm=100.0, fresh=100.0, band=0.004)
UNCHANGED = RefreshEvidence("2026-10-01", 31, costs=COSTS, structure=SAME)


def decided(evidence=UNCHANGED, *, costs=None, min_share=0.01, settings=None, **structure):
    evidence = replace(
        evidence,
        costs=replace(COSTS, **(costs or {})),
        structure=replace(SAME, **structure),
    )
    return decide(evidence, settings=Refresh(**(settings or {})), min_share=min_share)


def test_centres_within_the_tolerance_are_kept():
    found = decided()
    assert found.decision == "keep"
    assert found.reason == (
        "the model of run 2026-10-01 was kept: its centres cost 0.2% more than if they were moved "
        "to today's customers, within the 1.0% that refresh.tolerance allows"
    )


def test_a_band_wider_than_the_tolerance_takes_its_place():
    found = decided(costs={"kept": 103.0, "band": 0.031})
    assert found.decision == "keep"
    assert "3.0% more" in found.reason
    assert "within the 3.1% that counts as chance" in found.reason
    assert decided(costs={"kept": 103.2, "band": 0.031}).decision == "warm"


def test_dearer_centres_are_warmed_where_every_segment_survives():
    found = decided(costs={"kept": 105.0})
    assert found.decision == "warm"
    assert found.reason == (
        "the model of run 2026-10-01 was warmed, its centres moved to today's customers: before, "
        "its centres cost 5.0% more than if they were moved to today's customers, beyond the 1.0% "
        "that refresh.tolerance allows"
    )


def test_dearer_centres_are_replaced_where_a_segment_would_not_survive():
    found = decided(costs={"kept": 105.0}, every_segment_survives=False)
    assert found.decision == "fresh"
    assert "not all of its segments would stay the same" in found.reason


def test_fresh_centres_have_to_beat_warm_ones_by_more_than_the_allowance():
    assert decided(costs={"kept": 105.0, "fresh": 99.1}).decision == "warm"
    assert decided(costs={"kept": 105.0, "fresh": None}).decision == "warm"
    found = decided(costs={"kept": 105.0, "fresh": 98.0})
    assert found.decision == "fresh"
    assert found.reason.endswith(
        "because its centres cost 5.0% more than if they were moved to today's customers, beyond "
        "the 1.0% that refresh.tolerance allows, and a new start leads to centres that cost 2.0% "
        "less still"
    )


def test_a_much_better_start_is_taken_though_the_old_centres_would_not_move():
    assert decided(costs={"fresh": 98.1}).decision == "keep"
    found = decided(costs={"fresh": 97.0})
    assert found.decision == "fresh"
    assert found.reason == (
        "the model of run 2026-10-01 was replaced by a fresh one because a new start leads to "
        "centres that cost 3.0% less than its own, moved to today's customers"
    )
    assert decided(costs={"fresh": 97.0, "band": 0.02}).decision == "keep"


def test_costs_of_zero_are_kept():
    assert decided(costs={"kept": 0.0, "warm": 0.0, "fresh": 0.0}).decision == "keep"
    assert decided(costs={"kept": 1.0, "warm": 0.0, "fresh": 0.0}).decision == "warm"


@pytest.mark.parametrize(
    ("now", "decision"),
    [
        (Grouping("clear", 4, 4, 4), "fresh"),
        (Grouping("clear", 2, 2, 2), "fresh"),
        (Grouping("weak", 4, 4, 4), "keep"),
        (Grouping("none", 1, 1, 1), "keep"),
        # Twice the overlap makes three groups of the four: the next sample may find three.
        (Grouping("clear", 4, 4, 3), "keep"),
        (Grouping("clear", 4, 5, 4), "fresh"),
    ],
)
def test_another_number_of_groups_counts_where_it_is_certain(now, decision):
    assert decided(now=now).decision == decision


def test_the_sentence_names_both_numbers_of_groups():
    assert decided(now=Grouping("clear", 4, 4, 4)).reason == (
        "the model of run 2026-10-01 was replaced by a fresh one because today's customers form 4 "
        "well-separated groups and those of the model 3"
    )


def test_a_segment_has_died_with_less_than_a_tenth_of_its_share():
    def with_share(share, before=0.2, *, is_empty=False):
        idle = OldSegment("Idle", before, share, is_empty)
        return decided(old=(*SAME.old[:2], idle))

    assert with_share(0.0201).decision == "keep"
    found = with_share(0.0199)
    assert found.decision == "fresh"
    died = "its segment 'Idle' has died out: of 20.0% of the customers less than a tenth is left"
    assert died in found.reason  # and not how few are left
    # Of 1,000 customers 9 were expected, who may be missing by chance.
    assert with_share(0.0, before=0.009).decision == "keep"
    found = with_share(0.0, before=0.009, is_empty=True)
    assert found.decision == "fresh"
    assert "its segment 'Idle' has no customer any more" in found.reason


def test_a_segment_is_born_where_most_are_out_of_reach():
    def with_fresh(share, out_of_reach, min_share=0.01):
        return decided(fresh=(*SAME.fresh, FreshSegment(share, out_of_reach)), min_share=min_share)

    found = with_fresh(0.05, 0.9)
    assert found.decision == "fresh"
    assert "a segment was born: 5.0% of the customers, of whom 90% are unlike" in found.reason
    assert with_fresh(0.05, 0.5).decision == "keep"
    assert with_fresh(0.05, 0.9, min_share=0.06).decision == "keep"
    assert with_fresh(0.01, 0.9).decision == "keep"  # 9 customers


def test_an_old_model_is_replaced():
    assert decided(settings={"max_age_days": 31}).decision == "keep"
    found = decided(settings={"max_age_days": 30})
    assert found.decision == "fresh"
    assert "it is 31 days old, more than refresh.max_age_days = 30" in found.reason


def test_changed_settings_need_no_costs():
    evidence = RefreshEvidence("a", 1, changed=("feature 'spend' was added",))
    found = decide(evidence, settings=Refresh(), min_share=0.01)
    assert found.decision == "fresh"
    assert found.reason == (
        "the model of run a was replaced by a fresh one because the configuration has changed "
        "(feature 'spend' was added)"
    )


def test_auto_without_evidence_is_a_mistake():
    with pytest.raises(ValueError, match="needs costs"):
        decide(RefreshEvidence("a", 1), settings=Refresh(), min_share=0.01)


@pytest.mark.parametrize(
    ("policy", "words"),
    [
        ("keep", "was kept, as refresh.policy asks"),
        ("warm", "was warmed, its centres moved to today's customers, as refresh.policy asks"),
        ("fresh", "was replaced by a fresh one, as refresh.policy asks"),
        ("combine", "was combined with a fresh one that weighs 30%, as refresh.policy asks"),
    ],
)
def test_a_policy_asked_for_by_name_needs_no_evidence(policy, words):
    settings = Refresh(policy=policy, blend=0.3)
    found = decide(RefreshEvidence("a", 1), settings=settings, min_share=0.01)
    assert (found.decision, found.reason) == (policy, f"the model of run a {words}")


def test_a_policy_asked_for_by_name_hides_no_evidence_against_it():
    evidence = replace(UNCHANGED, changed=("choose.k is 5 and was 'auto'",))
    found = decide(evidence, settings=Refresh(policy="keep"), min_share=0.01)
    assert "cost 0.2% more than if they were moved" in found.reason
    assert "the configuration has changed since (choose.k is 5 and was 'auto')" in found.reason


def test_the_first_run_has_a_sentence():
    assert first_run().decision == "first"
    assert "no previous run" in first_run().reason


# ---- settings


def config(**features):
    return Config.model_validate(
        {
            "input": {"path": "in.csv"},
            "features": {"numeric": ["orders", "spend"], "as_of": date(2026, 1, 1), **features},
            "output": {"path": "out"},
        }
    )


def changed(before, now, **updates):
    now = now.model_copy(update=updates)
    return changed_settings(before.redacted_dump(), now.redacted_dump())


def test_days_paths_and_what_is_only_described_change_no_model():
    later = config(as_of=date(2026, 2, 1), describe=["city"])
    other = later.input.model_copy(update={"path": "february.csv"})
    assert changed(config(), later, input=other) == ()


@pytest.mark.parametrize(
    ("features", "words"),
    [
        ({"numeric": ["orders", "spend", "visits"]}, "feature 'visits' was added"),
        ({"numeric": ["orders"]}, "feature 'spend' was removed"),
        (
            {"numeric": ["orders", {"name": "spend", "weight": 2}]},
            "of feature 'spend' weight is 2.0 and was 1.0",
        ),
        (
            {"numeric": ["orders", {"name": "spend", "transform": "none"}]},
            "of feature 'spend' transform is 'none' and was 'log1p'",
        ),
        (
            {"numeric": ["orders"], "boolean": ["spend"]},
            "of feature 'spend' kind is 'boolean' and was 'numeric'",
        ),
        ({"scale": "none"}, "features.scale is 'none' and was 'standard'"),
        ({"winsorise": (0, 0.99)}, "features.winsorise is [0.0, 0.99] and was None"),
    ],
)
def test_a_changed_feature_is_named(features, words):
    assert words in changed(config(), config(**features))


def test_a_setting_of_the_section_written_at_every_feature_is_no_change():
    each = [{"name": name, "transform": "signed"} for name in ("spend", "orders")]
    assert changed(config(transform="signed"), config(numeric=each, transform="signed")) == ()
    assert changed(config(transform="signed"), config(numeric=each)) == ()


def test_another_k_asked_for_is_a_change():
    before = config()
    now = before.model_copy(update={"choose": before.choose.model_copy(update={"k": 5})})
    assert changed(before, now) == ("choose.k is 5 and was 'auto'",)


def test_a_range_that_rules_the_models_k_out_is_a_change():
    dump = config().redacted_dump()
    assert changed_settings(dump, dump, k=12) == ()
    (found,) = changed_settings(dump, dump, k=13)
    assert found == "sweep.k_min = 1 and sweep.k_max = 12 rule out the model's 13 segments"


# ---- the band


BITS = 20


def reference_of(points, counts=None, *, customers=None, is_whole=True):
    counts = np.ones(len(points)) if counts is None else counts
    grid = GridPoints.of(np.rint(points * 2.0**BITS))
    return Reference(grid, counts, customers or len(points), is_whole)


def two_groups(customers, *, seed=0, width=2):
    random = np.random.default_rng(seed)
    points = random.normal(size=(customers, width))
    points[: customers // 2, 0] += 10
    return points


CENTRES = np.rint(np.array([[10.0, 0.0], [0.0, 0.0]]) * 2.0**BITS)


def band(reference, centres=CENTRES, *, customers=10**9, seed=1):
    return cost_band(reference, centres, bits=BITS, customers=customers, seed=seed)


def test_the_band_of_well_separated_groups_is_what_two_means_are_apart():
    # The means of a group of n / 2 customers in two samples are 2 variances / (n / 2) apart in
    # either direction; times n / 2 customers, 2 groups and 2 directions that is 8 of a cost of
    # 2 n, a chi-squared variable of 4 degrees of freedom over n: 4 / n, give or take sqrt(8) / n.
    # The band is twice what lies 4 of these above: 31 / n.
    found = band(reference_of(two_groups(2000)))
    assert found == pytest.approx(31 / 2000, rel=0.35)


def test_the_band_falls_with_the_smaller_of_the_two_samples():
    reference = reference_of(two_groups(2000))
    assert band(reference, customers=500) == pytest.approx(4 * band(reference), rel=0.4)
    assert band(reference, customers=2001) == band(reference)


def test_a_sample_says_as_much_as_its_weights_allow():
    points = two_groups(4000)
    counts = np.where(np.arange(4000) % 2, 1.0, 199.0)  # as much as about 2,000 equal ones
    found = reference_of(points, counts, customers=400_000, is_whole=False)
    assert found.effective_size == pytest.approx(2020, rel=0.01)
    assert band(found) == pytest.approx(31 / 2020, rel=0.5)


@pytest.mark.parametrize(("apart", "least", "most"), [(0, 0.7, 2), (10, 1, 3)])
def test_the_extrapolated_band_is_about_as_wide_as_the_computed_one(
    apart, least, most, monkeypatch
):
    # One continuum, and two groups, of which the excess falls as 1 / n: 0.58 where 0.33 would do.
    points = np.random.default_rng(0).normal(size=(6000, 3)) * [2, 1.5, 1]
    points[:3000, 0] += apart
    centres = KMeans(2, n_init=1, random_state=0, tol=1e-8).fit(points).cluster_centers_
    reference, centres = reference_of(points), np.rint(centres * 2.0**BITS)
    extrapolated = band(reference, centres)
    monkeypatch.setattr(module, "MAX_POINTS", 6000)
    assert least < extrapolated / band(reference, centres) < most


def test_wide_points_have_no_narrower_band_on_their_components(monkeypatch):
    points = np.random.default_rng(0).normal(size=(1500, 60)) * np.linspace(2, 0.5, 60)
    centres = KMeans(3, n_init=1, random_state=0).fit(points).cluster_centers_
    reference, centres = reference_of(points), np.rint(centres * 2.0**BITS)
    projected = band(reference, centres)
    monkeypatch.setattr(module, "WIDE", 60)
    assert 0.95 < projected / band(reference, centres) < 2


def test_the_band_is_seldom_exceeded_by_chance():
    exceeded = 0
    for seed in range(6):
        random = np.random.default_rng(seed)
        before, today = random.normal(size=(2, 400, 3))  # a continuum
        fitted = KMeans(4, n_init=3, random_state=0, tol=1e-8).fit(before)
        centres = np.rint(fitted.cluster_centers_ * 2.0**BITS)
        moved = KMeans(4, init=fitted.cluster_centers_, n_init=1, tol=1e-8).fit(today)
        excess = -fitted.score(today) / moved.inertia_ - 1
        exceeded += excess > band(reference_of(before), centres, customers=400)
    assert exceeded == 0


def test_the_band_has_the_same_bits_every_time():
    reference = reference_of(two_groups(500))
    assert band(reference) == band(reference)
    assert band(reference) != band(reference, seed=2)


def test_one_point_has_no_band():
    one = reference_of(np.zeros((1, 2)), np.array([50.0]), customers=50)
    assert band(one, np.zeros((1, 2))) == 0
