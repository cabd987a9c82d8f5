"""Nobody is recognised in the page: an attacker tries, who has the page and nothing else."""

from dataclasses import replace

import pytest

from segmentation.reporting.disclosure import suppress_small_counts
from segmentation.reporting.segment_page import render
from segmentation.results import CustomerSample, FeatureProfile, Report
from tests import attack
from tests.random_report import MIN_GROUP, Known, random_report
from tests.report_example import example_report
from tests.rotation import SEED

TABLES, DAILY = 50, 5
CATEGORIES = ("plan", "country", "partner")


def derived(known: Known, html: str) -> list[str]:
    """The counts of few customers that the attacker derives from the page, in words."""
    page = attack.read(html)
    found = []
    for feature in CATEGORIES:
        counts = known.counts(feature)
        if feature == "partner":
            counts = counts.rename(columns={True: "", False: attack.REST})
        wanted = [
            (int(segment), str(value))
            for segment, row in counts.iterrows()
            for value, count in row.items()
            if 0 < count < MIN_GROUP
        ]
        values = [str(value) for value in counts.columns if value != attack.REST]
        largest = attack.largest_possible(page, feature, values, wanted)
        found += [
            f"{feature} = {value} of segment {segment}: at most {most}"
            for (segment, value), most in largest.items()
            if most < MIN_GROUP
        ]
    return found + _of_sizes(known, page) + _of_numbers(known, page)


def _of_sizes(known: Known, page: attack.Page) -> list[str]:
    sizes = known.customers["segment"].value_counts()
    unknown = page.customers - sum(page.sizes.values())
    others = page.count - len(page.sizes) - 1  # of one customer at least
    found = [f"size of segment {s}" for s in sizes[sizes < MIN_GROUP].index if s in page.sizes]
    if len(page.sizes) < page.count and unknown - others < MIN_GROUP:
        found.append(f"size of a segment: at most {unknown - others}")
    for share in page.figures["index-1-figure"]["data"][0]["y"]:
        if round(share * page.customers) < MIN_GROUP:
            found.append(f"smallest segment: {share:.3f} of all")
    return found


def _of_numbers(known: Known, page: attack.Page) -> list[str]:
    """Means of few, by themselves or as what is left of all; sums that count few."""
    found = []
    for feature in ("age", "complaints"):
        own = known.customers.groupby("segment")[feature]
        shown = _segments_with(page, feature)
        hidden = [s for s in own.groups if s not in shown]
        basis = own.count() if feature == "age" else own.sum()
        parts = {f"segment {s}": basis[s] for s in shown} | {"the others": basis[hidden].sum()}
        if _is_shown_of_all(page, feature):
            found += [
                f"{feature} of {who}: {count}"
                for who, count in parts.items()
                if 0 < count < MIN_GROUP
            ]
    return found


def _segments_with(page: attack.Page, feature: str) -> set[int]:
    """The segments of which the page tells the mean of a number."""
    found: set[int] = set()
    for label, rows in page.tables:
        for row in rows[1:] if label.endswith(" by segment") else ():
            if label == f"Table of {feature} by segment" or row[0] == feature:
                cells = zip(rows[0][1:-1], row[1:-1], strict=True)
                told = [head for head, cell in cells if any(map(str.isdigit, cell))]
                found |= {int(head.split()[0]) for head in told}
    return found


def _is_shown_of_all(page: attack.Page, feature: str) -> bool:
    return any(
        feature in label or any(row[0] == feature for row in rows) for label, rows in page.tables
    )


def hidden_nothing(report: Report, *, min_group: int) -> Report:  # noqa: ARG001 - as the other
    """No disclosure control at all."""
    return report


def hidden_small_cells_only(report: Report, *, min_group: int) -> Report:
    """What was done before: the small value itself is hidden, and small segments."""
    sizes = {each.segment: each.customers for each in report.segments}
    few = {s for s, size in sizes.items() if size < min_group}
    profiles = tuple(
        replace(each, mean=None, difference=None, median=None, p10=None, p90=None)
        if each.segment in few
        or (each.value and 0 < round((each.mean or 0) * sizes[each.segment]) < min_group)
        else each
        for each in report.profiles
    )
    return replace(report, profiles=profiles)


def tables(request: pytest.FixtureRequest) -> list[int]:
    if request.config.getoption("--thorough"):
        return list(range(TABLES))
    return [(SEED * DAILY + each) % TABLES for each in range(DAILY)]


def test_an_attacker_with_the_page_derives_no_count_of_few(request):
    for seed in tables(request):
        known = random_report(seed)
        html = render(known.report, min_group=MIN_GROUP)
        assert derived(known, html) == [], f"table {seed}"
        assert not drawn_customers(known, attack.read(html)), f"table {seed}"


@pytest.mark.parametrize("control", [hidden_nothing, hidden_small_cells_only])
def test_the_attacker_succeeds_against_less(control, monkeypatch):
    monkeypatch.setattr("segmentation.reporting.segment_page.suppress_small_counts", control)
    known = random_report(0)
    found = derived(known, render(known.report, min_group=MIN_GROUP))
    for feature in ("plan", "country", "partner", "complaints", "smallest segment"):
        assert any(each.startswith(feature) for each in found), feature


def drawn_customers(known: Known, page: attack.Page) -> list[tuple[float, ...]]:
    """The points of the scatter plot that are a customer's values, but for those of many."""
    figure = page.figures.get("customers-figure")
    if figure is None:
        return []
    scene = figure["layout"].get("scene", figure["layout"])
    axes = [
        (letter, scene.get(f"{letter}axis", {}).get("title", {}).get("text")) for letter in "xyz"
    ]
    drawn = {letter: name for letter, name in axes if name in known.customers}
    alike = known.customers[list(drawn.values())].value_counts()
    few = {tuple(map(float, values)) for values, count in alike.items() if count < MIN_GROUP}
    points = [p for t in figure["data"] for p in zip(*(t[letter] for letter in drawn), strict=True)]
    return [point for point in points if tuple(map(float, point)) in few]


def test_the_attacker_finds_customers_who_are_drawn():
    known = random_report(1)
    own = known.customers
    names = ("spend", "visits", "complaints")
    sample = CustomerSample(
        {name: tuple(map(float, own[name])) for name in names}, tuple(map(int, own["segment"]))
    )
    html = render(replace(known.report, sample=sample), min_group=MIN_GROUP)
    assert len(drawn_customers(known, attack.read(html))) > 50


def profiles_of(counts: dict[str, list[int]], sizes: list[int], **fields) -> list[FeatureProfile]:
    """The profiles of a described feature with so many customers, by value and segment."""
    return [
        FeatureProfile(
            segment=segment,
            feature="plan",
            value=value,
            mean=having / sizes[segment],
            median=None,
            p10=None,
            p90=None,
            centroid=None,
            overall_mean=sum(row) / sum(sizes),
            difference=None,
            used_for_clustering=False,
            known=sizes[segment],
            kind="categorical",
            **fields,
        )
        for value, row in counts.items()
        for segment, having in enumerate(row)
    ]


def shown(counts: dict[str, list[int]], sizes: list[int]) -> dict[str, list[int | None]]:
    """What is left of a described feature: customers by value and segment, None for a dash."""
    given = example_report()
    segments = tuple(
        replace(given.segments[0], segment=at, customers=size) for at, size in enumerate(sizes)
    )
    report = replace(given, segments=segments, profiles=tuple(profiles_of(counts, sizes)))
    found: dict[str, list[int | None]] = {}
    for each in suppress_small_counts(report, min_group=MIN_GROUP).profiles:
        count = None if each.mean is None else round(each.mean * sizes[each.segment])
        found.setdefault(str(each.value), []).append(count)
    return found


def test_what_is_safe_is_shown_as_it_is():
    counts = {"a": [50, 60, 0], "b": [50, 40, 100]}
    assert shown(counts, [100, 100, 100]) == counts


def test_a_rare_value_is_merged_into_the_others():
    counts = {"a": [50, 60], "b": [45, 30], "c": [3, 6], "d": [2, 4]}  # c and d: 5, then 10
    assert shown(counts, [100, 100]) == {"a": [50, 60], "(other)": [50, 40]}


def test_all_but_few_is_hidden_as_well_as_few_and_what_would_give_it_away():
    counts = {"yes": [97, 50, 60], "no": [3, 50, 40]}
    # one segment alone would be what is left of all customers
    assert shown(counts, [100, 100, 100]) == {"yes": [None, None, 60], "no": [None, None, 40]}


def test_a_value_of_fewer_than_enough_in_all_is_gone():
    assert shown({"yes": [3, 4], "no": [97, 96]}, [100, 100]) == {}


@pytest.mark.parametrize(
    ("sizes", "few"),
    [((10, 500), ()), ((3, 500, 40), (0, 2)), ((3, 7, 40), (0, 1)), ((3, 4, 10), (0, 1, 2)),
     ((3,), (0,)), ((), ())],
)  # fmt: skip
def test_segments_are_withheld_together_with_what_would_give_them_away(sizes, few):
    given = example_report()
    segments = tuple(
        replace(given.segments[0], segment=at, customers=size) for at, size in enumerate(sizes)
    )
    found = suppress_small_counts(replace(given, segments=segments, profiles=()), min_group=10)
    assert found.withheld == few
    assert [each.segment for each in found.segments] == [
        at for at in range(len(sizes)) if at not in few
    ]
    assert set(found.sample.segments).isdisjoint(few)


@pytest.mark.parametrize(
    ("known", "left"),
    [(200, {"mean", "median", "p10", "p90"}), (99, {"mean", "median"}), (19, {"mean"}), (9, set())],
)
def test_a_statistic_is_of_enough_customers(known, left):
    given = example_report()
    profiles = tuple(
        replace(each, known=known) if each.segment == 0 else each for each in given.profiles
    )
    found = suppress_small_counts(replace(given, profiles=profiles), min_group=MIN_GROUP).profiles[
        0
    ]
    names = {"mean", "median", "p10", "p90"}
    assert {name for name in names if getattr(found, name) is not None} == left


def test_a_name_that_speaks_of_a_hidden_feature_in_other_words_is_cut_too():
    """The spend of 9 of the 4,200 customers is known: "high spend" would be of these."""
    given = example_report(features=["orders", "complains", "monetary"])
    few = tuple(
        replace(each, known=9) if (each.segment, each.feature) == (0, "monetary") else each
        for each in given.profiles
    )
    segment = replace(given.segments[0], name="High orders, very high spend")
    report = replace(given, profiles=few, segments=(segment, *given.segments[1:]))
    assert suppress_small_counts(report, min_group=MIN_GROUP).segments[0].name == "High orders"


def test_a_name_says_nothing_of_what_is_hidden():
    given = example_report()
    sizes = [each.customers for each in given.segments]
    counts = {"YOLO": [2, 3, 0, 1, 2], "other": [size - 3 for size in sizes]}
    segment = replace(given.segments[0], name="More YOLO, high money spent")
    report = replace(
        given,
        segments=(segment, *given.segments[1:]),
        profiles=(*given.profiles, *profiles_of(counts, sizes)),
    )
    assert suppress_small_counts(report, min_group=MIN_GROUP).segments[0].name == "High money spent"
    for name in ("More YOLO", "More yolo (2)", "Mostly plan = other"):
        report = replace(report, segments=(replace(segment, name=name), *given.segments[1:]))
        assert suppress_small_counts(report, min_group=MIN_GROUP).segments[0].name == "Segment 0"
    comma = tuple(replace(p, value="A, B") if p.value == "YOLO" else p for p in report.profiles)
    segments = (replace(segment, name="Mostly A, B, high spend"), *given.segments[1:])
    report = replace(report, segments=segments, profiles=comma)
    assert suppress_small_counts(report, min_group=MIN_GROUP).segments[0].name == "Segment 0"


def test_withheld_segments_are_mentioned_and_nothing_is_claimed_to_be_most():
    given = example_report()
    segments = (replace(given.segments[0], customers=9), *given.segments[1:])
    text = attack.read(render(replace(given, segments=segments), min_group=10)).text
    assert "fall into 5 segments" in text
    assert "Withheld to protect privacy: segment 0, 1." in text
    assert given.segments[0].name not in text


def test_of_one_customer_all_may_be_told_where_that_is_asked_for():
    assert suppress_small_counts(example_report(), min_group=1) == example_report()


@pytest.mark.parametrize(
    ("grouped", "min_group", "said"),
    [
        (True, 10, "Each point is the average of 10 or more similar customers of one segment; "),
        (True, 1, "Each point is the average of similar customers of one segment, or a single "),
        (False, 10, "Each point is one customer, or several with identical features; "),
    ],
)
def test_the_page_says_what_a_mark_is(grouped, min_group, said):
    given = example_report()
    sizes = (10,) * len(given.sample.segments) if grouped else ()
    report = replace(given, sample=replace(given.sample, customers=sizes))
    assert said in attack.read(render(report, min_group=min_group)).text


def test_where_nothing_may_be_drawn_the_page_has_no_empty_chart():
    given = example_report()
    html = render(replace(given, sample=CustomerSample({}, ())), min_group=10)
    assert "customers-figure" not in attack.read(html).figures
    assert ">The customers</h2>" not in html
