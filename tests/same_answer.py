"""Whether two checkouts publish the same, to the last bit: for changes that must change nothing.

``python tests/same_answer.py OLD NEW`` runs the job of each checkout, in its own ``.venv``, on
every job of tests/example_jobs.py and compares each value of every published table
and what the manifest has from the rows, but for the renames below. Every input is generated from a
seed. Prints a line per configuration and table, and exits with 1 where anything differs.

Reads the published files with pyarrow and nothing of the package.
"""

import argparse
import hashlib
import json
import os
import re
import shutil
import struct
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from tests.example_jobs import ExampleJob, example_jobs

COLUMNS = {
    ("cost_curve", "least_stability"): "min_stability",
    ("segment_profile", "shapes"): "used_for_clustering",
}
"""Columns by their old name that are published under a new one."""

VALUES = {
    ("rejected", "reason"): {"not_in_order": "unknown_band"},
    ("manifest", "rejections.reason"): {"not_in_order": "unknown_band"},
}
"""Texts that are published in other words, by column or by the fact that holds them."""

SENTENCES = (
    "choice.reason",
    "choice.summary",
    "choice.against",
    "choice.verdict.reason",
    "choice.verdict.against",
    "headline",
)
"""Facts in words: their numbers and the names in them are compared, as words may be put better."""

FACTS = {"transactions.left_out": "transactions.excluded"}
"""Names in the manifest that are others now."""

NEW_FACTS = ("choice.algorithm", "choice.setting")
"""What the manifest has now and did not have; a part of it goes by the whole's name."""

TABLES = (
    "customers",
    "rejected",
    "rejected_transactions",
    "cost_curve",
    "segments",
    "segment_profile",
)
FROM_ROWS = (
    "rows_in",
    "labelled",
    "rejected",
    "rejections",
    "choice",
    "features",
    "transactions",
    "joins",
    "correlations",
    "imputed",
    "headline",
)
"""What the manifest has from the rows and not from the clock, the machine or a path."""

KEYS = {
    "cost_curve": ("k",),
    "segments": ("segment",),
    "segment_profile": ("segment", "feature", "value"),
}
"""The columns that tell a row from the others; of customers and rejections it is the id."""

REAL_FILES = {
    "customers-data": "customers-data.csv",
    "mall": "Mall_Customers.csv",
    "wholesale": "Wholesale customers data.csv",
    "cdnow": "CDNOW_master.txt",
    "online-retail": "online_retail.csv.gz",
}
"""What ``conf/`` is for, by configuration; taken with ``--data``."""


def main(arguments: Sequence[str]) -> int:
    """Compare two checkouts; the exit status."""
    known = {each.name: each for each in example_jobs()}
    asked = _arguments(arguments, names=list(known))
    jobs = [known[name] for name in asked.config or known]
    results = []
    with tempfile.TemporaryDirectory() as scratch:
        folder = (asked.keep or Path(scratch)).resolve()
        old, new = (
            published(checkout.resolve(), jobs, folder, data=asked.data)
            for checkout in (asked.old, asked.new)
        )
        for job in jobs:
            for result in compared(job, old[job.name], new[job.name]):
                print(result, flush=True)
                results.append(result)
    different = sum(bool(result.differences) for result in results)
    rows = sum(result.rows for result in results)
    print(f"{len(results)} comparisons, {rows:,} rows and facts: {different or 'none'} different")
    return 1 if different else 0


def _arguments(arguments: Sequence[str], *, names: Sequence[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("old", type=Path, help="a checkout whose answers are the right ones")
    parser.add_argument("new", type=Path, help="the checkout to compare with it")
    parser.add_argument("--config", nargs="+", choices=names, metavar="NAME", help=" ".join(names))
    parser.add_argument("--keep", type=Path, help="folder that keeps runs for the next time")
    parser.add_argument("--data", type=Path, help="folder of the real files that conf/ is for")
    return parser.parse_args(arguments)


# Runs


RUNNER = """
import json, sys
from segmentation.cli import main
for arguments in json.loads(sys.argv[1]):
    main(arguments)
"""
"""All jobs of a checkout in one process, as most of a small job's time is a JVM's start."""


def published(
    checkout: Path, jobs: Sequence[ExampleJob], folder: Path, *, data: Path | None
) -> dict[str, Path]:
    """The run of each job, by its name; made in ``folder`` unless it is there.

    A run that is there is of the same commit and input; what is not committed is run every time.
    """
    commit = _commit(checkout)
    folder = folder / (commit or hashlib.sha256(bytes(checkout)).hexdigest())
    missing, stamps = [], {}
    for job in jobs:
        place, stamp = folder / job.name, folder / f"{job.name}.stamp"
        real = data / REAL_FILES[job.name] if data and job.name in REAL_FILES else None
        with tempfile.TemporaryDirectory() as scratch:
            job.write(Path(scratch))
            stamps[stamp] = _hash(Path(scratch), text=f"{job.toml} {real}")
            if commit and stamp.exists() and stamp.read_text() == stamps[stamp]:
                continue
            shutil.rmtree(place, ignore_errors=True)
            shutil.copytree(scratch, place)
        toml = re.sub(r'^path = "', f'path = "{place}/', job.toml, flags=re.MULTILINE)
        (place / "job.toml").write_text(toml, encoding="utf-8")
        settings = ["--set", f"input.path={real}"] if real else []
        output = ["--output", str(place / "out"), "--run-id", "it"]
        missing.append(["run", str(place / "job.toml"), *output, *settings])
    if missing:
        _run(checkout, missing)
        for stamp, text in stamps.items():
            stamp.write_text(text)
    return {job.name: folder / job.name / "out" / "run=it" for job in jobs}


def _run(checkout: Path, commands: Sequence[Sequence[str]]) -> None:
    environment = {k: v for k, v in os.environ.items() if not k.startswith(("SPARK", "PYTHON"))}
    python = checkout / ".venv" / "bin" / "python"
    done = subprocess.run(
        [str(python), "-P", "-c", RUNNER, json.dumps(commands)],
        env={**environment, "PYTHONPATH": str(checkout / "lib")},
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        sys.exit(f"{checkout} does not run:\n{done.stderr}")


def _commit(checkout: Path) -> str:
    """The commit of a checkout without changes to its library, else nothing."""

    def git(*words: str) -> str:
        command = ["git", "-C", str(checkout), *words]
        return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()

    return "" if git("status", "--porcelain", "lib") else git("rev-parse", "--short", "HEAD")


def _hash(folder: Path, *, text: str) -> str:
    digest = hashlib.sha256(text.encode())
    for path in sorted(folder.iterdir()):
        digest.update(path.name.encode() + path.read_bytes())
    return digest.hexdigest()


# Comparison


@dataclass(frozen=True)
class Result:
    """What came of a comparison: how many ``rows`` (facts, of a manifest), and what differs."""

    configuration: str
    what: str
    rows: int
    differences: Sequence[str]

    def __str__(self) -> str:
        said = "\n    ".join(["DIFFERENT", *self.differences]) if self.differences else "equal"
        return f"{self.configuration:<15} {self.what:<21} {self.rows:>7,}  {said}"


def compared(job: ExampleJob, old: Path, new: Path) -> list[Result]:
    results = []
    for name in TABLES:
        keys = KEYS.get(name, (job.id,) if job.id else ())
        before, after = _table(old / name), _table(new / name)
        results.append(_of_tables(job.name, name, before, after, keys=keys))
    return [*results, _of_manifests(job.name, _facts(old), _facts(new))]


def _table(folder: Path) -> pa.Table | None:
    """A Parquet folder, the value in a folder's name among its columns; None without a folder."""
    if not folder.is_dir():
        return None
    parts = []
    for path in sorted(folder.rglob("*.parquet")):
        part = pq.ParquetFile(path).read().replace_schema_metadata(None)
        for name, value in (p.split("=", 1) for p in path.relative_to(folder).parts[:-1]):
            part = part.append_column(name, pa.array([int(value)] * len(part)))
        parts.append(part)
    fields = [pa.field(each.name, each.type) for each in parts[0].schema]
    return pa.concat_tables(parts).cast(pa.schema(fields)).combine_chunks()


def _of_tables(
    configuration: str,
    name: str,
    old: pa.Table | None,
    new: pa.Table | None,
    *,
    keys: Sequence[str],
) -> Result:
    if old is None or new is None:
        absent = [] if old is new else [f"{'OLD' if old is None else 'NEW'} has no such table"]
        return Result(configuration, name, 0, absent)
    old, new = _with_new_words(name, old), _with_new_words(name, new)
    said = [
        f"{side} has the column {column!r}"
        for side, one, other in (("only OLD", old, new), ("only NEW", new, old))
        for column in one.column_names
        if column not in other.column_names
    ]
    common = []
    for column in (each for each in old.column_names if each in new.column_names):
        kinds = old.schema.field(column).type, new.schema.field(column).type
        if kinds[0] == kinds[1]:
            common.append(column)
        else:
            said.append(f"{column!r} is {kinds[0]} and {kinds[1]}")
    if old.num_rows != new.num_rows:
        said.append(f"OLD has {old.num_rows:,} rows, NEW {new.num_rows:,}")
    else:
        keys = [key for key in keys if key in common]
        order = [*keys, *(column for column in common if column not in keys)]
        old, new = _in_order(old.select(order)), _in_order(new.select(order))
        said += _differences(old, new, keys=keys)
        if said and name == "customers":
            are = "the same" if _are_same_groups(old, new) else "not the same"
            said.append(f"the groups of customers are {are}, whatever their numbers")
    return Result(configuration, name, old.num_rows, said)


def _with_new_words(name: str, table: pa.Table) -> pa.Table:
    """A table in the words of today; one that has them already stays as it is."""
    for column in table.column_names:
        for old, new in VALUES.get((name, column), {}).items():
            texts = table[column]
            position = table.column_names.index(column)
            texts = pc.if_else(pc.fill_null(pc.equal(texts, old), False), new, texts)
            table = table.set_column(position, column, texts)
    return table.rename_columns([COLUMNS.get((name, each), each) for each in table.column_names])


def _in_order(table: pa.Table) -> pa.Table:
    """The rows sorted by every column, from the left."""
    columns = [_exact(table[name]) for name in table.column_names]
    plain = pa.table(columns, names=[str(i) for i in range(len(columns))])
    keys = [(name, "ascending") for name in plain.column_names]
    return table.take(pc.sort_indices(plain, sort_keys=keys)) if keys else table


def _exact(column: pa.ChunkedArray) -> pa.Array:
    """A column as one that is sorted and compared by all its bits: -0.0 is not 0.0."""
    values = column.combine_chunks()
    if isinstance(values, pa.ChunkedArray):  # of no rows, or before pyarrow 16
        values = pa.concat_arrays(values.chunks) if values.num_chunks else pa.array([], column.type)
    widths = {pa.float64(): pa.int64(), pa.float32(): pa.int32()}
    return values.view(widths[values.type]) if values.type in widths else values


def _differences(old: pa.Table, new: pa.Table, *, keys: Sequence[str]) -> Iterator[str]:
    """A sentence per column that differs, with the first row in which it does."""
    for name in old.column_names:
        before, after = _exact(old[name]), _exact(new[name])
        both_null = pc.and_(pc.is_null(before), pc.is_null(after))
        is_equal = pc.or_(both_null, pc.fill_null(pc.equal(before, after), False))
        rows = np.flatnonzero(~is_equal.to_numpy(zero_copy_only=False))
        if len(rows):
            i = int(rows[0])
            row = {key: old[key][i].as_py() for key in keys or old.column_names[:3]}
            values = [_shown(table[name][i].as_py()) for table in (old, new)]
            yield f"{name!r} in {len(rows):,} rows, such as {row}: {values[0]} and {values[1]}"


def _are_same_groups(old: pa.Table, new: pa.Table) -> bool:
    pairs = list(zip(old["segment"].to_pylist(), new["segment"].to_pylist(), strict=True))
    return len(set(pairs)) == len({one for one, _ in pairs}) == len({two for _, two in pairs})


def _shown(value: object) -> str:
    return f"{value!r} ({value.hex()})" if isinstance(value, float) else repr(value)


def _facts(run: Path) -> dict[str, object]:
    """The manifest's facts from the rows, in the words of today, by the way to each."""
    manifest = json.loads((run / "manifest.json").read_text(encoding="utf-8"))
    words = VALUES["manifest", "rejections.reason"]
    manifest["rejections"].sort(key=lambda each: words.get(each["reason"], each["reason"]))
    facts = {}
    for path, value in _leaves({name: manifest.get(name) for name in FROM_ROWS}):
        names = ".".join(each for each in path if isinstance(each, str))
        if names == "joins.path":  # where the file is, which is no fact of the rows
            continue
        shown = ".".join(map(str, path))
        for old, new in FACTS.items():
            if names == old or names.startswith(f"{old}."):
                shown = shown.replace(old, new, 1)
        if isinstance(value, str):
            value = VALUES.get(("manifest", names), {}).get(value, value)
            if names in SENTENCES:
                value = _said(value)
        facts[shown] = value
    return facts


def _said(sentence: str) -> str:
    """The numbers and quoted names of a sentence, in no order."""
    return ", ".join(sorted(re.findall(r"\d[\d.,]*%?|“[^”]*”|'[^']*'", sentence)))


def _of_manifests(configuration: str, old: Mapping[str, Any], new: Mapping[str, Any]) -> Result:
    said = [
        f"{path}: {_shown(old.get(path))} and {_shown(new.get(path))}"
        for path in dict.fromkeys([*old, *new])
        if path in old or not path.startswith(NEW_FACTS)
        if (path in old, _bits(old.get(path))) != (path in new, _bits(new.get(path)))
    ]
    return Result(configuration, "manifest", len(old), said)


def _leaves(tree: Any, path: tuple[str | int, ...] = ()) -> Iterator[tuple[Any, Any]]:
    """The values of a JSON tree with the way to each; an empty list or object is a value."""
    if not isinstance(tree, list | dict) or not tree:
        yield path, tree
        return
    for name, value in enumerate(tree) if isinstance(tree, list) else tree.items():
        yield from _leaves(value, (*path, name))


def _bits(value: object) -> object:
    return struct.pack("<d", value) if isinstance(value, float) else (type(value), repr(value))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
