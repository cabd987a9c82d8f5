"""Names of segments."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from segmentation.segments.naming import EXTREME, NOTABLE, name_segments


@pytest.mark.parametrize(
    ("difference", "name"),
    [
        ({"spend": 1.0, "age": 0.1}, "High spend"),
        ({"spend": -0.7, "age": 0.9}, "High age, low spend"),  # the larger one first
        ({"spend": 1.5, "age": -2.0}, "Very low age, very high spend"),
        ({"spend": 0.49, "age": -0.49}, "Close to average"),
        ({"spend": NOTABLE}, "High spend"),
        ({"spend": -EXTREME}, "Very low spend"),
        ({"money_spent": 1.0}, "High money spent"),  # as a person writes it
        ({"b": 1.0, "a": 1.0}, "High a, high b"),  # equals by name
    ],
)
def test_what_stands_out_is_named(difference, name):
    assert name_segments([difference]) == (name,)


def test_a_third_feature_is_named_only_where_two_do_not_tell_segments_apart():
    assert name_segments(
        [
            {"a": 2.0, "b": 1.0, "c": 0.8},
            {"a": 2.0, "b": 1.0, "c": -0.8},
            {"a": -2.0, "b": 1.0, "c": 0.8},
        ]
    ) == (
        "Very high a, high b, high c",
        "Very high a, high b, low c",
        "Very low a, high b",
    )


def test_segments_that_words_do_not_tell_apart_are_numbered():
    assert name_segments([{"a": 0.1}, {"a": 1.0}, {"a": -0.1}]) == (
        "Close to average (1)",
        "High a",
        "Close to average (2)",
    )


sizes = st.floats(-4, 4) | st.sampled_from([0.0, NOTABLE, -NOTABLE, EXTREME, -EXTREME])
features = st.fixed_dictionaries(dict.fromkeys(("spend", "age", "orders", "visits"), sizes))


@given(st.lists(features, min_size=1, max_size=12))
def test_no_two_names_are_alike(differences):
    names = name_segments(differences)
    assert len(names) == len(differences)
    assert len(set(names)) == len(names)


@given(st.lists(features, min_size=1, max_size=6))
def test_the_order_of_features_does_not_matter(differences):
    turned = [dict(reversed(difference.items())) for difference in differences]
    assert name_segments(turned) == name_segments(differences)
