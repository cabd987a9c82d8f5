"""Whether the flows between two runs are complete."""

from collections.abc import Mapping, Sequence

from segmentation.results import LEFT, NEW, Flow


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
