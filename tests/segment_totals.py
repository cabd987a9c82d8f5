"""Customers and value of every segment, for readers to agree on."""

import socket
from pathlib import Path

import pandas as pd
import pyarrow.parquet as pq
import pytest

LOOPBACK = "127.0.0.1"
QUERY = (
    "SELECT segment, count(*) AS customers, sum(money_spent) AS spent FROM {customers} "
    "JOIN {segments} USING (segment) GROUP BY segment ORDER BY segment"
)


def segment_totals(run: Path) -> pd.DataFrame:
    """Customers and value of every segment of a published run, as pyarrow and pandas read them."""
    customers = pq.read_table(run / "customers").to_pandas()
    customers["segment"] = customers["segment"].astype(int)
    found: pd.DataFrame = customers.groupby("segment")["money_spent"].agg(["size", "sum"])
    return found


def same(rows, totals):
    """Whether rows of segment, customers and value are those totals."""
    found = {int(segment): (int(size), float(value)) for segment, size, value in rows}
    assert set(found) == set(totals.index)
    for segment, (size, value) in found.items():
        assert size == totals.loc[segment, "size"]
        assert value == pytest.approx(totals.loc[segment, "sum"])


def free_port() -> int:
    with socket.create_server((LOOPBACK, 0)) as free:
        return int(free.getsockname()[1])
