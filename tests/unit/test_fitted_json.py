"""A fitted model goes to JSON and back without loss, and its id is that of all its content."""

import json
import math
from dataclasses import replace
from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from segmentation.model.features import Feature
from segmentation.model.fitted import FittedModel, ModelSegment
from segmentation.model.preparation import ModelColumn, Preparation
from segmentation.model.rules import NearestPrototype

doubles = st.floats(allow_nan=False, allow_infinity=False)
whole = st.integers(-(2**53), 2**53)
texts = st.text(max_size=8)


def tuples(each, **sizes):
    return st.lists(each, max_size=3, **sizes).map(tuple)


features = st.builds(
    Feature,
    name=texts,
    kind=st.sampled_from(["numeric", "ordered", "date", "boolean", "categorical"]),
    missing=st.sampled_from(["reject", "impute", "category"]),
    negative=st.sampled_from(["reject", "clip", "signed"]),
    transform=st.sampled_from(["log1p", "signed", "none", "auto"]),
    weight=doubles,
    bands=tuples(texts),
    format=st.none() | texts,
    zone=st.sampled_from(["UTC", "Europe/Paris"]),
    as_of=st.none() | st.dates(),
    type=st.sampled_from(["double", "string", "decimal(20,2)"]),
    fill=st.none() | doubles | texts,
    bounds=st.none() | st.tuples(doubles, doubles),
    categories=tuples(texts),
    other=st.none() | texts,
    absent=st.none() | texts,
)
columns = st.builds(ModelColumn, texts, st.none() | texts, doubles, doubles, doubles)
preparations = st.builds(
    Preparation,
    tuples(features),
    tuples(columns),
    st.integers(-500, 500),
    tuples(st.sampled_from(["no_purchase", "no_net_spend"])),
)
rules = st.integers(1, 3).flatmap(
    lambda size: st.builds(NearestPrototype, tuples(st.tuples(*[whole] * size), min_size=1))
)
segments = st.builds(ModelSegment, st.integers(0, 9), texts, tuples(doubles), st.none() | texts)
models = st.builds(
    FittedModel,
    preparation=preparations,
    rule=rules,
    segments=tuples(segments),
    algorithm=texts,
    setting=st.dictionaries(texts, whole | doubles | texts, max_size=3),
    seed=st.integers(0, 2**63),
    as_of=st.none() | st.dates(),
)


def there_and_back(model):
    return FittedModel.from_json(json.loads(json.dumps(model.to_json())))


@given(models)
def test_nothing_is_lost_in_json(model):
    read = there_and_back(model)
    assert read == model
    assert repr(read) == repr(model)  # tells 0.0 from -0.0 and 1 from 1.0 too
    assert read.model_id == model.model_id


def test_doubles_come_back_to_the_last_bit():
    awkward = (0.1, -0.0, 5e-324, math.nextafter(1, 2), 1.7976931348623157e308)
    model = example(bounds=awkward[:2], fill=awkward[2], weight=awkward[3])
    model = replace(model, segments=(ModelSegment(0, "all", awkward),))
    read = there_and_back(model)
    assert repr(read) == repr(model)


@given(models)
def test_the_order_of_keys_changes_no_id(model):
    backwards = dict(reversed(model.setting.items()))
    assert replace(model, setting=backwards).model_id == model.model_id
    assert FittedModel.from_json(reordered(model.to_json())).model_id == model.model_id


@given(models, st.data())
def test_a_change_of_any_value_is_noticed(model, data):
    values = model.to_json()
    places = [place for place in leaves(values) if place != ("version",)]
    *path, last = data.draw(st.sampled_from(places))
    within = values
    for key in path:
        within = within[key]
    within[last] = changed(within[last])
    with pytest.raises(ValueError, match=r"."):
        FittedModel.from_json(values)


@given(models, models)
def test_other_content_has_another_id(one, other):
    one, other = (replace(m, setting=dict(sorted(m.setting.items()))) for m in (one, other))
    assert (one.model_id == other.model_id) == (repr(one) == repr(other))


@pytest.mark.parametrize(
    "change",
    [{"seed": 2}, {"algorithm": "b"}, {"setting": {"k": 2}}, {"segments": ()}, {"as_of": None}],
    ids=lambda change: next(iter(change)),
)
def test_every_part_of_a_model_has_a_say_in_its_id(change):
    model = there_and_back(example())
    assert replace(model, **change).model_id != model.model_id


def test_a_key_that_is_missing_is_a_broken_model():
    values = example().to_json()
    for key in values:
        broken = {other: value for other, value in values.items() if other != key}
        if key != "as_of":  # has a default, of which the id tells
            with pytest.raises(ValueError, match=r"."):
                FittedModel.from_json(broken)
    rules: list[object] = [{}, {"rule": "nearest_prototype"}, {"rule": "magic"}, 5, None, []]
    for rule in rules:
        with pytest.raises(ValueError, match=r"rule"):
            FittedModel.from_json(values | {"rule": rule})
    with pytest.raises(ValueError, match=r"its version is 2, and this package reads up to 1"):
        FittedModel.from_json(values | {"version": 2})


def example(**feature):
    """A model with one feature."""
    preparation = Preparation(
        (Feature("spend", **feature),), (ModelColumn("spend", None, 1.5, 0.1, 0.3),), 20
    )
    return FittedModel(
        preparation=preparation,
        rule=NearestPrototype(((3,), (-4,))),
        segments=(ModelSegment(0, "high", (0.1, 0.2)), ModelSegment(1, "low")),
        algorithm="k-means",
        setting={"k": 3},
        seed=1,
        as_of=date(2026, 6, 30),
    )


def leaves(values, place=()):
    """The places of all values that are neither lists nor mappings."""
    if isinstance(values, dict | list):
        keys = values if isinstance(values, dict) else range(len(values))
        return [leaf for key in keys for leaf in leaves(values[key], (*place, key))]
    return [place]


def changed(value):
    """Another value of the same type, as little different as can be."""
    match value:
        case None:
            return "2026-01-01"
        case str():
            return value + "x"
        case int():
            return value + 1
        case float():
            return math.nextafter(value, math.inf if value < 1e308 else 0)
    raise TypeError(value)


def reordered(values):
    """The same JSON with its keys in reverse."""
    if isinstance(values, dict):
        return {key: reordered(values[key]) for key in reversed(values)}
    return [reordered(each) for each in values] if isinstance(values, list) else values
