"""Preparation of the output folder for a new run, and comparison with an existing run."""

import json
import logging
from collections.abc import Callable, Mapping
from typing import Any

from pydantic import ValidationError

from segmentation import __version__
from segmentation.config import Config
from segmentation.errors import StorageError
from segmentation.results import Run
from segmentation.storage.filesystem import Folder
from segmentation.storage.history import repair
from segmentation.storage.manifests import MANIFEST, read_run
from segmentation.storage.removal import clean

LOGGER = logging.getLogger("segment")


def prepare_output(
    output: Folder, run_id: str, config: Mapping[str, Any], *, confirm: Callable[[], None]
) -> Run | None:
    """Clear the output folder of interrupted runs; the existing run with this id, if any."""
    restored = repair(output, confirm=confirm)
    if restored is not None:
        LOGGER.warning("warning: latest.json named no complete run; it names %s now", restored)
    clean(output, confirm=confirm)
    existing = read_run(output, run_id)
    published = output.child(f"run={run_id}")
    if existing is None and published.exists():
        raise StorageError(
            f"{published.uri} exists, is not a run (it has no {MANIFEST}), and is never "
            "overwritten: change --run-id"
        )
    if existing is not None:
        maker = existing.versions.get("segmentation", "unknown")
        if not _is_same(existing.config, config):
            raise StorageError(
                f"the run {published.uri} exists, with another configuration (made by version "
                f"{maker}), and is never overwritten: change --run-id"
            )
        if maker != __version__:
            LOGGER.warning(
                "warning: the run %s was made by version %s, this is %s; it is left unchanged: "
                "change --run-id to compute it again", run_id, maker, __version__,
            )  # fmt: skip
    return existing


def _is_same(earlier: Mapping[str, Any], config: Mapping[str, Any]) -> bool:
    """Whether two configurations produce the same content, with defaults for new keys."""
    try:
        known = Config.model_validate_json(json.dumps(earlier)).redacted_dump()
    except ValidationError:
        return False
    return _of_input(known) == _of_input(config)


def _of_input(config: Mapping[str, Any]) -> dict[str, Any]:
    """The part of a configuration that determines the content of a run, not where it is."""
    return {section: content for section, content in config.items() if section != "output"}
