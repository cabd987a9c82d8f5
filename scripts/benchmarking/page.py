"""The results as one HTML page that opens offline: nothing is fetched."""

from collections.abc import Iterator
from html import escape

from plotly import graph_objects as go
from plotly.offline import get_plotlyjs

from scripts.benchmarking import charts, tables, wide
from scripts.benchmarking.records import Conditions, Results, shape
from scripts.benchmarking.tables import Rows
from scripts.benchmarking.widths import widths

POLICY = "default-src 'none'; script-src 'unsafe-inline'; style-src 'unsafe-inline'; img-src data:"
STYLE = """
body { max-width: 1000px; margin: 2em auto; padding: 0 1em; color: #1b2733;
       font: 15px/1.5 system-ui, -apple-system, 'Segoe UI', Roboto, Arial, sans-serif; }
h2 { margin-top: 2.2em; border-bottom: 1px solid #dfe4ea; }
table { border-collapse: collapse; margin: .6em 0 1.6em; font-size: 13px; display: block;
        overflow-x: auto; }
th, td { padding: .2em .8em; border-bottom: 1px solid #dfe4ea; text-align: right; }
th:first-child, td:first-child { text-align: left; }
caption { text-align: left; font-weight: 600; padding: .3em 0; white-space: nowrap; }
code { background: #f2f4f7; padding: .1em .3em; overflow-wrap: anywhere; }
p.note { color: #51606f; font-size: 13px; }
"""
MEMORY_NOTE = (
    "Memory is resident memory, looked at some twenty times a second. driver: the Python process "
    "that was started; jvm: Spark's Java, which in local mode is driver and executors in one and "
    "grows to its heap's limit; workers: Spark's Python workers, memory that they share counted "
    "with each."
)
STEPS_NOTE = (
    "Wall times are of whole processes, so the start of Python and of Spark is in them. "
    "'start, report, publish, exit' is all outside the steps that a run's manifest lists, as the "
    "manifest is written along with the report."
)
CONFIG = {"displayModeBar": False, "responsive": True, "plotlyServerURL": ""}


def render(results: Results) -> str:
    """The page; the same results give the same page."""
    parts = [
        '<!doctype html><html lang="en"><head><meta charset="utf-8">',
        f'<meta http-equiv="Content-Security-Policy" content="{POLICY}">',
        '<meta name="viewport" content="width=device-width, initial-scale=1">',
        f"<title>Benchmark</title><style>{STYLE}</style>",
        f"<script>{get_plotlyjs()}</script></head><body><h1>Benchmark</h1>",
        *_comparisons(results),
        *_widths(results),
        *_scaling(results),
        *_coreset_sizes(results),
        "</body></html>\n",
    ]
    return "\n".join(parts)


def _comparisons(results: Results) -> Iterator[str]:
    if not results.comparisons:
        return
    yield "<h2>Against the alternatives</h2>"
    yield _chart("ratios", charts.ratios(results.comparisons))
    if any(found.steps for found in results.comparisons):
        yield "<h2>Where the time of (a) goes</h2>"
        yield _chart("steps", charts.steps(results.comparisons))
        yield _note(STEPS_NOTE)
    for i, found in enumerate(results.comparisons):
        yield f"<h2>{escape(shape(found))}</h2>"
        for table in tables.comparison_tables(found):
            yield _table(table)
        if found.costs:
            yield "<h3>Cost over best known</h3>"
            yield _chart(f"costs-{i}", charts.cost_ratios(found.costs))
        yield "<h3>Peak memory</h3>"
        yield _chart(f"memory-{i}", charts.memory(found))
        yield from map(_note, [*found.notes, MEMORY_NOTE])
        yield _conditions(found.conditions)


def _widths(results: Results) -> Iterator[str]:
    summaries = [table for table in wide.wide_tables(results.comparisons) if table.rows]
    if summaries:
        yield "<h2>Wide tables</h2>"
        yield from map(_table, summaries)
    for i, found in enumerate(widths(results.comparisons)):
        yield f"<h2>Time against width, {found.rows:,} rows</h2>"
        yield _chart(f"time-against-width-{i}", charts.time_against_width(found))
        yield _table(wide.width_table(found))
        yield _note(STEPS_NOTE)


def _scaling(results: Results) -> Iterator[str]:
    for i, found in enumerate(results.scaling):
        yield f"<h2>Growing tables, {found.conditions.shape} features</h2>"
        yield _chart(f"time-against-rows-{i}", charts.time_against_rows(found))
        yield _chart(f"memory-against-rows-{i}", charts.memory_against_rows(found))
        yield from map(_table, tables.scaling_tables(found))
        yield from map(_note, [STEPS_NOTE, MEMORY_NOTE])
        yield _conditions(found.conditions)


def _coreset_sizes(results: Results) -> Iterator[str]:
    for i, found in enumerate(results.coreset_sizes):
        yield f"<h2>Coreset sizes, {escape(shape(found))}</h2>"
        yield _chart(f"coreset-error-{i}", charts.coreset_error(found))
        yield _chart(f"coreset-time-{i}", charts.coreset_time(found))
        yield from map(_table, tables.coreset_tables(found))
        yield from map(_note, found.notes)
        yield _conditions(found.conditions)


def _chart(place: str, figure: go.Figure) -> str:
    html: str = figure.to_html(full_html=False, include_plotlyjs=False, div_id=place, config=CONFIG)
    return html


def _table(table: Rows) -> str:
    head = "".join(f"<th>{escape(cell)}</th>" for cell in table.head)
    rows = [
        "<tr>" + "".join(f"<td>{escape(cell)}</td>" for cell in row) + "</tr>" for row in table.rows
    ]
    caption = f"<caption>{escape(table.title)}</caption>"
    return f"<table>{caption}<tr>{head}</tr>{''.join(rows)}</table>"


def _note(text: str) -> str:
    return f'<p class="note">{escape(text)}</p>'


def _conditions(conditions: Conditions) -> str:
    facts = {
        **conditions.machine,
        **conditions.versions,
        "Spark": f"local[{conditions.cores}], {conditions.driver_memory} driver memory",
        "features": str(conditions.shape),
        "planted groups": str(conditions.shape.groups),
        "k": f"1 to {conditions.k_max}",
        "seed": str(conditions.seed),
        "measured": conditions.measured_at,
    }
    text = "; ".join(f"{name}: {value}" for name, value in facts.items())
    return f'<p class="note"><code>{escape(conditions.command)}</code><br>{escape(text)}</p>'
