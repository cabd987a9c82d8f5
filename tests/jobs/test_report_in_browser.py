"""The report in a real browser: the charts draw, the console stays clean, nothing is fetched."""

import re
import shutil
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Dialog, Page, ViewportSize, sync_playwright

from segmentation.reporting.segment_page import render
from segmentation.results import Report
from tests.changes_example import changed_report, crowded_report
from tests.report_example import PLANTED, example_report
from tests.rotation import rotation
from tests.wide_report import wide_report

BROWSERS = ("chromium", "chromium-browser", "google-chrome")
FLAGS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--use-gl=angle",
    "--use-angle=swiftshader",
    "--enable-unsafe-swiftshader",
)
GPU_NOTICE = "GL Driver Message"
"""How the software renderer opens its remarks on its own speed."""

PHONE: ViewportSize = {"width": 390, "height": 844}
DESK: ViewportSize = {"width": 1280, "height": 900}
HOSTILE = (
    "<script>alert(1)</script><img src=x onerror=alert(2)>",
    "</script><script>alert(3)</script>",
    '<b>x</b> <a href="javascript:alert(4)">y</a> "\' $\\alpha$ %{x} &lt;i&gt; Größe 顧客',
)
DRAWN_MS = 60_000


@dataclass
class Visit:
    """A page that was opened, and what it did that it should not."""

    page: Page
    console: list[str] = field(default_factory=list)
    requests: list[str] = field(default_factory=list)
    dialogs: list[str] = field(default_factory=list)

    def count(self, selector: str) -> int:
        return int(self.page.locator(selector).count())


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    found = next(filter(None, map(shutil.which, BROWSERS)), None)
    if found is None:
        pytest.skip(f"no browser: none of {', '.join(BROWSERS)} is on PATH")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=found, args=list(FLAGS))
        yield browser
        browser.close()


def opened(
    browser: Browser, path: Path, report: Report, *, size: ViewportSize = DESK, before: str = ""
) -> Visit:
    """The report in a window of the given size, once its charts are drawn."""
    path.write_text(render(report), encoding="utf-8")
    page = browser.new_page(viewport=size)
    seen = Visit(page)
    page.on("console", lambda message: seen.console.append(f"{message.type}: {message.text}"))
    page.on("pageerror", lambda error: seen.console.append(f"error: {error}"))
    page.on("request", lambda request: seen.requests.append(request.url))

    def dismiss(dialog: Dialog) -> None:
        seen.dialogs.append(dialog.message)
        dialog.dismiss()

    page.on("dialog", dismiss)
    if before:
        page.add_init_script(before)
    page.goto(path.as_uri())
    page.wait_for_selector("html[data-drawn]", state="attached", timeout=DRAWN_MS)
    return seen


@pytest.fixture
def visit(browser, tmp_path):
    """Opens a report of the test's own."""
    pages = []

    def open_report(report: Report, **options) -> Visit:
        seen = opened(browser, tmp_path / "report.html", report, **options)
        pages.append(seen.page)
        return seen

    yield open_report
    for page in pages:
        page.close()


@pytest.fixture(scope="module")
def example(browser, tmp_path_factory):
    """The example's report, which every test leaves as it was: drawing it takes seconds."""
    return opened(browser, tmp_path_factory.mktemp("example") / "report.html", example_report())


def complaints(seen: Visit) -> list[str]:
    return [line for line in seen.console if GPU_NOTICE not in line]


def colours_in_space(seen: Visit) -> int:
    """How many strong colours the picture of the 3-D scatter has: none while it is blank."""
    colours = seen.page.evaluate(
        """async () => {
          const url = await Plotly.toImage("customers", { format: "png", width: 500, height: 400 });
          const image = new Image();
          image.src = url;
          await image.decode();
          const canvas = document.createElement("canvas");
          canvas.width = 500; canvas.height = 400;
          const context = canvas.getContext("2d");
          context.drawImage(image, 0, 0);
          const { data } = context.getImageData(0, 0, 500, 400);
          const seen = {};
          for (let at = 0; at < data.length; at += 4) {
            const [r, g, b] = data.slice(at, at + 3);
            if (Math.max(r, g, b) - Math.min(r, g, b) < 90) continue;
            const key = [r, g, b].map((part) => part >> 5).join();
            seen[key] = (seen[key] || 0) + 1;
          }
          return Object.values(seen).filter((pixels) => pixels > 20).length;
        }"""
    )
    return int(colours)


def test_every_chart_draws_and_the_console_is_clean(example):
    seen = example
    assert seen.count("#elbow .scatterlayer .point") == 13  # twelve costs and the chosen one's mark
    assert seen.count(".bars .meter") == 10
    assert seen.count(".compare tbody td") == 3 * 6
    assert seen.count("#customers canvas") >= 1
    assert colours_in_space(seen) >= 4
    assert complaints(seen) == []
    assert {url.partition(":")[0] for url in seen.requests} <= {"file", "data", "blob"}


@pytest.mark.parametrize("count", [1, 2])
def test_few_features_are_drawn_flat(visit, count):
    seen = visit(example_report(features=["a", "b"][:count]))
    assert seen.count("#customers .scatterlayer .point") == 2400
    assert seen.count("#customers canvas") == 0
    assert complaints(seen) == []


def test_axes_can_be_chosen(visit):
    seen = visit(example_report(features=["f0", "f1", "f2", "f3", "money"]))
    titles = "['x','y','z'].map(l => customers.layout.scene[l + 'axis'].title.text)"
    assert seen.page.evaluate(titles) == [f"{name} (log scale)" for name in ("f0", "f1", "money")]
    drawn = seen.page.evaluate("customers.data[0].x.slice(0, 3)")
    seen.page.select_option("[data-axis='0']", label="f2")
    assert seen.page.evaluate(titles)[0] == "f2 (log scale)"
    assert seen.page.evaluate("customers.data[0].x.slice(0, 3)") != drawn
    assert "f2: " in seen.page.evaluate("customers.data[0].hovertext[0]")
    assert complaints(seen) == []


def test_a_segment_can_be_hidden_and_shown_again(example):
    button = ".keys button >> nth=1"
    for is_shown in (False, True):
        example.page.click(button)
        assert example.page.get_attribute(button, "aria-pressed") == str(is_shown).lower()
        drawn = example.page.evaluate("customers.data.map(trace => trace.visible !== false)")
        assert drawn == [True, is_shown, True, True, True]


def test_without_webgl_the_customers_are_drawn_flat(visit):
    none = """
      const original = HTMLCanvasElement.prototype.getContext;
      HTMLCanvasElement.prototype.getContext = function (kind, ...rest) {
        return kind.includes("webgl") ? null : original.call(this, kind, ...rest);
      };
    """
    seen = visit(example_report(), before=none)
    assert seen.count("#customers .scatterlayer .point") == 2400
    assert complaints(seen) == []


@pytest.fixture(scope="module")
def on_phone(browser, tmp_path_factory):
    """The example's report on a phone, for tests that leave its width as it was."""
    path = tmp_path_factory.mktemp("phone") / "report.html"
    return opened(browser, path, example_report(), size=PHONE)


def check_width(seen: Visit) -> None:
    assert seen.page.evaluate("document.documentElement.scrollWidth") <= PHONE["width"]
    assert complaints(seen) == []


def test_a_phone_does_not_scroll_sideways(on_phone):
    check_width(on_phone)


LONG: dict[str, dict] = {
    "eight features": {"features": [f"a_rather_long_feature_name_{at}" for at in range(8)]},
    "twenty segments": {
        "planted": [
            (f"A segment with a rather long name {at}", PLANTED[at % 5][1], 9) for at in range(20)
        ]
    },
    "endless words": {"features": ["x" * 300], "planted": [("y" * 300, (5.0,), 9)] * 2},
}


@pytest.mark.parametrize("name", rotation(LONG))
def test_a_phone_does_not_scroll_sideways_whatever_is_long(visit, name):
    check_width(visit(example_report(**LONG[name]), size=PHONE))


@pytest.mark.parametrize("features", rotation([1, 3, 2, 5], daily=2))
def test_hostile_names_stay_names(visit, features):
    names = [f"{HOSTILE[at % 3]}{at}" for at in range(features)]
    planted = [(HOSTILE[at % 3], centre, 30) for at, (_, centre, _) in enumerate(PLANTED)]
    seen = visit(example_report(features=names, planted=planted, run={"warnings": HOSTILE}))
    assert HOSTILE[0][:30] in (seen.page.text_content(".bars") or "")
    own = 3 + 2 + 5 + (features > 3)  # scripts, figures, indices, axes
    assert seen.count("script") == own
    assert seen.count("img[src='x'], a, svg a, b, iframe, [onerror], [onmouseover]") == 0
    assert seen.dialogs == []
    assert complaints(seen) == []


def test_all_features_of_a_wide_table_are_there_on_demand(visit):
    seen = visit(wide_report(numbers=120), size=PHONE)
    rows = ".browse tbody tr"
    assert seen.count(".compare tbody tr") == 20
    seen.page.click(".browse summary")
    seen.page.wait_for_selector(rows)
    assert seen.count(rows) == 50
    seen.page.click(".browse .more")
    assert seen.count(rows) == 100
    seen.page.fill(".browse input", "_0119")
    assert seen.page.locator(f"{rows} th").all_text_contents() == ["monthly_activity_0119"]
    assert seen.page.text_content(".browse [role=status]") == "1 of 1 shown"
    assert not seen.page.is_visible(".browse .more")
    shown = ".compare tbody tr:has(th:text-is('monthly_activity_0119')) td"
    cells = seen.page.locator(shown).all_text_contents()  # the value feature is in both tables
    assert [cell.replace(" ", "") for cell in cells[:6]] == [
        cell.replace(" ", "") for cell in cells[6:12]
    ]
    check_width(seen)


@pytest.fixture
def paper(example):
    """The example as it is printed."""
    example.page.set_viewport_size({"width": 680, "height": 900})
    example.page.emulate_media(media="print")
    yield example
    example.page.emulate_media(media="screen")
    example.page.set_viewport_size(DESK)


def test_on_paper_nothing_is_cut(paper):
    seen = paper
    seen.page.wait_for_selector("#elbow .main-svg[width='676']", state="attached")
    assert seen.page.evaluate("document.documentElement.scrollWidth") <= 680
    cut = """() => [...document.querySelectorAll('.chart')]
      .filter((one) => one.querySelector('.main-svg').clientHeight > one.clientHeight + 1)
      .map((one) => one.id)"""
    assert seen.page.evaluate(cut) == []
    assert seen.page.locator("details.technical").get_attribute("open") is not None
    right = """() => [...document.querySelectorAll('.chart .main-svg')]
      .filter((one) => one.getBoundingClientRect().right
        > one.closest('figure, section').getBoundingClientRect().right + 1)
      .map((one) => one.closest('.chart').id)"""
    assert seen.page.evaluate(right) == []


def test_a_chart_that_was_folded_away_fills_its_place_when_opened(on_phone):
    seen = on_phone
    seen.page.click("details.indices summary")
    width = "document.querySelector('#index-1 .main-svg').getBoundingClientRect().width"
    seen.page.wait_for_function(f"{width} > 100 && {width} <= 390")
    assert complaints(seen) == []


def test_a_printed_file_has_every_page(example):
    """What is folded away is printed too: the file once ended within the configuration."""
    seen = example

    def pages() -> int:
        return len(re.findall(rb"/Type\s*/Page\b", seen.page.pdf(prefer_css_page_size=True)))

    printed = pages()
    seen.page.evaluate(
        "folded = [...document.querySelectorAll('details:not([open])')];"
        "folded.forEach((one) => (one.open = true))"
    )
    assert printed == pages()
    seen.page.evaluate("folded.forEach((one) => (one.open = false))")


LABELS = """() => {
  const chart = document.querySelector("#flows").getBoundingClientRect();
  const boxes = [...document.querySelectorAll("#flows .node-label")].map((one) =>
    one.getBoundingClientRect());
  const overlap = (a, b) => Math.min(a.right, b.right) - Math.max(a.left, b.left) > 1
    && Math.min(a.bottom, b.bottom) - Math.max(a.top, b.top) > 1;
  return {
    count: boxes.length,
    overlapping: boxes.flatMap((a, i) => boxes.slice(i + 1).filter((b) => overlap(a, b))).length,
    cut: boxes.filter((one) => one.top < chart.top || one.bottom > chart.bottom
      || one.left < chart.left || one.right > chart.right).length,
  };
}"""


@pytest.mark.parametrize("size", [DESK, PHONE], ids=["desk", "phone"])
@pytest.mark.parametrize("report", rotation([changed_report, crowded_report]))
def test_labels_of_the_flow_diagram_neither_overlap_nor_are_cut(visit, report, size):
    seen = visit(report(), size=size)
    found = seen.page.evaluate(LABELS)
    assert found["count"] > 10
    assert (found["overlapping"], found["cut"]) == (0, 0)
    assert seen.count("#history-customers .scatterlayer .trace") > 5
    assert seen.page.evaluate("document.documentElement.scrollWidth") <= size["width"]
    assert complaints(seen) == []


def test_nodes_of_the_flow_diagram_are_where_they_were_put(visit):
    """Plotly takes padding and places as hints, and alters them where it finds too little room."""
    seen = visit(changed_report())
    away = """() => {
      const { node } = flows.data[0];
      const { height, margin } = flows.layout;
      const inside = height - margin.t - margin.b;
      const top = flows.querySelector(".main-svg").getBoundingClientRect().top + margin.t;
      return [...flows.querySelectorAll(".node-rect")].map((one, at) => {
        const box = one.getBoundingClientRect();
        return Math.abs((box.top + box.bottom) / 2 - top - node.y[at] * inside);
      });
    }"""
    found = seen.page.evaluate(away)
    assert len(found) == 13
    assert max(found) < 1.5


def test_flows_are_on_paper_at_once(visit):
    """Plotly fades them in when a diagram is resized, and paper does not wait."""
    seen = visit(changed_report())
    printed = """() => {
      window.dispatchEvent(new Event("beforeprint"));
      const links = [...flows.querySelectorAll(".sankey-link")];
      const found = links.map((one) => getComputedStyle(one).opacity);
      const width = flows.querySelector(".main-svg").getBoundingClientRect().width;
      window.dispatchEvent(new Event("afterprint"));
      return [found.length, [...new Set(found)], width];
    }"""
    count, opacities, width = seen.page.evaluate(printed)
    assert count > 20
    assert opacities == ["1"]
    assert width == 676
