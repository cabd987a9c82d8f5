"""The choice of k in one plain sentence, for readers who know no index."""

from segmentation.results import Choice
from segmentation.selection.evidence import FEW_DISTINCT_CUSTOMERS, Evidence
from segmentation.selection.validity import STABLE


def summary(choice: Choice, evidence: Evidence) -> str:
    """How clear the segments are: separate groups, a rough match of groups, or a convention."""
    k, groups = choice.k, evidence.groups.count
    if k == 1:
        return _of_one(groups)
    if choice.method == "verdict":
        return _of_verdict(choice, evidence)
    how = (
        f"The configuration sets the number of segments to {k}"
        if choice.method == "fixed"
        else f"The number of segments, {k}, follows one index, as configured"
    )
    if groups == 1:
        return f"{how}; the data show no natural groups, so they are one convenient division."
    if groups != k:
        return f"{how}, but the data show {_counted(groups)}."
    if choice.verdict.strength == "clear":
        return f"{how}, and the data agree: they are clearly separated groups."
    return f"{how}, the number of groups in the data, but {_weakness(choice, evidence)}."


def _of_verdict(choice: Choice, evidence: Evidence) -> str:
    k, groups = choice.k, evidence.groups.count
    if choice.verdict.strength == "clear":
        return (
            "The segments are clearly separated groups, and random samples of the customers give "
            "the same ones."
        )
    if choice.verdict.strength == "none":
        return (
            f"There are no natural groups: the customers differ gradually, and these {k} segments "
            "are one convenient division."
        )
    if groups > k:
        return f"The data show {_counted(groups)}, but the configuration allows no more than {k}."
    if groups < k:
        return f"The data show {_counted(groups)}, but the configuration allows no fewer than {k}."
    return f"The data show {_counted(groups)}, but {_weakness(choice, evidence)}."


def _weakness(choice: Choice, evidence: Evidence) -> str:
    """The main reason why the segments are not fully supported although k is right."""
    least = next(p.min_stability for p in evidence.curve if p.k == choice.k)
    if evidence.distinct_customers <= FEW_DISTINCT_CUSTOMERS:
        return (
            f"there are only {evidence.distinct_customers} distinct customers, so other customers "
            "might form other groups"
        )
    if least is not None and least < STABLE:
        return "random samples of the customers do not give all of the same segments"
    return "these segments match them only roughly"


def _of_one(groups: int) -> str:
    if groups == 1:
        return "There are no natural groups: all customers are in one segment."
    return f"All customers are in one segment, but the data show {_counted(groups)}."


def _counted(groups: int) -> str:
    return "1 group" if groups == 1 else f"{groups} well-separated groups"
