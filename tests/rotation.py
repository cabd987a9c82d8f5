"""What changes with the day: the rows of a matrix that run, seeds, and moments.

``SEGMENTATION_DAY=2026-11-26 scripts/test`` repeats those of a day; pytest prints it at the start.
"""

import os
from collections.abc import Iterable
from datetime import UTC, date, datetime
from typing import Any

import pytest

_TOLD = os.environ.get("SEGMENTATION_DAY")
TODAY = date.fromisoformat(_TOLD) if _TOLD else datetime.now(UTC).date()
SEED = TODAY.toordinal()


def is_turn(place: int, *, of: int) -> bool:
    """Whether this is the day of the test marked ``turn(place, of=days)``."""
    return SEED % of == place


def rotation(rows: Iterable[Any], *, daily: int = 1) -> list[Any]:
    """The rows as parameters of a test: so many every day, others the next; all with --thorough."""
    rows = list(rows)
    todays = {(SEED * daily + each) % len(rows) for each in range(daily)}
    thorough = pytest.mark.thorough
    return [
        pytest.param(
            *row if isinstance(row, tuple) else (row,), marks=() if i in todays else thorough
        )
        for i, row in enumerate(rows)
    ]
