"""``tests/same_answer.py`` sees every difference of two published runs, and no renamed word."""

import json
import math
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from tests.example_jobs import ExampleJob, example_jobs
from tests.same_answer import TABLES, compared

JOB = ExampleJob("made by hand", "", lambda _: None, "id")
CUSTOMERS: list[dict[str, Any]] = [{"id": "a", "distance": 0.0}, {"id": "b", "distance": math.nan}]
REJECTED = [{"id": "c", "reason": "not_in_order"}]
CURVE: list[dict[str, Any]] = [
    {"k": 1, "cost": 2.5, "least_stability": 1.0},
    {"k": 2, "cost": 1.5, "least_stability": None},
]
MANIFEST: dict[str, Any] = {
    "rows_in": 3,
    "rejections": [{"reason": "not_in_order", "rows": 1}],
    "transactions": {"left_out": [{"rows": 4}]},
    "correlations": [{"r": 0.75}],
    "choice": {"k": 2, "against": ["of 3 customers 2 are “Big”"]},
    "warnings": ["no fact of the rows"],
}


@pytest.fixture
def published(tmp_path):
    """A function that publishes tables by hand; a file per customer."""

    def publish(
        name,
        *,
        customers=CUSTOMERS,
        segments=(0, 1, 0),
        rejected=REJECTED,
        curve=CURVE,
        manifest=MANIFEST,
    ):
        run = tmp_path / name
        for row, segment in zip(customers, segments, strict=False):
            _write([row], run / "customers" / f"segment={segment}")
        _write(rejected, run / "rejected")
        _write(curve, run / "cost_curve")
        (run / "manifest.json").write_text(json.dumps(manifest))
        return run

    return publish


def _write(rows, folder):
    folder.mkdir(parents=True, exist_ok=True)
    table = pa.Table.from_pylist(rows)
    pq.write_table(table, folder / f"{len(list(folder.iterdir()))}.parquet")


def different(old, new):
    return {each.what: each.differences for each in compared(JOB, old, new) if each.differences}


def test_the_same_in_other_words_and_another_order_is_equal(published):
    renamed = json.loads(
        json.dumps(MANIFEST).replace("not_in_order", "unknown_band").replace("left_out", "excluded")
    )
    choice = {"k": 2, "setting": {"k": 2}, "against": ["“Big” has 2 of 3"]}
    curve = [
        {"k": row["k"], "cost": row["cost"], "min_stability": row["least_stability"]}
        for row in CURVE[::-1]
    ]
    new = published(
        "new",
        rejected=[{"id": "c", "reason": "unknown_band"}],
        curve=curve,
        manifest=renamed | {"warnings": [], "choice": choice},
    )
    assert [each.what for each in compared(JOB, new, new)] == [*TABLES, "manifest"]
    assert different(published("old"), new) == {}
    assert list(different(new, published("older"))) == ["manifest"], "a fact is gone"


@pytest.mark.parametrize(
    ("changed", "what", "said"),
    [
        ({"customers": [{"id": "a", "distance": -0.0}, CUSTOMERS[1]]}, "customers", "'distance'"),
        (
            {"customers": [{"id": "a", "distance": 5e-324}, CUSTOMERS[1]]},
            "customers",
            "0.0 (0x0.0p+0) and 5e-324 (0x0.0000000000001p-1022)",
        ),
        ({"customers": CUSTOMERS[::-1]}, "customers", "{'id': 'a'}: 0 and 1"),
        ({"customers": [*CUSTOMERS, CUSTOMERS[0]]}, "customers", "OLD has 2 rows, NEW 3"),
        ({"rejected": [{"id": "c", "reason": "null"}]}, "rejected", "'unknown_band' and 'null'"),
        ({"curve": CURVE[:1]}, "cost_curve", "OLD has 2 rows, NEW 1"),
        (
            {"curve": [row | {"k": str(row["k"])} for row in CURVE]},
            "cost_curve",
            "is int64 and string",
        ),
        (
            {"curve": [{"k": 1, "least_stability": 1.0}, {"k": 2}]},
            "cost_curve",
            "only OLD has the column 'cost'",
        ),
        (
            {"manifest": MANIFEST | {"correlations": [{"r": np.nextafter(0.75, 1).item()}]}},
            "manifest",
            "correlations.0.r: 0.75",
        ),
        ({"manifest": MANIFEST | {"rows_in": 3.0}}, "manifest", "rows_in"),
        (
            {"manifest": MANIFEST | {"choice": {"k": 2, "against": ["of 3 customers 1 is “Big”"]}}},
            "manifest",
            "choice.against.0: '2, 3, “Big”' and '1, 3, “Big”'",
        ),
    ],
)
def test_a_difference_is_told(published, changed, what, said):
    found = different(published("old"), published("new", **changed))
    assert list(found) == [what]
    assert said in "; ".join(found[what])


def test_groups_with_other_numbers_are_told_apart_from_other_groups(published):
    three = [*CUSTOMERS, {"id": "c", "distance": 1.0}]
    old = published("old", customers=three)
    renumbered = published("renumbered", customers=three, segments=(1, 0, 1))
    regrouped = published("regrouped", customers=three, segments=(0, 1, 1))
    assert different(old, renumbered)["customers"][-1].startswith("the groups")
    assert "not the same" not in different(old, renumbered)["customers"][-1]
    assert "not the same" in different(old, regrouped)["customers"][-1]


def test_a_table_that_one_run_lacks_is_told(published):
    old, new = published("old"), published("new")
    _write(REJECTED, new / "rejected_transactions")
    assert different(old, new) == {"rejected_transactions": ["OLD has no such table"]}


@pytest.mark.parametrize("job", example_jobs(), ids=lambda job: job.name)
def test_the_input_of_an_example_is_the_same_every_time(job, tmp_path):
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
        job.write(tmp_path / name)
    first, second = (
        {path.name: path.read_bytes() for path in (tmp_path / name).iterdir()}
        for name in ("one", "two")
    )
    assert first == second
