"""Transactions: lines made in blocks, and the job from those lines to published segments."""

import json
import shutil
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa

from scripts.benchmarking.contestants import OUTSIDE_STEPS, Arena
from scripts.benchmarking.data import BLOCK_ROWS, in_blocks
from scripts.benchmarking.measuring import measured
from scripts.benchmarking.records import JOB

LINES_PER_CUSTOMER = 30
FIRST_DAY, DAYS = np.datetime64("2025-01-01"), 365
RETURNED = 0.02

CONFIG = """
[input]
path = {table}
format = "parquet"
kind = "transactions"
[transactions]
customer = "customer_id"
timestamp = "bought_at"
amount = "amount_eur"
order = "order_id"
[sweep]
seed = {seed}
[output]
path = {output}
"""


@dataclass(frozen=True)
class LineTimes:
    """The job on this many lines: seconds in total and per step, and peak memory."""

    lines: int
    customers: int
    seconds: float
    steps: dict[str, float]
    peak_mib: dict[str, float]


def time_transactions(folder: Path, arena: Arena, *, lines: int, seed: int) -> LineTimes:
    """The job once, on a table of this many lines that is created if missing."""
    table = transactions(folder, lines=lines, seed=seed)
    arena.folder.mkdir(parents=True, exist_ok=True)
    output = Path(tempfile.mkdtemp(prefix="lines-", dir=arena.folder))
    try:
        config, published = output / "config.toml", output / "published"
        where = {"table": json.dumps(str(table)), "output": json.dumps(str(published))}
        config.write_text(CONFIG.format(**where, seed=seed), encoding="utf-8")
        found = measured(
            [sys.executable, "-P", "-m", "segmentation", "run", str(config)],
            environment=arena.environment(JOB),
            log=arena.folder / "lines.log",
        )
        run = published / json.loads((published / "latest.json").read_text("utf-8"))["path"]
        manifest = json.loads((run / "manifest.json").read_text(encoding="utf-8"))
    finally:
        shutil.rmtree(output)
    steps = {step["step"]: step["seconds"] for step in manifest["timings"]}
    steps[OUTSIDE_STEPS] = round(found.seconds - sum(steps.values()), 3)
    peaks = dict(found.peak_mib)
    return LineTimes(lines, manifest["rows_in"], round(found.seconds, 3), steps, peaks)


def transactions(folder: Path, *, lines: int, seed: int) -> Path:
    """The folder of Parquet files of this many lines, not ordered by customer.

    Customers differ in how often and for how much they buy; some lines are returns.
    """
    table = folder / f"transactions-lines={lines}-seed={seed}"
    customers = max(1, lines // LINES_PER_CUSTOMER)
    return in_blocks(table, lines, lambda number: _block(number, customers=customers, seed=seed))


def _block(number: int, *, customers: int, seed: int) -> pa.Table:
    random = np.random.default_rng([seed, number])
    # squares crowd the low numbers: few customers buy often, many seldom
    buyers = (random.random(BLOCK_ROWS) ** 2 * customers).astype(np.int64)
    amounts = random.lognormal(2 + buyers % 5 * 0.5, 0.8)
    amounts *= np.where(random.random(BLOCK_ROWS) < RETURNED, -1, 1)
    days = random.integers(0, DAYS, BLOCK_ROWS)
    orders = buyers * DAYS + days
    seconds = days * 86_400 + random.integers(0, 86_400, BLOCK_ROWS)
    return pa.table(
        {
            "customer_id": buyers,
            "order_id": orders,
            "bought_at": FIRST_DAY.astype("datetime64[us]") + seconds.astype("timedelta64[s]"),
            "amount_eur": amounts.round(2),
        }
    )
