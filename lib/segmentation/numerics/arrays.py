"""Names for numpy's arrays, by what they hold."""

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]

Points = npt.NDArray[np.float64]
"""Points, one per row; on the grid of a model their coordinates are whole numbers in doubles."""

Labels = npt.NDArray[np.intp]
"""The position of a centre, or the number of a cluster, for every point."""
