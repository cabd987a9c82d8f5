"""Progress output: a live line on a terminal, log lines elsewhere."""

import logging
from contextlib import AbstractContextManager, nullcontext

from rich.console import Console
from rich.markup import escape
from rich.progress import Progress, SpinnerColumn, TaskID, TextColumn, TimeElapsedColumn

from segmentation.results import StepTime

LOG = logging.getLogger("segment")


class LogLines:
    """One log line per step, for files and schedulers."""

    def live(self) -> AbstractContextManager[object]:
        """No-op: log lines need no redrawing."""
        return nullcontext()

    def started(self, step: str) -> None:
        """No-op: only completion is logged."""

    def finished(self, step: StepTime) -> None:
        """Log the step's time."""
        LOG.info("%s: %.1f s", step.step, step.seconds)

    def warned(self, message: str) -> None:
        """Log the warning."""
        LOG.warning("%s", message)


class LiveLines:
    """One line per step with a running clock, for a terminal."""

    def __init__(self, console: Console) -> None:
        self._progress = Progress(
            SpinnerColumn(finished_text="[green]✓[/]"),
            TextColumn("{task.description}"),
            TimeElapsedColumn(),
            console=console,
        )
        self._running: TaskID | None = None

    def live(self) -> AbstractContextManager[object]:
        """Redraw the lines inside the block."""
        return self._progress

    def started(self, step: str) -> None:
        """Add the step's line and start its clock."""
        self._running = self._progress.add_task(step, total=1)

    def finished(self, step: StepTime) -> None:  # noqa: ARG002 - the clock shows it
        """Stop the clock."""
        if self._running is not None:
            self._progress.update(self._running, completed=1)

    def warned(self, message: str) -> None:
        """Print the warning above the lines."""
        self._progress.console.print(f"[yellow]![/] {escape(message)}", highlight=False)


def progress(console: Console) -> LiveLines | LogLines:
    """Live lines on a terminal, else log lines."""
    return LiveLines(console) if console.is_terminal else LogLines()
