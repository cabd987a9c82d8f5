"""Which settings that a model depends on have changed since it was fitted, in words."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

FEATURES = ("numeric", "ordered", "dates", "boolean", "categorical")
INHERITED = ("transform", "negative", "missing")
"""Settings of a feature that those of the section replace where it has none of its own."""

SETTINGS = {
    "features": ("scale", "winsorise"),
    "choose": ("k",),
    "transactions": (
        *("customer", "timestamp", "timestamp_format", "timezone", "amount", "quantity"),
        *("unit_price", "order", "product", "product_pattern", "category", "returns"),
        *("duplicates", "window_days", "net_spend"),
    ),
}
"""Other settings that a model depends on, by section."""


def changed_settings(
    before: Mapping[str, Any], now: Mapping[str, Any], *, k: int | None = None
) -> tuple[str, ...]:
    """Which settings that a model depends on have changed, in words; paths and days do not count.

    ``before`` and ``now`` are configurations as in the manifest. ``k`` is the model's number of
    segments, if it has to be in today's range.
    """
    found = list(_changed_features(_features(before), _features(now)))
    for section, keys in SETTINGS.items():
        old, new = (each.get(section) or {} for each in (before, now))
        found += _changed_keys(f"{section}.", old, new, keys)
    sweep = now.get("sweep") or {}
    if k is not None and not sweep.get("k_min", k) <= k <= sweep.get("k_max", k):
        found.append(
            f"sweep.k_min = {sweep['k_min']} and sweep.k_max = {sweep['k_max']} rule out the "
            f"model's {k} segments"
        )
    return tuple(found)


def _features(config: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
    """The settings of every feature in the model by name, its kind among them."""
    section = config.get("features") or {}
    found = {}
    for kind in FEATURES:
        for each in section.get(kind) or ():
            own = {
                key: section.get(key) if value is None and key in INHERITED else value
                for key, value in each.items()
            }
            found[each["name"]] = {"kind": kind, **own}
    return found


def _changed_features(
    before: Mapping[str, Mapping[str, Any]], now: Mapping[str, Mapping[str, Any]]
) -> Iterator[str]:
    for name in now:
        if name not in before:
            yield f"feature {name!r} was added"
    for name, old in before.items():
        if name not in now:
            yield f"feature {name!r} was removed"
        else:
            keys = [key for key in now[name] if key != "name"]
            yield from _changed_keys(f"of feature {name!r} ", old, now[name], keys)


def _changed_keys(
    owner: str, before: Mapping[str, Any], now: Mapping[str, Any], keys: Sequence[str]
) -> Iterator[str]:
    for key in keys:
        old, new = before.get(key), now.get(key)
        if _plain(old) != _plain(new):
            yield f"{owner}{key} is {new!r} and was {old!r}"


def _plain(value: Any) -> Any:
    """The value with lists and tuples alike."""
    return [_plain(each) for each in value] if isinstance(value, list | tuple) else value
