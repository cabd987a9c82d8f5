"""Statistical disclosure control: no individual can be identified from the page.

The rules, for ``bound`` customers (``report.min_group``); the README explains them:

- A segment of fewer is not described at all, nor is the next larger one if the small ones could
  be computed as the difference from all customers.
- Of a categorical or yes/no feature no count of fewer can be derived, nor of the customers who
  do not have a value (:mod:`segmentation.reporting.cells`). A count of 0 is shown. Whether a
  value is missing is a yes/no of its own, as other shares are of the customers with a value.
- A mean covers at least that many customers, and so does either side of a quantile.
- Names, the curve of the smallest segment and the table of prepared features omit what is hidden.
"""

import re
from collections.abc import Iterator, Mapping, Sequence, Set
from dataclasses import replace

from segmentation.config.sources import DERIVED_NAMES
from segmentation.reporting import cells
from segmentation.reporting.suppression import (
    Key,
    Plan,
    count_having,
    key_of,
    missing_labels,
    plans_of,
)
from segmentation.results import CostPoint, CustomerSample, FeatureProfile, Report, Run, Segment

HALF, TENTH = 0.5, 0.1
"""The smaller part of the customers on one side of the median, and of the other quantiles."""

OTHER = "(other)"


def suppress_small_counts(report: Report, *, min_group: int) -> Report:
    """The report without anything from which a count below ``min_group`` could be derived.

    Segments that are not described are removed; ``withheld`` has their numbers.
    """
    sizes = {each.segment: each.customers for each in report.segments}
    alone = cells.withheld({s: (size,) for s, size in sizes.items()}, sizes=sizes, bound=min_group)
    few = frozenset(sizes) if alone is None else alone
    labels = missing_labels(report.profiles)
    report, of_all = _of_all_customers(report, labels, sizes=sizes, few=few, bound=min_group)
    labels = {feature: label for feature, label in labels.items() if feature not in of_all}
    plans = plans_of(report.profiles, labels, sizes=sizes, few=few, bound=min_group)
    described = [each for each in report.segments if each.segment not in few]
    return replace(
        report,
        run=_run(report.run, plans),
        cost_curve=tuple(
            _point(each, report.run.labelled, min_group) for each in report.cost_curve
        ),
        segments=tuple(_segment(each, plans, report) for each in described),
        profiles=tuple(_profiles(report, plans, labels, few=few, bound=min_group)),
        sample=_sample(report.sample, plans, few=few),
        withheld=tuple(sorted(few)),
    )


def _of_all_customers(
    report: Report,
    labels: Mapping[str, str],
    *,
    sizes: Mapping[int, int],
    few: Set[int],
    bound: int,
) -> tuple[Report, Set[str]]:
    """The report with shares of all customers where shares of the known reveal the missing.

    A share is a fraction whose denominator, the customers with a known value, can be found.
    Also returns the features whose shares were changed; there, missing is a value like others.
    """
    known: dict[str, dict[int, int]] = {}
    having: dict[tuple[str, str | None], int] = {}
    for each in report.profiles:
        if each.value is None and each.kind != "boolean":
            continue
        having[each.feature, each.value] = having.get((each.feature, each.value), 0) + count_having(
            each
        )
        if each.value is None or each.value != labels.get(each.feature):
            of = known.setdefault(each.feature, dict.fromkeys(sizes, 0))
            of[each.segment] = max(of[each.segment], each.known)
    changed = {
        feature
        for feature, of in known.items()
        for rows in [{s: (of[s], size - of[s]) for s, size in sizes.items()}]
        if cells.withheld(rows, sizes=sizes, already=few, bound=bound) not in (few, frozenset())
    }
    whole = sum(sizes.values())
    profiles = tuple(
        replace(
            each,
            mean=count_having(each) / sizes[each.segment],
            known=sizes[each.segment],
            overall_mean=having[each.feature, each.value] / whole,
        )
        if each.feature in changed and (each.feature, each.value) in having
        else each
        for each in report.profiles
    )
    return replace(report, profiles=profiles), changed


def _profiles(
    report: Report,
    plans: Mapping[Key, Plan],
    labels: Mapping[str, str],
    *,
    few: Set[int],
    bound: int,
) -> Iterator[FeatureProfile]:
    """The profiles that may be shown, in their order, then those of merged values."""
    merged: dict[tuple[int, str], list[FeatureProfile]] = {}
    for each in report.profiles:
        plan = plans[key_of(each, labels)]
        if plan.is_gone or each.segment in few:
            continue
        if each.value in plan.merged:
            merged.setdefault((each.segment, each.feature), []).append(each)
        elif each.segment in plan.withheld:
            yield _hidden(each)
        elif each.value is not None or not plan.merged:  # a mean rank would reveal merged bands
            yield _without_tails(each, bound)
    for (segment, feature), profiles in merged.items():
        plan = plans[feature, None]
        if not profiles[
            0
        ].used_for_clustering:  # no centre has a difference of several values together
            values = {each.value for each in report.profiles if each.feature == feature}
            other = _merged(profiles, kept=values - plan.merged)
            yield _hidden(other) if segment in plan.withheld else other


def _merged(profiles: Sequence[FeatureProfile], *, kept: Set[str | None]) -> FeatureProfile:
    """One profile for several values."""
    label = OTHER
    while label in kept:
        label = f"({label})"
    known = max(each.known for each in profiles)
    return replace(
        profiles[0],
        value=label,
        known=known,
        mean=sum(map(count_having, profiles)) / known if known else None,
        overall_mean=sum(each.overall_mean for each in profiles),
    )


def _without_tails(profile: FeatureProfile, bound: int) -> FeatureProfile:
    """The profile without quantiles that have few customers on one side."""
    if profile.known < bound / HALF:
        profile = replace(profile, median=None)
    return replace(profile, p10=None, p90=None) if profile.known < bound / TENTH else profile


def _hidden(profile: FeatureProfile) -> FeatureProfile:
    return replace(
        profile, mean=None, median=None, p10=None, p90=None, centroid=None, difference=None, known=0
    )


def _segment(segment: Segment, plans: Mapping[Key, Plan], report: Report) -> Segment:
    """The segment, without value and parts of its name that may not be shown."""
    keys = {key for key, plan in plans.items() if plan.is_gone or segment.segment in plan.withheld}
    hidden = {feature for feature, label in keys if label is None}
    if report.run.value_feature in hidden:
        segment = replace(segment, value_mean=None, value_sum=None, value_share=None)
    suppressed = hidden | {
        each.value
        for each in report.profiles
        if each.value is not None
        and (
            each.feature in hidden
            or (each.feature, each.value) in keys
            or each.value in plans.get((each.feature, None), Plan()).merged
        )
    }
    automatic = segment.automatic_name
    if automatic is not None and mentions(automatic, suppressed):
        automatic = None
    return replace(segment, name=_name(segment, suppressed), automatic_name=automatic)


def _name(segment: Segment, suppressed: Set[str]) -> str:
    """The name without the parts that mention what is suppressed; a number if none is left."""
    if not mentions(segment.name, suppressed):
        return segment.name
    parts = segment.name.split(", ")
    kept = [part for part in parts if not mentions(part, suppressed)]
    if not kept or len(kept) == len(parts):  # or what is mentioned has a comma in it
        return f"Segment {segment.segment}"
    name = ", ".join(kept)
    return name[:1].upper() + name[1:]


def hidden_words(report: Report, suppressed: Report) -> Set[str]:
    """The features and values of which the suppressed report hides something."""
    shown = {
        (each.segment, each.feature, each.value)
        for each in suppressed.profiles
        if each.mean is not None
    }
    return {
        each.feature if each.value is None else each.value
        for each in report.profiles
        if each.mean is not None and each.segment not in suppressed.withheld
        if (each.segment, each.feature, each.value) not in shown
    }


def mentions(text: str, names: Set[str]) -> bool:
    """Whether a name is among the words of a text, as a column or as people write it."""
    phrases = {*names, *(DERIVED_NAMES[name] for name in names if name in DERIVED_NAMES)}
    forms = {form for name in phrases for form in (name, name.replace("_", " ").strip()) if form}
    return any(re.search(rf"(?<!\w){re.escape(form)}(?!\w)", text, re.IGNORECASE) for form in forms)


def _run(run: Run, plans: Mapping[Key, Plan]) -> Run:
    """The run without the averages of features and values that are hidden everywhere."""
    features = tuple(
        each
        for each in run.features
        for column in [each.column or each.name]
        for plan in [plans.get((column, each.value)) or plans.get((column, None)) or Plan()]
        if not plan.is_gone and each.value not in plan.merged
        if not (plan.merged and each.value is None)
    )
    return replace(run, features=features)


def _point(point: CostPoint, labelled: int, bound: int) -> CostPoint:
    """The point without the smallest segment's share where that has few customers."""
    share = point.smallest_share
    is_few = share is not None and round(share * labelled) < bound
    return replace(point, smallest_share=None) if is_few else point


def _sample(sample: CustomerSample, plans: Mapping[Key, Plan], *, few: Set[int]) -> CustomerSample:
    """The points of the described segments, with features that no segment hides.

    The averages of a segment's points would add up to the hidden average of the segment.
    """
    none = Plan()
    names = [
        name
        for name in sample.values
        if not sample.customers
        or (
            plans.get((name, None), none).withheld <= few
            and not plans.get((name, None), none).is_gone
        )
    ]
    kept = [place for place, of in enumerate(sample.segments) if of not in few and names]
    return CustomerSample(
        {name: tuple(sample.values[name][i] for i in kept) for name in names},
        tuple(sample.segments[i] for i in kept),
        tuple(sample.customers[i] for i in kept if sample.customers),
    )
