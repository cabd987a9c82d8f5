"""The common style of all charts: fonts, colours, and an empty figure."""

from collections.abc import Mapping

from plotly import graph_objects as go

INK, MUTED, LINE = "#1b2733", "#51606f", "#dfe4ea"
FONT = "system-ui, -apple-system, 'Segoe UI', Roboto, 'Helvetica Neue', Arial, sans-serif"
MARGIN = {"l": 8, "r": 12, "t": 12, "b": 8}


def figure(*, height: int | None, margin: Mapping[str, int] = MARGIN) -> go.Figure:
    """An empty figure in the report's style; without a height it fills its container."""
    axis = {
        "automargin": True,
        "fixedrange": True,
        "gridcolor": LINE,
        "linecolor": MUTED,
        "zerolinecolor": LINE,
        "ticks": "outside",
        "tickcolor": LINE,
        "title": {"font": {"size": 13, "color": MUTED}, "standoff": 12},
    }
    layout = {
        "template": None,
        "autosize": True,
        "height": height,
        "margin": dict(margin),
        "font": {"family": FONT, "size": 13, "color": INK},
        "paper_bgcolor": "#ffffff",
        "plot_bgcolor": "#ffffff",
        "hoverlabel": {
            "bgcolor": "#ffffff",
            "bordercolor": MUTED,
            "font": {"size": 13, "color": INK},
        },
        "hovermode": "closest",
        "dragmode": False,
        "showlegend": False,
        "xaxis": axis,
        "yaxis": axis,
    }
    return go.Figure(layout=layout)
