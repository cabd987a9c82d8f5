"""What the page leaves out so that nobody is recognised in it."""

from collections.abc import Mapping
from dataclasses import replace

from segmentation.results import CustomerSample, FeatureProfile, Report


def suppressed(report: Report, *, min_group: int) -> Report:
    """The report without averages, shares and points of fewer than so many customers.

    Of a smaller segment nothing is told but its size, and if it is the only one, of the next
    larger neither: the average of all less the other segments' would tell of it. Of a segment
    that is told of, no value is that fewer of its customers have.
    """
    sizes = {each.segment: each.customers for each in report.segments}
    few = too_small(sizes, min_group=min_group)
    profiles = tuple(
        _hidden(each)
        if each.segment in few or _is_of_few(each, sizes[each.segment], min_group)
        else each
        for each in report.profiles
    )
    segments = tuple(
        replace(each, value_share=None) if each.segment in few else each for each in report.segments
    )
    shown = [place for place, of in enumerate(report.sample.segments) if of not in few]
    sample = CustomerSample(
        {name: tuple(of[i] for i in shown) for name, of in report.sample.values.items()},
        tuple(report.sample.segments[place] for place in shown),
    )
    return replace(report, segments=segments, profiles=profiles, sample=sample)


def too_small(sizes: Mapping[int, int], *, min_group: int) -> frozenset[int]:
    """The segments, by their sizes, that are not told of: together none or enough customers."""
    ascending = sorted(sizes, key=lambda segment: sizes[segment])
    few = [segment for segment in ascending if sizes[segment] < min_group]
    for segment in ascending[len(few) :]:
        if not 0 < sum(sizes[each] for each in few) < min_group:
            break
        few.append(segment)
    return frozenset(few)


def _is_of_few(profile: FeatureProfile, customers: int, min_group: int) -> bool:
    if profile.value is None:
        return False
    return 0 < round((profile.mean or 0.0) * customers) < min_group


def _hidden(profile: FeatureProfile) -> FeatureProfile:
    return replace(
        profile, mean=None, median=None, p10=None, p90=None, centroid=None, difference=None
    )
