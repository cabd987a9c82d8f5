"""Drift against scipy, against planted changes, and against chance."""

import math
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.spatial.distance import jensenshannon
from scipy.stats import wasserstein_distance

from segmentation.model.features import Feature
from segmentation.model.fitted import FittedModel, ModelSegment
from segmentation.model.preparation import ModelColumn, Preparation
from segmentation.model.reference import Reference
from segmentation.model.rules import NearestPrototype
from segmentation.numerics.grid_points import GridPoints
from segmentation.segments.drift import drift, jensen_shannon, relative_change
from segmentation.segments.resampling import Pairs, Weighted, quantiles, together, wasserstein

BITS = 10
STEPS = 2**BITS


def model_of(numbers, *, categories=(), shares=(), prototypes=((-1,), (1,))):
    """A model of features in standard deviations; prototypes are in scaled units."""
    features = [Feature(name) for name in numbers]
    columns = [ModelColumn(name, None, 0.0, 1.0, 1.0) for name in numbers]
    if categories:
        features.append(Feature("kind", kind="categorical", categories=tuple(categories)))
        columns += [
            ModelColumn("kind", value, share, math.sqrt(share * (1 - share)), 1.0)
            for value, share in zip(categories, shares, strict=True)
        ]
    columns.sort(key=lambda each: (each.feature, each.value or ""))
    preparation = Preparation(tuple(features), tuple(columns), BITS)
    points = np.zeros((len(prototypes), len(columns)))
    points[:, preparation.layout.numbers] = np.array(prototypes) * STEPS
    segments = tuple(ModelSegment(i, f"n{i}", (), f"s{i + 1}") for i in range(len(prototypes)))
    return FittedModel(
        preparation, NearestPrototype.of(points), segments, "kmeans", {"k": len(prototypes)}, 1
    )


def whole(model, *columns, counts=None):
    """Customers by their features in the order of the layout: scaled units, then codes."""
    entries = np.column_stack(columns).astype(float)
    a = len(model.preparation.layout.numbers)
    entries[:, :a] = np.rint(entries[:, :a] * STEPS)
    weights = np.ones(len(entries)) if counts is None else np.asarray(counts, dtype=float)
    points = GridPoints(entries, model.preparation.layout)
    return Reference(points, weights, int(weights.sum()), is_whole=True)


def found(records, name, measure):
    [one] = [each for each in records if (each.name, each.measure) == (name, measure)]
    return one


def test_all_measures_on_paper():
    model = model_of(["x"], categories=["a", "b"], shares=[0.5, 0.5])
    before = whole(model, [-1, -1, -2, 3], [0, 0, 1, 1])
    after = whole(model, [-1, 1, 1, 3], [0, 0, 0, 1])
    records = drift(before, after, model=model, seed=1)
    assert [(each.name, each.measure) for each in records] == [
        ("x", "wasserstein"),
        ("kind", "jensen_shannon"),
        *(
            (key, measure)
            for key in ("s1", "s2")
            for measure in ("share", "cost_per_customer", "median_distance", "p90_distance")
        ),
    ]
    x, kind = records[:2]
    assert (x.reference, x.current) == (-0.25, 1.0)
    assert x.effect == (1 + 2 + 2) / 4  # sorted -2, -1, -1, 3 beside -1, 1, 1, 3
    assert (kind.reference, kind.current) == (None, None)
    assert kind.effect == pytest.approx(jensenshannon([0.5, 0.5], [0.75, 0.25], base=2))
    share = found(records, "s1", "share")
    assert (share.reference, share.current, share.effect) == (0.75, 0.25, 0.5)
    # categories add (1/2)**2 + (1/2)**2 to every squared distance; in s1 x adds 0, 0 and 1
    cost = found(records, "s1", "cost_per_customer")
    assert (cost.reference, cost.current) == pytest.approx((0.5 + 1 / 3, 0.5))
    assert cost.effect == pytest.approx(1 - 0.5 / (0.5 + 1 / 3))
    p90 = found(records, "s1", "p90_distance")
    assert (p90.reference, p90.current) == pytest.approx((math.sqrt(1.5), math.sqrt(0.5)))
    median = found(records, "s2", "median_distance")
    assert (median.reference, median.current) == pytest.approx((math.sqrt(4.5), math.sqrt(0.5)))


values = st.lists(st.tuples(st.integers(-9, 9), st.integers(1, 5)), min_size=1, max_size=12).map(
    lambda pairs: tuple(np.array(each, dtype=float) for each in zip(*pairs, strict=True))
)


@given(values, values)
def test_wasserstein_is_scipys(one, other):
    expected = wasserstein_distance(one[0], other[0], one[1], other[1])
    assert wasserstein(Weighted.of(*one), Weighted.of(*other)) == pytest.approx(expected)


@given(values)
def test_a_distribution_is_at_no_distance_from_itself(one):
    order = np.random.default_rng(0).permutation(len(one[0]))
    shuffled = Weighted.of(one[0][order], one[1][order])
    assert wasserstein(Weighted.of(*one), shuffled) == 0


@given(values, st.sampled_from([0.1, 0.5, 0.9, 0.999]))
def test_quantiles_and_means_are_numpys(one, rank):
    weighted, every = Weighted.of(*one), np.repeat(one[0], one[1].astype(int))
    assert weighted.at(rank) == np.quantile(every, rank, method="inverted_cdf")
    assert weighted.mean == pytest.approx(every.mean())


@given(st.lists(st.tuples(st.integers(0, 5), st.integers(0, 5)), min_size=1, max_size=9))
def test_jensen_shannon_is_scipys(counts):
    one, other = np.array(counts, dtype=float).T
    one[0] += 1
    other[0] += 1
    one, other = one / one.sum(), other / other.sum()
    expected = 0.0 if np.array_equal(one, other) else jensenshannon(one, other, base=2)
    assert jensen_shannon(one, other) == pytest.approx(expected, abs=1e-7)


@pytest.mark.parametrize(
    ("before", "after", "change"), [(2, 1, 0.5), (1, 2, 0.5), (0, 0, 0), (0, 3, 1), (4, 4, 0)]
)
def test_relative_changes_are_symmetric_and_finite(before, after, change):
    assert relative_change(before, after) == change


@pytest.mark.parametrize("sizes", [(100, 100), (500, 60), (4000, 2000)])
def test_pairs_of_samples_differ_as_much_as_samples_drawn_one_by_one(sizes):
    rng = np.random.default_rng(3)
    of_all = rng.lognormal(size=4000)
    population = Weighted.of(of_all, np.ones(len(of_all)))
    pairs = Pairs.draw(sizes, rng)
    drawn = [tuple(rng.choice(of_all, size) for size in sizes) for _ in range(300)]
    expected = [wasserstein_distance(*each) for each in drawn]
    differences = [one.mean() - other.mean() for one, other in drawn]
    ranks = (0.25, 0.5, 0.75)
    assert np.quantile(pairs.wasserstein(population), ranks) == pytest.approx(
        np.quantile(expected, ranks), rel=0.15
    )
    one, other = pairs.means(population)
    assert np.std(one - other) == pytest.approx(np.std(differences), rel=0.15)
    medians = quantiles(population, 0.9, size=sizes[1], rng=rng)
    expected_medians = [np.quantile(other, 0.9, method="inverted_cdf") for _, other in drawn]
    assert medians.mean() == pytest.approx(np.mean(expected_medians), rel=0.03)
    assert medians.std() == pytest.approx(np.std(expected_medians), rel=0.15)


def test_the_band_of_a_rare_yes_is_a_binomial_one():
    population = Weighted.of(np.array([0.0, 1.0]), np.array([999.0, 1.0]))
    rng = np.random.default_rng(4)
    differences = Pairs.draw((2000, 2000), rng).wasserstein(population)
    expected = math.sqrt(2 * 0.001 * 0.999 / 2000)
    assert math.sqrt(np.square(differences).mean()) == pytest.approx(expected, rel=0.12)


SHIFTS = [(0.0, "stable"), (0.05, "slight"), (0.12, "drifted"), (0.25, "drifted"), (1, "drifted")]


@pytest.mark.parametrize(("shift", "verdict"), SHIFTS)
def test_a_planted_shift_is_found_with_its_size(shift, verdict):
    model, rng = model_of(["x"]), np.random.default_rng(5)
    before, after = (whole(model, rng.normal(by, size=60_000)) for by in (0, shift))
    record = drift(before, after, model=model, seed=1)[0]
    assert record.verdict == verdict
    assert record.effect == pytest.approx(shift, abs=0.02)
    assert record.reference == pytest.approx(0, abs=0.015)
    assert record.current == pytest.approx(shift, abs=0.015)


@pytest.mark.parametrize(
    ("points", "verdict"), [(0, "stable"), (1, "stable"), (5, "slight"), (20, "drifted")]
)
def test_a_planted_change_of_shares_is_found_with_its_size(points, verdict):
    shares, moved = np.array([0.5, 0.3, 0.2, 0.0]), np.array([-points, 0, points, 0]) / 100
    model = model_of(["x"], categories=["a", "b", "c"], shares=shares[:3])
    rng = np.random.default_rng(6)
    before, after = (
        whole(model, np.zeros(10_000), rng.choice(4, 10_000, p=own))
        for own in (shares, shares + moved)
    )
    record = drift(before, after, model=model, seed=1)[1]
    assert record.verdict == verdict
    assert record.effect == pytest.approx(jensenshannon(shares, shares + moved, base=2), abs=0.01)


@pytest.mark.parametrize(("points", "verdict"), [(0, "stable"), (5, "drifted")])
def test_a_share_that_moved_is_found(points, verdict):
    model, rng = model_of(["x"]), np.random.default_rng(7)
    before, after = (
        whole(model, np.where(rng.random(20_000) < share, -1, 1) + rng.normal(0, 0.1, 20_000))
        for share in (0.5, 0.5 + points / 100)
    )
    records = drift(before, after, model=model, seed=1)
    assert {found(records, key, "share").verdict for key in ("s1", "s2")} == {verdict}
    assert found(records, "s1", "p90_distance").verdict == "stable"


def test_a_segment_that_spreads_has_drifted_and_the_other_has_not():
    model, rng = model_of(["x"], prototypes=((-3,), (3,))), np.random.default_rng(8)
    sides = np.repeat([-3.0, 3.0], 6000)
    before = whole(model, sides + rng.normal(0, 0.3, 12_000))
    after = whole(model, sides + rng.normal(0, np.repeat([0.45, 0.3], 6000)))
    records = drift(before, after, model=model, seed=1)
    for measure in ("cost_per_customer", "median_distance", "p90_distance"):
        assert found(records, "s1", measure).verdict == "drifted"
        assert found(records, "s2", measure).verdict == "stable"
    assert found(records, "s1", "median_distance").effect == pytest.approx(1 / 3, abs=0.05)


def mixed(seed, size):
    """A model of four features and some customers."""
    rng = np.random.default_rng(seed)
    model = model_of(
        ["x", "y", "z"],
        categories=["a", "b"],
        shares=[0.6, 0.4],
        prototypes=((0, 0, -1), (0, 0, 1), (0, 0, 3)),
    )
    numbers = rng.normal(size=(size, 3)).round(1)
    return model, whole(model, numbers, rng.choice(3, size, p=[0.6, 0.3, 0.1]))


def test_a_weight_is_so_many_customers():
    model, before = mixed(1, 400)
    _, after = mixed(2, 300)
    weights = np.random.default_rng(3).integers(1, 6, size=400)
    of_weights = replace(before, counts=weights.astype(float), customers=int(weights.sum()))
    rows = np.repeat(np.arange(400), weights)
    of_rows = Reference(before.points[rows], np.ones(len(rows)), len(rows), is_whole=True)
    for one, other in (
        (drift(of_weights, after, model=model, seed=1), drift(of_rows, after, model=model, seed=1)),
        (drift(after, of_weights, model=model, seed=1), drift(after, of_rows, model=model, seed=1)),
    ):
        for a, b in zip(one, other, strict=True):
            assert (a.name, a.measure, a.verdict) == (b.name, b.measure, b.verdict)
            numbers = [(each.reference or 0, each.current or 0, each.effect, each.band)
                       for each in (a, b)]  # fmt: skip
            assert numbers[0] == pytest.approx(numbers[1], rel=1e-9, abs=1e-12)


def test_a_sample_is_as_uncertain_as_its_effective_size():
    model, before = mixed(1, 4000)
    few = replace(before, is_whole=False, counts=np.where(np.arange(4000) % 10 == 0, 91.0, 1.0))
    assert few.effective_size == pytest.approx(480, abs=10)
    wide, narrow = (drift(each, each, model=model, seed=1) for each in (few, before))
    for name, measure in (("x", "wasserstein"), ("s1", "cost_per_customer"), ("s1", "share")):
        bands = [found(records, name, measure).band for records in (wide, narrow)]
        assert bands[0] == pytest.approx(bands[1] * math.sqrt(4000 / 480), rel=0.35)


def test_the_population_of_the_bands_is_that_of_all_customers_of_both():
    # Ten of 10,010 have the other value. Of that population two samples of these sizes have
    # hardly any; of the first 10,000 they would have none, and half of an even mix.
    model = model_of(["x"], categories=["a", "b"], shares=[0.5, 0.5])
    before = whole(model, [0, 0], [0, 0], counts=[9000, 1000])
    after = whole(model, [1], [1], counts=[10])
    x, kind, *_ = drift(before, after, model=model, seed=1)
    assert x.effect == kind.effect == 1
    assert 0 < x.band < 0.5
    assert 0 < kind.band < 0.5
    ones, zeros = (Weighted.of(np.array([value]), np.ones(1)) for value in (1.0, 0.0))
    assert together((ones, zeros), (3.0, 1.0)).mean == 0.75


def test_no_feature_depends_on_the_others_or_on_their_order():
    (model, before), (_, after) = mixed(1, 500), mixed(2, 500)
    expected = drift(before, after, model=model, seed=1)
    turned = replace(model.preparation, features=model.preparation.features[::-1])
    found = drift(before, after, model=replace(model, preparation=turned), seed=1)
    assert set(found) == set(expected)
    assert [each.name for each in found[:4]] == ["kind", "z", "y", "x"]
    alone = model_of(["y"])
    numbers = [each.points.entries[:, 1] / STEPS for each in (before, after)]
    records = drift(*(whole(alone, own) for own in numbers), model=alone, seed=1)
    assert records[0] == expected[1]


def test_the_seed_decides_the_bands_and_nothing_else():
    (model, before), (_, after) = mixed(1, 500), mixed(2, 500)
    one, same, other = (drift(before, after, model=model, seed=seed) for seed in (-1, -1, 2))
    assert one == same
    for a, b in zip(one, other, strict=True):
        assert replace(a, band=0, verdict="") == replace(b, band=0, verdict="")
        assert a.band == pytest.approx(b.band, rel=0.5)
    assert [a.band for a in one] != [b.band for b in other]


def test_means_are_in_original_units():
    features = (Feature("spend", transform="log1p"), Feature("member", kind="boolean"))
    columns = (
        ModelColumn("member", None, 0.25, math.sqrt(0.1875), 1.0),
        ModelColumn("spend", None, 2.0, 0.5, 0.25),
    )
    preparation = Preparation(features, columns, BITS)
    model = replace(model_of(["member", "spend"]), preparation=preparation)
    spend, member = np.array([10.0, 100, 1000, 0]), np.array([1.0, 0, 1, 0])
    scaled = [(own - c.mean) / c.unit
              for own, c in zip((member, np.log1p(spend)), columns, strict=True)]  # fmt: skip
    one = whole(model, *scaled)
    a, b, *_ = drift(one, one, model=model, seed=1)
    assert [a.name, b.name] == ["spend", "member"]
    assert a.current == pytest.approx(math.expm1(np.log1p(spend).mean()), rel=1e-3)
    assert b.current == pytest.approx(0.5)
    more = whole(model, scaled[0], scaled[1] + 2 * 0.5 / 0.25)  # two standard deviations
    assert drift(one, more, model=model, seed=1)[0].effect == pytest.approx(2, rel=1e-3)


def test_nobody_in_a_segment_leaves_its_distances_out():
    model = model_of(["x"])
    before, after = whole(model, [-1, -1, 1]), whole(model, [-1, -2, -1])
    for pair in ((before, after), (after, before)):
        records = drift(*pair, model=model, seed=1)
        own = [each for each in records if each.name == "s2"]
        assert [each.measure for each in own] == ["share"]
        assert {own[0].reference, own[0].current} == {1 / 3, 0.0}


def test_nobody_at_all_is_refused():
    model = model_of(["x"])
    some, none = whole(model, [-1, 1]), whole(model, np.zeros(0))
    for pair in ((some, none), (none, some)):
        with pytest.raises(ValueError, match="one of them is empty"):
            drift(*pair, model=model, seed=1)


def test_values_far_outside_the_reference_have_drifted():
    model, rng = model_of(["x"]), np.random.default_rng(9)
    before, after = (whole(model, rng.normal(at, size=500)) for at in (0, 1e9))
    records = drift(before, after, model=model, seed=1)
    assert records[0].verdict == "drifted"
    assert records[0].effect == pytest.approx(1e9)


customers = st.lists(
    st.tuples(
        st.sampled_from([-1e90, -2.0, -1.0, 0.0, 1.0, 1.5, 1e15, 1e90]),
        st.integers(0, 2),
        st.integers(1, 1000),
    ),
    min_size=1,
    max_size=6,
)


@settings(max_examples=12, deadline=None)
@given(customers, customers, st.booleans())
def test_every_number_is_finite(one, other, is_whole):
    model = model_of(["x"], categories=["a", "b"], shares=[0.5, 0.5])
    x, codes, counts = zip(*one, strict=True)
    before = replace(whole(model, x, codes, counts=counts), is_whole=is_whole)
    x, codes, counts = zip(*other, strict=True)
    after = whole(model, x, codes, counts=counts)
    for each in drift(before, after, model=model, seed=1):
        numbers = [each.reference or 0, each.current or 0, each.effect, each.band]
        assert all(map(math.isfinite, numbers))
        assert each.effect >= 0
        assert each.band >= 0
    assert {each.verdict for each in drift(before, before, model=model, seed=1)} == {"stable"}
