"""How often segments keep their keys where they should: planted histories, and mere refits.

``python tests/identity_trials.py`` prints the tables of BENCHMARKS.md. Every model is k-means of
scikit-learn with the right k, so that identity is measured and nothing else.
"""

import argparse
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from tests.histories import TURNOVERS, Customers, history, turnover_of
from tests.identity_models import METHOD, METHODS, Chain, crossed
from tests.renames import CLEAR, NONE, renames
from tests.scenarios import APART, MONTHS, SCENARIOS, Month, Outcome


@dataclass(frozen=True)
class MonthResult:
    """What identity made of a month. ``fault`` says what is wrong, and is empty where nothing is.

    ``wrong_keys`` are those of another group, or of one that is gone; ``drifted`` are the
    groups that the anchors warn of.
    """

    scenario: str
    turnover: float
    month: int
    is_eventful: bool
    fault: str
    wrong_keys: tuple[str, ...]
    drifted: tuple[str, ...]


UNKNOWN = "?"
"""The key of a group that k-means has not found."""

NOT_FOUND = "k-means has not found all groups of this month or the one before"

Names = dict[str, tuple[str | None, str, frozenset[str]]]
"""Key, event and parents by group; None for a key that was not there before."""


def results(
    scenario: str, seed: int, *, scale: float = 1.0, apart: float = APART, method: str = METHOD
) -> Iterator[MonthResult]:
    """Every month of a history but the first, judged by how the history was made."""
    chain, keys, seen = Chain(seed=seed, method=method), dict[str, str](), set[str]()
    for number, (month, customers) in enumerate(history(scenario, seed, scale=scale, apart=apart)):
        (identities, ended), labels = chain.run(customers, k=len(month.groups))
        groups = _groups(month, customers, labels)
        now = [each.key for each in identities]
        if number:
            names: Names = {
                group: (each.key if each.key in seen else None, each.event, frozenset(each.parents))
                for group, each in zip(groups, identities, strict=True)
            }
            found = names, {each.key: each.fate for each in ended}
            right = [_expected(month, outcome, keys) for outcome in month.outcomes]
            is_found = UNKNOWN not in keys.values() and len(set(groups)) == len(groups)
            fault = "" if found in right else f"{found}, expected {right}"
            group_of = dict(zip(now, groups, strict=True))
            yield MonthResult(
                scenario=scenario,
                turnover=turnover_of(seed),
                month=number,
                is_eventful=month.is_eventful,
                fault=fault if is_found else NOT_FOUND,
                wrong_keys=tuple(
                    key
                    for group, (key, *_) in names.items()
                    if is_found and key is not None
                    if key not in {each[group][0] for each, _ in right}
                ),
                drifted=tuple(group_of[key] for key in chain.drifted(customers, labels)),
            )
        keys = dict.fromkeys(month.groups, UNKNOWN) | dict(zip(groups, now, strict=True))
        seen |= set(now)


def _groups(month: Month, customers: Customers, labels: Any) -> list[str]:
    """The group of most customers of every segment."""
    group_of = {part: at for at, group in enumerate(month.groups) for part in group}
    true = np.array([group_of[part] for part in customers.part.tolist()])
    k = len(month.groups)
    return [month.groups[at] for at in crossed(labels, true, size=(k, k)).argmax(axis=1)]


def _expected(
    month: Month, outcome: Outcome, keys: Mapping[str, str]
) -> tuple[Names, dict[str, str]]:
    """The right names and ends, where ``keys`` are those of the month before."""
    names: Names = {}
    for group in month.groups:
        event, groups = outcome.events.get(group, ("survived", (group,)))
        parents = [keys[each] for each in groups]
        own = parents[0] if event in ("survived", "moved") else None
        names[group] = own, event, frozenset(parents)
    return names, {keys[group]: fate for group, fate in outcome.ends.items()}


def _print_table(header: str, rows: Sequence[Sequence[object]]) -> None:
    columns = header.split("|")
    for row in [columns, ["---"] * len(columns), *rows]:
        print("|", " | ".join(str(each).strip() for each in row), "|")
    print()


def _part(some: Sequence[MonthResult]) -> str:
    """How many of the months are named right."""
    return f"{sum(not each.fault for each in some)} of {len(some)}" if some else "-"


def _share(some: Sequence[MonthResult]) -> str:
    return f"{sum(not each.fault for each in some) / len(some):.1%}"


def _wrong_keys(some: Sequence[MonthResult]) -> int:
    return sum(len(each.wrong_keys) for each in some)


def _print_scenarios(found: Sequence[MonthResult]) -> None:
    rows = []
    for scenario in SCENARIOS:
        own = [each for each in found if each.scenario == scenario]
        eventful = [each for each in own if each.is_eventful]
        last = [each for each in own if each.month == MONTHS - 1]
        warned = sum(any("A" in group for group in each.drifted) for each in last)
        others = sum("A" not in group for each in own for group in each.drifted)
        facts = len(last), _part(own), _part(eventful), _wrong_keys(own)
        rows.append((scenario, *facts, f"{warned} of {len(last)}", others))
    _print_table(
        "Scenario | Histories | Months named right | Of those with an event | Wrong keys |"
        " Warned of the drift of A | Other drift warnings",
        rows,
    )
    by_turnover = [
        (f"{turnover:.0%}", [each for each in found if each.turnover == turnover])
        for turnover in TURNOVERS
    ]
    _print_table(
        "Turnover per month | Months named right | Share | Wrong keys",
        [(name, _part(some), _share(some), _wrong_keys(some)) for name, some in by_turnover],
    )


def _print_renames(refits: int) -> None:
    structures = [(name, *each) for name, each in CLEAR.items()]
    structures += [(name, each, k) for name, each in NONE.items() for k in (3, 5, 8)]
    rows = []
    for name, coordinates, k in structures:
        both = [
            renames(coordinates, k=k, refits=refits, bootstrap=bootstrap)
            for bootstrap in (False, True)
        ]
        shares = [
            f"{each.segments / (refits * k):.1%} ({each.with_any} of {refits})" for each in both
        ]
        rows.append((name, k, *shares))
    _print_table("Structure | k | Other seed and order of rows | Bootstrapped customers, too", rows)


def all_results(seeds: int, **facts: Any) -> list[MonthResult]:
    """The months of so many histories of each scenario."""
    return [
        each
        for scenario in SCENARIOS
        for seed in range(seeds)
        for each in results(scenario, seed, **facts)
    ]


def _print_methods(found: Sequence[MonthResult], seeds: int) -> None:
    others = {method: all_results(seeds, method=method) for method in list(METHODS)[1:]}
    _print_table(
        "Method | Months named right | Of those with an event | Wrong keys",
        [
            (name, _part(some), _part([e for e in some if e.is_eventful]), _wrong_keys(some))
            for name, some in ({METHOD: found} | others).items()
        ],
    )


def _print_distances(found: Sequence[MonthResult], seeds: int) -> None:
    nearer = {apart: all_results(seeds, apart=apart) for apart in (7.0, 6.0, 5.0, 4.0)}
    _print_table(
        "Least distance between groups | Months named right | Share | Wrong keys |"
        " Months in which k-means did not find the groups",
        [
            (
                f"{apart:g}",
                _part(some),
                _share(some),
                _wrong_keys(some),
                sum(each.fault == NOT_FOUND for each in some),
            )
            for apart, some in ({APART: found} | nearer).items()
        ],
    )


def main() -> None:
    """Print the tables in Markdown, and to the standard error what was named wrong."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, default=10, help="histories of each scenario")
    parser.add_argument("--refits", type=int, default=50, help="of each structure")
    tables = ("scenarios", "methods", "distances", "renames")
    parser.add_argument("--tables", nargs="+", choices=tables, default=tables)
    options = parser.parse_args()
    if options.tables != ["renames"]:
        found = all_results(options.seeds)
        for each in found:
            if each.fault or each.wrong_keys:
                print(each, file=sys.stderr)
    if "scenarios" in options.tables:
        _print_scenarios(found)
    if "methods" in options.tables:
        _print_methods(found, options.seeds)
    if "distances" in options.tables:
        _print_distances(found, options.seeds)
    if "renames" in options.tables:
        _print_renames(options.refits)


if __name__ == "__main__":
    main()
