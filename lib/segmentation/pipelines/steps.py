"""The steps of a run: what is under way, how long each took, and what was worth a warning."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Protocol

from segmentation.redaction import redacted
from segmentation.results import StepTime


class Listener(Protocol):
    """Shows progress to somebody."""

    def started(self, step: str) -> None:
        """A step began."""

    def finished(self, step: StepTime) -> None:
        """A step ended well."""

    def warned(self, message: str) -> None:
        """Something the operator should know of, in one line."""


@dataclass
class Steps:
    """Times the steps of one run and tells a listener of them.

    ``describe`` is called with a step's name when it begins and None when it ends; the
    session uses it to name Spark's jobs.
    """

    listener: Listener
    describe: Callable[[str | None], None]
    timings: list[StepTime] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)

    @contextmanager
    def __call__(self, step: str) -> Iterator[None]:
        """The block that it encloses is the named step."""
        self.listener.started(step)
        self.describe(step)
        began = time.monotonic()
        try:
            yield
        finally:
            self.describe(None)
        self.timings.append(StepTime(step, round(time.monotonic() - began, 3)))
        self.listener.finished(self.timings[-1])

    def warn(self, message: str) -> None:
        """Keep a warning for the manifest and the report, and show it now; without credentials."""
        message = redacted(message)
        self.warnings.append(message)
        self.listener.warned(message)

    def note(self, message: str) -> None:
        """Show something now that neither the manifest nor the report is to have."""
        self.listener.warned(message)
