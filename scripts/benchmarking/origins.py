"""Where the cheapest centres come from: which kinds of starts reach them, for every k."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pandas as pd
from pyspark.sql import SparkSession

from scripts.benchmarking.planted import MODERATE, WELL, mixture
from segmentation.clustering.coreset import Coreset
from segmentation.clustering.kmeans import find_optima
from segmentation.clustering.search import Optimum
from segmentation.clustering.starts import Search
from segmentation.numerics.grid_points import GridPoints

Floats = npt.NDArray[np.float64]

ORIGINS = ("restart", "split", "merge", "mllib")
SAME_COST = 1e-5
"""Costs that differ by at most this share are one optimum, reached by two ways."""

BITS = 20
CORESET = 20_000
"""Points that a search sees at most, as a run with the defaults."""

RANGE = range(2, 13)
"""The values of k that a run tries by default."""


@dataclass(frozen=True)
class Points:
    """Prepared customers, one per row, and the values of k to search."""

    name: str
    values: Floats
    ks: Sequence[int]


@dataclass(frozen=True)
class Origins:
    """Of how many values of k each kind of start reaches the cheapest centres, and alone does.

    ``without_mllib`` is the worst ratio, over k, of the cheapest centres of the other starts to
    the cheapest of all.
    """

    name: str
    ks: int
    reached: dict[str, int]
    alone: dict[str, int]
    without_mllib: float


def origins(spark: SparkSession, points: Points, *, seed: int) -> Origins:
    """Search one table as the engine ``coreset`` does."""
    found = find_optima(spark, Search(coreset_of(points.values), BITS), ks=points.ks, seed=seed)
    return counted(points.name, list(found.values()))


def counted(name: str, found: Sequence[Sequence[Optimum]]) -> Origins:
    """The origins of the cheapest of each k's optima; what costs 2 % more is not among these."""
    reached, alone, worst = dict.fromkeys(ORIGINS, 0), dict.fromkeys(ORIGINS, 0), 1.0
    for optima in found:
        cheapest = min(optimum.cost for optimum in optima)
        own = {o.origin for o in optima if o.cost <= (1 + SAME_COST) * cheapest}
        for origin in own:
            reached[origin] += 1
            alone[origin] += len(own) == 1
        others = [optimum.cost for optimum in optima if optimum.origin != "mllib"]
        worst = max(worst, min(others) / cheapest if others else np.inf)
    return Origins(name, len(found), reached, alone, worst)


def total(found: Sequence[Origins]) -> Origins:
    """The counts of several tables together."""
    reached, alone = (
        {origin: sum(getattr(each, name)[origin] for each in found) for origin in ORIGINS}
        for name in ("reached", "alone")
    )
    worst = max(each.without_mllib for each in found)
    return Origins("all", sum(each.ks for each in found), reached, alone, worst)


def coreset_of(values: Floats) -> Coreset:
    """Points on the grid with their counts, of a random draw where there are many rows."""
    if len(values) > CORESET:
        values = np.random.default_rng(0).choice(values, CORESET, replace=False)
    varying = values[:, values.std(axis=0) > 0]
    scaled = (varying - varying.mean(axis=0)) / varying.std(axis=0)
    points, counts = np.unique(np.rint(scaled * 2.0**BITS), axis=0, return_counts=True)
    return Coreset(GridPoints.of(points), counts.astype(np.int64), is_whole=True)


def tables(*, rows: int, seed: int, files: Path | None) -> Iterator[Points]:
    """Tables after published ones, planted mixtures, and those real files that are in a folder."""
    yield from published()
    for features in (2, 3, 6, 12):
        for overlap in (WELL, MODERATE):
            for groups in (4, 8):
                made = mixture(
                    groups=groups, features=features, overlap=overlap, equal=False, raw=True,
                    rows=rows, seed=seed + groups,
                )  # fmt: skip
                name = f"{groups} planted, {features} features, {made.name.split(', ')[-1]}"
                yield Points(name, np.log1p(made.values), RANGE)
    if files is not None:
        yield from real(files)


def published() -> Iterator[Points]:
    """Drawn as the clustering basic benchmark describes its sets; k is searched about the truth.

    Fränti and Sieranoja (2018), "K-means properties on six clustering benchmark datasets",
    doi:10.1007/s10489-018-1238-7: their numbers of points and clusters, sizes and overlaps, at
    places of our own.
    """
    for i, spread in enumerate((0.025, 0.035, 0.045, 0.055), start=1):
        centres = _apart(np.random.default_rng(i), 15)
        yield Points(
            f"like S{i}",
            _gaussians(centres, [334] * 5 + [333] * 10, [spread] * 15, seed=i),
            _about(15),
        )
    for i, clusters in enumerate((20, 35, 50), start=1):
        random = np.random.default_rng(10 + i)
        sizes, spreads = [150] * clusters, [0.3 / clusters**0.5 / 2] * clusters
        values = _gaussians(_apart(random, clusters), sizes, spreads, seed=i)
        yield Points(f"like A{i}", values, _about(clusters))
    dense = [(0.05, 0.3), (0.15, 0.5), (0.05, 0.7)]
    sparse = [(0.6, 0.3), (0.9, 0.3), (0.75, 0.5), (0.6, 0.7), (0.9, 0.7)]
    sizes, spreads = [2000] * 3 + [100] * 5, [0.01] * 3 + [0.03] * 5
    yield Points("like Unbalance", _gaussians([*dense, *sparse], sizes, spreads, seed=0), RANGE)
    grid = [(i, j) for i in range(10) for j in range(10)]
    yield Points(
        "like Birch1", _gaussians(grid, [1000] * 100, [0.25] * 100, seed=0), _about(100, within=2)
    )


def real(folder: Path) -> Iterator[Points]:
    """The files of ``conf/`` that are in the folder, prepared as their configurations say."""
    for name, columns, is_logged in (
        ("customers-data.csv", ["products_purchased", "complains", "money_spent"], True),
        ("Mall_Customers.csv", ["Annual Income (k$)", "Spending Score (1-100)"], False),
        (
            "Wholesale customers data.csv",
            ["Fresh", "Milk", "Grocery", "Frozen", "Detergents_Paper", "Delicassen"],
            True,
        ),
    ):
        if (folder / name).exists():
            values = pd.read_csv(folder / name)[columns].to_numpy(np.float64)
            yield Points(name, np.log1p(values) if is_logged else values, RANGE)
    if (folder / "CDNOW_master.txt").exists():
        lines = pd.read_csv(folder / "CDNOW_master.txt", sep=r"\s+")
        lines.columns = pd.Index(["who", "day", "units", "amount"])
        lines["day"] = pd.to_datetime(lines["day"].astype(str))
        yield Points("CDNOW_master.txt", _purchases(lines), RANGE)
    if (folder / "online_retail.csv.gz").exists():
        lines = pd.read_csv(folder / "online_retail.csv.gz", dtype={"InvoiceNo": str})
        lines = lines.dropna(subset=["CustomerID"])
        lines["day"] = pd.to_datetime(lines["InvoiceDate"]).dt.normalize()
        lines["amount"] = lines["Quantity"] * lines["UnitPrice"]
        yield Points(
            "online_retail.csv", _purchases(lines.rename(columns={"CustomerID": "who"})), RANGE
        )


def _purchases(lines: pd.DataFrame) -> Floats:
    """Logarithms of recency, frequency and monetary value of who spent something."""
    by_who = lines[lines["amount"] > 0].groupby("who")
    monetary = lines.groupby("who")["amount"].sum()
    recency = (lines["day"].max() - by_who["day"].max()).dt.days
    customers = pd.DataFrame({"r": recency, "f": by_who["day"].nunique(), "m": monetary}).dropna()
    values: Floats = customers[customers["m"] > 0].to_numpy(np.float64)
    return np.log1p(values)


def _about(clusters: int, *, within: int = 5) -> range:
    return range(clusters - within, clusters + within + 1)


def _apart(random: np.random.Generator, clusters: int) -> Floats:
    """Centres in the unit square, none much nearer to another than they need be."""
    least = 0.7 / clusters**0.5
    centres = random.uniform(size=(1, 2))
    while len(centres) < clusters:
        drawn = random.uniform(size=(1, 2))
        if np.linalg.norm(centres - drawn, axis=1).min() >= least:
            centres = np.vstack([centres, drawn])
        else:
            least *= 0.999
    return centres


def _gaussians(
    centres: Iterable[Sequence[float] | Floats],
    sizes: Sequence[int],
    spreads: Sequence[float],
    *,
    seed: int,
) -> Floats:
    random = np.random.default_rng(seed)
    return np.vstack(
        [
            np.asarray(centre) + spread * random.standard_normal((size, 2))
            for centre, size, spread in zip(centres, sizes, spreads, strict=True)
        ]
    )
