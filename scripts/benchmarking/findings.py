"""What contestants make of the planted groups: the verdict, and how well labels agree."""

from collections.abc import Mapping

import numpy as np
from sklearn.cluster import KMeans
from sklearn.metrics import adjusted_rand_score

from scripts.benchmarking.costs import Floats, ScaledTable, costs, nearest
from scripts.benchmarking.data import Customers
from scripts.benchmarking.records import Finding
from scripts.benchmarking.task import Answer

STARTS, SAMPLE_ROWS = 10, 20_000


def findings(table: Customers, scaled: ScaledTable, answers: Mapping[str, Answer]) -> list[Finding]:
    """Each contestant's finding; reads the table once for each that has no published labels."""
    return [
        found
        for name, answer in answers.items()
        if (found := _finding(name, table, scaled, answer)) is not None
    ]


def _finding(
    contestant: str, table: Customers, scaled: ScaledTable, answer: Answer
) -> Finding | None:
    groups = table.shape.groups
    if (own := answer.published) is not None:
        return Finding(
            contestant=contestant,
            k=answer.chosen or 0,
            rand=round(adjusted_rand_score(table.planted, own.labels), 4) if groups > 1 else None,
            verdict=f"{own.groups} {own.strength}" if own.strength != "none" else "none",
            warnings=own.warnings,
            report_mib=own.report_mib,
            generated_lines=own.generated_lines,
        )
    if groups < 2 or groups not in answer.centres:
        return None
    given = scaled.scaled(answer.centres[groups])
    rivals = [given, _of_many_starts(scaled, groups)]
    best = rivals[int(np.argmin(costs(scaled.blocks(), rivals)))]
    agreement = adjusted_rand_score(table.planted, nearest(scaled.blocks(), best))
    return Finding(contestant=contestant, k=groups, rand=round(agreement, 4))


def _of_many_starts(scaled: ScaledTable, groups: int) -> Floats:
    """The best of scikit-learn's starts on the first customers; one start is too often unlucky."""
    sample = next(scaled.blocks())[:SAMPLE_ROWS]
    found: Floats = KMeans(groups, n_init=STARTS, random_state=0).fit(sample).cluster_centers_
    return found
