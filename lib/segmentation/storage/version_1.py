"""Runs of version 1 (0.1.0 before ``schema_version`` 2), translated to version 2.

Renamed since: ``left_out`` of the transactions (``excluded``), ``least_stability`` of the cost
curve (``min_stability``), ``shapes`` of the profile (``used_for_clustering``) and the reason
``not_in_order`` (``unknown_band``). What was not published then is derived or left empty; the
sample of the scatter plot is missing.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from segmentation.results import INDEX_NAMES

VERSION = 1
REASONS = {"not_in_order": "unknown_band"}
KIND_OF_SECTION = {"ordered": "ordered", "dates": "date", "boolean": "boolean"}

Row = Mapping[str, Any]


def manifest(content: Row) -> dict[str, Any]:
    """The manifest as version 2 has it; ``schema_version`` stays 1.

    Raises
    ------
    KeyError, TypeError, AttributeError
        If it is not of version 1.
    """
    kinds = _kinds(content["config"])
    lines = content.get("transactions")
    return {
        **content,
        "schema_version": VERSION,
        "choice": _choice(content["choice"]),
        "rejections": _renamed_reasons(content["rejections"]),
        "features": [{"kind": _kind(each, kinds), **each} for each in content["features"]],
        "transactions": lines and {**lines, "excluded": _renamed_reasons(lines["left_out"])},
    }


def cost_curve(rows: Iterable[Row]) -> list[dict[str, Any]]:
    """The rows of the cost curve."""
    return [{**row, "min_stability": row.get("least_stability")} for row in rows]


def profiles(rows: Iterable[Row], *, sizes: Mapping[int, int], config: Row) -> list[dict[str, Any]]:
    """The rows of the profile; ``sizes`` are the segments' customers.

    How many values were known was not published: all count as known where there is a mean.
    """
    kinds = _kinds(config)
    return [
        {
            **row,
            "used_for_clustering": row["shapes"],
            "kind": _kind({"column": row["feature"], **row}, kinds),
            "known": 0 if row["mean"] is None else sizes[row["segment"]],
        }
        for row in rows
    ]


def _choice(choice: Row) -> dict[str, Any]:
    """The choice with the evidence against its k, which for the verdict's k is the verdict's."""
    verdict = choice["verdict"]
    if choice["k"] == verdict["k"]:
        against, runners_up = verdict["against"], verdict["runners_up"]
    else:
        against = [
            f"{INDEX_NAMES[index]} favours {k}"
            for index, k in verdict["favourites"].items()
            if k != choice["k"]
        ]
        runners_up = [k for k in (verdict["k"], *verdict["runners_up"]) if k != choice["k"]]
    setting = {"k": choice["k"]}
    return {**choice, "against": against, "runners_up": runners_up, "setting": setting}


def _renamed_reasons(rejections: Sequence[Row]) -> list[dict[str, Any]]:
    return [{**each, "reason": REASONS.get(each["reason"], each["reason"])} for each in rejections]


def _kinds(config: Row) -> dict[str, str]:
    """The kinds of the features that the configuration lists as other than numeric."""
    features = config["features"]
    return {
        each["name"]: kind
        for section, kind in KIND_OF_SECTION.items()
        for each in features.get(section, ())
    }


def _kind(feature: Row, kinds: Mapping[str, str]) -> str:
    kind = kinds.get(feature.get("column") or feature["name"])
    return kind or ("numeric" if feature["value"] is None else "categorical")
