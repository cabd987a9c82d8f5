"""How often chance is called drift, and how often drift is found: many pairs of samples.

The tables of BENCHMARKS.md are what this prints with ``--thorough -s``.
"""

from collections import Counter
from math import sqrt

import numpy as np
import pytest

from segmentation.model.features import Feature
from segmentation.model.fitted import FittedModel, ModelSegment
from segmentation.model.preparation import ModelColumn, Preparation
from segmentation.model.reference import Reference
from segmentation.model.rules import NearestPrototype
from segmentation.numerics.grid_points import GridPoints
from segmentation.segments.drift import drift

BITS = 12
MAX_FALSE_ALARMS = 0.01

NUMBERS = {
    "normal": lambda rng, n: rng.normal(size=n),
    "lognormal": lambda rng, n: (rng.lognormal(size=n) - 1.65) / 2.16,
    "zeros": lambda rng, n: np.where(rng.random(n) < 0.6, 0, rng.exponential(size=n)) - 0.4,
    "bands": lambda rng, n: rng.integers(0, 4, n) - 1.5,
    "yes": lambda rng, n: (rng.random(n) < 0.3) / 0.458,
    "rare_yes": lambda rng, n: (rng.random(n) < 0.002) / 0.0447,
}
"""Features, in about standard deviations."""

_OF_MANY = 1 / np.arange(1, 41)
SHARES = {
    "few": np.array([0.5, 0.3, 0.2]),
    "many": _OF_MANY / _OF_MANY.sum(),
    "rare": np.array([0.97, 0.02, 0.008, 0.0015, 0.0005]),
}
"""Categorical features, by the shares of their values."""


def _preparation():
    features = [Feature(name) for name in NUMBERS]
    columns = [ModelColumn(name, None, 0.0, 1.0, 1.0) for name in NUMBERS]
    for name, shares in SHARES.items():
        labels = tuple(f"v{i}" for i in range(len(shares)))
        features.append(Feature(name, kind="categorical", categories=labels))
        columns += [
            ModelColumn(name, label, share, sqrt(share * (1 - share)), 1.0)
            for label, share in zip(labels, shares.tolist(), strict=True)
        ]
    columns.sort(key=lambda each: (each.feature, each.value or ""))
    return Preparation(tuple(features), tuple(columns), BITS)


PREPARATION = _preparation()


def points_of(rng, size, *, shift=0.0, moved=0.0):
    """Customers; ``normal`` is shifted, a share ``moved`` of ``few`` has another value."""
    columns, layout = PREPARATION.columns, PREPARATION.layout
    names = [columns[j].feature for j in layout.numbers]
    numbers = [NUMBERS[name](rng, size) + shift * (name == "normal") for name in names]
    codes = []
    for table in layout.tables:
        name = columns[table.first].feature
        shares = SHARES[name] + (np.array([-moved, 0, moved]) if name == "few" else 0)
        codes.append(rng.choice(len(shares), size, p=shares))
    entries = [*(np.rint(each * 2**BITS) for each in numbers), *codes]
    return GridPoints(np.column_stack(entries).astype(float), layout)


def _model(segments=4):
    prototypes = points_of(np.random.default_rng(1), segments).coordinates
    names = tuple(ModelSegment(i, f"n{i}", (), f"s{i + 1}") for i in range(segments))
    rule = NearestPrototype.of(prototypes)
    return FittedModel(PREPARATION, rule, names, "kmeans", {"k": segments}, 1)


MODEL = _model()


def whole(rng, size, **changes):
    return Reference(points_of(rng, size, **changes), np.ones(size), size, is_whole=True)


def coreset(rng, size, *, kept):
    """A lightweight coreset, as ``clustering.coreset`` samples it."""
    points = points_of(rng, size)
    squares = points.squared_norms()
    probability = np.minimum(1, kept * (0.5 / size + 0.5 * squares / squares.sum()))
    rows = rng.random(size) < probability
    return Reference(points[rows], 1 / probability[rows], size, is_whole=False)


def pair_of(kind, rng):
    match kind:
        case (int(before), int(after)):
            return whole(rng, before), whole(rng, after)
        case (str(), int(size), int(kept)):
            return coreset(rng, size, kept=kept), coreset(rng, size, kept=kept)
    raise ValueError(kind)


PAIRS = [
    (100, 100), (300, 300), (1000, 1000), (5000, 5000), (20_000, 20_000),
    (2000, 200), (200, 2000), ("coreset", 20_000, 1000), ("coreset", 100_000, 5000),
]  # fmt: skip


@pytest.mark.parametrize(
    ("kinds", "pairs"),
    [(PAIRS[:1], 6), (PAIRS[2:3], 6), pytest.param(PAIRS, 100, marks=pytest.mark.thorough)],
)
def test_chance_is_rarely_beyond_the_band(kinds, pairs):
    for kind in kinds:
        verdicts: Counter[str] = Counter()
        of: Counter[str] = Counter()
        for seed in range(pairs):
            before, after = pair_of(kind, np.random.default_rng([seed, 7]))
            for each in drift(before, after, model=MODEL, seed=seed):
                verdicts[each.verdict] += 1
                of[each.name if each.subject == "feature" else each.measure] += (
                    each.verdict != "stable"
                )
        rows = verdicts.total()
        beyond = rows - verdicts["stable"]
        print(f"| {kind} | {rows} | {beyond / rows:.2%} | {verdicts['drifted'] / rows:.2%} |", +of)
        assert beyond <= MAX_FALSE_ALARMS * rows


@pytest.mark.thorough
def test_planted_drift_is_found():
    for size in (100, 1000, 5000, 20_000):
        for change in (
            *({"shift": shift} for shift in (0.05, 0.1, 0.25, 1.0)),
            *({"moved": points / 100} for points in (1, 5, 20)),
        ):
            verdicts: Counter[str] = Counter()
            for seed in range(50):
                rng = np.random.default_rng([seed, 8])
                found = drift(whole(rng, size), whole(rng, size, **change), model=MODEL, seed=seed)
                name = "normal" if "shift" in change else "few"
                verdicts.update(each.verdict for each in found if each.name == name)
            print(f"| {change} | {size} | {dict(verdicts)} |")
            if size == 20_000 and (change.get("shift", 0) > 0.2 or change.get("moved", 0) > 0.1):
                assert verdicts["drifted"] == 50
