"""How contestants scale: a category weighs as much as a number, as in this job."""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt


def scale_units(
    variances: npt.NDArray[np.float64], widths: Sequence[int]
) -> npt.NDArray[np.float64]:
    """What each dimension is divided by; those of one feature share the root of their sum.

    ``widths`` are the numbers of dimensions of the features. So that a category weighs as much
    as a number, however many values it has.
    """
    starts = np.cumsum([0, *widths[:-1]])
    units: npt.NDArray[np.float64] = np.sqrt(np.repeat(np.add.reduceat(variances, starts), widths))
    return units
