"""One HTML page that opens offline: nothing is fetched, and values are never read as markup."""

import base64
import hashlib
import json
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from importlib.resources import files
from typing import Any

from jinja2 import Environment, FunctionLoader, StrictUndefined
from plotly.offline import get_plotlyjs

from segmentation.reporting import formatting


@dataclass(frozen=True)
class Chart:
    """A chart of the page: its figure as JSON, an accessible label, and its height in pixels."""

    id: str
    label: str
    figure: str
    height: int | None


def render_page(
    name: str, content: Mapping[str, Any], *, filters: Mapping[str, Callable[..., str]]
) -> str:
    """The page of ``NAME.html.j2``, with ``page.css``, ``page.js`` and plotly.js inside.

    A content security policy forbids the browser to fetch anything and to run any script but
    these, known by their hashes. Every value is escaped, and put on one line.
    """
    environment = Environment(
        loader=FunctionLoader(_text),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        finalize=lambda value: formatting.clean(value) if type(value) is str else value,
    )
    environment.filters.update(filters)
    sources = (_text("canvas_shim.js"), get_plotlyjs(), _text("page.js"))
    scripts = [_as_browsers_read_it(source) for source in sources]
    return environment.get_template(f"{name}.html.j2").render(
        content, style=_text("page.css"), scripts=scripts, policy=_policy(scripts)
    )


def chart(id: str, label: str, figure: Any) -> Chart:
    """A Plotly figure as a chart of the page."""
    content = figure.to_plotly_json()
    return Chart(id, label, script_json(content), content["layout"].get("height"))


def script_json(content: object) -> str:
    """JSON for a script element: no character in it can end the element."""
    text = json.dumps(_finite(content), separators=(",", ":"), sort_keys=True, allow_nan=False)
    for letter in "<>&":
        text = text.replace(letter, f"\\u{ord(letter):04x}")
    return text


def _finite(content: object) -> object:
    """The content with null for infinities and NaN, which JSON does not have."""
    if isinstance(content, Mapping):
        return {key: _finite(value) for key, value in content.items()}
    if isinstance(content, list | tuple):
        return [_finite(value) for value in content]
    return None if isinstance(content, float) and not math.isfinite(content) else content


def _text(name: str) -> str:
    """A file of this folder, also where the package is a zip."""
    return files("segmentation.reporting").joinpath(name).read_text(encoding="utf-8")


def _as_browsers_read_it(script: str) -> str:
    """The script with the line ends that an HTML parser gives it, as its hash is of those."""
    return "\n" + script.replace("\r\n", "\n").replace("\r", "\n").strip() + "\n"


def _policy(scripts: Sequence[str]) -> str:
    """The content security policy that lets these scripts run and nothing else."""
    hashes = (hashlib.sha256(script.encode()).digest() for script in scripts)
    allowed = " ".join(f"'sha256-{base64.b64encode(digest).decode()}'" for digest in hashes)
    return (
        f"default-src 'none'; script-src {allowed}; style-src 'unsafe-inline'; "
        "img-src data: blob:; font-src data:; base-uri 'none'; form-action 'none'"
    )
