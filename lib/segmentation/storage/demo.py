"""Demo customers with planted segments."""

from pathlib import Path

import numpy as np
import pandas as pd

SEGMENTS = (
    # share, products purchased (mean), complaints (mean), money spent (median)
    (0.15, 40.0, 0.05, 3000.0),
    (0.20, 40.0, 8.0, 600.0),
    (0.25, 10.0, 0.05, 400.0),
    (0.20, 2.0, 8.0, 60.0),
    (0.20, 2.0, 0.05, 60.0),
)


def demo_customers(customers: int, *, seed: int) -> pd.DataFrame:
    """``customers`` rows of five planted segments; the same for the same seed.

    Columns: ``customer_id`` (text), ``products_purchased`` and ``complains`` (counts from
    0), ``money_spent`` (amount with two decimals).
    """
    random = np.random.default_rng(abs(seed))
    shares = np.array([segment[0] for segment in SEGMENTS])
    planted = random.choice(len(SEGMENTS), size=customers, p=shares)
    products, complaints, money = np.array([segment[1:] for segment in SEGMENTS])[planted].T
    return pd.DataFrame(
        {
            "customer_id": [f"C{i:07d}" for i in range(customers)],
            "products_purchased": random.poisson(products),
            "complains": random.poisson(complaints),
            "money_spent": (money * random.lognormal(0, 0.35, customers)).round(2),
        }
    )


def generate(path: str, *, customers: int, seed: int) -> bool:
    """Write demo customers to a CSV file, unless it exists; returns whether it was written."""
    target = Path(path)
    if target.exists():
        return False
    target.parent.mkdir(parents=True, exist_ok=True)
    temporary = target.with_name(f".{target.name}.part")
    demo_customers(customers, seed=seed).to_csv(temporary, index=False)
    temporary.replace(target)
    return True
