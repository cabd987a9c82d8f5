"""The page of two runs: their segments side by side, and what changed from one to the other."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import partial

from segmentation.reporting import changes, formatting
from segmentation.reporting.disclosure import suppress_small_counts
from segmentation.reporting.headline import value_name
from segmentation.reporting.offline_page import render_page
from segmentation.reporting.segment_page import STRENGTHS
from segmentation.results import Changes, Report, Segment


@dataclass(frozen=True)
class Pair:
    """A key in both runs; None where it is not described."""

    key: str
    before: Segment | None
    now: Segment | None


def render_comparison(before: Report, after: Report, *, min_group: int = 1) -> str:
    """The page of what changed from the run of ``before`` to that of ``after``, byte for byte.

    ``after.changes`` has what changed between these two; its ``refresh`` is that of the later run
    if it was decided against the earlier one, and else only names the runs, with no ``reason``.
    No count of fewer than ``min_group`` customers can be derived from the page.

    Raises
    ------
    ValueError
        If ``after.changes`` is missing, or of another pair of runs.
    """
    found = after.changes
    if found is None or found.refresh.previous_run != before.run.run:
        raise ValueError(f"changes since {before.run.run} are needed")
    if before.run.value_feature != after.run.value_feature:
        found = _without_value(found)
    shown = [suppress_small_counts(each, min_group=min_group) for each in (before, after)]
    names = {each.segment_key: each.name for each in shown[0].segments}
    section = changes.section(after, shown[1], found, earlier=names, min_group=min_group)
    pairs = _pairs(shown[0], shown[1])
    has_value = before.run.value_feature == after.run.value_feature and all(
        each.value_share is not None for report in shown for each in report.segments
    )
    content = {
        **changes.words(section, after),
        "runs": shown,
        "pairs": pairs,
        "value": value_name(after.run) if has_value else None,
        "strengths": STRENGTHS,
        "min_group": min_group,
    }
    filters: dict[str, Callable[..., str]] = {
        "number": formatting.number,
        "percent": formatting.percent,
        "moment": formatting.moment,
        "sentence": formatting.sentence,
        "counted": partial(formatting.counted, noun="customer"),
    }
    return render_page("comparison_page", content, filters=filters)


def _pairs(before: Report, after: Report) -> tuple[Pair, ...]:
    """The described keys of both runs, the later one's first."""
    sides: list[Mapping[str, Segment]] = [
        {each.segment_key: each for each in report.segments} for report in (before, after)
    ]
    keys = dict.fromkeys([*sides[1], *sides[0]])
    return tuple(Pair(key, sides[0].get(key), sides[1].get(key)) for key in keys)


def _without_value(found: Changes) -> Changes:
    """The changes without values: those of two features cannot be compared."""
    return replace(
        found,
        flows=tuple(replace(each, value_before=None, value_after=None) for each in found.flows),
        history=tuple(replace(each, value=None) for each in found.history),
    )
