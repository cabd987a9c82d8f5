"""The configuration: TOML in, one tree of frozen models out."""

from segmentation.config.features import Categorical, Described, Feature, Features
from segmentation.config.loading import load, parse
from segmentation.config.sources import Input, Join, Returns, Source, Transactions
from segmentation.config.tree import ELBOW_POINTS, MAX_K, Config, Output

__all__ = [
    "ELBOW_POINTS",
    "MAX_K",
    "Categorical",
    "Config",
    "Described",
    "Feature",
    "Features",
    "Input",
    "Join",
    "Output",
    "Returns",
    "Source",
    "Transactions",
    "load",
    "parse",
]
