"""Parts of a run that most tests do not read and that take most of its time."""

from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np
import pytest

from segmentation.pipelines import publication, verification
from segmentation.pipelines import segment as segment_pipeline
from segmentation.selection import validity
from segmentation.storage import run_writer
from segmentation.storage.filesystem import Folder

MODEL, REPORT, EVIDENCE = "model", "report", "evidence"


class NoPipeline:
    """In place of a Spark ML pipeline: saved, it is an empty folder."""

    def __init__(self, *_: object) -> None:
        pass

    def write(self) -> "NoPipeline":
        return self

    def save(self, uri: str) -> None:
        Folder.at(uri).create()

    @classmethod
    def load(cls, _: str) -> "NoPipeline":
        return cls()


@contextmanager
def left_out(*parts: str) -> Iterator[None]:
    """Runs in this process leave these parts out within the block.

    Without the model, ``model/`` has its JSON file but no Spark ML pipeline, and nothing is
    compared with the labels that this gives: a third less time for a small run. Without the
    report, its file is empty; without the evidence, every k is stable and has no gap.
    """
    with pytest.MonkeyPatch.context() as patch:
        if MODEL in parts:
            patch.setattr(segment_pipeline, "pipeline_model", NoPipeline)
            patch.setattr(run_writer, "PipelineModel", NoPipeline)
            for name in ("at_day", "check_model", "check_rejected"):
                patch.setattr(verification, name, lambda *_, **__: None)
        if REPORT in parts:
            patch.setattr(publication, "render", lambda *_, **__: "")
        if EVIDENCE in parts:
            patch.setattr(validity, "stability", lambda _, centres, **__: np.ones(len(centres)))
            patch.setattr(validity, "gaps", lambda _, ks, **__: [None for _ in ks])
        yield
