"""K-means fitted again to other points, for the indices that resample."""

import numpy as np
from sklearn.cluster import KMeans

from segmentation.numerics.arrays import Floats
from segmentation.selection.refit import Refitted


def refit_kmeans(
    points: Floats, k: int, *, seed: int, starts: int, weights: Floats | None = None
) -> Refitted:
    """The cheapest of some k-means++ starts, in memory: a ``selection.refit.Refit``."""
    kmeans = KMeans(k, n_init=starts, random_state=seed % 2**32)
    fitted = kmeans.fit(points, sample_weight=weights)
    return Refitted(fitted.labels_.astype(np.intp), float(fitted.inertia_))
