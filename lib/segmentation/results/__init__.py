"""The results of a run as plain values: made by the pipeline, used by storage and reporting."""

from segmentation.results.changes import (
    DECISIONS,
    DRIFT_VERDICTS,
    LEFT,
    NEW,
    Changes,
    Drift,
    Flow,
    KeyRecord,
    Refresh,
)
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
    ENDS,
    EVENTS,
    KINDS,
    Correlation,
    CorrelationGroup,
    FeatureProfile,
    Imputed,
    PreparedFeature,
    Segment,
)

__all__ = [
    "DECISIONS",
    "DRIFT_VERDICTS",
    "ENDS",
    "EVENTS",
    "INDEX_NAMES",
    "KINDS",
    "LEFT",
    "NEW",
    "Changes",
    "Choice",
    "Correlation",
    "CorrelationGroup",
    "CostPoint",
    "CustomerSample",
    "Drift",
    "FeatureProfile",
    "Flow",
    "Imputed",
    "JoinCounts",
    "KeyRecord",
    "LineCounts",
    "PastRun",
    "PlottedValue",
    "PreparedFeature",
    "Refresh",
    "Rejection",
    "Report",
    "Run",
    "Segment",
    "StepTime",
    "Verdict",
]
