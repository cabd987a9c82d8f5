"""The description of a run's segments: their order, their profiles and their names."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from segmentation.clustering.ties import FinalClusters
from segmentation.config import Config
from segmentation.model.fitted import FittedModel, ModelSegment
from segmentation.model.preparation import Preparation
from segmentation.model.rules import NearestPrototype
from segmentation.pipelines.identification import identified
from segmentation.pipelines.input import CheckedInput
from segmentation.pipelines.preparation import PreparedInput
from segmentation.pipelines.previous import PreviousRun
from segmentation.results import Choice, FeatureProfile, Segment
from segmentation.segments.attributes import Attribute
from segmentation.segments.identity import Identity
from segmentation.segments.profile import Centre, Value, describe


@dataclass(frozen=True)
class BuiltSegments:
    """The segments of a run, in order: the rule that assigns customers, sizes and profiles.

    ``of_model`` is what the fitted model keeps of each. ``tied`` customers are as near to a second
    prototype, so that MLlib may label them otherwise.
    """

    rule: NearestPrototype
    of_model: tuple[ModelSegment, ...]
    segments: tuple[Segment, ...]
    profiles: tuple[FeatureProfile, ...]
    tied: int


def build_segments(
    clusters: FinalClusters,
    order: Sequence[int],
    *,
    preparation: Preparation,
    attributes: Sequence[Attribute],
    value: Value | None,
    min_group: int = 1,
) -> BuiltSegments:
    """The clusters profiled and named as segments; no Spark work.

    ``order`` has the number of a cluster for every segment. The ``attributes`` are profiled;
    ``value`` is one of them. Names state nothing that is true of fewer than ``min_group``
    customers.
    """
    statistics = {each.cluster: each for each in clusters.statistics}
    rule = NearestPrototype.of(clusters.partition.centres[list(order)])
    segments, profiles = describe(
        [statistics[cluster] for cluster in order],
        attributes=attributes,
        centres=[
            {
                column.key: Centre(
                    preparation.original(j, prototype[j]),
                    preparation.difference(j, prototype[j]),
                )
                for j, column in enumerate(preparation.columns)
            }
            for prototype in rule.points.tolist()
        ],
        value=value,
        min_group=min_group,
    )
    of_model = tuple(
        ModelSegment(segment.segment, segment.name, statistics[cluster].distance_quantiles)
        for segment, cluster in zip(segments, order, strict=True)
    )
    return BuiltSegments(rule, of_model, segments, profiles, clusters.tied)


def with_identities(
    built: BuiltSegments,
    identities: Sequence[Identity],
    *,
    previous: PreviousRun | None,
    is_kept: bool,
    names: Mapping[str, str],
    run: str,
) -> BuiltSegments:
    """The segments with their keys and the names that stay; ``identities`` are in their order.

    A kept model keeps the distances of the customers that it was fitted to.
    """
    segments = identified(built.segments, identities, previous=previous, names=names, run=run)
    old = {} if previous is None else {each.key: each for each in previous.model.segments}
    of_model = tuple(
        replace(
            each,
            name=segment.name,
            key=segment.segment_key,
            distance_quantiles=old[segment.segment_key].distance_quantiles
            if is_kept
            else each.distance_quantiles,
        )
        for each, segment in zip(built.of_model, segments, strict=True)
    )
    return replace(built, segments=segments, of_model=of_model)


def fitted_model(
    built: BuiltSegments,
    choice: Choice,
    *,
    checked: CheckedInput,
    prepared: PreparedInput,
    seed: int,
) -> FittedModel:
    """All that the run knows of its model, as data."""
    return FittedModel(
        prepared.scoring,
        built.rule,
        built.of_model,
        algorithm=choice.algorithm,
        setting=choice.setting,
        seed=seed,
        as_of=checked.assembled.as_of,
    )


def value_of(config: Config) -> Value | None:
    """The configured customer value, if any."""
    feature = config.value_feature
    return None if feature is None else Value(feature, adds_up=config.value_adds_up)
