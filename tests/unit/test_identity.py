"""Keys that outlive a refit, worked out by hand, by properties and by a restated table."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from segmentation.results.segments import ENDS, EVENTS
from segmentation.segments.identity import (
    EndedKey,
    Identity,
    PreviousKey,
    drifted_keys,
    identify,
    kept_identities,
    new_identities,
    successors,
)
from segmentation.segments.identity_reasons import listed, percent

HALF = Fraction(1, 2)


def run(*shares: float) -> list[PreviousKey]:
    """The segments s1, s2, ... of a previous run."""
    return [PreviousKey(f"s{number}", share) for number, share in enumerate(shares, start=1)]


def facts(identities: Sequence[Identity]) -> list[tuple[str, str, tuple[str, ...]]]:
    return [(each.key, each.event, each.parents) for each in identities]


def ends(ended: Sequence[EndedKey]) -> list[tuple[str, str, tuple[str, ...]]]:
    return [(each.key, each.fate, each.into) for each in ended]


def test_keys_survive_in_another_order():
    counts = np.array([[3, 97], [190, 10], [7, 0]])
    identities, ended = identify(counts, run(0.3, 0.7), given=2)
    assert facts(identities) == [("s2", "survived", ("s2",)), ("s1", "survived", ("s1",))]
    assert (identities[0].overlap_kept, identities[0].overlap_from) == (0.95, 0.95)
    assert identities[0].reason == (
        "s2 survived: 95% of the customers whom the previous model assigns to s2 are in it, and"
        " they are 95% of its customers"
    )
    assert ended == ()


def test_split():
    counts = np.array([[50, 0, 50], [0, 100, 0], [0, 0, 0]])
    identities, ended = identify(counts, run(0.5, 0.5), given=5)
    assert facts(identities) == [
        ("s6", "split off", ("s1",)),
        ("s2", "survived", ("s2",)),
        ("s7", "split off", ("s1",)),
    ]
    assert ends(ended) == [("s1", "split", ("s6", "s7"))]
    assert ended[0].reason == "s1 split: of its customers 50% are in s6 and 50% are in s7"


def test_the_larger_part_of_a_split_is_not_the_old_segment_unless_it_is_most_of_it():
    counts = np.array([[60, 40], [0, 0]])
    identities, ended = identify(counts, run(1.0), given=1)
    assert facts(identities) == [("s1", "survived", ("s1",)), ("s2", "split off", ("s1",))]
    assert ended == ()


def test_merge():
    counts = np.array([[100, 0], [90, 10], [0, 200], [0, 0]])
    identities, ended = identify(counts, run(0.25, 0.25, 0.5), given=3)
    assert facts(identities) == [
        ("s1", "survived", ("s1", "s2")),  # 100 of 190 are a majority
        ("s3", "survived", ("s3",)),
    ]
    assert ends(ended) == [("s2", "absorbed", ("s1",))]
    counts[2, 0] = 20
    identities, ended = identify(counts, run(0.25, 0.25, 0.5), given=3)
    assert facts(identities)[0] == ("s4", "merged", ("s1", "s2"))
    assert ends(ended) == [("s1", "merged", ("s4",)), ("s2", "merged", ("s4",))]
    assert identities[0].reason == (
        "s4 was merged from s1 and s2: 100% of s1 and 90% of s2 are in it"
    )


def test_customers_out_of_reach_belong_to_no_old_segment():
    """A large new group beside a small old segment does not take its key."""
    counts = np.array([[30, 0], [0, 200], [70, 0]])
    identities, ended = identify(counts, run(0.1, 0.9), given=2)
    assert facts(identities) == [("s3", "new", ("s1",)), ("s2", "survived", ("s2",))]
    assert identities[0].reason == (
        "s3 is new: 70% of its customers are out of reach of every previous segment; it absorbed s1"
    )
    assert ends(ended) == [("s1", "absorbed", ("s3",))]


def test_a_segment_with_a_tenth_of_its_share_left_has_disappeared_whoever_takes_the_rest():
    counts = np.array([[0, 9], [600, 391], [0, 0]])
    identities, ended = identify(counts, run(0.1, 0.9), given=2)
    assert facts(identities) == [
        ("s2", "survived", ("s2",)),
        ("s3", "split off", ("s2",)),
    ]
    assert ends(ended) == [("s1", "disappeared", ())]
    assert ended[0].reason == (
        "s1 disappeared: the previous model assigns 0.9% of today's customers to it, after 10%"
    )
    _, ended = identify(counts, run(0.09, 0.91), given=2)  # exactly a tenth
    assert ends(ended) == [("s1", "absorbed", ("s3",))]


def test_a_small_rest_that_is_a_segment_of_its_own_survives():
    identities, ended = identify(np.array([[9, 0], [0, 991], [0, 0]]), run(0.5, 0.5), given=2)
    assert facts(identities) == [("s1", "survived", ("s1",)), ("s2", "survived", ("s2",))]
    assert ended == ()


def test_a_key_whose_customers_are_spread_disappears():
    counts = np.array([[40, 30, 30], [500, 0, 0], [0, 500, 0], [0, 0, 0]])
    identities, ended = identify(counts, run(0.1, 0.5, 0.4), given=3)
    assert [each.key for each in identities] == ["s2", "s3", "s4"]
    assert facts(identities)[2] == ("s4", "split off", ("s1",))
    assert ends(ended) == [("s1", "disappeared", ("s4",))]
    assert ended[0].reason == ("s1 disappeared: no segment has most of its customers, at most 40%")


def test_a_segment_moves_where_its_customers_say_so():
    counts = np.array([[0, 0], [0, 500], [500, 0]])  # all of the first are out of reach
    by_id = np.array([[60, 0, 40], [5, 90, 5]])
    identities, ended = identify(counts, run(0.5, 0.5), given=2, followed=lambda: by_id)
    assert facts(identities) == [("s1", "moved", ("s1",)), ("s2", "survived", ("s2",))]
    assert (identities[0].overlap_kept, identities[0].overlap_from) == (None, 0)
    assert ended == ()
    assert identities[0].reason == (
        "s1 moved: by customer id, 60% of its former customers are in it, and 92% of its"
        " customers who were there before were in it"
    )


@pytest.mark.parametrize(
    "by_id",
    [
        [[50, 0, 50], [5, 90, 5]],  # half of the former customers left
        [[60, 0, 0], [60, 0, 0]],  # as many came from another segment
        [[0, 0, 0], [0, 0, 0]],  # no customer of before
    ],
)
def test_a_segment_without_a_majority_by_id_is_new(by_id):
    counts = np.array([[0, 0], [0, 500], [500, 0]])
    identities, ended = identify(counts, run(0.5, 0.5), given=2, followed=lambda: np.array(by_id))
    assert facts(identities)[0] == ("s3", "new", ())
    assert ends(ended) == [("s1", "disappeared", ())]


def test_a_key_that_survives_by_the_rule_does_not_follow_its_customers():
    counts = np.array([[300, 0], [0, 0], [0, 500]])
    by_id = np.array([[10, 90, 0], [0, 0, 100]])
    identities, ended = identify(counts, run(0.5, 0.5), given=2, followed=lambda: by_id)
    assert facts(identities) == [("s1", "survived", ("s1",)), ("s3", "new", ())]
    assert ends(ended) == [("s2", "disappeared", ())]


def test_what_a_moved_segment_left_behind_was_not_absorbed():
    counts = np.array([[0, 100], [0, 500], [400, 0]])
    by_id = np.array([[90, 0, 10], [0, 500, 0]])
    identities, _ = identify(counts, run(0.5, 0.5), given=2, followed=lambda: by_id)
    assert facts(identities) == [("s1", "moved", ("s1",)), ("s2", "survived", ("s2",))]
    identities, ended = identify(counts, run(0.5, 0.5), given=2)
    assert facts(identities) == [("s3", "new", ()), ("s2", "survived", ("s2", "s1"))]
    assert ends(ended) == [("s1", "absorbed", ("s2",))]


def test_customers_are_followed_only_where_that_could_matter():
    def not_called() -> Any:
        raise AssertionError("customers were matched by id for nothing")

    previous = run(0.5, 0.5)
    all_survive = np.array([[9, 0, 0], [0, 9, 0], [0, 0, 9]])
    none_new = np.array([[9, 9], [0, 0], [0, 0]])
    for counts in (all_survive, none_new):
        without = identify(counts, previous, given=2)
        assert identify(counts, previous, given=2, followed=not_called) == without


def test_a_kept_model_keeps_every_key_whatever_its_reach():
    counts = np.array([[1, 0], [0, 0], [99, 5]])
    identities, ended = kept_identities(counts, run(0.5, 0.5))
    assert facts(identities) == [("s1", "survived", ("s1",)), ("s2", "survived", ("s2",))]
    assert [(each.overlap_kept, each.overlap_from) for each in identities] == [
        (1, 0.01),
        (None, 0),
    ]
    assert ended == ()
    assert successors(counts, run(0.5, 0.5), identities) == {"s1": "s1", "s2": "s2"}


def test_keys_without_a_comparison():
    identities, ended = new_identities(2)
    assert facts(identities) == [("s1", "first", ()), ("s2", "first", ())]
    assert ended == ()
    identities, ended = new_identities(2, run(1.0), given=7)
    assert facts(identities) == [("s8", "new", ()), ("s9", "new", ())]
    assert ends(ended) == [("s1", "disappeared", ())]


def test_successors():
    previous = run(0.3, 0.3, 0.2, 0.2)
    counts = np.array([[90, 0, 10], [80, 0, 20], [0, 50, 50], [0, 300, 0], [0, 0, 0]])
    identities, _ = identify(counts, previous, given=4)
    assert successors(counts, previous, identities) == {
        "s1": "s1",  # survived
        "s2": "s1",  # absorbed
        "s3": None,  # no segment has most of it
        "s4": "s4",
    }


def test_drifted_keys():
    counts = np.array([[49, 31, 20], [10, 50, 40], [0, 0, 90], [0, 0, 0]])
    found = drifted_keys(counts, keys=["s4", "s2", "s9", "s8"], anchor_keys=["s4", "s2"])
    assert found == {"s4": 0.49}  # s2 has half of its customers, s9 has another anchor
    assert drifted_keys(counts, keys=["s4", "s2", "s9", "s8"], anchor_keys=[None, "s2"]) == {}
    empty = drifted_keys(np.zeros((1, 2), np.int64), keys=["s4"], anchor_keys=["s4"])
    assert empty == {}


def test_counts_of_another_shape():
    wrong = np.zeros((2, 3), np.int64)
    with pytest.raises(ValueError, match="shape"):
        identify(wrong, run(0.5, 0.5), given=2)
    with pytest.raises(ValueError, match="shape"):
        kept_identities(wrong, run(1.0))
    with pytest.raises(ValueError, match="shape"):
        drifted_keys(wrong, keys=["s1"], anchor_keys=["s1"])
    unexplained = np.array([[0, 0], [9, 9]])
    with pytest.raises(ValueError, match="shape"):
        identify(unexplained, run(1.0), given=1, followed=lambda: unexplained)


def test_words():
    assert [percent(each) for each in (0, 0.004, 0.25, 0.4961, 0.5, 0.503, 0.9995, 1)] == [
        "0%", "0.4%", "25%", "49.6%", "50%", "50.3%", "100.0%", "100%",
    ]  # fmt: skip
    assert [listed(list(each)) for each in ("a", "ab", "abc")] == ["a", "a and b", "a, b and c"]


@dataclass(frozen=True)
class Comparison:
    """Counts of two models, the previous run's segments, and its customers by id."""

    counts: Any
    previous: list[PreviousKey]
    by_id: Any

    def result(self, *, followed: bool = True) -> Any:
        follow: Callable[[], Any] | None = (lambda: self.by_id) if followed else None
        return identify(self.counts, self.previous, given=9, followed=follow)


@st.composite
def comparisons(draw: st.DrawFn) -> Comparison:
    """Small counts, so that there are ties, empty segments and exact halves and tenths."""
    before, now = draw(st.integers(1, 4)), draw(st.integers(1, 4))
    few = st.sampled_from([0, 0, 0, 1, 2, 5, 9, 10, 50, 100])
    weights = draw(st.lists(st.integers(1, 8), min_size=before, max_size=before))
    numbers = draw(st.permutations(range(1, 9)))
    return Comparison(
        draw(arrays(np.int64, (before + 1, now), elements=few)),
        [
            PreviousKey(f"s{number}", weight / sum(weights))
            for number, weight in zip(numbers, weights, strict=False)
        ],
        draw(arrays(np.int64, (before, now + 1), elements=few)),
    )


def majority(part: Any, whole: Any) -> bool:
    return bool(whole) and Fraction(int(part), int(whole)) > HALF


def table(case: Comparison) -> tuple[list[tuple[str, str, set[str]]], list[tuple[str, str]]]:
    """Events and ends as their definition reads, case by case, with fractions."""
    n, names = case.counts, [each.key for each in case.previous]
    old, new = range(len(names)), range(n.shape[1])
    kept = {(i, j): majority(n[i, j], n[i].sum()) for i in old for j in new}
    of = {(i, j): majority(n[i, j], n[:, j].sum()) for i in old for j in new}
    heir = {i: j for i in old for j in new if kept[i, j] and of[i, j]}
    total = int(n.sum())
    vanished = {
        i
        for i in old
        if i not in heir and (not total or int(n[i].sum()) / total < 0.1 * case.previous[i].share)
    }
    for pair in kept:
        kept[pair] &= pair[0] not in vanished
        of[pair] &= pair[0] not in vanished
    events: dict[int, tuple[str, int | None]] = {}
    for j in new:
        survivor = [i for i in heir if heir[i] == j]
        source = [i for i in old if of[i, j]]
        taken = [i for i in old if kept[i, j]]
        if survivor:
            events[j] = "survived", survivor[0]
        elif source:
            events[j] = "split off", None
        else:
            events[j] = "merged" if len(taken) >= 2 else "new", None
    m = case.by_id
    for j in new:
        for i in old:
            goes = majority(m[i, j], m[i].sum()) and majority(m[i, j], m[:, j].sum())
            if events[j][0] == "new" and i not in heir and goes:
                events[j] = "moved", i
    alive = {i for _, i in events.values() if i is not None}
    rows, number = [], 9
    for j in new:
        event, own = events[j]
        number += own is None
        moved = {i for e, i in events.values() if e == "moved"}
        parents = {i for i in old if (kept[i, j] and (event == "merged" or i not in moved))}
        parents |= {i for i in old if of[i, j]} | ({own} if own is not None else set())
        name = f"s{number}" if own is None else names[own]
        rows.append((name, event, {names[i] for i in parents}))
    fates = []
    for i in set(old) - alive:
        heirs = [j for j in new if kept[i, j]]
        if sum(of[i, j] for j in new) >= 2:
            fates.append((names[i], "split"))
        elif heirs:
            fates.append((names[i], "merged" if events[heirs[0]][0] == "merged" else "absorbed"))
        else:
            fates.append((names[i], "disappeared"))
    return rows, fates


@given(comparisons())
def test_the_table_restated(case):
    identities, ended = case.result()
    rows, fates = table(case)
    assert [(each.key, each.event, set(each.parents)) for each in identities] == rows
    assert [(each.key, each.fate) for each in ended] == fates


@given(comparisons())
def test_every_key_has_one_life(case):
    """No two segments have a key, new keys are new, and every old key lives on or has ended."""
    identities, ended = case.result()
    keys, old = [each.key for each in identities], [each.key for each in case.previous]
    assert len(set(keys)) == len(keys)
    fresh = [each.key for each in identities if each.event not in ("survived", "moved")]
    assert fresh == [f"s{10 + at}" for at in range(len(fresh))]
    gone = [each.key for each in ended]
    assert sorted([*gone, *(set(keys) - set(fresh))]) == sorted(old)
    assert {each.event for each in identities} <= set(EVENTS) - {"first"}
    assert {each.fate for each in ended} <= set(ENDS)


@given(comparisons())
def test_parents_and_heirs_agree(case):
    identities, ended = case.result()
    for end in ended:
        assert list(end.into) == [each.key for each in identities if end.key in each.parents]
    for each in identities:
        assert len(set(each.parents)) == len(each.parents)
        assert each.reason.startswith(each.key)
    assert not any("nan" in each.reason for each in (*identities, *ended))


@given(comparisons(), st.randoms(use_true_random=False))
def test_the_order_of_segments_does_not_matter(case, chance):
    """Only the numbers of new keys follow the order of the new segments."""
    rows, columns = list(range(len(case.previous))), list(range(case.counts.shape[1]))
    chance.shuffle(rows)
    chance.shuffle(columns)
    other = Comparison(
        case.counts[[*rows, len(rows)]][:, columns],
        [case.previous[row] for row in rows],
        case.by_id[rows][:, [*columns, len(columns)]],
    )
    identities, ended = case.result()
    others, others_ended = other.result()

    def fixed(each: Identity) -> Any:
        is_old = each.event in ("survived", "moved")
        shares = each.overlap_kept, each.overlap_from
        return (each.key if is_old else None, each.event, set(each.parents)), shares

    def without_ties(each: Any) -> Any:
        return each if len(each[0][2]) < 2 else each[0]  # which parent is the main one may tie

    assert [without_ties(fixed(each)) for each in others] == [
        without_ties(fixed(identities[column])) for column in columns
    ]
    assert {(each.key, each.fate) for each in others_ended} == {
        (each.key, each.fate) for each in ended
    }


@given(st.lists(st.integers(1, 1000), min_size=1, max_size=6), st.randoms(use_true_random=False))
def test_the_same_segments_survive(sizes, chance):
    order = list(range(len(sizes)))
    chance.shuffle(order)
    counts = np.vstack([np.diag(sizes), np.zeros(len(sizes), np.int64)])
    previous = run(*(size / sum(sizes) for size in sizes))
    identities, ended = identify(counts[:, order], previous, given=len(sizes))
    assert [each.key for each in identities] == [previous[at].key for at in order]
    assert {each.event for each in identities} == {"survived"}
    assert ended == ()


@given(comparisons())
def test_successors_have_most_of_the_key(case):
    identities, _ = case.result()
    found = successors(case.counts, case.previous, identities)
    for row, each in zip(case.counts, case.previous, strict=False):
        most = [
            now.key for now, count in zip(identities, row, strict=True) if 2 * count > row.sum()
        ]
        assert found[each.key] == (most[0] if most else None)
