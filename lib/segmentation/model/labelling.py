"""Label customers with a fitted model without Spark, from pandas or Arrow."""

from datetime import UTC, date, datetime

import numpy as np
import numpy.typing as npt
import pandas as pd
import pyarrow as pa

from segmentation.model.evaluation import Customers, Evaluation
from segmentation.model.fitted import FittedModel
from segmentation.model.preparation import Preparation
from segmentation.numerics.grid_points import GridPoints

BATCH_ROWS = 100_000
"""Rows prepared at a time: each takes about a dozen doubles per model column."""


def assign(model: FittedModel, customers: Customers, *, today: date | None = None) -> pa.Array:
    """The segment of every customer, an int32; null if the row violates a rule of the model.

    Parameters
    ----------
    customers
        One row per customer, with the columns that the model's features are read from, of
        whatever type. In a DataFrame NaN is a missing value.
    today
        The day from which a model without ``as_of`` counts dates back; that of UTC if not given.

    Raises
    ------
    SchemaError
        If a column is missing, or of a type that cannot be read.
    ConfigError
        If a date has a format of which a part is read by Spark only.
    """
    today = today or datetime.now(UTC).date()
    batches = [
        _assign(model, _slice(customers, first), today)
        for first in range(0, max(len(customers), 1), BATCH_ROWS)
    ]
    return pa.concat_arrays(batches)


def points(
    preparation: Preparation, customers: Customers, *, today: date | None = None
) -> tuple[GridPoints, npt.NDArray[np.bool_]]:
    """The customers as grid points, and which of them satisfy every rule.

    An entry is 0 where there is none. Raises what :func:`assign` raises.
    """
    evaluation = Evaluation(customers, today=today)
    is_usable = np.ones(len(customers), dtype=np.bool_)
    for _, _, condition in preparation.rules:
        broken = evaluation.array(condition).fill_null(False)
        is_usable &= ~broken.to_numpy(zero_copy_only=False)
    expressions = preparation.entries()
    entries = np.empty((len(customers), len(expressions)))
    for j, expression in enumerate(expressions):
        found = evaluation.array(expression)
        is_usable &= found.is_valid().to_numpy(zero_copy_only=False)
        entries[:, j] = found.fill_null(0.0).to_numpy(zero_copy_only=False)
    return GridPoints(entries, preparation.layout), is_usable


def _assign(model: FittedModel, customers: Customers, today: date) -> pa.Array:
    found, is_usable = points(model.preparation, customers, today=today)
    segments = np.zeros(len(customers), dtype=np.int32)
    segments[is_usable] = model.rule.assign(found[is_usable]).segment
    return pa.array(segments, mask=~is_usable)


def _slice(customers: Customers, first: int) -> Customers:
    if isinstance(customers, pd.DataFrame):
        return customers.iloc[first : first + BATCH_ROWS]
    return customers.slice(first, BATCH_ROWS)
