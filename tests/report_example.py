"""An example of a report: five planted segments, made without Spark and the same every time."""

import math
import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import fmean, median, pstdev, quantiles
from typing import Any

from segmentation.results import (
    Choice,
    CostPoint,
    CustomerSample,
    FeatureProfile,
    PreparedFeature,
    Rejection,
    Report,
    Run,
    Segment,
    StepTime,
    Verdict,
)

FEATURES = ("products_purchased", "complains", "money_spent")

# Typical products, complains and money of a customer, highest money first, and customers drawn.
PLANTED = (
    ("Big spenders, few complaints", (60.0, 0.4, 4200.0), 420),
    ("Regulars who complain", (35.0, 9.0, 1500.0), 260),
    ("Steady and content", (14.0, 0.8, 420.0), 900),
    ("Occasional, often unhappy", (3.0, 5.0, 90.0), 320),
    ("One small purchase", (1.0, 0.1, 18.0), 500),
)
CUSTOMERS_PER_DRAWN = 10


@dataclass(frozen=True)
class Planted:
    """A segment to draw customers of."""

    name: str
    centre: tuple[float, ...]
    drawn: int


def example_report(
    *,
    features: Sequence[str] = FEATURES,
    transforms: Mapping[str, str] | None = None,
    planted: Sequence[tuple[str, tuple[float, ...], int]] = PLANTED,
    has_value_share: bool = True,
    costs: Sequence[float] | None = None,
    run: Mapping[str, Any] | None = None,
) -> Report:
    """A report on customers drawn about the planted centres; ``run`` replaces fields of its run.

    Features beyond the planted three take the planted ones' values in turn.
    """
    segments = [Planted(*each) for each in planted]
    chance = random.Random(42)  # noqa: S311  # an example, no secret
    rows: list[tuple[int, list[float]]] = []
    for number, each in enumerate(segments):
        for _ in range(each.drawn):
            rows.append((number, [_about(each.centre, at, chance) for at in range(len(features))]))
    chance.shuffle(rows)
    values = {feature: tuple(row[at] for _, row in rows) for at, feature in enumerate(features)}
    kinds = dict.fromkeys(features, "log1p") | dict(transforms or {})
    prepared = tuple(_prepared(name, kinds[name], values[name]) for name in features)
    labels = tuple(number for number, _ in rows)
    k = len(segments)
    labelled = CUSTOMERS_PER_DRAWN * len(rows)
    return Report(
        run=_run(k=k, labelled=labelled, prepared=prepared, replaced=run or {}),
        cost_curve=_curve(costs, k=k),
        segments=_segments(segments, labels, values[features[-1]], has_value_share),
        profiles=tuple(
            _profile(number, feature, values[feature.name], labels)
            for number in range(k)
            for feature in prepared
        ),
        sample=CustomerSample(values=values, segments=labels),
    )


def _about(centre: tuple[float, ...], at: int, chance: random.Random) -> float:
    typical = centre[at % len(centre)]
    drawn = math.expm1(max(0.0, chance.gauss(math.log1p(typical), 0.22)))
    return round(drawn, 2) if at % len(centre) == 2 else float(round(drawn))


def _forward(value: float, transform: str) -> float:
    if transform == "none":
        return value
    return math.copysign(math.log1p(abs(value)), value)


def _prepared(name: str, transform: str, values: Sequence[float]) -> PreparedFeature:
    forward = [_forward(value, transform) for value in values]
    return PreparedFeature(name, transform, fmean(forward), pstdev(forward) or 1.0)


def _profile(
    segment: int, feature: PreparedFeature, values: Sequence[float], labels: Sequence[int]
) -> FeatureProfile:
    own = [value for value, label in zip(values, labels, strict=True) if label == segment]
    centre = fmean(_forward(value, feature.transform) for value in own)
    tenths = quantiles(own, n=10) if len(own) > 1 else own * 9
    return FeatureProfile(
        segment=segment,
        feature=feature.name,
        mean=fmean(own),
        median=median(own),
        p10=tenths[0],
        p90=tenths[-1],
        centroid=centre if feature.transform == "none" else math.expm1(centre),
        overall_mean=fmean(values),
        known=len(own),
        difference=(centre - feature.mean) / feature.deviation,
    )


def _segments(
    planted: Sequence[Planted],
    labels: Sequence[int],
    worth: Sequence[float],
    has_value_share: bool,
) -> tuple[Segment, ...]:
    sums = [
        CUSTOMERS_PER_DRAWN * sum(v for v, label in zip(worth, labels, strict=True) if label == at)
        for at in range(len(planted))
    ]
    return tuple(
        Segment(
            segment=at,
            name=each.name,
            customers=CUSTOMERS_PER_DRAWN * each.drawn,
            share=each.drawn / len(labels),
            value_mean=sums[at] / each.drawn / CUSTOMERS_PER_DRAWN,
            value_sum=sums[at],
            value_share=sums[at] / sum(sums) if has_value_share else None,
            mean_distance=0.42,
        )
        for at, each in enumerate(planted)
    )


def _curve(costs: Sequence[float] | None, *, k: int) -> tuple[CostPoint, ...]:
    drawn = costs or (72000, 38150, 21020, 11900, 4210, 3905, 3640, 3420, 3235, 3080, 2950, 2840)
    return tuple(
        CostPoint(
            at,
            float(cost),
            at == k,
            log_drop=None if at == 1 else abs(math.sin(at)),
            silhouette=None if at == 1 else 0.8 - 0.04 * abs(at - k),
            gap=0.1 * min(at, k),
            gap_error=0.02,
            stability=None if at == 1 else 0.9,
            min_stability=None if at == 1 else 0.85,
            smallest_share=1 / at,
        )
        for at, cost in enumerate(drawn, start=1)
    )


def _run(
    *, k: int, labelled: int, prepared: tuple[PreparedFeature, ...], replaced: Mapping[str, Any]
) -> Run:
    fields: dict[str, Any] = {
        "run": "2026-11-23T0951-demo",
        "created_at": "2026-11-23T09:51:53+00:00",
        "input": {"paths": ["data/customers.csv"], "format": "csv"},
        "fingerprint": "6d1f0c2e9b7a4455",
        "rows_in": labelled + 37,
        "labelled": labelled,
        "rejected": 37,
        "rejections": (
            Rejection("null", "complains", 21),
            Rejection("negative", "money_spent", 12),
            Rejection("malformed", None, 4),
        ),
        "warnings": ("3 customer ids occur on more than one row; all their rows are kept",),
        "choice": Choice(
            k,
            "verdict",
            f"the elbow of the cost curve: {k} clusters leave 5.8% of the cost, one more takes off "
            "only 0.4% of k = 1",
            Verdict(
                k=k,
                strength="weak",
                groups=k,
                reason=f"{k} well-separated groups; but <b>one</b> is small",
                against=("the silhouette favours 2", "the gap statistic favours 7"),
                runners_up=(2, 7),
                favourites={"elbow": k, "silhouette": 2, "gap": 7},
            ),
            against=("the silhouette favours 2", "the gap statistic favours 7"),
            runners_up=(2, 7),
            summary="The data show 5 groups, but these segments match them only roughly.",
            silhouette=0.8,
        ),
        "value_feature": prepared[-1].name,
        "features": prepared,
        "seed": 42,
        "config": {
            "input": {"path": "data/customers.csv", "format": "csv", "customer_id": "customer_id"},
            "features": {"numeric": [each.name for each in prepared], "transform": "log1p"},
            "sweep": {"k_min": 1, "k_max": 12, "seed": 42},
            "choose": {"k": "auto"},
            "output": {"path": "out/customers"},
        },
        "versions": {"segmentation": "0.1.0", "python": "3.11.2", "pyspark": "4.3.0"},
        "timings": tuple(
            StepTime(step, seconds)
            for step, seconds in (("read", 2.1), ("sweep", 64.9), ("publish", 5.25))
        ),
    }
    return Run(**(fields | dict(replaced)))
