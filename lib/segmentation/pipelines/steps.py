"""The steps of a run: the current one, their times, and the warnings."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Protocol

from segmentation.redaction import redacted
from segmentation.results import StepTime


class Listener(Protocol):
    """Receives progress events."""

    def started(self, step: str) -> None:
        """A step began."""

    def finished(self, step: StepTime) -> None:
        """A step succeeded."""

    def warned(self, message: str) -> None:
        """A warning for the operator, in one line."""


@dataclass
class Steps:
    """Times the steps of one run and notifies a listener.

    ``describe`` is called with a step's name when it begins and None when it ends; the session
    sets the description of Spark's jobs by it.
    """

    listener: Listener
    describe: Callable[[str | None], None]
    timings: list[StepTime] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)

    @contextmanager
    def __call__(self, step: str) -> Iterator[None]:
        """Time the enclosed block as the named step."""
        self.listener.started(step)
        self.describe(step)
        began = time.monotonic()
        try:
            yield
        finally:
            self.describe(None)
        self.timings.append(StepTime(step, round(time.monotonic() - began, 3)))
        self.listener.finished(self.timings[-1])

    def warn(self, *messages: str) -> None:
        """Record warnings for the manifest and the report, and show them; without credentials."""
        for message in map(redacted, messages):
            self.warnings.append(message)
            self.listener.warned(message)

    def note(self, message: str) -> None:
        """Show something that neither the manifest nor the report records."""
        self.listener.warned(message)
