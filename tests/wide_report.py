"""Reports of wide tables, made from planted means: no customer is drawn but for the scatter."""

from dataclasses import replace

import numpy as np

from segmentation.results import (
    CorrelationGroup,
    CustomerSample,
    FeatureProfile,
    PreparedFeature,
    Report,
)
from tests.report_example import PLANTED, example_report

POINTS = 5000


def wide_report(
    *, numbers: int = 0, categories: int = 0, values: int = 50, segments: int = 5, telling: int = 10
) -> Report:
    """A report with this many numeric features, and categorical ones of so many values.

    The first ``telling`` of the numbers and of the categories differ between the segments, the
    others are noise; the last number is the value feature.
    """
    chance = np.random.default_rng(8)
    planted = [(f"{PLANTED[at % 5][0]} {at}", PLANTED[at % 5][1], 40) for at in range(segments)]
    plain = example_report(planted=planted)
    sizes = [each.customers for each in plain.segments]
    names = [f"monthly_activity_{at:04}" for at in range(numbers)]
    centres = chance.normal(scale=0.02, size=(segments, numbers))
    centres[:, :telling] = chance.normal(size=(segments, min(telling, numbers)))
    weights = np.array(sizes) / sum(sizes)
    centres -= weights @ centres
    centres /= np.sqrt(1 + weights @ centres**2)  # in standard deviations of all customers
    means = 100 + 30 * centres
    profiles = [
        FeatureProfile(
            segment, name, mean, mean - 2, mean - 38.4, mean + 38.4, mean, 100.0, difference,
            known=size,
        )
        for segment, size in enumerate(sizes)
        for name, mean, difference in zip(
            names, means[segment].tolist(), centres[segment].tolist(), strict=True
        )
    ]  # fmt: skip
    features = [PreparedFeature(name, "none", 100.0, 30.0, name) for name in names]
    for at in range(categories):
        strength = 0.3 if at < telling else 200.0
        shares = chance.dirichlet(np.full(values, strength), segments)
        counts = np.round(shares * np.array(sizes)[:, np.newaxis])
        counts[:, 0] += np.array(sizes) - counts.sum(axis=1)
        overall = counts.sum(axis=0) / sum(sizes)
        spread = np.sqrt(overall * (1 - overall))
        for code in range(values):
            column, value = f"category_{at:02}", f"value {code:02}"
            features.append(
                PreparedFeature(
                    f"{column} = {value}", "none", overall[code].item(),
                    spread[code].item() or 1.0, column, value, "categorical",
                )
            )  # fmt: skip
            for segment, size in enumerate(sizes):
                share = counts[segment, code].item() / size
                profiles.append(
                    FeatureProfile(
                        segment, column, share, None, None, None, share, overall[code].item(),
                        (share - overall[code].item()) / (spread[code].item() or 1.0),
                        value, known=size, kind="categorical",
                    )
                )  # fmt: skip
    labels = tuple(chance.integers(0, segments, POINTS).tolist())
    drawn = means[list(labels)] + 12 * chance.normal(size=(POINTS, numbers))
    sample = {name: tuple(np.round(drawn[:, at], 1).tolist()) for at, name in enumerate(names)}
    groups = tuple(
        CorrelationGroup(tuple(names[first : first + 12]), (), 0.81)
        for first in range(telling, numbers - 12, 12)
    )
    config = dict(plain.run.config) | {"features": {"numeric": names}}
    return Report(
        run=replace(
            plain.run,
            features=tuple(features),
            value_feature=names[-1] if names else None,
            correlation_groups=groups,
            config=config,
        ),
        cost_curve=plain.cost_curve,
        segments=plain.segments,
        profiles=tuple(profiles),
        sample=CustomerSample(sample, labels, (10,) * POINTS if numbers else ()),
    )
