"""What a published run says, boiled down to hashes: equal where every bit of every row is equal.

Reads the files alone, with pyarrow and nothing of the package under test. The order of rows,
the files they lie in and the number that MLlib gives a cluster are no part of the answer.
"""

import hashlib
import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq

TABLES = ("customers", "cost_curve", "segments", "segment_profile", "plot_sample", "rejected")
FACTS = ("rows_in", "labelled", "rejected", "rejections", "choice", "features")
"""What the manifest has from the rows and not from the clock, the machine or the input's form."""


@dataclass(frozen=True)
class Digest:
    """One hash for each thing that must not depend on where and how the job ran."""

    moments: str
    centres: str
    curve: str
    labels: str
    facts: str
    tables: tuple[tuple[str, str], ...]


def digest(run: Path, *, customer_id: str = "customer_id") -> Digest:
    """The digest of a run folder."""
    manifest = json.loads((run / "manifest.json").read_text(encoding="utf-8"))
    tables = {name: list(_rows(run / name)) for name in TABLES}
    return Digest(
        moments=_hash(_moments(run / "model")),
        centres=_hash(_centres(run / "model")),
        curve=_hash((row["k"], row["cost"]) for row in tables["cost_curve"]),
        labels=_hash((row[customer_id], row["segment"]) for row in tables["customers"]),
        facts=_hash((name, manifest[name]) for name in FACTS),
        tables=tuple((name, _hash(sorted(row.items()) for row in tables[name])) for name in TABLES),
    )


def rows(run: Path, table: str) -> int:
    """How many rows a published table has."""
    return sum(1 for _ in _rows(run / table))


def _moments(model: Path) -> Iterator[str]:
    """The statement of the first stage: transforms, means and the grid, to the last digit."""
    (metadata,) = model.glob("stages/0_SQLTransformer_*/metadata/part-*.txt")
    yield json.loads(metadata.read_text(encoding="utf-8"))["paramMap"]["statement"]


def _centres(model: Path) -> Iterator[list[float]]:
    """The coordinates of every centre in the frozen KMeansModel."""
    files = sorted(model.glob("stages/*_KMeans_*/data/*.parquet"))
    assert files, f"no KMeansModel in {model}"
    for file in files:
        for row in pq.ParquetFile(file).read().to_pylist():
            yield row["clusterCenter"]["values"]


def _rows(table: Path) -> Iterator[dict[str, Any]]:
    """Every row of a Parquet folder, the values in its folders' names among them."""
    files = sorted(table.rglob("*.parquet"))
    assert files, f"no Parquet file in {table}"
    for file in files:
        folders = [part.split("=", 1) for part in file.relative_to(table).parts[:-1]]
        for row in pq.ParquetFile(file).read().to_pylist():
            yield row | dict(folders)


def _hash(values: Iterable[object]) -> str:
    """A hash of values in any order; as many equal ones count as many times."""
    lines = sorted(repr(_exact(value)) for value in values)
    return hashlib.sha256("\n".join(lines).encode()).hexdigest()[:16]


def _exact(value: object) -> object:
    """The value with every float spelled in its bits: -0.0 is not 0.0, and NaN equals NaN."""
    if isinstance(value, float):
        return value.hex()
    if isinstance(value, dict):
        return [(key, _exact(inner)) for key, inner in sorted(value.items())]
    if isinstance(value, list | tuple):
        return [_exact(inner) for inner in value]
    return value
