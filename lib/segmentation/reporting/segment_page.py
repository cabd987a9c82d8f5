"""The report of a run: its segments, their customers and the choice of k, as one page."""

import json
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from itertools import groupby
from typing import Any

from segmentation.numerics.projection import WIDE
from segmentation.reporting import changes, formatting, headline, segment_table
from segmentation.reporting.charts import evidence, scatter
from segmentation.reporting.charts.axes import Axis
from segmentation.reporting.charts.markers import Marker, marker, markers
from segmentation.reporting.correlation_text import correlation_text
from segmentation.reporting.disclosure import suppress_small_counts
from segmentation.reporting.feature_tables import attribute_tables, clustering_table
from segmentation.reporting.offline_page import chart, render_page, script_json
from segmentation.reporting.separation import by_separation, is_wide, separation
from segmentation.results import FeatureProfile, PreparedFeature, Rejection, Report, Run, Segment

MAX_CARDS = 12
"""Segments shown as cards: more are easier to compare as rows of a table."""

STRENGTHS = {
    "clear": "Clear groups",
    "weak": "Weak evidence",
    "none": "No natural groups",
}

KEY_FEATURES = 4
MAX_PATHS = 3
MAX_REASONS = 24
MAX_IN_SENTENCE = 3
"""Statements of one sentence; more are a list."""

MAX_ITEMS = 64
"""Items of a setting that is a list; the manifest has them all."""
NAMED_COLUMNS = 6
"""Segments whose names fit above the columns of a table."""


def render(report: Report, *, min_group: int = 1) -> str:
    """The page of a report: the same report gives the same page, byte for byte.

    No count of fewer than ``min_group`` customers can be derived from it.
    """
    given, report = report, suppress_small_counts(report, min_group=min_group)
    run, segments = report.run, report.segments
    attributes, other_attributes = attribute_tables(report)
    content = {
        "report": report,
        "run": run,
        "headline": headline.headline(report),
        "lede": headline.lede(report),
        "hint": headline.hint(report),
        "value": headline.value_name(run),
        "paths": _paths(run),
        "max_paths": MAX_PATHS,
        "key_profiles": _key_profiles(report),
        "as_cards": len(segments) <= MAX_CARDS,
        "named_columns": NAMED_COLUMNS,
        "hides_value": run.value_feature is not None
        and any(each.value_mean is None for each in segments),
        "has_value_share": all(each.value_share is not None for each in segments),
        "has_value_mean": any(each.value_mean is not None for each in segments),
        "min_group": min_group,
        "clustering": clustering_table(report),
        "attributes": attributes,
        "other_attributes": other_attributes,
        "correlations": correlation_text(run),
        "max_in_sentence": MAX_IN_SENTENCE,
        "rejections": _by_frequency(run.rejections),
        "max_reasons": MAX_REASONS,
        "max_prepared": WIDE,
        "excluded": _by_frequency(run.transactions.excluded if run.transactions else ()),
        "strengths": STRENGTHS,
        "decisions": changes.DECISIONS,
        "curve_run": _curve_run(run),
        "settings": _settings(run.config),
        "marker": partial(_marker, found=markers(segments)),
        **changes.content(given, report, min_group=min_group),
        **_charts(report),
    }
    filters: dict[str, Callable[..., str]] = {
        "number": formatting.number,
        "percent": formatting.percent,
        "value_text": segment_table.value_text,
        "value_mean": partial(_value_mean, report=report),
        "duration": formatting.duration,
        "moment": formatting.moment,
        "rejection": formatting.rejection,
        "sentence": formatting.sentence,
    }
    return render_page("segment_page", content, filters=filters)


def sentences(report: Report, *, min_group: int = 1) -> tuple[str, ...]:
    """The page's first sentences, without anything that the page does not show."""
    return headline.sentences(suppress_small_counts(report, min_group=min_group))


def _charts(report: Report) -> dict[str, Any]:
    """The charts, and what the page needs to change the axes of the scatter plot."""
    features = _in_order_of_axes(report)
    axes = scatter.axes(report.sample, features=features)
    by_segment = scatter.by_segment(report.sample)
    names = {each.segment: each.name for each in report.segments}
    customers = scatter.customers(report.sample, features=features, segments=report.segments)
    has_choice = len(axes) > scatter.SPACE
    if has_choice:  # the page draws the points from the data of all axes
        customers.update_traces(x=None, y=None, z=None, hovertext=None)
    return {
        "elbow": chart("elbow", "Line chart: cost for every k", evidence.elbow(report.cost_curve)),
        "indices": [
            (
                each,
                chart(f"index-{place}", f"Line chart: {each.title} for every k", each.figure),
            )
            for place, each in enumerate(evidence.indices(report.cost_curve), start=1)
        ],
        "scatter": chart(
            "customers", "Scatter plot: customers by their features, marked by segment", customers
        ),
        "axes": axes,
        "choices": script_json(_choices(axes, report)) if has_choice else None,
        "numbers": sum(each.value is None for each in report.run.features),
        "is_wide": is_wide(report.run.features),
        "space": scatter.SPACE,
        "points": sum(len(places) for places in by_segment.values()),
        "grouped": sum(report.sample.customers),
        "keys": [(segment, names.get(segment, "")) for segment in by_segment],
    }


def _choices(axes: Sequence[Axis], report: Report) -> dict[str, object]:
    """The points by every feature that may be put on an axis."""
    return {
        "axes": [
            {
                "feature": axis.feature,
                "title": axis.title,
                "transform": axis.transform,
                "ticks": axis.ticks,
                "labels": axis.labels,
                "values": [int(each) if each.is_integer() else each for each in axis.values],
            }
            for axis in axes
        ],
        "segments": list(scatter.by_segment(report.sample).values()),
        "customers": scatter.customers_per_point(report.sample),
    }


def _in_order_of_axes(report: Report) -> list[PreparedFeature]:
    """The features with the value feature among the first three, which are drawn.

    Of a wide table those come first that tell the segments apart most.
    """
    features: Sequence[PreparedFeature] = report.run.features
    if is_wide(features):
        features = by_separation(features, separation(report.profiles, report.segments))
    value = [feature for feature in features if feature.name == report.run.value_feature]
    others = [feature for feature in features if feature.name != report.run.value_feature]
    return [*others[: scatter.SPACE - 1], *value, *others[scatter.SPACE - 1 :]]


def _key_profiles(report: Report) -> dict[int, list[FeatureProfile]]:
    """For every segment the features that differ most from the average, in their own order."""
    own = [profile for profile in report.profiles if profile.used_for_clustering]
    ordered = sorted(own, key=lambda profile: profile.segment)
    return {each.segment: [] for each in report.segments} | {
        segment: _most_different(list(profiles))
        for segment, profiles in groupby(ordered, key=lambda profile: profile.segment)
    }


def _most_different(profiles: Sequence[FeatureProfile]) -> list[FeatureProfile]:
    shown = [profile for profile in profiles if profile.mean is not None]
    kept = sorted(shown, key=lambda profile: -abs(profile.difference or 0.0))[:KEY_FEATURES]
    return [profile for profile in profiles if profile in kept]


def _curve_run(run: Run) -> str | None:
    """The run whose cost curve is shown, where this run tried no k of its own."""
    refresh = run.refresh
    is_kept = refresh is not None and refresh.decision == "keep" and refresh.cost_fresh is None
    return refresh.model_run if refresh is not None and is_kept else None


def _marker(segment: int, found: Mapping[int, Marker]) -> Marker:
    return found.get(segment) or marker(segment)


def _value_mean(segment: Segment, report: Report) -> str:
    if segment.value_mean is None:
        return segment_table.HIDDEN
    return headline.value_text(report, segment.value_mean)


def _paths(run: Run) -> list[str]:
    """The input's paths, as the run or else its configuration names them."""
    sources: list[Mapping[str, Any]] = [run.input, run.config.get("input") or {}]
    for source in sources:
        paths = source.get("paths") or source.get("path")
        if paths:
            return [paths] if isinstance(paths, str) else [str(path) for path in paths]
    return []


def _by_frequency(rejections: Sequence[Rejection]) -> list[tuple[str, str | None, int]]:
    """Reason, column and rows, the most common first."""
    ordered = sorted(rejections, key=lambda each: (-each.rows, each.reason, each.column or ""))
    return [(each.reason, each.column, each.rows) for each in ordered]


def _settings(config: Mapping[str, Any]) -> list[tuple[str, str]]:
    """The configuration in force as ``section.key`` and value."""
    settings: list[tuple[str, str]] = []
    for section, content in config.items():
        rows = content.items() if isinstance(content, Mapping) else [("", content)]
        settings += [
            (f"{section}.{key}" if key else str(section), _setting(value)) for key, value in rows
        ]
    return settings


def _setting(value: object) -> str:
    if value is None:
        return "not set"
    if isinstance(value, list | tuple) and len(value) > MAX_ITEMS:
        return f"{_setting(value[:MAX_ITEMS])} and {len(value) - MAX_ITEMS:,} more"
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, default=str)
