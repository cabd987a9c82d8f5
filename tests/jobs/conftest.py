"""What the end-to-end tests share: the command called in this process, and the run it left."""

import json
from dataclasses import dataclass
from pathlib import Path

import pandas as pd
import pyarrow.parquet as pq
import pytest

from segmentation.cli import main


@dataclass(frozen=True)
class Finished:
    """A published run, its tables as pandas frames."""

    folder: Path

    @classmethod
    def latest(cls, output):
        """The run that ``latest.json`` points at."""
        pointer = json.loads((output / "latest.json").read_text())
        return cls(output / pointer["path"])

    @property
    def manifest(self):
        return json.loads((self.folder / "manifest.json").read_text())

    def table(self, name) -> pd.DataFrame:
        """One published table; ``segment`` of ``customers/`` is read from the folders' names."""
        rows: pd.DataFrame = pq.read_table(self.folder / name).to_pandas()
        if name == "customers":
            rows["segment"] = rows["segment"].astype(int)
        return rows


@pytest.fixture(scope="session")
def segment(spark):  # noqa: ARG001 - the command finds the session that this one started
    """The command ``segment run``, in this process and on the tests' own session.

    What it returns is the run that it published. A failure is a ``SystemExit``.
    """

    def run(config, *arguments, output):
        command = ["run", str(config), "--output", str(output), *arguments]
        main(command)
        return Finished.latest(output)

    return run
