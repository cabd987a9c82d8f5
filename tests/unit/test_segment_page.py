import json
import re
import subprocess
import sys
import zipfile
from dataclasses import replace
from html.parser import HTMLParser
from itertools import pairwise
from pathlib import Path

import pytest
from plotly.offline import get_plotlyjs

import segmentation
from segmentation.reporting.formatting import MINUS, number
from segmentation.reporting.segment_page import render
from segmentation.results import Correlation, CorrelationGroup, Rejection
from tests.report_example import PLANTED, example_report
from tests.wide_report import wide_report

HOSTILE = (
    "<script>alert(1)</script>",
    "</script><script>alert(2)</script>",
    '"><img src=x onerror=alert(3)>',
    "' onmouseover='alert(4)",
    '<a href="javascript:alert(5)">x</a>',
    "<!--<script>",
    "{{ 7 * 7 }} {% raw %}",
    "$\\alpha$ %{x} &lt;b&gt;",
    "Größe (€) 顧客 \u2028 \u202e \x00",
    "lone \ud800 surrogate",
)


class Page(HTMLParser):
    """What a browser would find: elements with their attributes, scripts and the text."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.scripts: list[str] = []
        self.text = ""
        self._inside = ""
        self.feed(html)

    def handle_starttag(self, tag, attrs):
        self.elements.append((tag, dict(attrs)))
        self._inside = tag
        if tag == "script":
            self.scripts.append("")

    def handle_endtag(self, _tag):
        self._inside = ""

    def handle_data(self, data):
        if self._inside == "script":
            self.scripts[-1] += data
        elif self._inside != "style":
            self.text += f" {data}"

    def named(self, tag):
        return [attributes for name, attributes in self.elements if name == tag]


def words(html: str) -> str:
    return " ".join(Page(html).text.split())


def figures(html: str) -> dict[str, dict]:
    page = Page(html)
    ids = [attributes.get("id") for attributes in page.named("script")]
    return {
        str(name): json.loads(content)
        for name, content in zip(ids, page.scripts, strict=True)
        if name
    }


@pytest.fixture(scope="module")
def html() -> str:
    return render(example_report())


def hostile_report(name: str, *, features: int = 3):
    report = example_report(
        features=[*(f"f{place}" for place in range(features - 1)), name],
        planted=[(name, centre, 20) for _, centre, _ in PLANTED],
        run={
            "run": name,
            "created_at": name,
            "input": {"paths": [name], "format": name},
            "fingerprint": name,
            "rejections": (Rejection(name, name, 37),),
            "warnings": (name,),
            "config": {name: {name: name}, "list": [name], "none": None},
            "versions": {name: name},
        },
    )
    verdict = replace(report.run.choice.verdict, reason=name, against=(name,), favourites={name: 2})
    choice = replace(report.run.choice, method=name, reason=name, verdict=verdict, against=(name,))
    return replace(report, run=replace(report.run, choice=choice))


def test_the_headline_and_the_evidence_are_in_words(html):
    text = words(html)
    assert "24,000 customers fall into 5 segments" in text
    assert (
        "Weak evidence The data show 5 groups, but these segments match them only roughly." in text
    )
    assert (
        "4,200 of 24,000 customers (17.5%), “Big spenders, few complaints”, account for 18.0 of "
        "26.3 million in money spent (68.7%). They also have the highest average money spent: "
        "4,297 per customer, against 1,095 overall."
    ) in text
    assert "The elbow of the cost curve: 5 clusters leave 5.8% of the cost" in text


def test_the_page_states_data_rows_seed_k_run_and_when(html):
    text = words(html)
    for fact in (
        "Data data/customers.csv",
        "Rows read 24,037",
        "Rows rejected 37",
        "Chosen: k = 5",
        "Seed 42",
        "Run 2026-11-23T0951-demo",
        "Created 23 November 2026, 09:51 UTC",
    ):
        assert fact in text


def test_rejected_rows_are_counted_with_reasons_in_plain_words(html):
    text = words(html)
    assert "24,037 rows read 24,000 in a segment 37 rejected" in text
    assert "the value is missing complains 21" in text
    assert "3 customer ids occur on more than one row" in text


def test_configuration_versions_and_timings_are_folded_away(html):
    (folded,) = re.findall(r'<details class="technical">.*?</details>', html, re.DOTALL)
    text = words(folded)
    for fact in ("sweep.k_max 12", "pyspark 4.3.0", "sweep 1 min 5 s", "6d1f0c2e9b7a4455"):
        assert fact in text


def test_the_same_report_gives_the_same_bytes(html):
    assert render(example_report()) == html


def test_plotly_is_embedded_once(html):
    source = get_plotlyjs().strip()
    assert html.count(source) == 1


def test_nothing_is_fetched(html):
    page = Page(html)
    for _, attributes in page.elements:
        assert not {"src", "href", "srcset", "data", "action", "poster"} & attributes.keys()
    own = html.replace(get_plotlyjs().strip(), "")
    assert (
        re.findall(r"https?:|//[a-z]|@import|url\(", re.sub(r"^\s*//.*$", "", own, flags=re.M))
        == []
    )


def test_the_policy_lets_only_the_pages_own_scripts_run(html):
    page = Page(html)
    (policy,) = [
        attributes["content"]
        for attributes in page.named("meta")
        if attributes.get("http-equiv") == "Content-Security-Policy"
    ]
    assert policy is not None
    assert policy.startswith("default-src 'none'; script-src 'sha256-")
    running = [one for one in page.named("script") if one.get("type") != "application/json"]
    assert len(re.findall("'sha256-", policy)) == len(running) == 3


@pytest.mark.parametrize("name", HOSTILE)
@pytest.mark.parametrize("features", [3, 5])
def test_values_stay_values(name, features):
    plain, hostile = (render(hostile_report(given, features=features)) for given in ("plain", name))
    page, expected = Page(hostile), Page(plain)
    assert [tag for tag, _ in page.elements] == [tag for tag, _ in expected.elements]
    assert [set(one) for _, one in page.elements] == [set(one) for _, one in expected.elements]
    assert len(figures(hostile)) == len(figures(plain))
    data = zip(page.named("script"), page.scripts, strict=True)
    assert not any(set("<>&") & set(text) for one, text in data if one.get("id"))
    hostile.encode("utf-8")


@pytest.mark.parametrize("name", HOSTILE[:6])
def test_plotly_gets_no_markup_of_the_data(name):
    drawn = json.dumps(figures(render(hostile_report(name))), ensure_ascii=False)
    ours = re.sub(r"<br>|</?b>", "", drawn)
    assert "<" not in re.sub("<\N{ZERO WIDTH SPACE}", "", ours)


def test_escaped_names_are_still_readable():
    text = words(render(hostile_report('<b>"A" & B</b>')))
    assert '<b>"A" & B</b>' in text


def test_every_chart_has_a_label_and_every_table_header_a_scope(html):
    page = Page(html)
    charts = [one for one in page.named("div") if (one.get("class") or "").startswith("chart")]
    assert len(charts) == 2 + 5  # with a small one for every index of the example
    assert all(one.get("aria-label") and one.get("id") for one in charts)
    assert all(one.get("scope") in ("row", "col") for one in page.named("th"))
    assert page.named("html") == [{"lang": "en"}]
    levels = [int(tag[1]) for tag, _ in page.elements if re.fullmatch("h[1-6]", tag)]
    assert levels[0] == 1
    assert all(after - before <= 1 for before, after in pairwise(levels))


@pytest.mark.parametrize(("count", "selects"), [(1, 0), (2, 0), (3, 0), (5, 3)])
def test_axes_can_be_chosen_where_there_are_more_than_three_features(count, selects):
    report = example_report(features=[f"f{place}" for place in range(count)])
    html = render(report)
    assert len(Page(html).named("select")) == selects
    found = figures(html)
    if selects:
        choices = found["customers-axes"]
        assert [axis["feature"] for axis in choices["axes"]] == ["f0", "f1", "f4", "f2", "f3"]
        assert sum(map(len, choices["segments"])) == len(report.sample.segments)
    else:
        assert "customers-axes" not in found


def test_a_value_without_shares_is_explained():
    text = words(render(example_report(has_value_share=False)))
    assert "Shares of money spent are not shown: it cannot be added up over customers" in text
    assert "Share of money spent" not in text


def test_one_segment_reads_as_one():
    text = words(render(example_report(planted=PLANTED[:1], has_value_share=False)))
    assert "4,200 customers fall into 1 segment" in text
    assert "Why 1 segment" in text


def test_many_segments_become_a_table():
    planted = [(f"Name {place}", PLANTED[place % 5][1], 2) for place in range(60)]
    html = render(example_report(planted=planted))
    assert '<li class="card">' not in html
    assert "59 · Name 59" in words(html)


def test_what_is_not_a_number_is_said_and_does_not_stop_the_report():
    report = example_report()
    first = replace(report.profiles[0], difference=float("nan"), mean=float("inf"))
    html = render(replace(report, profiles=(first, *report.profiles[1:])))
    assert "not known" in words(html)


def table(html: str, label: str) -> list[list[str]]:
    """The cells of a table as a reader sees them."""
    (found,) = re.findall(rf'aria-label="{label}">\s*(<table.*?</table>)', html, re.DOTALL)
    return [
        [words(cell) for cell in re.findall(r"<t[hd].*?</t[hd]>", row, re.DOTALL)]
        for row in re.findall(r"<tr.*?</tr>", found, re.DOTALL)
    ]


def test_segments_are_compared_with_the_average_in_a_table(html):
    head, *rows = table(html, "Table of features by segment")
    assert head[0] == "Feature"
    assert head[1] == "0 Big spenders, few complaints"
    assert head[-1] == "All"
    assert [row[0] for row in rows] == ["products_purchased", "complains", "money_spent"]
    report = example_report()
    money = [each for each in report.profiles if each.feature == "money_spent"]
    for cell, profile in zip(rows[2][1:], money, strict=False):
        assert profile.difference is not None
        size = abs(profile.difference)
        mark = ("▲" if profile.difference > 0 else "▼") * ((size >= 0.5) + (size >= 1.5))
        assert cell.count(mark or "▲") == (1 if mark else 0)
        level = ((size >= 0.5) + (size >= 1.5)) * (1 if profile.difference > 0 else -1)
        assert not level or f'class="n level{level} "' in html
        assert cell.startswith(number(profile.mean or 0))


def described(report, *columns):
    """The report with attributes that shape no segment: name, value, kind and mean of each."""
    first = replace(report.profiles[0], difference=None, used_for_clustering=False, known=500)
    return replace(
        report,
        profiles=(
            *report.profiles,
            *(
                replace(first, feature=f, value=v, kind=kind, mean=mean, overall_mean=mean,
                        p10=low, median=mean, p90=high)
                for f, v, kind, mean, low, high in columns
            ),
        ),
    )  # fmt: skip


def test_numbers_are_written_as_what_they_are():
    html = render(
        described(
            example_report(),
            ("partner", None, "boolean", 0.124, 0.0, 1.0),
            ("Year_Birth", None, "numeric", 1968.8, 1951.0, 1984.4),
            ("signup", None, "date", 123.46, 12.5, 400.0),
            ("recency_days", None, "numeric", 41.7, 3.0, 99.5),
            ("member", "0", "categorical", 0.25, None, None),
            ("member", "1", "categorical", 0.75, None, None),
            ("rooms", "0", "categorical", 0.2, None, None),
            ("rooms", "2", "categorical", 0.8, None, None),
        )
    )
    rows = {
        name: [row[:2] for row in table(html, f"Table of {name} by segment")[1:]]
        for name in ("partner", "Year_Birth", "signup", "recency_days", "member", "rooms")
    }
    assert rows == {
        "partner": [["average", "12.4%"]],
        "Year_Birth": [["average", "1969 1951 to 1984"]],
        "signup": [["average", "123 12 to 400"]],
        "recency_days": [["average", "42 3 to 100"]],
        "member": [["no (0)", "25.0%"], ["yes (1)", "75.0%"]],
        "rooms": [["0", "20.0%"], ["2", "80.0%"]],
    }


def test_correlated_features_are_told_once_and_calmly():
    found = (Correlation("frequency", "monetary", 0.853), Correlation("age", "tenure", -0.9))
    text = words(render(example_report(run={"correlations": found})))
    assert (
        "Correlated features have double weight in the segments: frequency and monetary "
        "rise together (correlation 0.85); age and tenure move in opposite directions "
        f"(correlation {MINUS}0.90)."
    ) in text


def test_at_most_ten_groups_of_correlated_features_are_told_the_others_counted():
    names = tuple(f"f{at}" for at in range(300))
    found = (
        CorrelationGroup(names, (), 0.8173),
        CorrelationGroup(("a", "b", "c", "d"), ("b", "c"), 0.9),
        *(CorrelationGroup((f"x{at}", f"y{at}"), (), 0.85) for at in range(30)),
    )
    html = render(example_report(run={"correlation_groups": found}))
    (told,) = re.findall(r"Correlated features have .*?</ul>", html, re.DOTALL)
    introduction, *statements = (words(each) for each in re.split("<li>", told))
    assert introduction == "Correlated features have double weight or more in the segments:"
    assert statements[:3] == [
        "f0, f1, f2 and 297 more rise together (each correlation at least 0.81)",
        "a, b, c and d move together, 2 of them in the opposite direction (each correlation at "
        "least 0.90)",
        "x0 and y0 rise together (correlation 0.85)",
    ]
    assert len(statements) == 11
    assert statements[-1] == "and 22 smaller or weaker groups"


MAX_PAGE = 6_000_000


def embedded(html: str, name: str):
    """The data of that id; None where there are none."""
    found = re.search(rf'<script type="application/json" id="{name}">(.*?)</script>', html)
    return None if found is None else json.loads(found[1])


@pytest.mark.parametrize(
    "columns",
    [
        {"numbers": 300},
        {"numbers": 2000, "segments": 12},
        {"categories": 40, "values": 50},
        {"numbers": 32},
    ],
    ids=str,
)
def test_the_page_of_a_wide_table_is_at_most_6_mb(columns):
    report = wide_report(**columns)
    html = render(report, min_group=10)
    assert len(html.encode()) <= MAX_PAGE
    axes, everything = embedded(html, "customers-axes"), embedded(html, "all-features")
    if columns == {"numbers": 32}:
        assert everything is None
        assert len(axes["axes"]) == 32
        assert sum(map(len, axes["segments"])) == 5000
        return
    rows = table(html, "Table of features by segment")
    assert len(rows) == 1 + 20
    for name, *cells in everything:
        assert isinstance(name, str)
        assert len(cells) == len(report.segments) + 2
    shares = [each[-1] for each in everything]
    assert float(shares[0].rstrip("%")) > 10
    assert shares[-1] == "under 0.1%" or float(shares[-1].rstrip("%")) < 5
    if "numbers" in columns:
        kept = min(columns["numbers"], 12_000 // (len(report.segments) + 1))
        assert len(everything) == kept
        names = {row[0] for row in rows[1:]}
        assert {f"monthly_activity_{at:04}" for at in range(10)} < names
        assert rows[1][0] == report.run.value_feature
        offered = [axis["feature"] for axis in axes["axes"]]
        assert len(offered) == 32
        assert {f"monthly_activity_{at:04}" for at in range(10)} < set(offered)
        assert offered[2] == report.run.value_feature
        assert sum(map(len, axes["segments"])) == 2000


def test_what_a_wide_page_shows_of_a_feature_is_what_its_whole_table_says():
    html = render(wide_report(numbers=50))
    everything = embedded(html, "all-features")
    _, *shown = table(html, "Table of features by segment")
    for name, *cells, overall in shown:
        (row,) = (row for row in everything if row[0] == name)
        assert row[-2] == overall
        signs = {2: "▲▲", 1: "▲", -1: "▼", -2: "▼▼"}
        for cell, (text, *rest) in zip(cells, row[1:-2], strict=True):
            level, spread = (*rest, 0, "")[:2] if len(rest) < 2 else rest
            assert cell.split() == f"{text} {signs.get(level, '')} {spread}".split()


def test_many_profiled_attributes_are_shown_on_demand():
    columns = [(f"attribute {at}", None, "numeric", 4.0, 1.0, 9.0) for at in range(300)]
    html = render(described(example_report(), *columns))
    assert html.count("Table of attribute ") == 24
    rest = embedded(html, "all-attributes")
    assert [row[0] for row in rest] == [f"attribute {at}: average" for at in range(24, 300)]
    assert rest[0][1] == ["4", 0, "1 to 9"]


def test_hundreds_of_settings_reasons_and_prepared_features_are_counted():
    names = [f"f{at}" for at in range(300)]
    reasons = tuple(Rejection("null", name, 400 - at) for at, name in enumerate(names))
    report = wide_report(numbers=300)
    html = render(replace(report, run=replace(report.run, rejections=reasons, rejected=400)))
    text = words(html.partition('id="complete-title"')[2].partition("</main>")[0])
    assert "the value is missing f23 377" in text
    assert "the value is missing f24 " not in text
    assert "276 more reasons" in text
    assert f"{sum(range(101, 377)):,}" in text
    assert "and 236 more" in text
    assert "268 more in manifest.json" in text


def test_nothing_rejected_and_no_warning():
    run = {"rejected": 0, "rejections": (), "warnings": (), "rows_in": 24000}
    text = words(render(example_report(run=run)))
    assert "No row was rejected: every one is in a segment." in text
    assert "Before you rely on this" not in text


def test_the_page_is_made_from_a_zip_too(tmp_path, html):
    """Spark ships the package as a zip: its files are read through the importer."""
    package = Path(segmentation.__file__).parent
    archive = tmp_path / "segmentation.zip"
    with zipfile.ZipFile(archive, "w") as bundle:
        for path in sorted(package.rglob("*")):
            if path.suffix in (".py", ".j2", ".css", ".js"):
                bundle.write(path, Path("segmentation") / path.relative_to(package))
    program = (
        "import sys; from segmentation.reporting import segment_page; "
        "assert '.zip' in segment_page.__file__; "
        "from tests.report_example import example_report; "
        "sys.stdout.write(str(len(segment_page.render(example_report()))))"
    )
    root = Path(__file__).parents[2]
    done = subprocess.run(
        [sys.executable, "-c", program],
        env={"PYTHONPATH": f"{archive}:{root}"},
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    assert done.returncode == 0, done.stderr
    assert int(done.stdout) == len(html)


def test_the_verdict_stands_at_the_top_with_what_speaks_against_it_below():
    text = words(render(example_report()))
    assert text.index("Weak evidence") < text.index("The segments")
    for told in ("the silhouette favours 2", "the gap statistic favours 7", "Runners-up: k = 2, 7"):
        assert told in text


def test_a_verdict_that_was_not_followed_is_reported_beside_the_choice():
    report = example_report()
    verdict = replace(report.run.choice.verdict, k=4, against=("what speaks against four",))
    choice = replace(report.run.choice, method="fixed", reason="choose.k is 5", verdict=verdict)
    text = words(render(replace(report, run=replace(report.run, choice=choice))))
    assert "For comparison, the automatic verdict is k = 4" in text
    assert "Number set by the configuration The data show" in text  # no praise of another k
    assert "Evidence against k = 5: the silhouette favours 2" in text
    assert "what speaks against four" not in text
    assert "but <b>one</b> is small" in text  # words, not markup


def test_nothing_against_is_said_without_claiming_more_than_that():
    report = example_report()
    choice = replace(report.run.choice, against=(), runners_up=())
    text = words(render(replace(report, run=replace(report.run, choice=choice))))
    assert "There is no evidence against k = 5: no index favours another k." in text
    assert "Runners-up" not in text
