"""Warnings, which the report repeats: no share of fewer customers than it may tell."""

from types import SimpleNamespace
from unittest import mock

import pytest

from segmentation.features.encoding import Encoding
from segmentation.remarks import warn_of_encoding
from segmentation.results import Imputed
from segmentation.steps import Steps


@pytest.mark.parametrize(
    ("customers", "of", "said"),
    [(620, 5000, "12.4 %"), (10, 5000, "0.2 %"), (9, 5000, "less than 0.2 %"),
     (1, 66, "less than 15.2 %"), (20, 100_000, "less than 0.1 %"), (9, 500, "less than 2.0 %")],
)  # fmt: skip
def test_an_imputed_share_of_few_customers_is_a_bound(customers, of, said):
    steps = Steps(mock.Mock(), lambda _: None)
    encoding = mock.Mock(
        spec=Encoding, imputations=(Imputed("age", customers, customers / of),), unread=()
    )
    warn_of_encoding(steps, encoding, SimpleNamespace(constant=()), min_group=10)  # type: ignore[arg-type]
    (warning,) = steps.warnings
    assert warning == f"missing values were imputed (features.missing): 'age' {said} of customers"
