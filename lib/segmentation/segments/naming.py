"""Names of segments: what sets each apart from the average customer, in words."""

from collections import Counter
from collections.abc import Mapping, Sequence
from types import MappingProxyType

NOTABLE, EXTREME = 0.5, 1.5
"""Standard deviations from the average: half is a medium effect (Cohen 1988, chapter 2)."""

FEW_FEATURES, MOST_FEATURES = 2, 3
"""Two features are named; three where that does not tell two segments apart."""


def name_segments(
    differences: Sequence[Mapping[str, float]],
    *,
    values: Mapping[str, tuple[str, str]] = MappingProxyType({}),
) -> tuple[str, ...]:
    """A name for every segment, in order; no two are alike.

    Parameters
    ----------
    differences
        For every segment, each feature's centre less the overall mean, in standard
        deviations. The features that stand out most are named first.
    values
        Of those that are shares the column and the value in it. Of a column only the value
        that stands out most is named.
    """
    names = [_described(each, values, features=FEW_FEATURES) for each in differences]
    shared = {name for name, times in Counter(names).items() if times > 1}
    names = [
        _described(difference, values, features=MOST_FEATURES) if name in shared else name
        for name, difference in zip(names, differences, strict=True)
    ]
    times, seen = Counter(names), Counter[str]()
    numbered = []
    for name in names:
        seen[name] += 1
        numbered.append(f"{name} ({seen[name]})" if times[name] > 1 else name)
    return tuple(numbered)


def _described(
    difference: Mapping[str, float], values: Mapping[str, tuple[str, str]], *, features: int
) -> str:
    standing_out: dict[str, str] = {}
    for name, size in sorted(difference.items(), key=lambda item: (-abs(item[1]), item[0])):
        column, value = values.get(name, (name, None))
        if abs(size) < NOTABLE or column in standing_out:
            continue
        if value is None:
            standing_out[column] = f"{_degree(size)} {name.replace('_', ' ').strip()}"
        else:
            standing_out[column] = f"{'more' if size > 0 else 'fewer'} {value}"
    text = ", ".join(list(standing_out.values())[:features]) or "close to average"
    return text[:1].upper() + text[1:]


def _degree(size: float) -> str:
    word = "high" if size > 0 else "low"
    return f"very {word}" if abs(size) >= EXTREME else word
