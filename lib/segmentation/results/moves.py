"""Summaries of the flows between two runs, and whether they are complete."""

from collections.abc import Iterable, Mapping, Sequence

from segmentation.results.changes import LEFT, NEW, Flow, NetMove


def net_moves(flows: Sequence[Flow]) -> tuple[NetMove, ...]:
    """What every segment gained and lost, in the order in which the flows first name its key.

    A key that only one of the runs has gained all its customers, or lost them all.
    """
    keys = dict.fromkeys(key for each in flows for key in (each.from_key, each.to_key))
    return tuple(_net_move(key, flows) for key in keys if key not in (NEW, LEFT))


def largest_moves(flows: Iterable[Flow], *, number: int = 5) -> tuple[Flow, ...]:
    """The largest flows from one key to another by :func:`moved_value`, of equals by customers.

    New customers and those who left are moves, too.
    """
    moves = [each for each in flows if each.from_key != each.to_key and each.customers]
    moves.sort(key=lambda each: (-moved_value(each), -each.customers, each.from_key, each.to_key))
    return tuple(moves[:number])


def moved_value(flow: Flow) -> float:
    """The value of a flow before or after, whichever is larger in size; 0 where neither is known.

    So a customer who stopped buying counts for what he bought, and a new one for what he buys.
    """
    known = [abs(value) for value in (flow.value_before, flow.value_after) if value is not None]
    return max(known, default=0.0)


def check_flows(
    flows: Sequence[Flow], *, before: Mapping[str, int], after: Mapping[str, int]
) -> None:
    """Whether the flows of every key add up to its customers in the previous run and in this one.

    Raises
    ------
    RuntimeError
        If they do not, or a flow is named twice, or goes from ``NEW`` to ``LEFT``.
    """
    pairs = [(each.from_key, each.to_key) for each in flows]
    if len(set(pairs)) < len(pairs) or (NEW, LEFT) in pairs:
        raise RuntimeError("migration names a flow twice, or customers who were in neither run")
    for run, keys, expected, outside in (
        ("previous run", [each.from_key for each in flows], before, NEW),
        ("run", [each.to_key for each in flows], after, LEFT),
    ):
        found = dict.fromkeys(expected, 0)
        for key, flow in zip(keys, flows, strict=True):
            found[key] = found.get(key, 0) + flow.customers
        found.pop(outside, None)
        if found != dict(expected):
            wrong = next(key for key in found if found[key] != expected.get(key))
            raise RuntimeError(
                f"migration has {found[wrong]:,} customers of {wrong} in the {run}, which had "
                f"{expected.get(wrong, 0):,}"
            )


def sum_of_known(values: Sequence[float | None]) -> float | None:
    """The sum; None where one is None."""
    known = [each for each in values if each is not None]
    return float(sum(known)) if len(known) == len(values) else None


def _net_move(key: str, flows: Sequence[Flow]) -> NetMove:
    entered = [each for each in flows if each.to_key == key != each.from_key]
    left = [each for each in flows if each.from_key == key != each.to_key]
    stayed = [each for each in flows if each.from_key == key == each.to_key]
    value_entered = sum_of_known([each.value_after for each in entered])
    value_left = sum_of_known([each.value_before for each in left])
    return NetMove(
        key,
        stayed=sum(each.customers for each in stayed),
        entered=sum(each.customers for each in entered),
        left=sum(each.customers for each in left),
        # Nobody has no value, unless nobody at all has one.
        value_entered=value_entered if any(e.value_after is not None for e in flows) else None,
        value_left=value_left if any(e.value_before is not None for e in flows) else None,
    )
