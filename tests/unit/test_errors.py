"""The words in which errors help: a near name, a short list, one line."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from segmentation.errors import MAX_LENGTH, MAX_LISTED, listed, nearest, one_line


@pytest.mark.parametrize(
    ("name", "hint"),
    [
        ("money_spend", ", did you mean 'money_spent'?"),
        ("MONEY_SPENT", ", did you mean 'money_spent'?"),
        ("age", ", did you mean 'Age'?"),
        ("zzzz", ""),
    ],
)
def test_the_nearest_name_is_offered_where_one_is_alike(name, hint):
    assert nearest(name, ["Age", "money_spent", "complains"]) == hint


def test_nothing_known_is_nothing_near():
    assert nearest("age", []) == ""


def test_a_list_of_names_is_cut_to_what_can_be_read():
    assert listed(["a", "b c"]) == "'a', 'b c'"
    many = listed([f"column_{i}" for i in range(MAX_LISTED + 3)])
    assert many.endswith(f"'column_{MAX_LISTED - 1}' and 3 more")
    assert listed(["x" * (MAX_LENGTH + 1)]) == f"'{'x' * MAX_LENGTH}...'"


@given(st.text())
def test_one_line_keeps_every_word_and_breaks_no_line(text):
    told = one_line(text)
    assert told.split() == text.split()
    assert len(told.splitlines()) <= 1
