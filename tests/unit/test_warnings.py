"""Warnings, which the report repeats: no share of fewer customers than it may tell."""

from types import SimpleNamespace
from unittest import mock

import pytest

from segmentation.features.contract import in_words
from segmentation.features.encoding import Encoding
from segmentation.features.profiling import NonNumericCells, Profiled
from segmentation.pipelines.steps import Steps
from segmentation.pipelines.warnings import warn_of_encoding
from segmentation.results import Imputed, Rejection


@pytest.mark.parametrize(
    ("customers", "of", "said"),
    [(620, 5000, "12.4 %"), (10, 5000, "0.2 %"), (9, 5000, "less than 0.2 %"),
     (1, 66, "less than 15.2 %"), (20, 100_000, "less than 0.1 %"), (9, 500, "less than 2.0 %")],
)  # fmt: skip
def test_an_imputed_share_of_few_customers_is_a_bound(customers, of, said):
    steps = Steps(mock.Mock(), lambda _: None)
    encoding = Encoding((), imputations=(Imputed("age", customers, customers / of),))
    preparation = SimpleNamespace(constant=())
    warn_of_encoding(steps, encoding, preparation, Profiled((), ()), min_group=10)  # type: ignore[arg-type]
    (warning,) = steps.warnings
    assert warning == f"missing values were imputed (features.missing): 'age' {said} of customers"


def test_cells_of_an_attribute_that_are_no_numbers_are_counted():
    steps = Steps(mock.Mock(), lambda _: None)
    cells = (NonNumericCells("age", 1), NonNumericCells("income", 1200))
    preparation = SimpleNamespace(constant=("shoe",))
    warn_of_encoding(steps, Encoding(()), preparation, Profiled((), (), cells), min_group=10)  # type: ignore[arg-type]
    assert steps.warnings == [
        "feature 'shoe' is constant on all usable rows and was dropped",
        "attribute 'age': 1 cell is not a number and treated as unknown (features.describe)",
        "attribute 'income': 1,200 cells are not a number and treated as unknown "
        "(features.describe)",
    ]


def test_many_columns_with_the_same_problem_share_a_line_that_names_ten():
    steps = Steps(mock.Mock(), lambda _: None)
    names = [f"f{at:03}" for at in range(300)]
    cells = tuple(NonNumericCells(name, at + 1) for at, name in enumerate(names))
    imputations = tuple(Imputed(name, 100 + at, (100 + at) / 1000) for at, name in enumerate(names))
    warn_of_encoding(
        steps,
        Encoding((), imputations=imputations),
        SimpleNamespace(constant=tuple(names)),  # type: ignore[arg-type]
        Profiled((), (), cells),
        min_group=10,
    )
    constant, imputed, non_numeric = steps.warnings
    ten = ", ".join(repr(name) for name in names[:10])
    assert constant == (
        f"300 features are constant on all usable rows and were dropped: {ten} and 290 more"
    )
    assert imputed.startswith("missing values were imputed (features.missing): 'f299' 39.9 %, ")
    assert imputed.endswith("'f290' 39.0 % of customers, and in 290 more features")
    assert non_numeric.startswith(
        "300 attributes have cells that are not numbers and treated as unknown "
        "(features.describe): 'f299' 300, 'f298' 299, "
    )
    assert non_numeric.endswith("'f290' 291 and 290 more")


def test_reasons_of_rejection_name_the_ten_most_frequent():
    reasons = [Rejection("null", f"f{at}", 400 - at) for at in range(300)]
    said = in_words(reasons)
    assert said.startswith("400 null in 'f0', 399 null in 'f1', ")
    assert said.endswith("391 null in 'f9' and 290 more")
