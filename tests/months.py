"""Months of planted customers with ids: five groups, and what becomes of them."""

from pathlib import Path

import numpy as np
import pandas as pd

CENTRES = np.array([[1.0, 1, 1], [4, 1, 2], [1, 4, 3], [4, 4, 5], [2.5, 6, 1]])
BORN = np.array([6.5, 2.0, 6.0])
SPREAD = 0.25
FEATURES = ["visits", "items", "spend"]

CONFIG = """
[input]
path = "{folder}/first.csv"
customer_id = "id"
[features]
numeric = ["visits", "items", "spend"]
transform = "log1p"
[sweep]
k_max = 7
[segments]
value = "spend"
[output]
path = "{folder}/out"
"""


def made(ids, groups, *, seed, moved=None):
    """Customers of these groups; ``moved`` is by how much each group's centre is elsewhere."""
    centres = CENTRES if moved is None else CENTRES + moved
    noise = np.random.default_rng(seed).normal(0, SPREAD, (len(ids), 3))
    values = np.expm1(np.abs(centres[groups] + noise)).round(3)
    return pd.DataFrame({"id": ids, **dict(zip(FEATURES, values.T, strict=True))})


def months(customers=700):
    """The customers of five months by name.

    ``first``; ``same``, a fifth gone, as many new, a tenth in another group; ``warmer``, the same
    people with two groups elsewhere; ``born``, some of all groups in a sixth; ``cents``, spend in
    cents.
    """
    random = np.random.default_rng(1)
    ids = np.array([f"c{i:04d}" for i in range(customers)])
    groups = random.integers(0, 5, customers)
    stays = random.random(customers) > 0.2
    gone = int((~stays).sum())
    ids_now = np.concatenate([ids[stays], [f"n{i:04d}" for i in range(gone)]])
    groups_now = np.concatenate([groups[stays], random.integers(0, 5, gone)])
    moves = random.random(customers) < 0.1
    groups_now[moves] = random.integers(0, 5, int(moves.sum()))
    moved = np.zeros((5, 3))
    moved[0], moved[1] = [0.5, 0, 0.5], [0, 0.5, 0]
    born = made(ids_now, groups_now, seed=4, moved=moved)
    is_born = random.random(customers) < 0.15
    noise = random.normal(0, SPREAD, (int(is_born.sum()), 3))
    born.loc[is_born, FEATURES] = np.expm1(BORN + noise).round(3)
    return {
        "first": made(ids, groups, seed=1),
        "same": made(ids_now, groups_now, seed=2),
        "warmer": made(ids_now, groups_now, seed=3, moved=moved),
        "born": born,
        "cents": born.assign(spend=(born.spend * 100).round()),
    }


def written(folder: Path) -> Path:
    """A folder with the months as CSV files, and a configuration; returns the latter."""
    for name, customers in months().items():
        customers.to_csv(folder / f"{name}.csv", index=False)
    config = folder / "months.toml"
    config.write_text(CONFIG.format(folder=folder))
    return config
