"""Keys that outlive a refit, worked out by hand, by properties and by a restated table."""

from collections.abc import Sequence

import numpy as np

from segmentation.segments.identity import (
    EndedKey,
    Identity,
    PreviousKey,
    identify,
)


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
