"""The report as one HTML page that opens offline: nothing is fetched, and values stay values."""

import base64
import hashlib
import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from importlib.resources import files
from itertools import groupby
from typing import Any

from jinja2 import Environment, StrictUndefined
from plotly.offline import get_plotlyjs

from segmentation.reporting import formatting, headline, segment_table
from segmentation.reporting.charts import evidence, scatter
from segmentation.reporting.charts.markers import mark
from segmentation.reporting.disclosure import disclosed
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
NAMED_COLUMNS = 6
"""Segments whose names fit above the columns of a table."""


@dataclass(frozen=True)
class Chart:
    """A chart's place on the page: its figure as JSON, what it shows, and its height in pixels."""

    id: str
    label: str
    figure: str
    height: int | None


def render(report: Report, *, min_group: int = 1) -> str:
    """The page of a report: the same report gives the same page, byte for byte.

    No count of fewer than ``min_group`` customers can be derived from it.

    Everything that it needs is in it, plotly.js once. A content security policy forbids the
    browser to fetch anything and to run any script but the page's own three, known by their hash.
    """
    report = disclosed(report, min_group=min_group)
    environment = Environment(
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        finalize=lambda value: formatting.clean(value) if type(value) is str else value,
    )
    environment.filters.update(
        number=formatting.number,
        percent=formatting.percent,
        said=segment_table.said,
        value_mean=partial(_value_mean, report=report),
        correlation=formatting.correlation,
        duration=formatting.duration,
        moment=formatting.moment,
        rejection=formatting.rejection,
        sentence=formatting.sentence,
    )
    environment.globals.update(mark=mark)
    sources = (_text("canvas_shim.js"), get_plotlyjs(), _text("segment_page.js"))
    scripts = [_as_browsers_read_it(source) for source in sources]
    return environment.from_string(_text("segment_page.html.j2")).render(
        report=report,
        run=report.run,
        headline=headline.headline(report),
        lede=headline.lede(report),
        hint=headline.hint(report),
        value=headline.spoken(report.run),
        paths=_paths(report.run),
        most_paths=MAX_PATHS,
        key_profiles=_key_profiles(report),
        as_cards=len(report.segments) <= MAX_CARDS,
        named_columns=NAMED_COLUMNS,
        hides_value=report.run.value_feature is not None
        and any(each.value_mean is None for each in report.segments),
        has_value_share=all(each.value_share is not None for each in report.segments),
        has_value_mean=any(each.value_mean is not None for each in report.segments),
        min_group=min_group,
        shaping=segment_table.rows(report, shaping=True),
        attributes=[
            (attribute, list(rows))
            for attribute, rows in groupby(
                segment_table.rows(report, shaping=False), key=lambda row: row.feature
            )
        ],
        rejections=_by_frequency(report.run.rejections),
        excluded=_by_frequency(report.run.transactions.excluded if report.run.transactions else ()),
        strengths=STRENGTHS,
        settings=_settings(report.run.config),
        style=_text("segment_page.css"),
        scripts=scripts,
        policy=_policy(scripts),
        **_drawn(report),
    )


def sentences(report: Report, *, min_group: int = 1) -> tuple[str, ...]:
    """The page's first sentences, with nothing in them that the page does not show."""
    return headline.sentences(disclosed(report, min_group=min_group))


def _drawn(report: Report) -> dict[str, Any]:
    """The charts, and what the page needs to change the scatter's axes and to name its marks."""
    features = _value_in_sight(report.run)
    axes = scatter.axes(report.sample, features=features)
    dealt = scatter.by_segment(report.sample)
    names = {each.segment: each.name for each in report.segments}
    choices = {
        "axes": [
            {
                "feature": axis.feature,
                "title": axis.title,
                "transform": axis.transform,
                "ticks": axis.ticks,
                "labels": axis.labels,
                "values": axis.values,
            }
            for axis in axes
        ],
        "segments": list(dealt.values()),
        "customers": scatter.customers_of(report.sample),
    }
    return {
        "elbow": _chart("elbow", "Line chart: cost for every k", evidence.elbow(report.cost_curve)),
        "indices": [
            (
                each,
                _chart(f"index-{place}", f"Line chart: {each.title} for every k", each.figure),
            )
            for place, each in enumerate(evidence.indices(report.cost_curve), start=1)
        ],
        "scatter": _chart(
            "customers",
            "Scatter plot: customers by their features, marked by segment",
            scatter.customers(report.sample, features=features, segments=report.segments),
        ),
        "axes": axes,
        "choices": _json(choices) if len(axes) > scatter.SPACE else None,
        "space": scatter.SPACE,
        "points": sum(len(places) for places in dealt.values()),
        "grouped": sum(report.sample.customers),
        "keys": [(segment, names.get(segment, "")) for segment in dealt],
    }


def _chart(id: str, label: str, figure: Any) -> Chart:
    content = figure.to_plotly_json()
    return Chart(id, label, _json(content), content["layout"].get("height"))


def _json(content: object) -> str:
    """JSON that may stand in a script element: none of its letters can end the element."""
    text = json.dumps(_finite(content), separators=(",", ":"), sort_keys=True, allow_nan=False)
    for letter in "<>&":
        text = text.replace(letter, f"\\u{ord(letter):04x}")
    return text


def _finite(content: object) -> object:
    """The content with nothing in place of numbers that JSON cannot write."""
    if isinstance(content, Mapping):
        return {key: _finite(value) for key, value in content.items()}
    if isinstance(content, list | tuple):
        return [_finite(value) for value in content]
    return None if isinstance(content, float) and not math.isfinite(content) else content


def _text(name: str) -> str:
    """A file of this folder, also where the package is a zip."""
    return files("segmentation.reporting").joinpath(name).read_text(encoding="utf-8")


def _as_browsers_read_it(script: str) -> str:
    """The script with the line ends that HTML gives it, by which its hash is taken."""
    return "\n" + script.replace("\r\n", "\n").replace("\r", "\n").strip() + "\n"


def _policy(scripts: Sequence[str]) -> str:
    """The content security policy that lets these scripts run and nothing else."""
    hashes = (hashlib.sha256(script.encode()).digest() for script in scripts)
    allowed = " ".join(f"'sha256-{base64.b64encode(digest).decode()}'" for digest in hashes)
    return (
        f"default-src 'none'; script-src {allowed}; style-src 'unsafe-inline'; "
        "img-src data: blob:; font-src data:; base-uri 'none'; form-action 'none'"
    )


def _value_in_sight(run: Run) -> list[PreparedFeature]:
    """The features with the value among the first three, which are drawn first."""
    value = [feature for feature in run.features if feature.name == run.value_feature]
    others = [feature for feature in run.features if feature.name != run.value_feature]
    return [*others[: scatter.SPACE - 1], *value, *others[scatter.SPACE - 1 :]]


def _key_profiles(report: Report) -> dict[int, list[FeatureProfile]]:
    """For every segment the features that set it apart most, in the features' order."""
    shaping = [profile for profile in report.profiles if profile.used_for_clustering]
    ordered = sorted(shaping, key=lambda profile: profile.segment)
    return {each.segment: [] for each in report.segments} | {
        segment: _most_apart(list(profiles))
        for segment, profiles in groupby(ordered, key=lambda profile: profile.segment)
    }


def _most_apart(profiles: Sequence[FeatureProfile]) -> list[FeatureProfile]:
    told = [profile for profile in profiles if profile.mean is not None]
    apart = sorted(told, key=lambda profile: -abs(profile.difference or 0.0))[:KEY_FEATURES]
    return [profile for profile in profiles if profile in apart]


def _value_mean(segment: Segment, report: Report) -> str:
    if segment.value_mean is None:
        return segment_table.HIDDEN
    return headline.value_of(report, segment.value_mean)


def _paths(run: Run) -> list[str]:
    """The input's paths, as the run or else its configuration names them."""
    sources: list[Mapping[str, Any]] = [run.input, run.config.get("input") or {}]
    for source in sources:
        paths = source.get("paths") or source.get("path")
        if paths:
            return [paths] if isinstance(paths, str) else [str(path) for path in paths]
    return []


def _by_frequency(rejections: Sequence[Rejection]) -> list[tuple[str, str | None, int]]:
    """Reason, column and rows, the commonest first."""
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
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, default=str)
