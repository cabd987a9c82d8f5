"""The fitted model: everything that a run learned, as data.

It is written to ``model/fitted.json``. The Spark ML PipelineModel, the labels in Spark's columns
and those in numpy are renderings of it; none of them knows something that the JSON does not.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from functools import cached_property
from hashlib import sha256
from typing import Annotated, Any, Self, cast

from pydantic import PlainSerializer, PlainValidator, TypeAdapter

from segmentation.model.preparation import Preparation
from segmentation.model.rules import LabellingRule, rule_from_dict

VERSION = 1
"""Version of the JSON: incremented when a key is removed or redefined."""

DISTANCE_QUANTILES = (0.5, 0.9, 0.99, 0.999)
"""The shares of a segment's customers within its ``distance_quantiles``."""


@dataclass(frozen=True)
class ModelSegment:
    """A segment when the model was fitted: its name, and distances of its customers to the centre.

    ``key`` is what stays when the model is fitted anew; None where no run has given one.
    ``distance_quantiles`` are at :data:`DISTANCE_QUANTILES`, in scaled units.
    """

    segment: int
    name: str
    distance_quantiles: tuple[float, ...] = ()
    key: str | None = None


def _as_rule(value: object) -> LabellingRule:
    try:
        return rule_from_dict(cast(Mapping[str, Any], value))
    except (KeyError, TypeError, AttributeError) as error:
        raise ValueError(f"the rule is incomplete: {error}") from error


Rule = Annotated[
    LabellingRule, PlainValidator(_as_rule), PlainSerializer(lambda rule: rule.to_dict())
]


@dataclass(frozen=True)
class FittedModel:
    """How customers are prepared and labelled, and how the model was fitted.

    ``setting`` is what the ``algorithm`` was fitted with, ``{"k": 5}`` for k-means. ``as_of`` is
    the day that the customers' features were computed for, None where none has a day.
    """

    preparation: Preparation
    rule: Rule
    segments: tuple[ModelSegment, ...]
    algorithm: str
    setting: Mapping[str, int | float | str]
    seed: int
    as_of: date | None = None

    @cached_property
    def model_id(self) -> str:
        """A hash of the content: models with the same id label every customer identically."""
        return _hash(self._content())

    def to_json(self) -> dict[str, Any]:
        """The model as JSON types, doubles to the last bit; ``from_json`` is the inverse."""
        return {"version": VERSION, "model_id": self.model_id, **self._content()}

    @classmethod
    def from_json(cls, values: Mapping[str, Any]) -> Self:
        """The model that :meth:`to_json` wrote.

        Raises
        ------
        ValueError
            If it was written by a newer version of this package, was changed by hand, or is none.
        """
        version = values.get("version")
        if not isinstance(version, int) or version > VERSION:
            raise ValueError(f"its version is {version!r}, and this package reads up to {VERSION}")
        content = {key: values[key] for key in values if key not in ("version", "model_id")}
        model = cast(Self, _MODEL.validate_python(content))
        if model.model_id != values.get("model_id"):
            raise ValueError("its model_id is not the hash of its content")
        return model

    def _content(self) -> dict[str, Any]:
        content: dict[str, Any] = _MODEL.dump_python(self, mode="json")
        return content


_MODEL = TypeAdapter(FittedModel)


def _hash(content: Mapping[str, Any]) -> str:
    text = json.dumps(content, sort_keys=True, ensure_ascii=False, allow_nan=False)
    return sha256(text.encode()).hexdigest()[:16]
