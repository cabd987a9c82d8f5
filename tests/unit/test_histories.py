"""Keys over planted histories: every event named right, and no key kept by another segment."""

import re
from itertools import chain, pairwise

import numpy as np
import pytest

from tests.histories import TURNOVERS, history
from tests.identity_models import METHODS
from tests.identity_trials import all_results, results
from tests.renames import CLEAR, renames
from tests.rotation import SEED
from tests.scenarios import MONTHS, SCENARIOS


@pytest.mark.parametrize("scenario", SCENARIOS)
def test_every_event_of_a_history(scenario):
    found = list(results(scenario, SEED % 100, scale=0.7))
    assert [each.fault for each in found if each.fault] == []
    assert [each.wrong_keys for each in found if each.wrong_keys] == []
    if scenario == "drift across half the space":
        assert found[-1].drifted == ("A",)
    assert len(found) == MONTHS - 1


def test_without_the_reach_a_large_new_group_takes_the_key_of_a_small_one():
    without = list(METHODS)[1]
    found = list(results("birth beside a small segment", SEED % 100, scale=0.7, method=without))
    (event,) = (each for each in found if each.is_eventful)
    assert re.search(r"'N': \('s\d', 'survived'", event.fault)
    assert len(event.wrong_keys) == 1


def test_customers_turn_over():
    for seed, turnover in enumerate(TURNOVERS):
        ids = [set(customers.ids.tolist()) for _, customers in history("survival", seed)]
        stay = [len(a & b) / len(a) for a, b in pairwise(ids)]
        assert np.mean(stay) == pytest.approx((1 - turnover) * 0.97, abs=0.04)


@pytest.mark.parametrize("structure", CLEAR)
def test_a_refit_of_clear_groups_renames_nothing(structure, request):
    coordinates, k = CLEAR[structure]
    refits = 50 if request.config.getoption("--thorough") else 2
    for bootstrap in (False, True):
        assert renames(coordinates, k=k, refits=refits, bootstrap=bootstrap).with_any == 0


@pytest.mark.thorough
def test_all_histories():
    found = all_results(10)
    assert sum(not each.fault for each in found) >= 0.98 * len(found)
    assert list(chain.from_iterable(each.wrong_keys for each in found)) == []
    ends = [each for each in found if each.month == MONTHS - 1]
    assert all("A" in each.drifted for each in ends if each.scenario.startswith("drift"))
    assert not any(each.drifted for each in found if each.scenario == "survival")
