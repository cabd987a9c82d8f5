"""Does the verdict on k find the truth? Planted groups, none, and recognised tables, no Spark."""

from collections.abc import Iterable, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, replace
from itertools import product

import numpy as np
import numpy.typing as npt
from sklearn import datasets
from sklearn.cluster import KMeans
from sklearn.metrics import adjusted_rand_score
from threadpoolctl import threadpool_limits

from scripts.benchmarking.planted import MODERATE, NULLS, WELL, Labelled, mixture, null, with_noise
from segmentation.clustering.refit import refit_kmeans
from segmentation.numerics.grid_points import GridPoints
from segmentation.selection.evidence import Evidence, evidence_on_k
from segmentation.selection.validity import Clusters
from segmentation.selection.verdict import judge

Floats = npt.NDArray[np.float64]

K_MAX = 12
FEATURES = (2, 3, 6, 12)
GROUPS = (2, 3, 4, 5, 6, 7, 8, 9, 10)
WIDE_FEATURES, WIDE_NULLS = (60, 100, 300), (100, 300)
VERDICT = "verdict"
JUDGES = (
    VERDICT,
    "elbow",
    "log_drop",
    "silhouette",
    "calinski_harabasz",
    "davies_bouldin",
    "gap",
)
TUNED_WITH = range(1_000, 4_000)
"""Seeds of the tables that the verdict's constants were chosen with: published are others."""


@dataclass(frozen=True)
class Found:
    """What every judge says of one table: the number of groups, 1 for none at all.

    Where the members of the groups are known, ``rand`` is the adjusted Rand index of k-means with
    the verdict's k and of these, ``rand_of_truth`` that with the right k.
    """

    name: str
    features: int
    groups: int
    says: dict[str, int]
    strength: str
    rand: float | None = None
    rand_of_truth: float | None = None


@dataclass(frozen=True)
class Case:
    """A table to make: planted groups or, where there is one, a null set of that name.

    ``noise`` columns beside the ``features`` tell no group from another.
    """

    groups: int
    features: int
    rows: int
    seed: int
    overlap: float = WELL
    equal: bool = True
    raw: bool = False
    null: str = ""
    noise: int = 0

    def table(self) -> Labelled:
        """The table itself."""
        if self.null:
            return null(self.null, features=self.features, rows=self.rows, seed=self.seed)
        table = mixture(
            groups=self.groups,
            features=self.features,
            overlap=self.overlap,
            equal=self.equal,
            raw=self.raw,
            rows=self.rows,
            seed=self.seed,
        )
        return with_noise(table, columns=self.noise, seed=self.seed) if self.noise else table


def wide_cases(*, rows: int, seed: int) -> list[Case]:
    """Planted groups in 10 of 100 features, in all of many features, and wide nulls."""
    kinds = list(product((WELL, MODERATE), (True, False), (False, True)))
    noisy = [
        Case(GROUPS[1 + i], 10, rows, seed + i, overlap, equal=equal, raw=raw, noise=90)
        for i, (overlap, equal, raw) in enumerate(kinds)
    ]
    whole = [
        Case(GROUPS[1 + i], width, rows, seed + i, raw=raw)
        for i, (width, raw) in enumerate(product(WIDE_FEATURES, (False, True)))
    ]
    nulls = [
        Case(1, width, rows, seed + i, null=name)
        for i, (width, name) in enumerate(product(WIDE_NULLS, NULLS))
    ]
    return [*noisy, *whole, *nulls]


def cases(
    *, rows: int, seed: int, rounds: int = 1, features: Sequence[int] = FEATURES
) -> list[Case]:
    """Every kind of planted table ``rounds`` times a number of features, and as many nulls.

    The number of groups goes from 2 to 10 over and over.
    """
    kinds = list(product(features, (WELL, MODERATE), (True, False), (False, True)))
    planted = [
        Case(GROUPS[i % len(GROUPS)], width, rows, seed + i, overlap, equal=equal, raw=raw)
        for i, (width, overlap, equal, raw) in enumerate(kinds * rounds)
    ]
    nulls = [
        Case(1, width, rows, seed + i, null=name)
        for i, (width, name) in enumerate([*product(features, NULLS)] * rounds)
    ]
    return [*planted, *nulls]


def recognised() -> list[Labelled]:
    """Tables that everybody knows, made or shipped by scikit-learn."""
    iris, wine, digits = (
        load(return_X_y=True)
        for load in (datasets.load_iris, datasets.load_wine, datasets.load_digits)
    )
    blobs = datasets.make_blobs(1_500, centers=5, random_state=8)
    moons = datasets.make_moons(1_500, noise=0.05, random_state=8)
    found = {"iris": iris, "wine": wine, "digits": digits, "blobs": blobs, "moons": moons}
    return [
        Labelled(name, values, len(np.unique(labels)), is_raw=False)
        for name, (values, labels) in found.items()
    ]


def judged(tables: Iterable[Case | Labelled], *, processes: int) -> list[Found]:
    """What every judge says of each table; one process per core."""
    with ProcessPoolExecutor(processes) as pool:
        return list(pool.map(judge_table, tables))


def judge_table(case: Case | Labelled) -> Found:
    """What every judge says of one table."""
    table = case.table() if isinstance(case, Case) else case
    values = np.log1p(table.values) if table.is_raw else table.values
    varying = values[:, values.std(axis=0) > 0]
    points = (varying - varying.mean(axis=0)) / varying.std(axis=0)
    with threadpool_limits(1):
        evidence = swept(points)
    verdict = judge(evidence)
    says = {name: verdict.favourites.get(name, 1) for name in JUDGES}
    said = verdict.groups if verdict.strength != "none" else 1
    width = table.values.shape[1]
    found = Found(table.name, width, table.groups, says | {VERDICT: said}, verdict.strength)
    if table.members is None or width < min(WIDE_FEATURES):
        return found
    rands = [
        adjusted_rand_score(table.members, KMeans(k, n_init=10, random_state=0).fit_predict(points))
        for k in (verdict.k, table.groups)
    ]
    return replace(found, rand=round(rands[0], 4), rand_of_truth=round(rands[1], 4))


def swept(
    points: Floats, *, ks: Iterable[int] = range(1, K_MAX + 1), seed: int = 42, starts: int = 5
) -> Evidence:
    """The evidence on points of weight one, for every k the best of some k-means++ starts."""
    points = points - points.mean(axis=0)
    points = points[np.lexsort(points.T[::-1])]
    fits = {k: KMeans(k, n_init=starts, random_state=seed).fit(points) for k in ks}
    clusters = {}
    for k, fit in fits.items():
        members = np.eye(k)[fit.labels_]
        counts = members.sum(axis=0)
        clusters[k] = Clusters(
            counts=counts,
            means=(members.T @ points) / counts[:, np.newaxis],
            squares=members.T @ (points**2).sum(axis=1),
            cost=float(fit.inertia_),
        )
    return evidence_on_k(
        GridPoints.of(points),
        np.ones(len(points)),
        clusters=clusters,
        refit=refit_kmeans,
        seed=seed,
    )


def shares_right(found: Sequence[Found]) -> dict[str, float]:
    """For every judge the share of tables of which it says the truth."""
    return {
        name: sum(each.says[name] == each.groups for each in found) / len(found) for name in JUDGES
    }
