"""The first sentences of the report: customers, period, value by segment, and how clear it is."""

from datetime import date

from segmentation.reporting import formatting
from segmentation.results import Report, Run, Segment

VALUE_NAMES = {"monetary": "net spend", "frequency": "orders", "units": "units bought"}
"""The value features that are derived from transactions, in words."""

HINT = (
    "No customer value is configured, so the segments are ordered by size: set segments.value to a "
    "feature to see the value of each segment."
)


def headline(report: Report) -> str:
    """How many customers and segments."""
    customers = formatting.counted(report.run.labelled, "customer")
    verb = "falls" if report.run.labelled == 1 else "fall"
    segments = formatting.counted(len(report.segments) + len(report.withheld), "segment")
    return f"{customers} {verb} into {segments}"


def sentences(report: Report) -> tuple[str, ...]:
    """The sentences to forward: period and value first, then how clear the groups are."""
    rest = (report.run.choice.summary, hint(report))
    return (*lede(report), *(each for each in rest if each))


def lede(report: Report) -> tuple[str, ...]:
    """The period, and the segments with the largest total and mean value; else the largest segment.

    Value needs a value feature; sums are stated only where every segment has one and none is
    negative, so that the parts add up to the whole.
    """
    found = _of_value(report) or _of_size(report)
    period = _period(report.run)
    if found and period:
        first = found[0]
        first = first if first.startswith("“") else first[:1].lower() + first[1:]
        found = [f"{period}, {first}", *found[1:]]
    return tuple(found)


def hint(report: Report) -> str | None:
    """How to see value by segment, where no value feature is configured."""
    return HINT if report.run.value_feature is None and len(report.segments) > 1 else None


def _of_size(report: Report) -> list[str]:
    if len(report.segments) + len(report.withheld) < 2 or not report.segments:
        return []
    largest = max(report.segments, key=lambda each: each.customers)
    return [f"The largest segment, {_called(largest)}, has {_part(largest, report.run)}."]


def _of_value(report: Report) -> list[str]:
    """The segments with the largest total and the largest mean value, where both are known."""
    run, segments = report.run, report.segments
    if run.value_feature is None or len(segments) < 2 or report.withheld:
        return []
    found = []
    sums = [each.value_sum for each in segments if each.value_sum is not None]
    most = None
    if len(sums) == len(segments) and min(sums) >= 0 < sum(sums):
        most = max(segments, key=lambda each: each.value_sum or 0.0)
        present = "accounts for" if most.customers == 1 else "account for"
        verb = "accounted for" if run.transactions else present
        found.append(
            f"{_part(most, run)}, {_called(most)}, {verb} "
            f"{formatting.sum_of(most.value_sum or 0.0, sum(sums))} in {value_name(run)} "
            f"({formatting.percent((most.value_sum or 0.0) / sum(sums))})."
        )
    means = [each.value_mean for each in segments if each.value_mean is not None]
    overall = _overall(report)
    if len(means) == len(segments) and overall is not None and max(means) > min(means):
        best = max(segments, key=lambda each: each.value_mean or 0.0)
        mean = value_text(report, best.value_mean or 0.0)
        who = "They also have" if best is most else f"{_called(best)} has"
        found.append(
            f"{who} the highest average {value_name(run)}: {mean} per customer, against "
            f"{value_text(report, overall)} overall."
        )
    return found


def value_name(run: Run) -> str:
    """The value feature in words."""
    name = run.value_feature or ""
    if run.transactions is not None and name in VALUE_NAMES:
        return VALUE_NAMES[name]
    return name.replace("_", " ").strip() or name


def _overall(report: Report) -> float | None:
    """The mean of the value over all customers whose value is known."""
    feature = report.run.value_feature
    return next(
        (p.overall_mean for p in report.profiles if p.feature == feature and p.value is None), None
    )


def value_text(report: Report, mean: float) -> str:
    """A mean of the value feature in its usual format."""
    feature = report.run.value_feature or ""
    kinds = [p.kind for p in report.profiles if p.feature == feature]
    return formatting.value(mean, kind=kinds[0] if kinds else "numeric", feature=feature)


def _part(segment: Segment, run: Run) -> str:
    return (
        f"{segment.customers:,} of {formatting.counted(run.labelled, 'customer')} "
        f"({formatting.percent(segment.share)})"
    )


def _called(segment: Segment) -> str:
    return f"“{segment.name}”"


def _period(run: Run) -> str | None:
    lines = run.transactions
    if lines is None or lines.first_day is None or lines.last_day is None:
        return None
    first, last = (date.fromisoformat(day) for day in (lines.first_day, lines.last_day))
    return f"From {formatting.day(first)} to {formatting.day(last)}"
