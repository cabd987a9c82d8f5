"""Names of segments: true of most customers, by their own count in pandas, and distinct."""

import random
import re
from fractions import Fraction

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from segmentation.model.expressions import NULL
from segmentation.model.preparation import Key
from segmentation.segments.attributes import Attribute
from segmentation.segments.naming import EXTREME, NOTABLE, name_segments
from segmentation.segments.profile import Centre, describe
from segmentation.segments.statistics import QUANTILES, ClusterStatistics, Facts
from segmentation.segments.traits import Trait
from tests.rotation import SEED


def trait(column, difference, *, kind="numeric", known=100, share=0.6, value=None):
    return Trait(column, kind, difference, known, share, value)


def named(*traits, size=100, min_group=1):
    (name,) = name_segments([traits], sizes=[size], min_group=min_group)
    return name


@pytest.mark.parametrize(
    ("traits", "name"),
    [
        ([trait("spend", 1.0), trait("age", 0.1)], "High spend"),
        ([trait("spend", -0.7), trait("age", 0.9)], "High age, low spend"),  # the larger first
        ([trait("spend", 1.5), trait("age", -2.0)], "Very low age, very high spend"),
        ([trait("spend", 0.49), trait("age", -0.49)], "Close to average"),
        ([trait("spend", NOTABLE)], "High spend"),
        ([trait("spend", -EXTREME)], "Very low spend"),
        ([trait("money_spent", 1.0)], "High money spent"),  # as a person writes it
        ([trait("b", 1.0), trait("a", 1.0)], "High a, high b"),  # equals by name
        ([trait("spend", 2.0, share=0.5)], "Mixed"),  # a few of them spend so much
        ([trait("spend", 2.0, share=0.5), trait("age", 0.6)], "High age"),
        ([trait("partner", 0.9, kind="boolean", share=0.9)], "Partner mostly yes"),
        ([trait("housing_loan", -0.9, kind="boolean")], "Housing loan mostly no"),
        ([trait("gender", 0.9, kind="categorical", value="Female")], "Mostly Female (gender)"),
        ([trait("plan", -0.9, kind="categorical", value="gold")], "Mostly not gold (plan)"),
        (
            [
                trait("plan", -1.9, kind="categorical", value="gold"),
                trait("plan", 0.9, kind="categorical", value="basic"),
            ],
            "Mostly basic (plan)",  # what they have says more than what they have not
        ),
        ([trait("age", 0.9, kind="ordered", value="45-54 or above")], "Age 45-54 or above"),
        ([trait("signup", 0.9, kind="date"), trait("a", 0.8)], "Early signup, high a"),
        ([trait("signup", -1.9, kind="date")], "Very late signup"),
        ([trait("recency_days", 0.9)], "Long since last purchase"),
        ([trait("recency_days", -1.9), trait("monetary", 1.9)], "High spend"),
    ],
)
def test_what_stands_out_is_named(traits, name):
    found = named(*traits)
    assert found == name or (name == "High spend" and found.startswith("Very high spend"))


def test_a_third_feature_is_named_only_where_two_do_not_tell_segments_apart():
    given = [
        {"a": 2.0, "b": 1.0, "c": 0.8},
        {"a": 2.0, "b": 1.0, "c": -0.8},
        {"a": -2.0, "b": 1.0, "c": 0.8},
    ]
    traits = [[trait(*item) for item in each.items()] for each in given]
    assert name_segments(traits, sizes=[100] * 3) == (
        "Very high a, high b, high c",
        "Very high a, high b, low c",
        "Very low a, high b",
    )


def test_names_of_two_thousand_columns_state_the_two_largest_differences():
    chance = np.random.default_rng(6)
    differences = chance.normal(size=(12, 2000))
    names = name_segments(
        [[trait(f"f{at:04}", each) for at, each in enumerate(own)] for own in differences.tolist()],
        sizes=[100] * 12,
    )
    for name, own in zip(names, differences, strict=True):
        first, second = np.argsort(-np.abs(own))[:2].tolist()
        words = [f"very {'high' if own[at] > 0 else 'low'} f{at:04}" for at in (first, second)]
        assert name.lower() == ", ".join(words)


def test_segments_that_words_do_not_tell_apart_are_numbered():
    traits = [[trait("a", 0.1)], [trait("a", 1.0)], [trait("a", -0.1)]]
    assert name_segments(traits, sizes=[100] * 3) == (
        "Close to average (1)",
        "High a",
        "Close to average (2)",
    )


def test_a_name_states_nothing_of_fewer_than_min_group():
    few = trait("plan", 2.0, kind="categorical", value="gold", known=11, share=0.8)
    assert named(few, min_group=9) == "Mostly gold (plan)"
    assert named(few, min_group=10) == "Mixed"
    assert named(few, size=9, min_group=10) == "Fewer than 10 customers"


sizes = st.floats(-4, 4) | st.sampled_from([0.0, NOTABLE, -NOTABLE, EXTREME, -EXTREME])
features = st.fixed_dictionaries(dict.fromkeys(("spend", "age", "orders", "visits"), sizes))


def of(differences):
    return [[trait(*item) for item in each.items()] for each in differences]


@given(st.lists(features, min_size=1, max_size=12))
def test_no_two_names_are_alike(differences):
    names = name_segments(of(differences), sizes=[100] * len(differences))
    assert len(names) == len(differences)
    assert len(set(names)) == len(names)


@given(st.lists(features, min_size=1, max_size=6))
def test_the_order_of_features_does_not_matter(differences):
    turned = [dict(reversed(difference.items())) for difference in differences]
    sizes = [100] * len(differences)
    assert name_segments(of(turned), sizes=sizes) == name_segments(of(differences), sizes=sizes)


# --- true of most customers: what pandas counts --------------------------------------------

BANDS = ["-24", "25-44", "45-64", "65+"]
PLANS = ["basic", "gold", "silver"]


def random_table(seed):
    """Customers of some segments with numbers, a date, yes and no, bands, categories, gaps."""
    chance = np.random.default_rng(seed)
    rows, k = int(chance.integers(12, 300)), int(chance.integers(2, 7))
    segment = np.concatenate([np.arange(k), chance.integers(0, k, rows - k)])
    shift = chance.normal(0, 1.5, (k, 5))[segment]
    noise = chance.normal(0, 1, (rows, 5)) + shift
    table = pd.DataFrame(
        {
            "segment": segment,
            "spend": np.exp(2 * noise[:, 0]).round(2),
            "orders": np.maximum(0, (3 * noise[:, 1]).round()),
            "signup": (100 + 30 * noise[:, 2]).round(),
            "partner": (noise[:, 3] > 0.3).astype(float),
            "age": np.digitize(noise[:, 4], [-1, 0, 1]).astype(float),
            "plan": chance.choice(PLANS, rows, p=chance.dirichlet([1, 1, 1])),
        }
    )
    for name in ("spend", "partner", "age"):
        gaps = chance.random(rows) < chance.choice([0, 0.3, 0.8])
        table.loc[gaps, name] = np.nan
    return table


def facts_of(known, *, is_number):
    at = known.quantile(list(QUANTILES)).tolist() if is_number and len(known) else [None] * 5
    return Facts(len(known), sum(map(Fraction, known), Fraction()), tuple(at))


def names_of(table, *, min_group):
    """The names of the table's segments, from facts that pandas finds."""
    kinds = {"spend": "numeric", "orders": "numeric", "signup": "date", "partner": "boolean"}
    columns: dict[Key, tuple[str, pd.Series]] = {
        (name, None): (kind, table[name]) for name, kind in kinds.items()
    }
    for place, band in enumerate(BANDS):
        is_band = (table["age"] == place).astype(float).where(table["age"].notna())
        columns["age", band] = ("ordered", is_band)
    for plan in PLANS:
        columns["plan", plan] = ("categorical", (table["plan"] == plan).astype(float))
    dimensions = {key: each for key, (kind, each) in columns.items() if kind != "ordered"}
    dimensions["age", None] = table["age"]
    segments = sorted(table["segment"].unique())
    centres, facts = [], []
    for segment in segments:
        own = table["segment"] == segment
        centres.append(
            {
                key: Centre(0.0, float((c[own].fillna(c.median()).mean() - c.mean()) / deviation))
                for key, c in dimensions.items()
                if (deviation := c.std(ddof=0)) > 0
            }
        )
        attributes = {
            key: facts_of(c[own].dropna(), is_number=kind in ("numeric", "date"))
            for key, (kind, c) in columns.items()
        }
        facts.append(
            ClusterStatistics(int(segment), int(own.sum()), attributes, 1.0, (), None, 0.0)
        )
    by_column: dict[str, tuple[str, list[str | None]]] = {}
    for (name, value), (kind, _) in columns.items():
        by_column.setdefault(name, (kind, []))[1].append(value)
    found, _ = describe(
        facts,
        attributes=[
            Attribute(name, kind, NULL, tuple(value for value in values if value is not None))
            for name, (kind, values) in by_column.items()
        ],
        centres=centres,
        value=None,
        min_group=min_group,
    )
    return {segment: each.name for segment, each in zip(segments, found, strict=True)}


def agreeing(statement, own, everybody):
    """Of how many of a segment's customers a statement is true, and whose value is known."""
    said = statement.lower()
    if match := re.fullmatch(r"(very )?(high|low) (spend|orders)", said):
        column, is_high = own[match[3]].dropna(), match[2] == "high"
        mean = everybody[match[3]].mean()
        return (column > mean if is_high else column < mean).sum(), len(column)
    if match := re.fullmatch(r"(very )?(early|late) signup", said):
        mean, column = everybody["signup"].mean(), own["signup"]
        return (column > mean if match[2] == "early" else column < mean).sum(), len(column)
    if match := re.fullmatch(r"partner mostly (yes|no)", said):
        column = own["partner"].dropna()
        return (column == (match[1] == "yes")).sum(), len(column)
    if match := re.fullmatch(r"mostly (not )?(\w+) \(plan\)", said):
        return ((own["plan"] == match[2]) != bool(match[1])).sum(), len(own)
    if match := re.fullmatch(r"age (\S+)( or above| or below)?", said):
        column, at = own["age"].dropna(), BANDS.index(match[1])
        sides = {None: column == at, " or above": column >= at, " or below": column <= at}
        return sides[match[2]].sum(), len(column)
    raise AssertionError(f"an unknown statement: {statement}")


def test_every_statement_of_a_name_is_true_of_most_of_its_customers(request):
    is_thorough = request.config.getoption("--thorough")
    seeds = range(1000) if is_thorough else random.Random(SEED).sample(range(1000), 25)  # noqa: S311
    stated = 0
    for seed in seeds:
        table, min_group = random_table(seed), 1 + seed % 12
        names = names_of(table, min_group=min_group)
        assert len(set(names.values())) == len(names)
        for segment, name in names.items():
            own = table[table["segment"] == segment]
            if len(own) < min_group:
                assert name.startswith(f"Fewer than {min_group} customers")
                continue
            for statement in re.sub(r" \(\d+\)$", "", name).split(", "):
                if statement in ("Close to average", "Mixed"):
                    continue
                stated += 1
                true, known = agreeing(statement, own, table)
                assert true > known / 2, (seed, name, statement, true, known)
                assert true >= min_group, (seed, name, statement, true)
                assert known > len(own) / 2, (seed, name, statement, known)
    assert stated > len(seeds)
