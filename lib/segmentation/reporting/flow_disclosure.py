"""Which flows between two runs are withheld, so that no flow of few customers can be derived.

Shown beside the flows are the sizes of the segments in both runs. So whoever subtracts the flows of
a segment from its size knows how many customers its other flows have together, and all such sums
are one system of equations: an *unsafe* flow (of fewer than ``bound`` customers, but not of none)
is protected where a solution in whole numbers gives it ``bound`` customers or more.

Where that takes more than to withhold the unsafe ones, others are withheld as well: those on the
cheapest cycle along which the unsafe flow could be raised, every sum staying as it is. Kelly,
Golden and Assad (1992), "Cell suppression: disclosure protection for sensitive tabular data",
doi:10.1002/net.3230220407.

Customers who are new and who left are a row and a column of the table, with a twist: their numbers
are known apart from a common constant, by the sizes of both runs. Where one of them is unsafe
neither may be shown. The cell of customers who were in neither run stands for that constant.
"""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
from scipy import sparse
from scipy.optimize import linprog
from scipy.sparse.csgraph import maximum_flow

from segmentation.results import LEFT, NEW, Flow

Pair = tuple[str, str]
"""The key before and the key now."""

Table = npt.NDArray[np.int64]
Mask = npt.NDArray[np.bool_]


def withheld_pairs(flows: Sequence[Flow], *, bound: int) -> frozenset[Pair]:
    """The pairs whose flow is not shown, where the other pairs and the sums of all keys are.

    A pair without a flow has 0 customers, which is withheld only where that protects others.
    ``(NEW, LEFT)`` is among them where the sums of ``NEW`` and ``LEFT`` may not be shown. All pairs
    are where no choice of them is safe.
    """
    sources = [*dict.fromkeys(each.from_key for each in flows if each.from_key != NEW), NEW]
    targets = [*dict.fromkeys(each.to_key for each in flows if each.to_key != LEFT), LEFT]
    rows, columns = ({key: at for at, key in enumerate(keys)} for keys in (sources, targets))
    counts = np.zeros((len(sources), len(targets)), dtype=np.int64)
    for each in flows:
        counts[rows[each.from_key], columns[each.to_key]] += each.customers
    hidden = hidden_cells(counts, bound)
    if hidden is None:
        hidden = np.ones(counts.shape, dtype=bool)
    return frozenset((sources[i], targets[j]) for i, j in np.argwhere(hidden))


def hidden_cells(counts: Table, bound: int) -> Mask | None:
    """Which cells of a table are not shown beside its sums; None where no choice is safe.

    The last row and the last column are of the new customers and of those who left. Their common
    cell is hidden where their sums are.
    """
    # An unsafe sum has an unsafe cell. As high as that may be, so high may be the sum.
    is_unsafe_end = any(0 < total < bound for total in (counts[-1].sum(), counts[:, -1].sum()))
    hidden = (counts > 0) & (counts < bound)
    room = np.minimum(counts, bound)  # by how much a cell can fall, as far as that matters
    wanted = [((int(i), int(j)), bound - int(counts[i, j])) for i, j in np.argwhere(hidden)]
    hidden[-1, -1], room[-1, -1] = is_unsafe_end, bound if is_unsafe_end else 0
    for cell, rise in wanted:
        if _possible_rise(hidden, room, cell, enough=rise) < rise:
            cycle = _cheapest_cycle(hidden, room, counts, cell=cell, rise=rise)
            if cycle is None:
                return None
            hidden |= cycle
    return hidden


def _possible_rise(hidden: Mask, room: Table, cell: tuple[int, int], *, enough: int) -> int:
    """By how many customers a cell can rise at the cost of hidden ones, sums staying as they are.

    What a row gains in the cell it loses in another, whose column gains it in a third, and so on
    until the cell's column is reached: a flow from the row to the column, through cells that fall
    (by no more than they have) and cells that rise.
    """
    rows, columns = hidden.shape
    fall, rise = np.where(hidden, room, 0), np.where(hidden, enough, 0)
    fall[cell] = rise[cell] = 0
    network = np.zeros((rows + columns,) * 2, dtype=np.int32)
    network[:rows, rows:], network[rows:, :rows] = np.minimum(fall, enough), rise.T
    found = maximum_flow(sparse.csr_matrix(network), cell[0], rows + cell[1])
    return int(found.flow_value)


def _cheapest_cycle(
    hidden: Mask, room: Table, counts: Table, *, cell: tuple[int, int], rise: int
) -> Mask | None:
    """The cells that have to be hidden for a cell to rise so far; None where that is impossible.

    The flow of :func:`_possible_rise` through all cells, of the least cost; a cell that is shown
    costs as many customers as it has, and one.
    """
    rows, columns = hidden.shape
    is_usable = np.ones(hidden.shape, dtype=bool)
    is_usable[-1, -1] = hidden[-1, -1]
    is_usable[cell] = False
    i, j = np.nonzero(is_usable)
    places = np.arange(len(i))
    falling = sparse.coo_matrix((np.ones(len(i)), (i, places)), (rows + columns, len(i)))
    falling -= sparse.coo_matrix((np.ones(len(i)), (rows + j, places)), (rows + columns, len(i)))
    supply = np.zeros(rows + columns)
    supply[cell[0]], supply[rows + cell[1]] = rise, -rise
    cost = np.where(hidden, 0, counts + 1)[i, j].astype(float)
    found = linprog(
        np.concatenate([cost, cost]),
        A_eq=sparse.hstack([falling, -falling]).tocsr(),
        b_eq=supply,
        bounds=[*((0, int(most)) for most in room[i, j]), *[(0, rise)] * len(i)],
    )
    if not found.success:
        return None
    used = np.zeros(hidden.shape, dtype=bool)
    used[i, j] = found.x.reshape(2, -1).max(axis=0) > 0.5  # a basic solution: whole numbers
    return used
