"""Small jobs that between them take every way through the product; inputs from seeds."""

import csv
import gzip
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

CONF = Path(__file__).resolve().parents[1] / "conf"
AS_OF = date(2026, 6, 30)


@dataclass(frozen=True)
class ExampleJob:
    """A configuration and what writes its input into the folder that the job is run in.

    ``id`` is the column that tells customers apart, if one does.
    """

    name: str
    toml: str
    write: Callable[[Path], None]
    id: str | None = None


def example_jobs() -> list[ExampleJob]:
    """The configurations of ``conf/`` on tables like those they are for, and six of their own."""
    return [
        ExampleJob("demo", _conf("demo"), lambda _: None, "customer_id"),
        ExampleJob("customers-data", _conf("customers-data"), _purchases),
        ExampleJob("mall", _conf("mall"), _mall, "CustomerID"),
        ExampleJob("wholesale", _conf("wholesale"), _wholesale),
        ExampleJob("cdnow", _conf("cdnow"), _cdnow, "customer_id"),
        ExampleJob("online-retail", _conf("online-retail"), _online_retail, "CustomerID"),
        ExampleJob("lines", LINES, _lines, "who"),
        ExampleJob("holes", HOLES, _holes, "id"),
        ExampleJob("twelve", TWELVE, _twelve, "id"),
        ExampleJob("sampled", SAMPLED, _sampled, "id"),
        ExampleJob("mllib", MLLIB, _types, "id"),
        ExampleJob("types", TYPES, _types, "id"),
    ]


LINES = """
[input]
path = "lines.csv"
kind = "transactions"
min_usable = 0.3

[transactions]
customer = "who"
timestamp = "at"
quantity = "quantity"
unit_price = "price"
order = "order"
product = "product"
product_pattern = "^[0-9]"
category = "shelf"
attributes = ["country", "plan"]
returns = { column = "order", prefix = "C" }
duplicates = "drop"
timezone = "Europe/London"
as_of = 2026-06-30
window_days = 700

[[join]]
path = "people.csv"
key = "person"
on = "who"
columns = ["age", "since", "news", "income"]

[features]
numeric = [
  "recency_days", "frequency", { name = "monetary", weight = 2.0, transform = "signed" },
  { name = "days_between_orders", missing = "impute" },
  { name = "return_rate", transform = "none" },
  "average_order_value", "tenure_days", "units", "distinct_products", "category_spread",
]
ordered = [{ name = "age", order = ["18-24", "25-34", "35-44", "45+"], missing = "impute" }]
dates = [{ name = "since", format = "dd/MM/yyyy", missing = "impute" }]
boolean = [{ name = "news", missing = "impute" }]
categorical = [{ name = "country", top = 2, missing = "category" }, { name = "plan", weight = 0.5 }]
describe = ["income", { name = "country", top = 3 }]
negative = "signed"

[sweep]
k_max = 8

[choose]
k = 4

[output]
path = "out"
"""

HOLES = """
[input]
path = "customers.csv"
customer_id = "id"
duplicates = "reject"

[[join]]
path = "places.csv"
key = "person"
columns = ["country"]

[features]
numeric = [
  "spend", { name = "visits", missing = "reject" }, { name = "balance", negative = "clip" },
]
ordered = [{ name = "age", order = ["18-24", "25-34", "35-44", "45+"], weight = 0.5 }]
dates = [{ name = "since", format = "dd/MM/yyyy" }]
boolean = ["news"]
categorical = [{ name = "plan", top = 2, missing = "category" }, "country"]
describe = ["income", "plan"]
transform = "auto"
missing = "impute"
winsorise = [0.01, 0.99]
as_of = 2026-06-30

[sweep]
k_max = 7

[segments]
value = "spend"

[output]
path = "out"
"""

_TWELVE_NUMERIC = ", ".join(
    f'{{ name = "n{i}", transform = "{("log1p", "signed", "none", "auto")[i % 4]}", '
    f'negative = "{("clip", "signed")[i % 2]}", weight = {0.5 + 0.25 * i} }}'
    for i in range(12)
)

TWELVE = f"""
[input]
path = "customers.csv"
customer_id = "id"

[features]
numeric = [{_TWELVE_NUMERIC}]

[sweep]
k_max = 8
seed = 7

[segments]
value = "n3"

[output]
path = "out"
"""

SAMPLED = """
[input]
path = "customers.parquet"
format = "parquet"
customer_id = "id"

[features]
numeric = ["orders", "spend", { name = "age_days", transform = "none" }]
negative = "clip"

[sweep]
k_max = 6

[segments]
value = "spend"

[output]
path = "out"
"""

_TYPES = """
[input]
path = "customers.parquet"
format = "parquet"
customer_id = "id"

[features]
numeric = ["orders", { name = "price", negative = "signed" }]
dates = ["since"]
boolean = ["is_member"]
categorical = [{ name = "tier", top = 3 }]
describe = ["ratio"]
as_of = 2026-06-30
scale = "SCALE"

[sweep]
k_max = 5
engine = "ENGINE"

[choose]
k = "silhouette"

[output]
path = "out"
"""

TYPES = _TYPES.replace("SCALE", "none").replace("ENGINE", "coreset")
MLLIB = _TYPES.replace("SCALE", "standard").replace("ENGINE", "mllib")


def _conf(name: str) -> str:
    return (CONF / f"{name}.toml").read_text(encoding="utf-8")


def _write(path: Path, columns: Mapping[str, Iterable[Any]]) -> None:
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(columns)
        writer.writerows(zip(*columns.values(), strict=True))


def _with_holes(random: np.random.Generator, values: Any, share: float) -> list[Any]:
    is_hole = random.random(len(values)) < share
    return ["" if hole else value for hole, value in zip(is_hole, values, strict=True)]


def _groups(random: np.random.Generator, rows: int, groups: int, columns: int) -> Any:
    """Rows about the centres of a few groups, standard deviation 1, of centres 4."""
    centres = random.normal(0, 4, (groups, columns))
    return centres[random.integers(0, groups, rows)] + random.normal(0, 1, (rows, columns))


def _purchases(folder: Path) -> None:
    """3,000 rows and 15 ids, as in the file that the configuration is for."""
    random = np.random.default_rng(1)
    many = random.integers(0, 2, 3000)
    _write(
        folder / "customers-data.csv",
        {
            "customer_id": 1_000_000 + random.integers(0, 15, 3000),
            "products_purchased": random.poisson(np.where(many, 20, 2)),
            "complains": random.poisson(np.where(random.random(3000) < 0.2, 6, 0.1)),
            "money_spent": (random.lognormal(0, 0.4, 3000) * np.where(many, 900, 80)).round(2),
        },
    )


def _mall(folder: Path) -> None:
    random = np.random.default_rng(2)
    both = (50 + 8 * _groups(random, 200, 5, 2)).round().astype(int)
    _write(
        folder / "Mall_Customers.csv",
        {
            "CustomerID": range(1, 201),
            "Gender": random.choice(["Male", "Female"], 200),
            "Age": random.integers(18, 70, 200),
            "Annual Income (k$)": both[:, 0] - both[:, 0].min(),
            "Spending Score (1-100)": both[:, 1] - both[:, 1].min(),
        },
    )


def _wholesale(folder: Path) -> None:
    random = np.random.default_rng(3)
    amounts = np.exp(7 + 0.4 * _groups(random, 440, 3, 6)).round().astype(int)
    names = ("Fresh", "Milk", "Grocery", "Frozen", "Detergents_Paper", "Delicassen")
    codes = {"Channel": random.integers(1, 3, 440), "Region": random.integers(1, 4, 440)}
    _write(
        folder / "Wholesale customers data.csv",
        {**codes, **{name: amounts[:, i] for i, name in enumerate(names)}},
    )


def _cdnow(folder: Path) -> None:
    """4,000 purchases of 900 people, lined up with blanks."""
    random = np.random.default_rng(4)
    lines = [" customer_id  date number_of_cds  dollar_value"]
    for who in sorted((40 * random.pareto(0.8, 4000)).astype(int) % 900):
        day = date(1997, 1, 1) + timedelta(int(random.integers(0, 546)))
        cds = int(random.poisson(2)) + 1
        lines.append(f" {who:05} {day:%Y%m%d} {cds:2} {cds * random.choice([0, 9, 14.99]):8.2f}")
    (folder / "CDNOW_master.txt").write_text("\r\n".join(lines) + "\r\n", encoding="utf-8")


def _online_retail(folder: Path) -> None:
    """6,000 invoice lines: returns, postage, free goods, and lines of nobody."""
    random = np.random.default_rng(5)
    rows = ["InvoiceNo,StockCode,Description,Quantity,InvoiceDate,UnitPrice,CustomerID,Country"]
    for _ in range(6000):
        who = 12_000 + int(random.zipf(1.5) % 700)
        order = 536_000 + int(random.integers(0, 2500))
        at = datetime(2010, 12, 1, 8, tzinfo=UTC) + timedelta(minutes=60 * int(order % 8900))
        is_return, stock = random.random() < 0.03, int(random.integers(10_000, 90_000))
        quantity = int(random.geometric(0.1)) * (-1 if is_return else 1)
        price = random.choice([0, 0.85, 2.55, 12.75], p=[0.02, 0.38, 0.4, 0.2])
        rows.append(
            f"{'C' * is_return}{order},{'POST' if random.random() < 0.02 else stock},thing,"
            f"{quantity},{at:%Y-%m-%d %H:%M:%S},{price},"
            f"{'' if random.random() < 0.2 else f'{who}.0'},"
            f"{random.choice(['United Kingdom', 'France', 'EIRE'], p=[0.8, 0.15, 0.05])}"
        )
    with gzip.GzipFile(folder / "online_retail.csv.gz", "wb", mtime=0) as file:
        file.write(("\n".join(rows) + "\n").encode())


def _people(random: np.random.Generator, rows: int) -> dict[str, Any]:
    days = [AS_OF - timedelta(int(d)) for d in random.integers(0, 900, rows)]
    return {
        "age": _with_holes(random, random.choice(["18-24", "25-34", "35-44", "45+"], rows), 0.05),
        "since": _with_holes(random, [f"{day:%d/%m/%Y}" for day in days], 0.05),
        "news": _with_holes(random, random.choice(["yes", "no"], rows), 0.05),
        "income": _with_holes(random, random.normal(3000, 500, rows).round(2), 0.1),
    }


def _lines(folder: Path) -> None:
    """5,000 lines of 600 people; some are no lines, some people have no row to join."""
    random = np.random.default_rng(6)
    rows = 5000
    who = random.zipf(1.4, rows) % 600
    order = random.integers(0, 1800, rows)
    minutes = random.integers(0, 900 * 1440, rows)
    last = datetime(2026, 7, 10, 12, tzinfo=UTC)
    at = [f"{last - timedelta(minutes=int(m)):%Y-%m-%d %H:%M:%S}" for m in minutes]
    at[:3] = ["", "soon", "2026-02-30 10:00:00"]
    price = [f"{p:.2f}" for p in random.lognormal(2, 1, rows)]
    price[3:6] = ["", "dear", "NaN"]
    is_return = random.random(rows) < 0.06
    letters = random.choice(list("1234PQ"), rows, p=[0.3, 0.3, 0.2, 0.15, 0.03, 0.02])
    columns: dict[str, Any] = {
        "who": _with_holes(random, [f"P{w:03}" for w in who], 0.02),
        "at": at,
        "quantity": random.integers(1, 9, rows) * np.where(is_return, -1, 1),
        "price": price,
        "order": [f"{'C' if r else ''}{o}" for r, o in zip(is_return, order, strict=True)],
        "product": [f"{a}{n}" for a, n in zip(letters, random.integers(0, 50, rows), strict=True)],
        "shelf": random.choice(["food", "tools", "books"], rows),
        "country": _with_holes(random, random.choice(["UK", "FR", "DE", "it's"], rows), 0.1),
        "plan": random.choice(["gold", "tin"], rows),
    }
    twice = {name: [*values, *values[10:40]] for name, values in columns.items()}
    _write(folder / "lines.csv", twice)
    people = [*(f"P{i:03}" for i in range(600)), "P999"]
    _write(folder / "people.csv", {"person": people, **_people(random, len(people))})


def _holes(folder: Path) -> None:
    """3,000 customers with missing cells of every kind, and a cell that is wrong of each."""
    random = np.random.default_rng(20)
    rows = 3000
    spend = [f"{s:.2f}" for s in random.lognormal(4, 1.2, rows)]
    columns: dict[str, Any] = {
        "id": [f"P{i:04}" for i in range(rows)],
        "spend": _with_holes(random, spend, 0.05),
        "visits": list(random.poisson(4, rows)),
        "balance": _with_holes(random, random.normal(50, 60, rows).round(1), 0.03),
        **_people(random, rows),
        "plan": _with_holes(
            random,
            random.choice(["gold", "it's", "tin", "lead"], rows, p=[0.5, 0.3, 0.1, 0.1]),
            0.1,
        ),
    }
    wrong = [("spend", "a lot"), ("visits", ""), ("age", "ancient"), ("since", "01/07/2026")]
    wrong += [("news", "perhaps"), ("since", "31/02/2026"), ("spend", "inf"), ("visits", "NaN")]
    wrong += [("visits", "-3"), ("id", "P0100")]
    for row, (column, value) in enumerate(wrong, start=3):
        columns[column][row] = value
    _write(folder / "customers.csv", columns)
    people = [*columns["id"][: rows - 100], "P9999"]
    people = list(dict.fromkeys(people))
    countries = random.choice(["UK", "France", "Spain"], len(people))
    places: dict[str, Any] = {"person": people, "country": countries, "town": ["x"] * len(people)}
    _write(folder / "places.csv", places)


def _twelve(folder: Path) -> None:
    """2,500 customers in five groups of 12 features; every other one has negative values."""
    random = np.random.default_rng(12)
    values = _groups(random, 2500, 5, 12)
    for i in range(0, 12, 2):
        values[:, i] = np.exp(values[:, i] / 3) - 0.2
    columns = {f"n{i}": values[:, i].round(4) for i in range(12)}
    _write(folder / "customers.csv", {"id": range(2500), **columns})


def _sampled(folder: Path) -> None:
    """45,000 different customers: more than a coreset of 20,000 holds whole."""
    random = np.random.default_rng(40)
    values = _groups(random, 45_000, 4, 3)
    table = {
        "id": pa.array(range(45_000), pa.int64()),
        "orders": pa.array(np.exp(values[:, 0] / 3), pa.float32()),
        "spend": pa.array(np.exp(values[:, 1] / 2 + 4)),
        "age_days": pa.array(values[:, 2] * 30),
    }
    pq.write_table(pa.table(table), folder / "customers.parquet")


def _types(folder: Path) -> None:
    """2,000 customers in Parquet: whole numbers, decimals, days and booleans as such."""
    random = np.random.default_rng(30)
    rows = 2000
    days = [AS_OF - timedelta(int(d)) for d in random.integers(0, 900, rows)]
    cents = random.integers(-5_000, 500_000, rows)
    table = {
        "id": pa.array([f"{i:x}" for i in range(rows)]),
        "orders": pa.array(random.poisson(np.where(random.random(rows) < 0.4, 30, 3)), pa.int32()),
        "price": pa.array([Decimal(int(c)).scaleb(-2) for c in cents], pa.decimal128(12, 2)),
        "since": pa.array(days, pa.date32()),
        "is_member": pa.array(random.random(rows) < 0.3),
        "tier": pa.array(random.choice(list("ABCDE"), rows, p=[0.4, 0.3, 0.15, 0.1, 0.05])),
        "ratio": pa.array(np.where(random.random(rows) < 0.1, np.nan, random.normal(0, 1, rows))),
    }
    pq.write_table(pa.table(table), folder / "customers.parquet")
