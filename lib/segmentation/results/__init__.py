"""The results of a run as plain values: made by the pipeline, used by storage and reporting."""

from segmentation.results.choice import INDEX_NAMES, Choice, CostPoint, Verdict
from segmentation.results.run import (
    JoinCounts,
    LineCounts,
    PastRun,
    Rejection,
    Report,
    Run,
    StepTime,
)
from segmentation.results.sample import CustomerSample, PlottedValue
from segmentation.results.segments import (
    KINDS,
    Correlation,
    CorrelationGroup,
    FeatureProfile,
    Imputed,
    PreparedFeature,
    Segment,
)

__all__ = [
    "INDEX_NAMES",
    "KINDS",
    "Choice",
    "Correlation",
    "CorrelationGroup",
    "CostPoint",
    "CustomerSample",
    "FeatureProfile",
    "Imputed",
    "JoinCounts",
    "LineCounts",
    "PastRun",
    "PlottedValue",
    "PreparedFeature",
    "Rejection",
    "Report",
    "Run",
    "Segment",
    "StepTime",
    "Verdict",
]
