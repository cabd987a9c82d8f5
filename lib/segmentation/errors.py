"""Errors that an operator can fix.

A message is one line: the rule, the value found, where to change it.

Anything that is not a :class:`SegmentationError` is a bug and keeps its traceback.
"""

from collections.abc import Iterable, Sequence
from difflib import get_close_matches

MAX_LISTED, MAX_LENGTH = 10, 40


class SegmentationError(Exception):
    """A problem outside the code; the job logs it in one line and exits with 2."""


class ConfigError(SegmentationError):
    """The configuration file or a command-line override is wrong."""


class SchemaError(SegmentationError):
    """The input has no such column, or a column of a type that cannot be used."""


class DataError(SegmentationError):
    """The rows themselves cannot be segmented or read."""


class StorageError(SegmentationError):
    """A path cannot be read, written or published to."""


class DamagedError(StorageError):
    """A file of the output folder can be read, but its content is not what it should be."""


def nearest(name: str, known: Iterable[str]) -> str:
    """``", did you mean 'x'?"`` for the most similar known name; empty if there is none."""
    by_lower = {candidate.lower(): candidate for candidate in known}
    matches = get_close_matches(name.lower(), by_lower, n=1, cutoff=0.6)
    return f", did you mean {by_lower[matches[0]]!r}?" if matches else ""


def listed(names: Sequence[str]) -> str:
    """The names for a message: quoted, shortened, at most the first ten."""
    shown = [repr(name if len(name) <= MAX_LENGTH else f"{name[:MAX_LENGTH]}...") for name in names]
    return first_of(shown)


def first_of(phrases: Sequence[str]) -> str:
    """The first ten phrases and how many more there are: ``'a', 'b'``, ``'a', ... and 7 more``."""
    rest = f" and {len(phrases) - MAX_LISTED:,} more" if len(phrases) > MAX_LISTED else ""
    return ", ".join(phrases[:MAX_LISTED]) + rest


def one_line(text: str) -> str:
    """The text with every run of white space, including line breaks, replaced by one space."""
    return " ".join(text.split())
