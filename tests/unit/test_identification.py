"""The keys and names of a run's segments, their history, and their anchors."""

from dataclasses import replace
from typing import Any, cast

import numpy as np
import pyarrow as pa
import pytest
from sklearn.metrics import adjusted_rand_score

from segmentation.model.features import Feature
from segmentation.model.fitted import FittedModel, ModelSegment
from segmentation.model.preparation import ModelColumn, Preparation
from segmentation.model.rules import NearestPrototype
from segmentation.pipelines.comparison import adjusted_rand
from segmentation.pipelines.identification import (
    anchors_of,
    drifted_from_anchors,
    history_of,
    identified,
)
from segmentation.pipelines.previous import PreviousRun
from segmentation.results import KeyRecord, Segment
from segmentation.segments.identity import EndedKey, Identity

SEGMENT = Segment(0, "Large", 10, 0.5, None, None, None, 1.0)
PREPARATION = Preparation(
    (Feature("spend", transform="none"),), (ModelColumn("spend", None, 0.0, 1.0, 1.0),), bits=4
)


def model(*centres, keys, reach=10.0):
    """A model of customers by one number, whose grid steps are sixteenths."""
    segments = tuple(
        ModelSegment(i, f"name of {key}", (reach,) * 4, key) for i, key in enumerate(keys)
    )
    rule = NearestPrototype(tuple((16 * centre,) for centre in centres))
    return FittedModel(PREPARATION, rule, segments, "kmeans", {"k": len(keys)}, seed=1)


def previous(fitted, *, names, anchors=None):
    """A run with this model, and segments of these names."""
    segments = tuple(
        replace(SEGMENT, segment=i, name=name, segment_key=key, since_run="old")
        for i, (key, name) in enumerate(names.items())
    )
    history = (KeyRecord("old", "2026", "s1", 0, "A", "first", None, 10, None, "it is first"),)
    reader = cast(Any, None)
    return PreviousRun(reader, fitted, None, segments, history, anchors or {})


def identity(key, event="survived", parents=("s1",)):
    return Identity(key, event, parents, 0.9, 0.8, f"{key} {event}")


def test_names_stay_configured_ones_win_and_no_two_are_equal():
    before = previous(model(0, 5, 9, keys=["s1", "s2", "s3"]), names={"s1": "A", "s2": "B"})
    now = [replace(SEGMENT, segment=i, name=name) for i, name in enumerate(["B", "A", "Z"])]
    identities = [identity("s4", "new", ()), identity("s1"), identity("s2", parents=("s2", "s3"))]
    found = identified(now, identities, previous=before, names={"s2": "Best"}, run="new")
    assert [(each.name, each.automatic_name) for each in found] == [
        ("B", None),
        ("A", None),
        ("Best", "Z"),
    ]
    assert [each.since_run for each in found] == ["new", "old", "old"]
    assert [each.parents for each in found] == [None, "s1", "s2, s3"]
    found = identified(now, identities, previous=before, names={}, run="new")
    assert [each.name for each in found] == ["B (s4)", "A", "B"]


def test_history_has_the_past_the_segments_and_the_keys_that_ended():
    before = previous(model(0, 5, keys=["s1", "s2"]), names={"s1": "A", "s2": "B"})
    identities = [identity("s1")]
    own = identified([SEGMENT], identities, previous=before, names={}, run="new")
    ended = [EndedKey("s2", "absorbed", ("s1",), "s2 was absorbed")]
    found = history_of(own, identities, ended, previous=before, run="new", created_at="2027")
    assert found[0] == before.history[0]
    assert [(e.run, e.segment_key, e.event, e.customers, e.parents) for e in found[1:]] == [
        ("new", "s1", "survived", 10, "s1"),
        ("new", "s2", "absorbed", 0, "s1"),
    ]
    assert found[2].segment is None
    assert found[2].name == "B"


def test_a_key_keeps_the_model_of_the_run_that_gave_it():
    first, second, third = (model(c, c + 5, keys=["s1", "s2"]) for c in (0, 1, 2))
    before = previous(second, names={"s1": "A", "s2": "B"}, anchors={"s1": first})
    # s2 was given in the previous run, s9 is new
    assert anchors_of(before, ["s1", "s2", "s9"], third) == {"s1": first, "s2": second}
    assert anchors_of(before, ["s1", "s2"], second) == {"s1": first}
    assert anchors_of(None, ["s1"], third) == {}


def test_a_segment_that_is_elsewhere_than_its_anchor_is_found():
    first = model(0, 100, keys=["s1", "s2"])
    now = model(0, 60, keys=["s1", "s2"])
    spend = np.r_[np.linspace(-3, 3, 50), np.linspace(55, 65, 50)]
    anchors = {"s1": first, "s2": first}
    # 60 is nearer to 100 than to 0, but out of the reach of 10
    assert drifted_from_anchors(anchors, now, pa.table({"spend": spend})) == {"s2": 0.0}
    assert drifted_from_anchors(anchors, first, pa.table({"spend": spend + 0})) == {"s2": 0.0}
    near = np.where(spend > 50, spend + 40, spend)
    assert drifted_from_anchors(anchors, first, pa.table({"spend": near})) == {}


@pytest.mark.parametrize("seed", range(5))
def test_the_adjusted_rand_index_is_scikit_learn_s(seed):
    random = np.random.default_rng(seed)
    one, other = random.integers(0, 4, 300), random.integers(0, 3, 300)
    other = np.where(random.random(300) < 0.5, one % 3, other)
    counts = np.zeros((4, 3), dtype=np.int64)
    np.add.at(counts, (one, other), 1)
    assert adjusted_rand(counts) == pytest.approx(adjusted_rand_score(one, other), abs=1e-12)


def test_the_adjusted_rand_index_of_one_group_is_1():
    assert adjusted_rand(np.array([[7], [0]])) == 1.0
