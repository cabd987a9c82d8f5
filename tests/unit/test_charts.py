import math
from dataclasses import replace

import pytest

from segmentation.reporting.charts import evidence, scatter
from segmentation.reporting.charts.axes import axis, position
from segmentation.reporting.charts.markers import COLOURS, SYMBOLS, marker
from segmentation.reporting.formatting import MINUS, chart_text, compact, number, percent
from segmentation.results import CostPoint, CustomerSample, PreparedFeature, Report
from tests.report_example import example_report

ZERO_WIDTH = "\N{ZERO WIDTH SPACE}"


CURVE = example_report().cost_curve


def drawn(report: Report):
    return scatter.customers(report.sample, features=report.run.features, segments=report.segments)


def prepared(name: str, transform: str) -> PreparedFeature:
    return PreparedFeature(name, transform, 0.0, 1.0)


# --- elbow ----------------------------------------------------------------------------------


def test_elbow_draws_every_cost_and_marks_the_chosen_by_shape_line_and_word():
    figure = evidence.elbow([CostPoint(1, 9.0), CostPoint(2, 4.0, True), CostPoint(3, 3.5)])
    curve, chosen = figure.data
    assert (curve.x, curve.y) == ((1, 2, 3), (9.0, 4.0, 3.5))
    assert (chosen.x, chosen.y, chosen.marker.symbol) == ((2,), (4.0,), "diamond-open")
    assert curve.marker.symbol != chosen.marker.symbol
    assert [(line.x0, line.x1) for line in figure.layout.shapes] == [(2, 2)]
    assert "k = 2" in figure.layout.annotations[0].text


def test_every_index_with_values_has_a_chart_of_its_own_with_the_chosen_k_marked():
    found = evidence.indices(example_report().cost_curve)
    assert [index.title for index in found] == [
        "Silhouette",
        "Gap",
        "Stability",
        "Drop in log cost",
        "Smallest segment",
    ]  # the example has no Davies-Bouldin and no Calinski-Harabasz
    for index in found:
        curve, chosen = index.figure.data
        assert (chosen.x, chosen.marker.symbol) == ((5,), "diamond-open")
        assert chosen.y[0] == curve.y[curve.x.index(5)]
        assert index.help


def test_an_index_without_a_value_for_some_k_is_drawn_for_the_others():
    silhouette, *_ = evidence.indices(example_report().cost_curve)
    assert silhouette.figure.data[0].x == tuple(range(2, 13))


def test_the_gap_has_its_error_bars_and_no_other_index_has():
    found = {index.title: index.figure.data[0].error_y.array for index in evidence.indices(CURVE)}
    assert found["Gap"] == (0.02,) * 12
    assert {title for title, bars in found.items() if bars} == {"Gap"}


def test_a_curve_without_indices_has_no_small_charts():
    assert evidence.indices([CostPoint(1, 2.0, True)]) == ()


def test_elbow_axes_name_quantity_unit_and_scale():
    layout = evidence.elbow(example_report().cost_curve).layout
    assert layout.xaxis.title.text == "k, the number of segments"
    assert "sum of squared distances" in layout.yaxis.title.text
    assert "squared scaled units, linear scale" in layout.yaxis.title.text


@pytest.mark.parametrize("costs", [[0.0], [0.0, 0.0, 0.0], [5.0]])
def test_elbow_has_a_range_where_costs_are_zero_or_alone(costs):
    points = [CostPoint(k, cost, k == 1) for k, cost in enumerate(costs, start=1)]
    low, high = evidence.elbow(points).layout.yaxis.range
    assert low == 0
    assert high > max(costs)


# --- customers ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("features", "kind"),
    [
        (["a"], "scatter"),
        (["a", "b"], "scatter"),
        (["a", "b", "c"], "scatter3d"),
        (["a", "b", "c", "d", "e"], "scatter3d"),
    ],
)
def test_customers_are_drawn_as_the_features_allow(features, kind):
    report = example_report(features=features)
    figure = drawn(report)
    assert {trace.type for trace in figure.data} == {kind}
    assert sum(len(trace.x) for trace in figure.data) == 2400
    assert len(scatter.axes(report.sample, features=report.run.features)) == len(features)


def test_every_segment_has_its_colour_and_its_symbol():
    traces = drawn(example_report()).data
    assert [trace.name for trace in traces][:2] == [
        "0 · Big spenders, few complaints",
        "1 · Regulars who complain",
    ]
    assert len({trace.marker.color for trace in traces}) == 5
    assert len({trace.marker.symbol for trace in traces}) == 5


def test_markers_of_42_segments_differ():
    markers = [marker(segment) for segment in range(42)]
    assert len({(each.colour, each.symbol) for each in markers}) == 42
    assert len(COLOURS) * len(SYMBOLS) == 42


def test_at_most_5000_customers_are_drawn_evenly():
    count = 12_000
    sample = CustomerSample({"a": tuple(map(float, range(count)))}, (0, 1, 2) * (count // 3))
    (one,) = scatter.axes(sample, features=[prepared("a", "none")])
    assert len(one.positions) == 5000
    assert one.values[-1] > 0.99 * count
    assert sum(map(len, scatter.by_segment(sample).values())) == 5000


def test_no_customer_is_no_error():
    sample = CustomerSample({"a": (), "b": (), "c": ()}, ())
    features = [prepared(name, "log1p") for name in "abc"]
    assert scatter.customers(sample, features=features, segments=()).data == ()


def test_space_names_features_and_the_log_scale():
    scene = drawn(example_report(transforms={"complains": "none"})).layout.scene
    assert scene.xaxis.title.text == "products_purchased (log scale)"
    assert scene.yaxis.title.text == "complains"
    assert scene.zaxis.title.text == "money_spent (log scale)"
    assert set(scene.zaxis.ticktext) == {"10", "100", "1k"}
    assert list(scene.zaxis.tickvals) == pytest.approx(
        [math.log1p(tick) for tick in (10, 100, 1000)], rel=1e-5
    )


# --- scales ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("transform", "value", "place"),
    [
        ("log1p", 0.0, 0.0),
        ("log1p", math.e - 1, 1.0),
        ("log1p", -5.0, 0.0),  # clipped by the job
        ("signed", math.e - 1, 1.0),
        ("signed", 1 - math.e, -1.0),
        ("none", -3.5, -3.5),
    ],
)
def test_position_follows_the_transform(transform, value, place):
    assert position(value, transform) == pytest.approx(place, abs=1e-5)


@pytest.mark.parametrize(
    ("transform", "values", "labels"),
    [
        ("log1p", (0, 9, 12_000), ("0", "10", "100", "1k", "10k")),
        (
            "signed",
            (-1500, 0, 40, 1500),
            tuple(f"{MINUS}1k {MINUS}100 {MINUS}10 0 10 100 1k".split()),
        ),
        ("none", (0, 10), ("0", "2", "4", "6", "8", "10")),
        ("none", (7, 7), ("7",)),
        ("none", (1940, 1990), ("1,940", "1,950", "1,960", "1,970", "1,980", "1,990")),
        ("none", (20_000, 30_000), ("20k", "22k", "24k", "26k", "28k", "30k")),
        ("log1p", (0, 0), ("0",)),
    ],
)
def test_ticks_are_round_and_in_original_units(transform, values, labels):
    found = axis(prepared("x", transform), values)
    assert found.labels == labels
    assert list(found.ticks) == sorted(found.ticks)


def test_a_log_axis_too_short_for_powers_of_ten_has_ticks_all_the_same():
    assert axis(prepared("x", "log1p"), (30, 70)).labels == ("30", "40", "50", "60", "70")


@pytest.mark.parametrize(
    "values", [(1e-9, 3e-9), (0, 1e-12), (1e300, 2e300), (-1e12, 1e12), (5, 5.0001)]
)
@pytest.mark.parametrize("transform", ["log1p", "signed", "none"])
def test_any_range_has_ticks_and_not_too_many(transform, values):
    found = axis(prepared("x", transform), values)
    assert 0 < len(found.ticks) <= 12
    assert all(map(math.isfinite, found.ticks))


# --- wording --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        (number(24000), "24,000"),
        (number(12.5), "12.5"),
        (number(0.01234), "0.0123"),
        (number(-3.0), f"{MINUS}3"),
        (number(0), "0"),
        (number(1e18), "1.00e+18"),
        (number(math.inf), "not known"),
        (compact(1234), "1.2k"),
        (compact(999_999), "1M"),
        (compact(10_000_000), "10M"),
        (percent(0.175), "17.5%"),
        (percent(0.0001), "under 0.1%"),
        (percent(0), "0.0%"),
    ],
)
def test_numbers_are_written_for_people(written, expected):
    assert written == expected


@pytest.mark.parametrize(
    "hostile",
    ["<b>bold</b>", '<a href="https://example.org">x</a>', "a<br>b", "&lt;i&gt;", "%{x}", "$x^2$"],
)
def test_plotly_finds_no_markup_in_text_from_the_data(hostile):
    text = chart_text(hostile)
    assert text.replace(ZERO_WIDTH, "") == hostile
    assert not any(opening in text for opening in ("<b", "<a", "<i", "</", "&l", "&g", "%{"))


def test_chart_text_is_one_line_written_one_way_and_short():
    assert chart_text("a\nb\tc\x00d") == "a b c d"
    assert chart_text("abc\u202edef") == "abcdef"
    assert len(chart_text("x" * 500)) == 60


def test_a_point_says_how_many_customers_it_stands_for():
    report = example_report()
    sizes = tuple(10 + place % 3 for place in range(len(report.sample.segments)))
    traces = drawn(replace(report, sample=replace(report.sample, customers=sizes))).data
    told = [text.split("<br>")[1] for trace in traces for text in trace.hovertext]
    assert sorted(told) == sorted(f"{size} similar customers, on average" for size in sizes)
