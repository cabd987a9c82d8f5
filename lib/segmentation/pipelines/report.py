"""The report of a published run, rendered again from what it published."""

from segmentation.config.tree import ReportSection
from segmentation.pipelines.protocols import RunReader
from segmentation.reporting.segment_page import render
from segmentation.results import Changes, Report


def page(published: RunReader) -> str:
    """The page of a run: of a run of this version, byte for byte the published one.

    Of a run of version 1 it says in place of the scatter plot that the sample is missing.

    Raises
    ------
    StorageError
        If a table is damaged or cannot be read.
    """
    settings = published.run.config.get("report", {})
    min_group = settings.get("min_group", ReportSection().min_group)
    return render(report_of(published), min_group=min_group)


def report_of(published: RunReader) -> Report:
    """The content of a run's report.

    Raises
    ------
    StorageError
        If a table is damaged or cannot be read.
    """
    return Report(
        run=published.run,
        cost_curve=published.cost_curve(),
        segments=published.segments(),
        profiles=published.profiles(),
        sample=published.plot_sample(),
        changes=_changes(published),
    )


def _changes(published: RunReader) -> Changes | None:
    """What changed since the run before; None of a run from before there were keys."""
    refresh = published.run.refresh
    if refresh is None:
        return None
    return Changes(refresh, published.flows(), published.drift(), published.history())
