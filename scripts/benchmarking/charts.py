"""The benchmark's charts: records in, Plotly figures out."""

from collections.abc import Sequence

from plotly import graph_objects as go

from scripts.benchmarking.measuring import DRIVER, JVM, WORKERS
from scripts.benchmarking.records import Comparison, CoresetSizes, CostRow, Scaling, shape
from scripts.benchmarking.tables import competitor, memory_by_contestant, ratio_title
from scripts.benchmarking.widths import Widths
from segmentation.reporting.charts.markers import COLOURS, SYMBOLS
from segmentation.reporting.charts.theme import figure

HEIGHT, ROW_PX, FRAME_PX = 420, 46, 150
LEGEND = {"orientation": "h", "x": 0, "y": 1.02, "yanchor": "bottom"}
DASHES = ("solid", "dash", "dot", "dashdot", "longdash")
PATTERNS = ("", "/", "x", "-", "|", "+", ".")
SHOWN_SHARE = 0.06
"""A step's share of the time from which its number fits into the bar."""


def ratios(found: Sequence[Comparison]) -> go.Figure:
    """Ratios of seconds with their spread over the repeats; one marker per table."""
    chart = figure(height=HEIGHT)
    for i, comparison in enumerate(found):
        spreads = comparison.ratios.values()
        chart.add_scatter(
            x=[ratio_title(name) for name in comparison.ratios],
            y=[spread.median for spread in spreads],
            error_y={
                "type": "data",
                "symmetric": False,
                "array": [spread.most - spread.median for spread in spreads],
                "arrayminus": [spread.median - spread.least for spread in spreads],
            },
            mode="markers+text",
            text=[f"{spread.median:.2f}" for spread in spreads],
            textposition="middle right",
            name=shape(comparison),
            marker={"size": 11, "color": _colour(i), "symbol": _symbol(i)},
        )
    chart.update_yaxes(type="log", title_text="Ratio of seconds<br>(median, min to max, log scale)")
    chart.update_layout(showlegend=True, legend=LEGEND, scattermode="group")
    return chart


def steps(found: Sequence[Comparison]) -> go.Figure:
    """Where this job's time goes: one bar per table, one part per step."""
    chart = figure(height=FRAME_PX + ROW_PX * len(found) + 60)
    names = list(dict.fromkeys(step.name for one in found for step in one.steps))
    for i, name in enumerate(names):
        own = [(shape(one), step) for one in found for step in one.steps if step.name == name]
        chart.add_bar(
            y=[table for table, _ in own],
            x=[step.seconds for _, step in own],
            orientation="h",
            name=name,
            marker={
                "color": _colour(i),
                "line": {"color": "#ffffff", "width": 1},
                "pattern": {"shape": PATTERNS[i // len(COLOURS) % len(PATTERNS)], "size": 5},
            },
            text=[f"{step.seconds:.1f}" if step.share > SHOWN_SHARE else "" for _, step in own],
            textangle=0,
            hovertext=[f"{name}: {step.seconds:.2f} s, {step.share:.1%}" for _, step in own],
            hoverinfo="text",
        )
    chart.update_layout(barmode="stack", showlegend=True, legend={**LEGEND, "traceorder": "normal"})
    chart.update_xaxes(title_text="Median seconds of each step (linear scale)")
    chart.update_yaxes(autorange="reversed")
    return chart


def cost_ratios(costs: Sequence[CostRow]) -> go.Figure:
    """Cost over best known against k, one line per competitor."""
    chart = figure(height=HEIGHT)
    for i, name in enumerate(dict.fromkeys(name for row in costs for name in row.costs)):
        own = [row for row in costs if name in row.ratios]
        chart.add_scatter(
            x=[row.k for row in own],
            y=[row.ratios[name] for row in own],
            mode="lines+markers",
            name=competitor(name),
            line={"color": _colour(i), "dash": DASHES[i % len(DASHES)]},
            marker={"size": 8, "symbol": _symbol(i)},
        )
    chart.update_xaxes(title_text="k, the number of segments", dtick=1)
    chart.update_yaxes(title_text="Cost over best known (linear scale)", tickformat=".4f")
    chart.update_layout(showlegend=True, legend=LEGEND)
    return chart


def memory(found: Comparison) -> go.Figure:
    """Peak memory of each contestant, by role."""
    by_contestant = memory_by_contestant(found)
    chart = figure(height=HEIGHT)
    for i, role in enumerate((DRIVER, JVM, WORKERS)):
        own = {name: peaks[role] for name, peaks in by_contestant.items() if role in peaks}
        chart.add_bar(
            x=[competitor(name) for name in own],
            y=list(own.values()),
            name=role,
            marker={"color": _colour(i), "pattern": {"shape": PATTERNS[i]}},
            text=[f"{mib:,.0f}" for mib in own.values()],
            textposition="outside",
        )
    chart.update_yaxes(title_text="Peak resident memory<br>(MiB, linear scale)")
    chart.update_layout(barmode="group", showlegend=True, legend=LEGEND)
    return chart


def time_against_rows(found: Scaling) -> go.Figure:
    """Run time on growing tables, and the line of the first table's time per row."""
    chart = figure(height=HEIGHT)
    rows, times = [p.rows for p in found.points], [p.seconds for p in found.points]
    chart.add_scatter(
        x=rows,
        y=[time.median for time in times],
        error_y={
            "type": "data",
            "symmetric": False,
            "array": [time.most - time.median for time in times],
            "arrayminus": [time.median - time.least for time in times],
        },
        mode="lines+markers+text",
        text=[f"{time.median:.0f} s" for time in times],
        textposition="top left",
        name="this job",
        line={"color": COLOURS[0]},
    )
    chart.add_scatter(
        x=rows,
        y=[times[0].median * count / rows[0] for count in rows],
        mode="lines",
        name="in proportion to the rows",
        line={"color": COLOURS[-1], "dash": "dot"},
    )
    chart.update_xaxes(type="log", title_text="Rows (log scale)")
    chart.update_yaxes(type="log", title_text="Seconds<br>(median, min to max, log scale)")
    chart.update_layout(showlegend=True, legend=LEGEND)
    return chart


def time_against_width(found: Widths) -> go.Figure:
    """Run time against the number of dimensions, and its fitted power, one line per contestant."""
    chart = figure(height=HEIGHT)
    for i, (name, spreads) in enumerate(found.seconds.items()):
        power = found.exponent(name)
        chart.add_scatter(
            x=list(spreads),
            y=[spread.median for spread in spreads.values()],
            error_y={
                "type": "data",
                "symmetric": False,
                "array": [spread.most - spread.median for spread in spreads.values()],
                "arrayminus": [spread.median - spread.least for spread in spreads.values()],
            },
            mode="lines+markers+text",
            text=[f"{spread.median:.0f} s" for spread in spreads.values()],
            textposition="top left",
            name=competitor(name) + ("" if power is None else f", exponent {power:.2f}"),
            line={"color": _colour(i), "dash": DASHES[i % len(DASHES)]},
            marker={"size": 9, "symbol": _symbol(i)},
        )
    chart.update_xaxes(type="log", title_text="Dimensions (log scale)")
    chart.update_yaxes(type="log", title_text="Seconds<br>(median, min to max, log scale)")
    chart.update_layout(showlegend=True, legend=LEGEND)
    return chart


def memory_against_rows(found: Scaling) -> go.Figure:
    """Peak memory on growing tables, by role."""
    chart = figure(height=HEIGHT)
    for i, role in enumerate((DRIVER, JVM, WORKERS)):
        own = [point for point in found.points if role in point.peak_mib]
        chart.add_scatter(
            x=[point.rows for point in own],
            y=[point.peak_mib[role] for point in own],
            mode="lines+markers",
            name=role,
            line={"color": _colour(i), "dash": DASHES[i]},
            marker={"size": 9, "symbol": _symbol(i)},
        )
    chart.update_xaxes(type="log", title_text="Rows (log scale)")
    chart.update_yaxes(title_text="Peak resident memory<br>(MiB, linear scale)", rangemode="tozero")
    chart.update_layout(showlegend=True, legend=LEGEND)
    return chart


def coreset_error(found: CoresetSizes) -> go.Figure:
    """Cost over best known against the coreset's size: one line per k."""
    chart = figure(height=HEIGHT)
    for i, row in enumerate(found.costs):
        chart.add_scatter(
            x=[point.size for point in found.points],
            y=[point.cost_ratios[row.k] for point in found.points],
            mode="lines+markers",
            name=f"k = {row.k}",
            line={"color": _colour(i), "dash": DASHES[i // len(COLOURS) % len(DASHES)]},
            marker={"symbol": _symbol(i), "size": 8},
        )
    chart.update_xaxes(type="log", title_text="Coreset size, rows (log scale)")
    chart.update_yaxes(title_text="Cost over best known (linear scale)", tickformat=".4f")
    chart.update_layout(showlegend=True, legend=LEGEND)
    return chart


def coreset_time(found: CoresetSizes) -> go.Figure:
    """Time of compression and sweep against the coreset's size."""
    chart = figure(height=HEIGHT)
    sizes = [point.size for point in found.points]
    for i, (name, times) in enumerate(
        {
            "compress and sweep": [p.compress_and_sweep_seconds.median for p in found.points],
            "whole job": [p.seconds.median for p in found.points],
        }.items()
    ):
        chart.add_scatter(
            x=sizes,
            y=times,
            mode="lines+markers",
            name=name,
            line={"color": _colour(i), "dash": DASHES[i]},
            marker={"symbol": _symbol(i), "size": 8},
        )
    chart.update_xaxes(type="log", title_text="Coreset size, rows (log scale)")
    chart.update_yaxes(title_text="Median seconds (linear scale)", rangemode="tozero")
    chart.update_layout(showlegend=True, legend=LEGEND)
    return chart


def _colour(i: int) -> str:
    return COLOURS[i % len(COLOURS)]


def _symbol(i: int) -> str:
    return tuple(SYMBOLS)[i % len(SYMBOLS)]
