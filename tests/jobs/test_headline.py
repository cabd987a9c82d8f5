"""The command's last lines and the report's first sentences on random tables, checked by pandas."""

from html import unescape

import numpy as np
import pandas as pd
import pytest

from tests import headline
from tests.parts import MODEL
from tests.rotation import SEED

TABLES = 10

CUSTOMERS = """
[input]
path = "{path}"
customer_id = "id"
[features]
numeric = ["revenue", "visits"]
boolean = ["member"]
categorical = ["plan"]
missing = "impute"
winsorise = [0.01, 0.99]
[sweep]
k_max = 5
[segments]
value = "revenue"
[output]
path = "out"
"""

LINES = """
[input]
path = "{path}"
kind = "transactions"
[transactions]
customer = "who"
timestamp = "day"
amount = "paid"
[sweep]
k_max = 5
[output]
path = "out"
"""


def customers_of(chance: np.random.Generator) -> pd.DataFrame:
    rows, k = int(chance.integers(150, 600)), int(chance.integers(1, 5))
    group = chance.integers(0, k, rows)
    revenue = np.exp(chance.normal(4 + 2 * group, 0.7)).round(2)
    return pd.DataFrame(
        {
            "id": np.arange(rows),
            "revenue": np.where(chance.random(rows) < 0.1, np.nan, revenue),
            "visits": chance.poisson(3 + 9 * (k - group)),
            "member": chance.random(rows) < 0.2 + 0.6 * (group == 0),
            "plan": np.where(
                chance.random(rows) < 0.7, "plan " + pd.Series(group).astype(str), "x"
            ),
        }
    )


def lines_of(chance: np.random.Generator) -> pd.DataFrame:
    customers = int(chance.integers(100, 250))
    often = chance.choice([1, 8], customers, p=[0.6, 0.4])
    who = np.repeat(np.arange(customers), often)
    days = pd.Timestamp("2025-03-01") + pd.to_timedelta(chance.integers(0, 300, len(who)), "D")
    paid = np.exp(chance.normal(2 + 2 * (often[who] > 1), 0.6)).round(2)
    paid = np.where(chance.random(len(who)) < 0.05, -paid / 9, paid).round(2)
    return pd.DataFrame({"who": who, "day": days.strftime("%Y-%m-%d"), "paid": paid})


def random_run(seed, *, segment, folder):
    """A run on a random table: of customers, or of transactions."""
    chance = np.random.default_rng(seed)
    is_lines = seed % 2 == 1
    table, config = (lines_of(chance), LINES) if is_lines else (customers_of(chance), CUSTOMERS)
    path = folder / f"{seed}.csv"
    table.to_csv(path, index=False)
    toml = folder / f"{seed}.toml"
    toml.write_text(config.format(path=path), encoding="utf-8")
    return segment(toml, output=folder / f"out-{seed}", without=(MODEL,)), table


def check(run, capsys):
    """Every number of the headline, which the command prints and the report shows."""
    manifest, printed = run.manifest, capsys.readouterr().out
    said = manifest["headline"]
    with capsys.disabled():
        print("", *said, sep="\n")
    headline.check(said, run.table("customers"), value=manifest["value_feature"])
    report = (run.folder / "report.html").read_text(encoding="utf-8")
    assert all(each in unescape(report) and each in printed for each in said)
    return said


@pytest.mark.parametrize("seed", [SEED % TABLES])
def test_the_headline_of_a_random_table_is_true(segment, tmp_path, capsys, seed):
    run, table = random_run(seed, segment=segment, folder=tmp_path)
    said = check(run, capsys)
    if "day" in table:
        first, last = (pd.Timestamp(day) for day in (table["day"].min(), table["day"].max()))
        period = f"From {first.day} {first:%B %Y} to {last.day} {last:%B %Y}, "
        assert said[0].startswith(period)


@pytest.mark.thorough
def test_the_headlines_of_ten_random_tables_are_true(segment, tmp_path, capsys):
    for seed in range(TABLES):
        test_the_headline_of_a_random_table_is_true(segment, tmp_path, capsys, seed)
