"""Drift: how far today's customers are from those that a model was fitted to.

Every effect has a band: by how much two samples of one population differ by chance, at the
effective sizes of the two coresets. See :mod:`segmentation.segments.resampling`.
"""

from collections.abc import Iterator, Sequence

import numpy as np
import numpy.typing as npt
from scipy.special import rel_entr

from segmentation.model.fitted import FittedModel
from segmentation.model.reference import Reference
from segmentation.numerics.arrays import Floats, Labels
from segmentation.results.changes import DRIFT_VERDICTS, Drift
from segmentation.segments.resampling import (
    PAIRS,
    Pairs,
    Weighted,
    quantiles,
    together,
    wasserstein,
)

NOTABLE = {
    "wasserstein": 0.1,
    "jensen_shannon": 0.1,
    "share": 0.02,
    "cost_per_customer": 0.1,
    "median_distance": 0.1,
    "p90_distance": 0.1,
}
"""Smaller effects are slight, however certain they are.

A tenth of a standard deviation is half of what Cohen (1988) calls a small effect; a Jensen-Shannon
distance of 0.1 is a change of 12 points in an even split. Two points of share, or a tenth more or
less of a distance, change no campaign.
"""

DISTANCES = {"median_distance": 0.5, "p90_distance": 0.9}


def drift(
    reference: Reference, today: Reference, *, model: FittedModel, seed: int
) -> tuple[Drift, ...]:
    """Today's customers beside the reference: features in the model's order, then segments.

    Both are on the grid of the model's preparation. A feature has one record, unless it is
    constant in the model. A segment has its share, and where both have customers in it three
    measures of their distances. All numbers are finite. The same seed gives the same records, and
    none depends on which other features there are.

    Raises
    ------
    ValueError
        If there are no customers on either side.

    Notes
    -----
    Takes about 2 seconds for 300 features and 20,000 points on either side.
    """
    if not (reference.counts.sum() > 0 and today.counts.sum() > 0):
        raise ValueError("drift compares two groups of customers, and one of them is empty")
    features = {each.name: each for each in _features(reference, today, model=model, seed=seed)}
    order = [each.name for each in model.preparation.features if each.name in features]
    segments = _segments(reference, today, model=model, seed=seed)
    return (*(features[name] for name in order), *segments)


def jensen_shannon(one: Floats, other: Floats) -> Floats:
    """The Jensen-Shannon distance to base 2 of shares in the last axis: from 0 to 1.

    Endres and Schindelin (2003), "A new metric for probability distributions",
    doi:10.1109/TIT.2003.813506.
    """
    middle = (one + other) / 2
    divergence = (rel_entr(one, middle) + rel_entr(other, middle)).sum(axis=-1) / 2 / np.log(2)
    found: Floats = np.sqrt(np.clip(divergence, 0.0, 1.0))  # rounding may pass both ends
    return found


def relative_change(before: Floats | float, after: Floats | float) -> Floats:
    """The difference as a share of the larger of two measures, from 0 to 1; 0 if both are 0."""
    larger = np.maximum(before, after)
    return np.asarray(np.abs(after - before) / np.where(larger > 0, larger, 1.0))


def _features(
    reference: Reference, today: Reference, *, model: FittedModel, seed: int
) -> Iterator[Drift]:
    """One record per feature with a column: numbers, then categorical features."""
    layout, columns = reference.points.layout, model.preparation.columns
    sizes = reference.effective_size, today.effective_size
    pairs = Pairs.draw(sizes, _generator(seed))
    for place, j in enumerate(layout.numbers):
        before, after = (
            Weighted.of(each.points.entries[:, place], each.counts) for each in (reference, today)
        )
        deviations = model.preparation.difference(j, 1.0)
        yield _record(
            ("feature", columns[j].feature, "wasserstein"),
            [model.preparation.original(j, each.mean) for each in (before, after)],
            effect=wasserstein(before, after) * deviations,
            band=float(pairs.wasserstein(together((before, after), sizes)).max()) * deviations,
        )
    for place, table in enumerate(layout.tables, len(layout.numbers)):
        was, now = (
            _shares(each, each.points.entries[:, place].astype(np.intp), len(table.coordinates))
            for each in (reference, today)
        )
        chance = jensen_shannon(*_resampled((was, now), sizes, _generator(seed)))
        yield _record(
            ("feature", columns[table.first].feature, "jensen_shannon"),
            (None, None),
            effect=float(jensen_shannon(was, now)),
            band=float(chance.max()),
        )


def _segments(
    reference: Reference, today: Reference, *, model: FittedModel, seed: int
) -> Iterator[Drift]:
    """The records of every segment, in the segments' order."""
    assigned = [model.rule.assign(each.points) for each in (reference, today)]
    sizes = reference.effective_size, today.effective_size
    before, after = (
        _shares(each, to.segment, model.rule.segments)
        for each, to in zip((reference, today), assigned, strict=True)
    )
    one, other = _resampled((before, after), sizes, _generator(seed))
    bands = np.abs(one - other).max(axis=0)
    for segment in sorted(model.segments, key=lambda each: each.segment):
        i, key = segment.segment, segment.key or segment.name
        yield _record(
            ("segment", key, "share"),
            (float(before[i]), float(after[i])),
            effect=float(abs(after[i] - before[i])),
            band=float(bands[i]),
        )
        if before[i] > 0 and after[i] > 0:
            own = [to.segment == i for to in assigned]
            squares = [
                to.square[rows] / 4.0**model.preparation.bits
                for to, rows in zip(assigned, own, strict=True)
            ]
            parts = _part(reference, own[0]), _part(today, own[1])
            yield from _distances(key, parts, squares, rng=_generator(seed))


def _distances(
    key: str,
    parts: tuple[Reference, Reference],
    squares: list[Floats],
    *,
    rng: np.random.Generator,
) -> Iterator[Drift]:
    """The records of a segment's distances, from the squared ones of its customers."""
    sizes = parts[0].effective_size, parts[1].effective_size
    before, after = (
        Weighted.of(each, part.counts) for each, part in zip(squares, parts, strict=True)
    )
    both = together((before, after), sizes)
    yield _record(
        ("segment", key, "cost_per_customer"),
        (before.mean, after.mean),
        effect=float(relative_change(before.mean, after.mean)),
        band=float(relative_change(*Pairs.draw(sizes, rng).means(both)).max()),
    )
    for measure, rank in DISTANCES.items():
        was, now = (float(np.sqrt(each.at(rank))) for each in (before, after))
        one, other = (np.sqrt(quantiles(both, rank, size=n, rng=rng)) for n in sizes)
        yield _record(
            ("segment", key, measure),
            (was, now),
            effect=float(relative_change(was, now)),
            band=float(relative_change(one, other).max()),
        )


def _record(
    what: tuple[str, str, str], compared: Sequence[float | None], *, effect: float, band: float
) -> Drift:
    """The record with its verdict."""
    was, now = compared
    stable, slight, drifted = DRIFT_VERDICTS
    beyond = slight if effect < NOTABLE[what[2]] else drifted
    return Drift(*what, was, now, effect, band, stable if effect <= band else beyond)


def _shares(reference: Reference, places: Labels, number: int) -> Floats:
    """The share of customers at each of ``number`` places."""
    counts = np.bincount(places, reference.counts, minlength=number)
    found: Floats = counts / counts.sum()
    return found


def _resampled(
    shares: tuple[Floats, Floats], sizes: tuple[float, float], rng: np.random.Generator
) -> tuple[Floats, Floats]:
    """The shares in pairs of samples of about these sizes, of the population of both."""
    both = np.average(shares, axis=0, weights=sizes)
    one, other = (
        rng.multinomial(n, both, size=PAIRS) / n for size in sizes for n in [max(1, round(size))]
    )
    return one, other


def _part(reference: Reference, rows: npt.NDArray[np.bool_]) -> Reference:
    counts = reference.counts[rows]
    return Reference(reference.points[rows], counts, round(counts.sum()), reference.is_whole)


def _generator(seed: int) -> np.random.Generator:
    """The same random numbers for everything, so that nothing depends on what else there is."""
    return np.random.default_rng(seed % 2**64)
