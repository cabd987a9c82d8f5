"""Tables that are too wide are refused in one line that names the rule, the value and the key."""

import pytest

from segmentation.config import parse
from segmentation.config.features import MAX_COLUMNS
from segmentation.errors import ConfigError, DataError
from segmentation.features.encoding import MAX_DIMENSIONS, check_dimensions
from segmentation.model.features import Feature


def config(columns: int) -> dict:
    return {
        "input": {"path": "x"},
        "features": {"numeric": [f"n{j}" for j in range(columns)]},
        "output": {"path": "out"},
    }


def test_the_most_columns_are_accepted_and_one_more_is_refused():
    parse(config(MAX_COLUMNS), source="test")
    with pytest.raises(ConfigError, match=r"features names 1,001 columns, at most 1,000") as raised:
        parse(config(MAX_COLUMNS + 1), source="test")
    assert "\n" not in str(raised.value)


def test_dimensions_are_numbers_and_categories_with_their_labels():
    categories = tuple(f"value {i}" for i in range(97))
    of_one = Feature("c", "categorical", categories=categories, other="(other)", absent="(none)")
    features = [of_one] * 25 + [Feature("n")] * (MAX_DIMENSIONS - 25 * 99)
    check_dimensions(features)
    with pytest.raises(DataError, match=r"have 2,501 dimensions.*features\.categorical"):
        check_dimensions([*features, Feature("m")])
