"""Names of segments: what sets most customers of each apart from the average, in words."""

from collections import Counter
from collections.abc import Sequence

from segmentation.config.sources import DERIVED_NAMES
from segmentation.segments.traits import Trait

NOTABLE, EXTREME = 0.5, 1.5
"""Standard deviations from the average: half is a medium effect (Cohen 1988, chapter 2)."""

MIN_FEATURES, MAX_FEATURES = 2, 3
"""Two features are named; three where two segments would have the same name."""

ORDINARY, MIXED = "Close to average", "Mixed"
"""Names of segments without a distinctive trait, and without one that most customers share."""

PHRASES = {
    "recency_days": ("{very}long since last purchase", "{very}recent last purchase"),
    "tenure_days": ("{very}long tenure", "{very}short tenure"),
}
DATES = ("{very}early {column}", "{very}late {column}")
NUMBERS = ("{very}high {column}", "{very}low {column}")
"""Idiomatic words for high and low values."""


def name_segments(
    traits: Sequence[Sequence[Trait]], *, sizes: Sequence[int], min_group: int = 1
) -> tuple[str, ...]:
    """A name for every segment, in order; no two are equal.

    A name states only what is true of more than half of the segment's customers with a known
    value, and of ``min_group`` customers at least. The most distinctive trait comes first, one
    statement per column. ``sizes`` are the customers of each segment.
    """

    def names(features: int) -> list[str]:
        return [
            f"Fewer than {min_group} customers"
            if size < min_group
            else _name(each, features=features, min_group=min_group)
            for each, size in zip(traits, sizes, strict=True)
        ]

    short, long = names(MIN_FEATURES), names(MAX_FEATURES)
    shared = Counter(short)
    return _numbered([b if shared[a] > 1 else a for a, b in zip(short, long, strict=True)])


def _numbered(names: Sequence[str]) -> tuple[str, ...]:
    """The names, with a number where two are equal."""
    times, number, taken = Counter(names), Counter[str](), set(names)
    found = []
    for name in names:
        own = name
        while times[name] > 1 and own in taken:
            number[name] += 1
            own = f"{name} ({number[name]})"
        taken.add(own)
        found.append(own)
    return tuple(found)


def _name(traits: Sequence[Trait], *, features: int, min_group: int) -> str:
    standing_out = sorted(
        (each for each in traits if abs(each.difference) >= NOTABLE), key=_prominence
    )
    statements: dict[str, str] = {}
    for trait in standing_out:
        statement = _statement(trait, min_group=min_group)
        if trait.column not in statements and statement is not None:
            statements[trait.column] = statement
    text = ", ".join(list(statements.values())[:features])
    if not text:
        return MIXED if standing_out else ORDINARY
    return text[:1].upper() + text[1:]


def _prominence(trait: Trait) -> tuple[bool, float, str, str]:
    """Sort key: larger differences first, missing values last."""
    is_lacking = trait.kind == "categorical" and trait.difference < 0
    return is_lacking, -abs(trait.difference), trait.column, trait.value or ""


def _statement(trait: Trait, *, min_group: int) -> str | None:
    """The trait in words, None where it is not true of most customers, or of too few."""
    if not trait.holds_for_most or round(trait.share * trait.known) < min_group:
        return None
    is_high = trait.difference > 0
    column = DERIVED_NAMES.get(trait.column, trait.column).replace("_", " ").strip()
    very = "very " if abs(trait.difference) >= EXTREME else ""
    match trait.kind:
        case "boolean":
            return f"{column} mostly {'yes' if is_high else 'no'}"
        case "categorical":
            return f"mostly {'' if is_high else 'not '}{trait.value} ({column})"
        case "ordered":
            return f"{column} {trait.value}"
        case "date":
            phrases = DATES
        case _:
            phrases = PHRASES.get(trait.column, NUMBERS)
    return phrases[not is_high].format(very=very, column=column)
