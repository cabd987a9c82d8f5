"""What a contestant is given and what it hands back, as JSON. Its imports are timed as well."""

import json
import sys
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Self

import numpy as np
import numpy.typing as npt

TASK, ANSWER, LABELLED = "task.json", "answer.json", "labelled"


@dataclass(frozen=True)
class Task:
    """A table to cluster for every k of ``ks``; ``output`` is an empty folder.

    Of each of the ``categories``, columns of text, the ``top`` most frequent values have a
    dimension each and all others share one.
    """

    table: str
    customer_id: str
    features: list[str]
    categories: list[str]
    top: int
    ks: list[int]
    seed: int
    output: str = ""

    @classmethod
    def given(cls) -> Self:
        """The task in the file that the command line names."""
        return cls(**json.loads(Path(sys.argv[1]).read_text(encoding="utf-8")))

    @classmethod
    def given_with_model(cls) -> tuple[str, Self]:
        """The folder of a published model, which the command line names second, and the task."""
        return sys.argv[2], cls.given()

    @property
    def labelled(self) -> str:
        """Where the labelled customers go."""
        return str(Path(self.output, LABELLED))

    def write(self) -> Path:
        """The file that now holds the task."""
        path = Path(self.output, TASK)
        path.write_text(json.dumps(asdict(self)), encoding="utf-8")
        return path


@dataclass(frozen=True)
class Published:
    """What only this job publishes: labels in the order of the ids, its verdict, its report.

    ``generated_lines`` is how many lines of its output are Spark's generated code.
    """

    labels: npt.NDArray[np.int64]
    groups: int
    strength: str
    warnings: int
    report_mib: float
    generated_lines: int


@dataclass(frozen=True)
class Answer:
    """Centres for every k, and how long each step took.

    Coordinates are logarithms (log1p) of the features, then for each category the shares of its
    values in alphabetical order, of all others last. ``costs`` are what the contestant says
    itself, in squared scaled units; only this job does.
    """

    centres: dict[int, list[list[float]]]
    steps: dict[str, float]
    chosen: int | None = None
    costs: dict[int, float] | None = None
    published: Published | None = None

    @classmethod
    def read(cls, output: Path) -> Self:
        """The answer left in an output folder."""
        found = json.loads((output / ANSWER).read_text(encoding="utf-8"))
        found["centres"] = {int(k): centres for k, centres in found["centres"].items()}
        return cls(**found)

    def write(self, task: Task) -> None:
        """Leave the answer in the task's output folder."""
        Path(task.output, ANSWER).write_text(json.dumps(asdict(self)), encoding="utf-8")


class Laps:
    """Times the steps of a contestant, each from the end of the one before."""

    def __init__(self) -> None:
        self.steps: dict[str, float] = {}
        self._began = time.monotonic()

    def __call__(self, step: str) -> None:
        """The named step ends here."""
        now = time.monotonic()
        self.steps[step] = now - self._began
        self._began = now


def fit_step(k: int) -> str:
    """The name of the step that fits and judges one k."""
    return f"k = {k}"


def fit_seconds(steps: dict[str, float], ks: Sequence[int]) -> list[float]:
    """The seconds that each k took, where it was run."""
    return [steps[fit_step(k)] for k in ks if fit_step(k) in steps]
