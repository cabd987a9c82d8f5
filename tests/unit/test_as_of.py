"""Whether the last day of transactions looks mistyped, without Spark."""

from datetime import date, timedelta

import pytest

from segmentation.features.as_of import doubt_about

TODAY = date(2026, 6, 1)
EVERY_DAY = [(date(2025, 1, 1) + timedelta(days=i), 20) for i in range(365)]


@pytest.mark.parametrize(
    ("days", "doubted"),
    [
        (EVERY_DAY, None),
        ([*EVERY_DAY, (date(2026, 1, 15), 1)], None),  # a fortnight is no long pause
        (
            [*EVERY_DAY, (date(2026, 3, 1), 1)],
            "60 days after 2025-12-31, the last day of all but 1 ",
        ),
        ([*EVERY_DAY, (date(2026, 3, 1), 20)], None),  # so many have not mistyped it
        ([*EVERY_DAY, (date(2026, 3, 1), 1), (date(2026, 5, 30), 1)], "150 days after 2025-12-31"),
        ([(date(2010, 1, 1), 1), (date(2026, 1, 1), 1)], "16 years after 2010-01-01"),
        ([(date(2025, 1, 1), 1), (date(2025, 7, 1), 1), (date(2026, 3, 1), 1)], None),
        ([(date(2026, 1, 1), 5)], None),
    ],
)
def test_a_last_day_far_behind_the_others_is_doubted(days, doubted):
    said = doubt_about(days[-1][0], days, today=TODAY)
    assert (said is None) == (doubted is None), said
    if said is not None:
        assert said.startswith(f"transactions.as_of is {days[-1][0]}, ")
        assert doubted in said
        assert said.endswith("a mistyped date? set transactions.as_of")


def test_a_last_day_after_today_is_doubted():
    far = date(2062, 1, 3)
    for days in ([], [*EVERY_DAY, (far, 1)]):
        said = doubt_about(far, days, today=TODAY) or ""
        assert said.startswith(
            "transactions.as_of is 2062-01-03, which is after today (2026-06-01)"
        )
    assert doubt_about(TODAY + timedelta(days=1), [], today=TODAY) is None  # in Auckland
    found = EVERY_DAY[-1][0]
    assert doubt_about(found, [], today=TODAY) is None
