"""The benchmark measures what it says it does. Nothing here depends on how fast anything is."""

import json
import math
import os
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from scripts.benchmarking.costs import costs
from scripts.benchmarking.session import scaled_up
from scripts.benchmarking.widths import exponent
from tests.conftest import SPARK_PATH

ROOT = Path(__file__).resolve().parents[2]
ROWS, K_MAX = 4_000, 3


def test_a_cost_is_the_sum_of_squared_distances_to_the_nearest_centre():
    points = np.array([[0.0, 0.0], [3.0, 4.0], [10.0, 0.0]])
    one, two = np.array([[0.0, 0.0]]), np.array([[0.0, 0.0], [10.0, 1.0]])

    assert costs(iter([points[:2], points[2:]]), [one, two]) == [125.0, 26.0]


def test_a_run_of_three_fits_is_scaled_up_by_their_mean():
    assert scaled_up(100.0, [10.0, 20.0, 30.0], fits_in_all=11) == 100 + 8 * 20


def test_the_exponent_of_what_grows_with_the_square_is_two():
    assert exponent([10, 100, 1000], [1.0, 100.0, 10_000.0]) == pytest.approx(2)


def benchmark(output, options):
    """Run as scripts/benchmark would, whose own part is to find this Python."""
    arguments = [part for name, value in options.items() for part in (f"--{name}", str(value))]
    done = subprocess.run(
        [sys.executable, "-P", "-m", "scripts.benchmarking", *arguments, "--output", str(output)],
        env={**os.environ, "PYTHONPATH": f"{ROOT}:{SPARK_PATH}"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr


@pytest.mark.thorough
def test_the_saved_model_labels_as_pandas_does(tmp_path):
    options = {"rows": ROWS, "categories": "2x4", "groups": 3, "k-max": K_MAX}
    benchmark(tmp_path, options | {"label-rows": 2 * ROWS, "driver-memory": "1g"})
    (found,) = json.loads((tmp_path / "labelling.json").read_text())
    assert found["rows"] == 2 * ROWS
    assert found["dimensions"] == 3 + 2 * 4
    assert found["different"] == 0
    assert all(seconds > 0 for seconds in found["seconds"].values())


@pytest.mark.turn(4, of=5)
def test_a_small_benchmark(tmp_path):
    options = {"rows": ROWS, "categories": "2x4", "groups": 3, "k-max": K_MAX}
    benchmark(tmp_path, options | {"repeat": 1, "mllib-ks": 3, "driver-memory": "1g"})

    text = (tmp_path / "results.json").read_text()
    (found,) = json.loads(text)["comparisons"]
    runs = {run["contestant"]: run for run in found["runs"]}
    assert found["rows"] == ROWS
    assert list(runs) == ["a", "b", "c", "d"]
    assert set(found["ratios"]) == {"b/a", "c/a", "a/d"}
    for name, run in runs.items():
        roles = {"driver", "total"} if name == "c" else {"driver", "jvm", "total"}
        assert roles <= set(run["peak_mib"])
        assert sum(run["steps"].values()) == pytest.approx(run["wall_seconds"], abs=0.1)
        assert run["cpu_seconds"] > 0
    assert {"sweep", "score", "label"} <= {step["name"] for step in found["steps"]}
    assert sum(step["share"] for step in found["steps"]) == pytest.approx(1, abs=0.01)

    assert [row["k"] for row in found["costs"]] == list(range(1, K_MAX + 1))
    for row in found["costs"]:
        scikit_learn = min(row["costs"]["c"], row["costs"]["many starts"])
        assert row["costs"]["a"] == pytest.approx(scikit_learn, rel=0.01)
        assert min(row["ratios"].values()) == 1
    # Every feature, a category too, has variance 1: this is what one cluster costs.
    shape = found["conditions"]["shape"]
    one_cluster = (ROWS - 1) * (shape["features"] + shape["categories"])
    assert found["costs"][0]["costs"]["c"] == pytest.approx(one_cluster, rel=1e-9)
    assert found["published_to_measured"] == pytest.approx(1, abs=1e-6)
    # The loop's own centres, mapped back from Spark's order of values, are nobody's by mistake.
    assert found["costs"][1]["ratios"]["b"] < 1.5
    own, *others = found["findings"]
    assert [each["contestant"] for each in (own, *others)] == ["a", "b", "c"]
    assert all(0.5 < each["rand"] <= 1 for each in (own, *others))
    assert own["generated_lines"] == 0
    assert own["report_mib"] > 0.1

    assert str(tmp_path) not in text, "results.json says nothing of this machine's folders"
    assert not list(tmp_path.glob("scratch/*/")), "what the contestants wrote is removed"

    page = (tmp_path / "benchmark.html").read_text()
    assert str(tmp_path) not in page
    assert not re.search(r"<(?:script|link|img|iframe)[^>]*(?:src|href)\s*=", page)
    assert "default-src 'none'" in page
    for place in ("ratios", "steps", "costs-0", "memory-0"):
        assert f'id="{place}"' in page
    for ratio in found["ratios"].values():
        assert f"{ratio['median']:.2f}" in page
    assert all(f"{row['best']:,.3f}" in page for row in found["costs"])
    assert all(math.isfinite(run["seconds"]) for run in runs.values())
