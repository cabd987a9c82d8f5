"""Which flows between two runs may be shown, so that no flow of few customers can be derived.

Shown beside the flows are the sizes of the segments in both runs. So whoever subtracts the flows of
a segment from its size knows how many customers its other flows have together, and all such sums
are one system of equations: an *unsafe* flow (of fewer than ``bound`` customers, but not of none)
is protected where a solution in whole numbers gives it ``bound`` customers or more.

Flows of none are not shown either, so that they cannot be told from unsafe ones. Where that is not
enough, larger flows are withheld as well: those on the cheapest cycle along which the unsafe flow
could be raised, every sum staying as it is. Kelly, Golden and Assad (1992), "Cell suppression:
disclosure protection for sensitive tabular data", doi:10.1002/net.3230220407.

Customers who are new and who left are a row and a column of the table, with a twist: their numbers
are known apart from a common constant, by the sizes of both runs. Where one is unsafe neither is
shown. The cell of customers who were in neither run stands for that constant.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy import sparse
from scipy.optimize import linprog
from scipy.sparse.csgraph import maximum_flow

from segmentation.reporting import cells
from segmentation.results import LEFT, NEW, Flow, NetMove
from segmentation.results.moves import net_moves, sum_of_known

REST = "rest"
"""In place of a key: all segments that are too small to be described, together."""

Table = npt.NDArray[np.int64]
Mask = npt.NDArray[np.bool_]


@dataclass(frozen=True)
class ShownFlow:
    """A flow that may be shown: a :class:`~segmentation.results.Flow`, or several of ``REST``.

    ``moved_by_behaviour`` and ``moved_by_model`` are None where they would reveal few customers,
    and of customers who stayed, are new, or left. Do not show their sums over all flows.
    """

    from_key: str
    to_key: str
    customers: int
    value_before: float | None
    value_after: float | None
    moved_by_behaviour: int | None
    moved_by_model: int | None


@dataclass(frozen=True)
class ShownFlows:
    """What the page may show of the flows.

    ``folded_from`` has for the keys of the previous run the customers whose flows are not shown,
    ``folded_to`` the same for the keys of this run: draw them through one node between both.
    ``new`` and ``left`` are how many customers are new and how many left; None where that may not
    be shown: then both keys are missing among the folded. ``net_moves`` are of the segments for
    which they may be shown. ``withheld`` flows are folded though they are not small.
    """

    flows: tuple[ShownFlow, ...]
    folded_from: Mapping[str, int]
    folded_to: Mapping[str, int]
    new: int | None
    left: int | None
    net_moves: tuple[NetMove, ...]
    withheld: int


def fold_small(
    flows: Sequence[Flow],
    *,
    before: Mapping[str, int],
    after: Mapping[str, int],
    min_group: int,
) -> ShownFlows | None:
    """The flows that may be shown beside the segments' sizes; None where none may.

    ``before`` and ``after`` have the customers of every key in the previous run and in this one,
    in the order of the segments' numbers: so the page withholds the same ones as
    ``suppress_small_counts``. The flows must add up to them (``results.moves.check_flows``).
    """
    few_before, few_after = (_few(sizes, min_group) for sizes in (before, after))
    if few_before is None or few_after is None:
        return None
    merged = _merged(flows, few_before, few_after)
    sources = [*dict.fromkeys(f for f, _ in merged if f != NEW), NEW]
    targets = [*dict.fromkeys(t for _, t in merged if t != LEFT), LEFT]
    counts = np.zeros((len(sources), len(targets)), dtype=np.int64)
    for (source, target), flow in merged.items():
        counts[sources.index(source), targets.index(target)] = flow.customers
    hidden = hidden_cells(counts, min_group)
    if hidden is None:
        return None
    shown = {
        (source, target)
        for i, source in enumerate(sources)
        for j, target in enumerate(targets)
        if not hidden[i, j] and (source, target) != (NEW, LEFT)
    }
    folded = np.where(hidden, counts, 0)
    are_ends_shown = not hidden[-1, -1]
    return ShownFlows(
        flows=tuple(_shown(flow, min_group) for key, flow in merged.items() if key in shown),
        folded_from=_folded(sources, folded.sum(axis=1), are_ends_shown),
        folded_to=_folded(targets, folded.sum(axis=0), are_ends_shown),
        new=int(counts[-1].sum()) if are_ends_shown else None,
        left=int(counts[:, -1].sum()) if are_ends_shown else None,
        net_moves=tuple(
            each
            for each in net_moves(tuple(merged.values()))
            if each.key not in {REST, *few_before, *few_after}
            and ((each.key, each.key) in shown or not (each.key in sources and each.key in targets))
        ),
        withheld=int((hidden & (counts >= min_group)).sum()),
    )


def hidden_cells(counts: Table, bound: int) -> Mask | None:
    """Which cells of a table are not shown beside its sums; None where no choice is safe.

    The last row and the last column are of the new customers and of those who left. Their common
    cell is hidden where their sums are.
    """
    hidden = counts < bound
    ends = [int(counts[-1].sum()), int(counts[:, -1].sum())]
    unsafe_ends = [total for total in ends if 0 < total < bound]
    room = np.minimum(counts, bound)  # by how much a cell can fall, as far as that matters
    hidden[-1, -1], room[-1, -1] = bool(unsafe_ends), bound if unsafe_ends else 0
    wanted = [
        ((int(i), int(j)), bound - int(counts[i, j]))
        for i, j in np.argwhere((counts > 0) & (counts < bound))
    ]
    wanted += [((-1, -1), bound - total) for total in unsafe_ends]
    for cell, rise in wanted:
        if _possible_rise(hidden, room, cell, enough=rise) < rise:
            cycle = _cheapest_cycle(hidden, room, counts, cell=cell, rise=rise)
            if cycle is None:
                return None
            hidden |= cycle
    return hidden


def _few(sizes: Mapping[str, int], bound: int) -> frozenset[str] | None:
    """The keys whose size is not shown."""
    by_number = dict(enumerate(sizes.values()))
    rows = {place: (size,) for place, size in by_number.items()}
    few = cells.withheld(rows, sizes=by_number, bound=bound)
    return None if few is None else frozenset(list(sizes)[place] for place in few)


def _merged(
    flows: Sequence[Flow], few_before: frozenset[str], few_after: frozenset[str]
) -> dict[tuple[str, str], Flow]:
    """The flows by their ends; segments whose size is not shown are one."""
    found: dict[tuple[str, str], list[Flow]] = {}
    for each in flows:
        source = REST if each.from_key in few_before else each.from_key
        target = REST if each.to_key in few_after else each.to_key
        found.setdefault((source, target), []).append(each)
    return {ends: _sum(ends, own) for ends, own in found.items()}


def _sum(ends: tuple[str, str], flows: Sequence[Flow]) -> Flow:
    return Flow(
        *ends,
        customers=sum(each.customers for each in flows),
        value_before=sum_of_known([each.value_before for each in flows]),
        value_after=sum_of_known([each.value_after for each in flows]),
        moved_by_behaviour=sum(each.moved_by_behaviour for each in flows),
        moved_by_model=sum(each.moved_by_model for each in flows),
    )


def _shown(flow: Flow, bound: int) -> ShownFlow:
    """The flow without the numbers by cause where these, or their differences, are unsafe."""
    behaviour, model, customers = flow.moved_by_behaviour, flow.moved_by_model, flow.customers
    parts = (behaviour, model, customers - behaviour, customers - model)
    both = abs(behaviour + model - customers)
    is_safe = all(part == 0 or part >= bound for part in (*parts, both))
    is_move = flow.from_key not in (flow.to_key, NEW) and flow.to_key != LEFT
    causes = (behaviour, model) if is_safe and is_move else (None, None)
    return ShownFlow(
        flow.from_key, flow.to_key, customers, flow.value_before, flow.value_after, *causes
    )


def _folded(keys: Sequence[str], customers: Table, are_ends_shown: bool) -> dict[str, int]:
    return {
        key: int(number)
        for key, number in zip(keys, customers, strict=True)
        if number and (are_ends_shown or key not in (NEW, LEFT))
    }


def _possible_rise(hidden: Mask, room: Table, cell: tuple[int, int], *, enough: int) -> int:
    """By how many customers a cell can rise at the cost of hidden ones, sums staying as they are.

    What a row gains in the cell it loses in another, whose column gains it in a third, and so on
    until the cell's column is reached: a flow from the row to the column, through cells that fall
    (by no more than they have) and cells that rise. The last cell of all, that of neither run,
    is to fall: what is sought is how far the sums of its row and column can rise.
    """
    rows, columns = hidden.shape
    fall, rise = np.where(hidden, room, 0), np.where(hidden, enough, 0)
    fall[cell] = rise[cell] = 0
    network = np.zeros((rows + columns,) * 2, dtype=np.int32)
    network[:rows, rows:], network[rows:, :rows] = np.minimum(fall, enough), rise.T
    start, end = cell[0] % rows, rows + cell[1] % columns
    if cell == (-1, -1):
        start, end = end, start
    return int(maximum_flow(sparse.csr_matrix(network), start, end).flow_value)


def _cheapest_cycle(
    hidden: Mask, room: Table, counts: Table, *, cell: tuple[int, int], rise: int
) -> Mask | None:
    """The cells that have to be hidden for a cell to rise so far; None where that is impossible.

    The flow of :func:`_possible_rise` through all cells, of the least cost; a cell that is shown
    costs as many customers as it has.
    """
    rows, columns = hidden.shape
    is_usable = np.ones(hidden.shape, dtype=bool)
    is_usable[cell] = is_usable[-1, -1] = False
    if hidden[-1, -1] and cell != (-1, -1):
        is_usable[-1, -1] = True
    i, j = np.nonzero(is_usable)
    places = np.arange(len(i))
    falling = sparse.coo_matrix((np.ones(len(i)), (i, places)), (rows + columns, len(i)))
    falling -= sparse.coo_matrix((np.ones(len(i)), (rows + j, places)), (rows + columns, len(i)))
    supply = np.zeros(rows + columns)
    supply[cell[0] % rows], supply[rows + cell[1] % columns] = rise, -rise
    if cell == (-1, -1):
        supply = -supply
    cost = np.where(hidden, 0, counts)[i, j].astype(float)
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
