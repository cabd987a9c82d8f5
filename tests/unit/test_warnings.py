"""Warnings, which the report repeats: no share of fewer customers than it may tell."""

from types import SimpleNamespace
from unittest import mock

import pytest

from segmentation.features.encoding import Encoding
from segmentation.features.profiling import NonNumericCells, Profiled
from segmentation.pipelines.steps import Steps
from segmentation.pipelines.warnings import warn_of_encoding
from segmentation.results import Imputed


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
