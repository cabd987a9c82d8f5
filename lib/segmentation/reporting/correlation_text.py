"""Correlated features in words."""

from collections.abc import Sequence
from dataclasses import dataclass

from segmentation.reporting import formatting
from segmentation.results import Correlation, CorrelationGroup, Run

MAX_GROUPS = 10
"""Groups that are stated, the largest; the others are counted."""

NAMED = 3
"""Features of a group that are named; the others are counted."""


@dataclass(frozen=True)
class CorrelationText:
    """An introduction, and a statement for each group."""

    introduction: str
    statements: tuple[str, ...]


def correlation_text(run: Run) -> CorrelationText | None:
    """The groups of strongly correlated features in words; None where there are none."""
    groups = run.correlation_groups or tuple(map(_of_pair, run.correlations))
    if not groups:
        return None
    are_pairs = all(len(group.features) == 2 for group in groups)
    said = [_statement(group) for group in groups[:MAX_GROUPS]]
    more = len(groups) - MAX_GROUPS
    if more > 0:
        said.append(f"and {formatting.counted(more, 'smaller or weaker group')}")
    weight = "double weight" if are_pairs else "double weight or more"
    return CorrelationText(f"Correlated features have {weight} in the segments:", tuple(said))


def _of_pair(pair: Correlation) -> CorrelationGroup:
    """The pair of a run that was published without groups."""
    opposite = (pair.second,) if pair.r < 0 else ()
    return CorrelationGroup((pair.first, pair.second), opposite, abs(pair.r))


def _statement(group: CorrelationGroup) -> str:
    r = formatting.correlation(group.least_r)
    if len(group.features) == 2:
        verb = "move in opposite directions" if group.opposite else "rise together"
        sign = formatting.MINUS if group.opposite else ""
        return f"{' and '.join(group.features)} {verb} (correlation {sign}{r})"
    verb = "rise together"
    if group.opposite:
        verb = f"move together, {len(group.opposite)} of them in the opposite direction"
    least = formatting.correlation(round(group.least_r * 10_000) // 100 / 100)  # rounded down
    return f"{_listed(group.features)} {verb} (each correlation at least {least})"


def _listed(names: Sequence[str]) -> str:
    """A few names and the number of the others: ``a, b and c``, ``a, b, c and 7 more``."""
    if len(names) > NAMED + 1:
        return f"{', '.join(names[:NAMED])} and {len(names) - NAMED:,} more"
    return f"{', '.join(names[:-1])} and {names[-1]}"
