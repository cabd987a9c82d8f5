"""Few customers are not told of: no average, no share, no point."""

from dataclasses import replace

import pytest

from segmentation.reporting.page import render
from segmentation.reporting.suppression import suppressed, too_small
from tests.report_example import example_report


def test_a_small_segment_has_no_averages_and_no_points():
    given = example_report()
    small = given.segments[0].segment
    segments = (replace(given.segments[0], customers=9), *given.segments[1:])
    next_larger = min(segments[1:], key=lambda each: each.customers).segment
    found = suppressed(replace(given, segments=segments), min_group=10)
    assert small in given.sample.segments
    assert set(found.sample.segments).isdisjoint({small, next_larger})
    for values in found.sample.values.values():
        assert len(values) == len(found.sample.segments)
    for profile in found.profiles:
        assert (profile.mean is None) == (profile.segment in (small, next_larger))
    assert len(found.profiles) == len(given.profiles)
    for each in found.segments:
        assert (each.value_share is None) == (each.segment in (small, next_larger))
    assert "a segment has fewer than 10 customers" in render(found, min_group=10)


@pytest.mark.parametrize(
    ("sizes", "few"),
    [((10, 500), ()), ((3, 500, 40), (0, 2)), ((3, 7, 40), (0, 1)), ((3, 4, 10), (0, 1, 2)),
     ((3,), (0,)), ((), ())],
)  # fmt: skip
def test_what_is_hidden_cannot_be_computed_from_the_rest(sizes, few):
    assert too_small(dict(enumerate(sizes)), min_group=10) == set(few)


def test_a_value_of_few_customers_is_hidden_and_others_are_not():
    given = example_report()
    first = given.profiles[0]
    size = given.segments[0].customers
    values = [
        replace(first, feature="plan", value=value, mean=having / size, shapes=False)
        for value, having in (("none", 0), ("few", 9), ("enough", 10))
    ]
    found = suppressed(replace(given, profiles=(*given.profiles, *values)), min_group=10)
    assert [each.mean is None for each in found.profiles[-3:]] == [False, True, False]


def test_of_one_customer_all_may_be_told_where_that_is_asked_for():
    assert suppressed(example_report(), min_group=1) == example_report()
