"""How many well-separated groups: a mixture of Gaussians, overlapping components merged.

The mixture follows the density, whatever the shape of a group; overlapping components together
describe one group. Neither depends on a range of k. On a continuum, whether skewed, flat or of
whole numbers, everything merges, so the answer can be "one", which no elbow ever gives.

Hennig (2010), "Methods for merging Gaussian mixture components", doi:10.1007/s11634-010-0058-3,
its method of directly estimated misclassification probabilities.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from sklearn.mixture import GaussianMixture

from segmentation.numerics.arrays import Floats

SHAPES = ("diag", "full")
"""Covariances along the axes, or in any direction; the BIC decides."""

MAX_COMPONENTS = 16
PATIENCE = 2
"""The search ends after this many more components without a lower BIC."""

STARTS, WIDE_STARTS = 2, 6
"""Starts of every mixture; of wide points, seen along ten directions, two now and then miss."""

POINTS_PER_PARAMETER = 2
MIN_VARIANCE = 1e-4
"""Added to every variance (in squared standard deviations), so that none is 0."""

OVERLAP = 0.1
"""Components that overlap by more are one group. The overlap is the sum of the two probabilities
of misclassification (Maitra and Melnykov 2010, doi:10.1198/jcgs.2009.08054)."""

MIN_SHARE = 0.01
"""A group with a smaller share of the customers is treated as outliers."""


@dataclass(frozen=True)
class Groups:
    """The well-separated groups.

    ``labels`` has the group of every point, from 0; ``overlaps[i]`` is the overlap at which
    ``i + 2`` groups were merged to ``i + 1``, from all components down to one.
    """

    labels: npt.NDArray[np.intp]
    overlaps: tuple[float, ...]

    @property
    def count(self) -> int:
        """The number of groups."""
        return int(self.labels.max()) + 1

    def at(self, overlap: float) -> int:
        """The number of groups with another threshold of overlap."""
        merged = (i + 1 for i, found in enumerate(self.overlaps) if found > overlap)
        return next(merged, len(self.overlaps) + 1)


def separate_groups(points: Floats, *, seed: int, starts: int = STARTS) -> Groups:
    """The groups of equally weighted points; ``seed`` is at least 0.

    Takes some seconds for 4,000 points. Neither the units of the features nor any range of k
    changes the result.
    """
    deviations = points.std(axis=0)
    scaled = points / np.where(deviations > 0, deviations, 1)
    spread = dithered(scaled, random=np.random.default_rng(seed))
    members = _mixture(spread, seed=seed, starts=starts).predict_proba(spread)
    return _merged(members)


def dithered(points: Floats, *, random: np.random.Generator) -> Floats:
    """The points with every value moved at random, at most as far as the neighbouring values.

    Whole numbers and rounded amounts lie on a lattice whose gaps carry no meaning; dithering
    fills them. A gap more than twice as wide as the one on the other side is not part of a
    lattice and is kept.
    """
    result = np.empty_like(points)
    for j, column in enumerate(points.T):
        values, places = np.unique(column, return_inverse=True)
        gaps = np.diff(values) if len(values) > 1 else np.zeros(1)
        below = np.concatenate([gaps[:1], gaps])[: len(values)] / 2
        above = np.concatenate([gaps, gaps[-1:]])[: len(values)] / 2
        low, high = np.minimum(below, 2 * above), np.minimum(above, 2 * below)
        for _ in range(2):  # the sum of two uniforms: the density is linear between values
            column = column + random.uniform(-low[places], high[places])
        result[:, j] = column
    return result


def _mixture(points: Floats, *, seed: int, starts: int) -> GaussianMixture:
    """The mixture with the lowest BIC over the number and the shape of its components."""
    found: list[tuple[float, int, GaussianMixture]] = []
    for shape in SHAPES:
        found += _fitted(points, shape, seed=seed, starts=starts)
    return min(found, key=lambda fit: fit[:2])[2]


def _fitted(
    points: Floats, shape: str, *, seed: int, starts: int
) -> list[tuple[float, int, GaussianMixture]]:
    """Mixtures of one covariance shape: BIC, number of components, mixture."""
    rows, width = points.shape
    parameters = 1 + 2 * width if shape == "diag" else 1 + width * (width + 3) // 2
    most = min(MAX_COMPONENTS, max(1, rows // (POINTS_PER_PARAMETER * parameters)))
    found: list[tuple[float, int, GaussianMixture]] = []
    for components in range(1, most + 1):
        mixture = GaussianMixture(
            components,
            covariance_type=shape,
            n_init=1 if components == 1 else starts,
            init_params="k-means++",
            reg_covar=MIN_VARIANCE,
            random_state=seed,
        ).fit(points)
        found.append((float(mixture.bic(points)), components, mixture))
        if components - min(found, key=lambda fit: fit[:2])[1] >= PATIENCE:
            break
    return found


def _merged(members: Floats) -> Groups:
    """Groups of components, from the posterior probabilities of the points."""
    shares = [members[:, i] for i in range(members.shape[1]) if members[:, i].any()]
    overlaps: list[float] = []
    labels = np.argmax(shares, axis=0)
    while len(shares) > 1:
        found, sizes = _overlaps(shares), [share.mean() for share in shares]
        if min(sizes) < MIN_SHARE:  # outliers join the group that they overlap most
            first, worst = int(np.argmin(sizes)), 1.0
            second = int(found[first].argmax())
        else:
            first, second = divmod(int(found.argmax()), len(shares))
            worst = float(found[first, second])
        overlaps.append(worst)
        first, second = sorted((first, second))
        shares[first] = shares[first] + shares[second]
        del shares[second]
        if worst > OVERLAP:
            labels = np.argmax(shares, axis=0)
    return Groups(labels, tuple(reversed(overlaps)))


def _overlaps(shares: Sequence[Floats]) -> Floats:
    """The overlap of every two groups: the sum of their misclassified shares."""
    found = np.zeros((len(shares), len(shares)))
    for i, one in enumerate(shares):
        for j, other in enumerate(shares[:i]):
            lost = one[other > one].sum() / one.sum() + other[one > other].sum() / other.sum()
            found[i, j] = found[j, i] = lost
    return found
