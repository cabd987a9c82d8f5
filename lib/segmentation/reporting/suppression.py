"""What the page leaves out so that nobody is recognised in it."""

from dataclasses import replace

from segmentation.results import CustomerSample, FeatureProfile, Report


def suppressed(report: Report, *, min_group: int) -> Report:
    """The report without averages, shares and points of fewer than so many customers.

    Of a smaller segment nothing is told but its size and share; of a larger one no value that
    fewer of its customers have.
    """
    sizes = {each.segment: each.customers for each in report.segments}
    profiles = tuple(
        _hidden(each) if _is_of_few(each, sizes[each.segment], min_group) else each
        for each in report.profiles
    )
    shown = [
        place
        for place, segment in enumerate(report.sample.segments)
        if sizes.get(segment, min_group) >= min_group
    ]
    sample = CustomerSample(
        {name: tuple(of[i] for i in shown) for name, of in report.sample.values.items()},
        tuple(report.sample.segments[place] for place in shown),
    )
    return replace(report, profiles=profiles, sample=sample)


def _is_of_few(profile: FeatureProfile, customers: int, min_group: int) -> bool:
    if customers < min_group:
        return True
    if profile.value is None:
        return False
    return 0 < round((profile.mean or 0.0) * customers) < min_group


def _hidden(profile: FeatureProfile) -> FeatureProfile:
    return replace(
        profile, mean=None, median=None, p10=None, p90=None, centroid=None, difference=None
    )
