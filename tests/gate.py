"""The gate on planted pairs: two draws of one population, or of one that has changed in between.

``python -m tests.gate`` prints how often the decision is the right one. Runs are simulated in
memory, without Spark: a preparation by hand, and the product's search, evidence and verdict.
``--part 2/6`` computes the second sixth of the pairs only, ``--results FILE`` keeps them, so that
the next call goes on; the table is of all that are kept.
"""

import argparse
import json
import math
import warnings
import zlib
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from functools import cached_property, partial
from pathlib import Path

import numpy as np
from sklearn.exceptions import ConvergenceWarning
from threadpoolctl import threadpool_limits

from segmentation.clustering.coreset import Coreset
from segmentation.clustering.lloyd import lloyd_from_centres
from segmentation.clustering.refit import refit_kmeans
from segmentation.clustering.search import split_and_merge
from segmentation.clustering.starts import search_of
from segmentation.config.refresh import Refresh
from segmentation.model.features import Feature
from segmentation.model.preparation import EXACT_BITS, ModelColumn, Preparation
from segmentation.model.reference import Reference
from segmentation.numerics.arrays import Floats, Labels, Points
from segmentation.numerics.grid_points import GridPoints
from segmentation.numerics.partition import Partition
from segmentation.pipelines.evaluation import clusters_of
from segmentation.results import Choice
from segmentation.segments.identity import PreviousKey, identify
from segmentation.selection.breakage import breakages
from segmentation.selection.cost_band import cost_band
from segmentation.selection.evidence import Evidence, evidence_on_k
from segmentation.selection.refresh import (
    Costs,
    Decision,
    FreshSegment,
    Grouping,
    OldSegment,
    RefreshEvidence,
    Structure,
    decide,
)
from segmentation.selection.verdict import LAX, STRICT, choose

KS = range(1, 9)
STARTS, MAX_STEPS, SEED = 6, 100, 42
UNCHANGED = ("same", "skewed")
MIN_SHARE, TOLERANCE = 0.01, 0.01
REACH = 0.999


@dataclass(frozen=True)
class Population:
    """A mixture of Gaussians: means and deviations by group and dimension, and shares of groups.

    Where a dimension ``is_log`` the feature is log-normal: the dimension, times its one of the
    ``logs``, is its logarithm. ``factors`` multiply the features.
    """

    means: Floats
    deviations: Floats
    shares: Floats
    is_log: tuple[bool, ...]
    logs: Floats
    factors: Floats
    transform: str = "log1p"

    @property
    def features(self) -> tuple[Feature, ...]:
        transforms = [self.transform if each else "none" for each in self.is_log]
        return tuple(Feature(f"f{j:02}", transform=each) for j, each in enumerate(transforms))  # type: ignore[arg-type]

    @property
    def spread(self) -> Floats:
        """The deviation of every dimension over all customers."""
        mean = self.shares @ self.means
        found: Floats = np.sqrt(self.shares @ (self.deviations**2 + (self.means - mean) ** 2))
        return found

    def draw(self, customers: int, *, seed: int) -> Floats:
        """The values of so many customers: one row each, one column per feature."""
        random = np.random.default_rng(seed)
        group = random.choice(len(self.shares), customers, p=self.shares)
        drawn = random.normal(self.means[group], self.deviations[group])
        return np.where(self.is_log, np.exp(4 + self.logs * drawn), 100 + 10 * drawn) * self.factors


def population(kind: str, *, width: int, seed: int) -> Population:
    """A mixture of one of four kinds.

    ``clear`` has well-separated groups, ``weak`` some that overlap, ``none`` is one group that is
    wider in some dimensions; ``skewed`` is one, too, whose log-normal features are not transformed.
    """
    random = np.random.default_rng([zlib.crc32(kind.encode()), width, seed])
    groups = {"clear": int(random.integers(3, 6)), "weak": 4}.get(kind, 1)
    apart = {"clear": 9.0, "weak": 3.2}.get(kind, 0.0)
    directions = [np.zeros(width)]
    while len(directions) < groups:
        one = random.normal(size=width) * random.uniform(1.0, 1.4) * apart / math.sqrt(width)
        if min(np.linalg.norm(one - other) for other in directions) >= apart * 0.8:
            directions.append(one)
    shares = random.dirichlet(np.full(groups, 12.0))
    deviations = random.uniform(0.8, 1.2, (groups, width))
    if groups == 1:
        deviations = random.uniform(0.5, 2.0, (1, width))
    is_log = tuple(j % 2 == 1 for j in range(width))
    found = Population(
        np.array(directions),
        deviations,
        shares,
        is_log,
        logs=np.ones(width),
        factors=np.ones(width),
        transform="none" if kind == "skewed" else "log1p",
    )
    return replace(found, logs=random.uniform(0.8, 1.5, width) / found.spread)


@dataclass(frozen=True)
class Run:
    """What a run learned: customers on its grid, the sweep, the verdict, the refined partition."""

    preparation: Preparation
    coreset: Coreset
    sweep: dict[int, Partition]
    evidence: Evidence
    choice: Choice
    partition: Partition

    @cached_property
    def prototypes(self) -> Points:
        return self.partition.means()

    @property
    def reference(self) -> Reference:
        counts = self.coreset.counts
        return Reference(self.coreset.points, counts, round(counts.sum()), is_whole=True)

    @property
    def reaches(self) -> Floats:
        """The squared distance of every segment within which its customers were."""
        labels, squares, *_ = self.coreset.points.nearest_two(self.prototypes)
        return np.array(
            [
                np.quantile(squares[labels == i], REACH, method="higher")
                for i in range(len(self.prototypes))
            ]
        )


def transformed(values: Floats, features: Sequence[Feature]) -> Floats:
    return np.column_stack(
        [
            np.log1p(own) if feature.transform == "log1p" else own
            for own, feature in zip(values.T, features, strict=True)
        ]
    )


def preparation_of(values: Floats, features: tuple[Feature, ...]) -> Preparation:
    """The standard scale, on a grid as fine as the product's."""
    found = transformed(values, features)
    means, deviations = found.mean(axis=0), found.std(axis=0)
    reach = float(np.abs((found - means) / deviations).max())
    bits = math.floor((EXACT_BITS - 2 * math.log2(reach) - math.log2(len(features)) - 2) / 2)
    columns = [
        ModelColumn(feature.name, None, float(mean), float(deviation), float(deviation))
        for feature, mean, deviation in zip(features, means, deviations, strict=True)
    ]
    return Preparation(features, tuple(columns), bits)


def on_grid(values: Floats, preparation: Preparation) -> GridPoints:
    """Customers on the grid of a preparation."""
    found = transformed(values, preparation.features)
    means = np.array([column.mean for column in preparation.columns])
    units = np.array([column.unit for column in preparation.columns])
    return GridPoints.of(np.rint((found - means) / units * 2.0**preparation.bits))


def whole(points: GridPoints) -> Coreset:
    """All customers as a coreset, in the order of their coordinates."""
    ordered = points[points.order()]
    return Coreset(ordered, np.ones(len(ordered), dtype=np.int64), is_whole=True)


def fit(values: Floats, features: tuple[Feature, ...], *, seed: int = SEED) -> Run:
    """A run from nothing: the product's search of every k, evidence, choice, and refinement."""
    preparation = preparation_of(values, features)
    bits = preparation.bits
    coreset = whole(on_grid(values, preparation))
    search = search_of(coreset, bits)
    with threadpool_limits(1), warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        optima = split_and_merge(
            {k: search.restarted(k, starts=STARTS, seed=seed) for k in KS},
            search.scaled,
            search.weights,
            fit=partial(map, search.converged),
        )
        sweep = {k: search.exact(optima[k])[0] for k in KS}
    evidence = evidence_on_k(
        coreset.points.in_units(2.0**bits),
        coreset.counts,
        clusters={k: clusters_of(each, bits=bits) for k, each in sweep.items()},
        refit=refit_kmeans,
        seed=seed,
    )
    choice = choose(evidence, k="auto")
    partition = lloyd_from_centres(coreset, sweep[choice.k].means(), max_steps=MAX_STEPS)[0]
    return Run(preparation, coreset, sweep, evidence, choice, partition)


def gate(before: Run, values: Floats, *, fresh: Run | None = None) -> Decision:
    """The decision on the model of a run for the customers of another day."""
    preparation, points = before.preparation, on_grid(values, before.preparation)
    today = Reference(points, np.ones(len(points)), len(points), is_whole=True)
    customers_before = before.reference.customers
    found = breakages(
        today, before.reference, preparation=preparation, customers_before=customers_before
    )
    if found:
        return Decision("refuse", "; ".join(found))
    fresh = fit(values, preparation.features) if fresh is None else fresh
    warm = lloyd_from_centres(whole(points), before.prototypes, max_steps=MAX_STEPS)[0]
    reached = _reached(before, points)
    evidence = RefreshEvidence(
        "before",
        30,
        costs=_costs(before, points, warm, fresh, values),
        structure=_structure(before, points, reached, warm, fresh, values),
    )
    settings = Refresh(policy="auto", tolerance=TOLERANCE)
    return decide(evidence, settings=settings, min_share=MIN_SHARE)


def _reached(before: Run, points: GridPoints) -> Labels:
    """The old segment of every customer, or the number of segments where out of reach."""
    labels, squares, *_ = points.nearest_two(before.prototypes)
    return np.where(squares > before.reaches[labels], len(before.prototypes), labels)


def _costs(before: Run, points: GridPoints, warm: Partition, fresh: Run, values: Floats) -> Costs:
    bits, k = before.preparation.bits, len(before.prototypes)
    unit = 4.0**bits
    kept = float(points.nearest_squares(before.prototypes).sum()) / unit
    cost_fresh = None
    if k in fresh.sweep:
        labels = _labels(fresh, fresh.sweep[k].means(), values)
        scaled = points.coordinates / 2.0**bits
        members = [scaled[labels == i] for i in range(k)]
        cost_fresh = float(
            sum(((own - own.mean(axis=0)) ** 2).sum() for own in members if len(own))
        )
    band = cost_band(
        before.reference, before.prototypes, bits=bits, customers=len(points), seed=SEED
    )
    return Costs(kept, warm.scaled_cost(bits), cost_fresh, band)


def _structure(
    before: Run, points: GridPoints, reached: Labels, warm: Partition, fresh: Run, values: Floats
) -> Structure:
    k, shares = (
        len(before.prototypes),
        np.array(before.partition.counts) / len(before.coreset.points),
    )
    previous = [PreviousKey(f"s{i + 1}", float(share)) for i, share in enumerate(shares)]
    identities, _ = identify(
        _crossed(reached, points.nearest(warm.means()), rows=k + 1, columns=warm.k),
        previous,
        given=k,
    )
    labels = _labels(fresh, fresh.prototypes, values)
    crossed = _crossed(reached, labels, rows=k + 1, columns=len(fresh.prototypes))
    sizes = crossed.sum(axis=0)
    groups, verdict = fresh.evidence.groups, before.choice.verdict
    return Structure(
        customers=len(points),
        groups_before=verdict.groups,
        now=Grouping(
            fresh.choice.verdict.strength, groups.count, groups.at(STRICT), groups.at(LAX)
        ),
        old=tuple(
            OldSegment(each.key, each.share, float(count) / len(points), is_empty=not nearest)
            for each, count, nearest in zip(
                previous,
                np.bincount(reached, minlength=k),
                np.bincount(points.nearest(before.prototypes), minlength=k),
                strict=False,
            )
        ),
        fresh=tuple(
            FreshSegment(float(size) / len(points), float(out / max(1, size)))
            for size, out in zip(sizes, crossed[-1], strict=True)
        ),
        every_segment_survives={each.key for each in identities} == {p.key for p in previous},
    )


def _labels(run: Run, centres: Points, values: Floats) -> Labels:
    return on_grid(values, run.preparation).nearest(centres)


def _crossed(one: Labels, other: Labels, *, rows: int, columns: int) -> Labels:
    return np.bincount(one * columns + other, minlength=rows * columns).reshape(rows, columns)


@dataclass(frozen=True)
class Pair:
    """Two draws: of a population, and of what it has become by a ``change`` of some ``size``.

    ``change`` is ``same``, or ``skewed`` of such populations, ``centre`` (one group moves),
    ``shift`` (all move), ``birth``, ``death``, ``unit`` or ``season``; the size of a move is in
    deviations of a feature, that of a unit or a season a factor.
    """

    kind: str
    width: int
    customers: int
    seed: int
    change: str
    size: float = 0.0

    @property
    def base(self) -> Population:
        return population(self.kind, width=self.width, seed=self.seed)

    @property
    def changed(self) -> Population:
        """The population of the second draw."""
        base, j = self.base, self.seed % self.width
        heaviest = int(base.shares.argmax())
        match self.change:
            case "centre" | "shift":
                rows = slice(None) if self.change == "shift" else heaviest
                means = base.means.copy()
                means[rows, j] += self.size * base.spread[j]
                return replace(base, means=means)
            case "birth":
                return _with_birth(base, share=self.size, seed=self.seed)
            case "death":
                shares = base.shares.copy()
                shares[heaviest] = 0
                return replace(base, shares=shares / shares.sum())
            case "unit" | "season":
                factors = base.factors.copy()
                factors[j if self.change == "unit" else np.array(base.is_log)] = self.size
                return replace(base, factors=factors)
        return base


def _with_birth(base: Population, *, share: float, seed: int) -> Population:
    """The population with one group more, as far from all as well-separated groups are."""
    random = np.random.default_rng(seed)
    width = base.means.shape[1]
    far = 8 * float(base.deviations.max())
    while True:
        mean = base.means[random.integers(len(base.means))] + random.normal(size=width) * far
        if np.linalg.norm(base.means - mean, axis=1).min() >= far:
            break
    return replace(
        base,
        means=np.vstack([base.means, mean]),
        deviations=np.vstack([base.deviations, np.ones(width)]),
        shares=np.append(base.shares * (1 - share), share),
    )


def pairs() -> list[Pair]:
    """All pairs, those of one first draw one after the other."""
    kinds, widths = ("clear", "weak", "none", "skewed"), (2, 3, 5, 10)
    sizes = (300, 1000, 3000, 300, 1000, 3000, 300, 20_000)
    found = [
        Pair(
            kinds[i % 4],
            widths[(i // 4 + i) % 4],
            sizes[i % 8 if i < 24 else (i + 3) % 8],
            i,
            "skewed" if kinds[i % 4] == "skewed" else "same",
        )
        for i in range(66)
    ]
    bases = [
        (kind, widths[(i + seed) % 4], customers, seed)
        for kind in ("clear", "weak", "none")
        for i, customers in enumerate((300, 1000, 3000))
        for seed in (100, 101)
    ]
    for kind, width, customers, seed in bases:
        pair = partial(Pair, kind, width, customers, seed)
        found += [pair(change, size) for change in ("centre", "shift") for size in (0.25, 0.5, 1.0)]
        found += [pair("birth", size) for size in (0.05, 0.15)]
        found += [pair("death")] if kind == "clear" else []
        found += [pair("unit", size) for size in (100.0, 1000.0, 0.01)]
        found += [pair("season", size) for size in (1.3, 1 / 1.3)]
    return found


@dataclass(frozen=True)
class Outcome:
    """What was decided, and which decisions are right by section 5 for the populations' truth."""

    pair: Pair
    decision: str
    reason: str
    right: tuple[str, ...]

    @property
    def is_right(self) -> bool:
        return self.decision in self.right


class Pairs:
    """Outcomes of pairs; the last first run is kept, as the next pair mostly has the same."""

    def __init__(self) -> None:
        self.last: tuple[Pair, Run] | None = None

    def outcome(self, pair: Pair) -> Outcome:
        before = self._before(pair)
        values = pair.changed.draw(pair.customers, seed=2 * pair.seed + 1)
        found = gate(before, values)
        return Outcome(pair, found.decision, found.reason, right_decisions(pair, before))

    def _before(self, pair: Pair) -> Run:
        first = replace(pair, change="same", size=0.0)
        if self.last is None or self.last[0] != first:
            values = pair.base.draw(pair.customers, seed=2 * pair.seed)
            self.last = first, fit(values, pair.base.features)
        return self.last[1]


def right_decisions(pair: Pair, before: Run) -> tuple[str, ...]:
    """What section 5 says of the populations themselves, of which 50,000 customers are drawn.

    Moves, and seasons, change the model where its centres cost more than is allowed, by a tenth
    or more; it is kept where they cost less than a quarter of that. Between the two, chance
    decides.
    """
    match pair.change:
        case "same" | "skewed":
            return ("keep",)
        case "birth" | "death":
            return ("fresh",)
        case "unit":
            return ("refuse",)
    preparation, prototypes = before.preparation, before.prototypes
    many = on_grid(pair.changed.draw(50_000, seed=pair.seed + 7), preparation)
    warm = lloyd_from_centres(whole(many), prototypes, max_steps=MAX_STEPS)[0]
    kept = float(many.nearest_squares(prototypes).sum()) / 4.0**preparation.bits
    excess = kept / warm.scaled_cost(preparation.bits) - 1
    band = cost_band(
        before.reference, prototypes, bits=preparation.bits, customers=pair.customers, seed=SEED
    )
    allowance = max(TOLERANCE, band)
    if excess >= 1.1 * allowance:
        return ("warm", "fresh")
    return ("keep",) if excess <= allowance / 4 else ("keep", "warm", "fresh")


def table(outcomes: Sequence[Outcome]) -> Iterator[str]:
    """How often the decision is right, one line per kind of change, as Markdown."""
    yield "| Planted | pairs | right | keep | warm | fresh | refuse | left to chance |"
    yield "| --- | --- | --- | --- | --- | --- | --- | --- |"
    names: dict[str, Callable[[Pair], str]] = {
        "same": lambda _: "nothing",
        "skewed": lambda _: "nothing; log-normal without the logarithm",
        "centre": lambda pair: f"the largest group moves by {pair.size:g} sd",
        "shift": lambda pair: f"all customers move by {pair.size:g} sd",
        "birth": lambda pair: f"a group of {pair.size:.0%} is born",
        "death": lambda _: "the largest group dies",
        "unit": lambda pair: f"one feature times {pair.size:g}",
        "season": lambda pair: f"log-normal features times {pair.size:.2g}",
    }
    rows: dict[str, list[Outcome]] = {}
    for each in outcomes:
        rows.setdefault(names[each.pair.change](each.pair), []).append(each)
    for name, own in rows.items():
        certain = [each for each in own if len(each.right) < len(("keep", "warm", "fresh"))]
        counts = Counter(each.decision for each in own)
        cells = [counts[each] or "" for each in ("keep", "warm", "fresh", "refuse")]
        right = f"{sum(each.is_right for each in certain)} of {len(certain)}"
        yield (
            f"| {name} | {len(own)} | {right} | "
            + " | ".join(map(str, cells))
            + (f" | {len(own) - len(certain) or ''} |")
        )


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--part", default="1/1")
    parser.add_argument("--same", action="store_true", help="only pairs of one population")
    parser.add_argument("--planted", action="store_true", help="only pairs with a change")
    parser.add_argument("--results", type=Path)
    arguments = parser.parse_args()
    part, parts = map(int, arguments.part.split("/"))
    skipped = (arguments.planted, arguments.same)  # where is_planted is False, and True
    wanted = [each for each in pairs() if not skipped[each.change not in UNCHANGED]]
    wanted = wanted[len(wanted) * (part - 1) // parts : len(wanted) * part // parts]
    kept: dict[Pair, Outcome] = {}
    if arguments.results is not None and arguments.results.exists():
        for line in arguments.results.read_text().splitlines():
            values = json.loads(line)
            pair = Pair(**values.pop("pair"))
            kept[pair] = Outcome(pair, **{**values, "right": tuple(values["right"])})
    found = Pairs()
    for pair in wanted:
        if pair in kept:
            continue
        kept[pair] = found.outcome(pair)
        if arguments.results is not None:
            with arguments.results.open("a") as file:
                file.write(json.dumps(asdict(kept[pair])) + "\n")
    for line in table(list(kept.values())):
        print(line)
    for each in kept.values():
        if not each.is_right:
            print(f"wrong: {each}")


if __name__ == "__main__":
    main()
