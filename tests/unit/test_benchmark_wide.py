"""The benchmark's wide tables: what is planted, one-hot encoding, units, and the fitted power."""

import os
import sys

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from sklearn.cluster import KMeans
from sklearn.metrics import adjusted_rand_score

from scripts.benchmarking.costs import ScaledTable, costs, nearest
from scripts.benchmarking.data import CUSTOMER_ID, Shape, customers
from scripts.benchmarking.in_memory import one_hot
from scripts.benchmarking.job import generated_lines
from scripts.benchmarking.measuring import ContestantError, measured
from scripts.benchmarking.page import render
from scripts.benchmarking.records import (
    JOB,
    MEMORY,
    Comparison,
    Conditions,
    CostRow,
    Finding,
    Results,
    Spread,
    Timed,
)
from scripts.benchmarking.scaling import scale_units
from scripts.benchmarking.wide import wide_tables, width_table
from scripts.benchmarking.widths import exponent, widths

SEED = 7


@pytest.fixture(scope="module")
def table(tmp_path_factory):
    """Forty columns, so that blocks are small."""
    shape = Shape(36, categories=4, values=6, groups=3, noise=20)
    return customers(tmp_path_factory.mktemp("wide"), rows=1_200, shape=shape, seed=SEED)


def test_a_wide_table_has_its_columns_and_groups(table):
    frame = pq.read_table(table.path).to_pandas()
    assert list(frame[CUSTOMER_ID]) == list(range(1_200))
    assert list(frame.columns) == [CUSTOMER_ID, *table.shape.numeric, *table.shape.categorical]
    assert frame["category_4"].nunique() == 6
    assert table.shape.dimensions == 36 + 4 * 6
    assert set(table.planted) == {0, 1, 2}


def test_noise_does_not_tell_groups_apart_and_the_rest_does(table):
    frame = pq.read_table(table.path).to_pandas()
    logs = np.log1p(frame[list(table.shape.numeric)].to_numpy(float))
    means = np.array([logs[table.planted == group].mean(axis=0) for group in range(3)])
    spread = np.ptp(means, axis=0) / logs.std(axis=0)
    assert (spread[-20:] < 0.3).all()
    assert np.median(spread[:16]) > 1
    shares = pd.crosstab(table.planted, frame["category_1"], normalize="index")
    assert np.ptp(shares.to_numpy(), axis=0).max() > 0.1


def test_a_smaller_table_is_the_beginning_of_a_larger_one(table, tmp_path):
    smaller = customers(tmp_path, rows=300, shape=table.shape, seed=SEED)
    assert pq.read_table(smaller.path).equals(pq.read_table(table.path).slice(0, 300))
    assert np.array_equal(smaller.planted, table.planted[:300])


def test_the_most_frequent_values_have_a_dimension_and_the_rest_shares_one():
    column = pd.Series(["b", "c", "b", "a", "d", "c"])
    assert one_hot(column, top=2).tolist() == [
        [1, 0, 0],
        [0, 1, 0],
        [1, 0, 0],
        [0, 0, 1],
        [0, 0, 1],
        [0, 1, 0],
    ]
    assert one_hot(column, top=4).shape == (6, 4)  # no others


def test_the_dimensions_of_a_category_share_one_unit():
    assert scale_units(np.array([4.0, 0.1, 0.15, 9.0]), [1, 2, 1]).tolist() == [2, 0.5, 0.5, 3]


def test_the_independent_costs_equal_those_of_scikit_learn_on_the_same_preparation(tmp_path):
    random = np.random.default_rng(SEED)
    folder = tmp_path / "customers"
    folder.mkdir()
    frame = pd.DataFrame(
        {"spend": random.lognormal(3, 1, 500), "country": random.choice(list("wxyz"), 500)}
    )
    pq.write_table(pa.Table.from_pandas(frame, preserve_index=False), folder / "part-0.parquet")

    scaled = ScaledTable.of(folder, features=["spend"], categories=["country"], top=2)
    found = np.vstack(list(scaled.blocks()))

    shares = one_hot(frame["country"], top=2)
    plain = np.column_stack([np.log1p(frame["spend"]), shares])
    expected = (plain - plain.mean(axis=0)) / scale_units(plain.var(axis=0, ddof=1), [1, 3])
    np.testing.assert_allclose(found, expected, atol=1e-12)
    # A category weighs as much as a number: one cluster costs n - 1 for each of the two.
    assert costs(scaled.blocks(), [np.zeros((1, 4))])[0] == pytest.approx(2 * 499)
    fit = KMeans(3, n_init=1, random_state=SEED).fit(expected)
    assert costs(scaled.blocks(), [fit.cluster_centers_])[0] == pytest.approx(fit.inertia_)
    labels = nearest(scaled.blocks(), fit.cluster_centers_)
    assert adjusted_rand_score(labels, fit.labels_) == 1


def test_a_fitted_power():
    assert exponent([3, 30, 300], [2.0, 20.0, 200.0]) == pytest.approx(1)
    assert exponent([3, 3], [1.0, 2.0]) is None


def test_generated_code_in_an_output_is_seen():
    output = (
        "read: 0.5 s\nWARN CodeGenerator: Code of x grows beyond 64 KB\n/* 001 */ public Object"
    )
    assert generated_lines(output) == 2
    assert generated_lines("INFO segment: label: 3.0 s") == 0


def test_a_command_is_cut_off_at_its_limit_with_what_it_started(tmp_path):
    child = "import subprocess, sys, time; subprocess.Popen([sys.executable, '-c', %r]); %s"
    sleep = "import time; time.sleep(60)"
    with pytest.raises(ContestantError, match="cut off after 1 s") as found:
        measured(
            [sys.executable, "-c", child % (sleep, sleep)],
            environment=os.environ,
            log=tmp_path / "a.log",
            time_limit=1,
        )
    assert 1 <= found.value.measured.seconds < 20


def test_a_failure_is_named_by_what_ran_out(tmp_path):
    program = "import sys; print('Py4JJavaError: java.lang.StackOverflowError'); sys.exit(1)"
    with pytest.raises(ContestantError) as found:
        measured([sys.executable, "-c", program], environment=os.environ, log=tmp_path / "a.log")
    assert found.value.reason == "exit 1: StackOverflowError"


def comparison(features, *, seconds, failure=None):
    """The job and scikit-learn once each on a table; the job may have failed."""
    conditions = Conditions(
        command="scripts/benchmark",
        measured_at="2026-01-01",
        machine={},
        versions={},
        cores=2,
        driver_memory="4g",
        seed=SEED,
        shape=Shape(features, groups=5),
        k_max=3,
    )
    runs = [
        Timed(
            contestant=name,
            repeat=1,
            seconds=took,
            wall_seconds=took,
            scaled_from_ks=None,
            cpu_seconds=took,
            peak_mib={},
            steps={},
            chosen_k=None,
            failure=failure if name == JOB else None,
        )
        for name, took in seconds.items()
    ]
    return Comparison(
        rows=1_000,
        conditions=conditions,
        notes=[],
        runs=runs,
        seconds={name: Spread.of([took]) for name, took in seconds.items()},
        ratios={},
        steps=[],
        costs=[] if failure else [CostRow.of(2, {JOB: 99.0, MEMORY: 100.0})],
        published_to_measured=None,
        findings=[Finding(contestant=MEMORY, k=5, rand=0.98)],
    )


@pytest.fixture
def comparisons():
    return [
        comparison(3, seconds={JOB: 10.0, MEMORY: 1.0}),
        comparison(40, seconds={JOB: 12.0, MEMORY: 6.0}),
        comparison(400, seconds={JOB: 90.0, MEMORY: 60.0}, failure="cut off after 90 s"),
    ]


def test_wide_tables_show_time_cost_and_what_was_cut_off(comparisons):
    times, facts = wide_tables(comparisons)
    assert times.rows == [
        ("1,000 x 40", "40", "12.0", "6.0", "2.00", "0.99000"),
        ("1,000 x 400", "400", "cut off after 90 s", "60.0", "", ""),
    ]
    assert facts.rows[0][:5] == ("1,000 x 40", "5", "", "", "0.980")


def test_time_against_width_leaves_out_what_was_cut_off(comparisons):
    (found,) = widths(comparisons)
    assert found.dimensions == (3, 40, 400)
    assert found.exponent(JOB) == exponent([3, 40], [10, 12])
    assert found.steepest(MEMORY) == pytest.approx(1)  # from 40 to 400 the time is tenfold
    job, memory = width_table(found).rows
    assert job[3] == "cut off after 90 s"
    assert memory[1:4] == ("1.0", "6.0", "60.0")


def test_tables_of_other_rows_or_groups_are_no_series(comparisons):
    other = comparisons[1].model_copy(update={"rows": 2_000})
    assert widths([comparisons[0], other]) == []


def test_the_page_has_the_wide_tables_and_the_chart(comparisons):
    page = render(Results(comparisons=comparisons))
    assert 'id="time-against-width-0"' in page
    assert "cut off after 90 s" in page
    assert "Dimensions (log scale)" in page
