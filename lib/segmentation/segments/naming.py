"""Names of segments: what sets each apart from the average customer, in words."""

from collections import Counter
from collections.abc import Mapping, Sequence

NOTABLE, EXTREME = 0.5, 1.5
"""Standard deviations from the average: half is a medium effect (Cohen 1988, chapter 2)."""

FEW_FEATURES, MOST_FEATURES = 2, 3
"""Two features are named; three where that does not tell two segments apart."""


def name_segments(differences: Sequence[Mapping[str, float]]) -> tuple[str, ...]:
    """A name for every segment, in order; no two are alike.

    Parameters
    ----------
    differences
        For every segment, each feature's centre less the overall mean, in standard
        deviations. The features that stand out most are named first.
    """
    names = [_described(difference, features=FEW_FEATURES) for difference in differences]
    shared = {name for name, times in Counter(names).items() if times > 1}
    names = [
        _described(difference, features=MOST_FEATURES) if name in shared else name
        for name, difference in zip(names, differences, strict=True)
    ]
    times, seen = Counter(names), Counter[str]()
    numbered = []
    for name in names:
        seen[name] += 1
        numbered.append(f"{name} ({seen[name]})" if times[name] > 1 else name)
    return tuple(numbered)


def _described(difference: Mapping[str, float], *, features: int) -> str:
    standing_out = sorted(difference.items(), key=lambda item: (-abs(item[1]), item[0]))
    words = [
        f"{_degree(size)} {name.replace('_', ' ').strip()}"
        for name, size in standing_out[:features]
        if abs(size) >= NOTABLE
    ]
    text = ", ".join(words) or "close to average"
    return text[:1].upper() + text[1:]


def _degree(size: float) -> str:
    word = "high" if size > 0 else "low"
    return f"very {word}" if abs(size) >= EXTREME else word
