"""The README says what the code does."""

import re
from pathlib import Path

import pytest
from pydantic import BaseModel

from segmentation.config import Config
from segmentation.config.loading import _models
from segmentation.schemas import data_dictionary

ROOT = Path(__file__).resolve().parents[2]
README = (ROOT / "README.md").read_text(encoding="utf-8")


def between(start: str, end: str) -> str:
    found = re.search(f"<!-- {re.escape(start)}.*? -->\n(.*?)\n<!-- {end} -->", README, re.DOTALL)
    assert found, f"the README has no part {start!r}"
    return found.group(1).strip()


def keys(section: type[BaseModel], prefix: str = "") -> set[str]:
    """``section.key`` for every key, of optional and repeated sections too."""
    found = set()
    for name, field in section.model_fields.items():
        inner = [one for one in _models(field.annotation) if one.__name__ != "Returns"]
        if inner and not prefix:
            found |= keys(inner[0], f"{name}.")
        else:
            found.add(f"{prefix}{name}")
    return found


def test_data_dictionary_is_that_of_the_schemas():
    assert between("data dictionary", "end of data dictionary") == data_dictionary()


def test_every_configuration_key_is_explained():
    listed = set(re.findall(r"`([a-z_]+\.[a-z_]+)`", README.split("## Configuration")[1]))
    assert keys(Config) <= listed


@pytest.mark.parametrize("name", ["duckdb", "spark"])
def test_queries_are_those_that_the_tests_run(name: str):
    query = (ROOT / "tests" / "jobs" / "queries" / f"{name}.sql").read_text(encoding="utf-8")
    assert between(f"query: {name}.sql", "end of query") == f"```sql\n{query.strip()}\n```"


def test_every_path_that_it_links_is_there():
    for target in re.findall(r"\]\((?!https?:)([^)#]+)\)", README):
        assert (ROOT / target).exists(), target
