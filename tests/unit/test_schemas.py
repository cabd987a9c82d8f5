"""The published tables: their words agree with the records that fill them."""

from dataclasses import fields

import pytest
from hypothesis import given
from hypothesis import strategies as st

from segmentation.results import CostPoint, FeatureProfile, Segment
from segmentation.schemas import (
    COST_CURVE,
    CUSTOMERS,
    PUBLISHED,
    REJECTED,
    RESERVED,
    SEGMENT_PROFILE,
    SEGMENTS,
    data_dictionary,
    published_name,
    quoted,
)

SQL_TYPES = {"int": "int", "bigint": "int", "double": "float", "string": "str", "boolean": "bool"}


@pytest.mark.parametrize(
    ("table", "record"),
    [(COST_CURVE, CostPoint), (SEGMENTS, Segment), (SEGMENT_PROFILE, FeatureProfile)],
)
def test_a_table_has_the_fields_of_its_record(table, record):
    types = {
        field.name: str(getattr(field.type, "__name__", field.type)) for field in fields(record)
    }
    assert set(table.column_names) == set(types)
    for column in table.columns:
        assert types[column.name].removesuffix(" | None") == SQL_TYPES[column.type]


def test_every_column_is_in_the_data_dictionary_with_its_meaning():
    told = data_dictionary()
    for table in PUBLISHED:
        assert f"**`{table.name}" in told
        for column in table.columns:
            assert f"| `{column.name}` | {column.type} | {column.meaning} |" in told


def test_names_are_snake_case_and_stand_once_in_a_table():
    for table in PUBLISHED:
        assert len(set(table.column_names)) == len(table.columns)
        for name in table.column_names:
            assert name == name.lower()
            assert name.replace("_", "a").isalnum()


def test_an_input_column_gives_way_to_a_column_of_the_job():
    assert published_name("spend") == "spend"
    for name in (*CUSTOMERS.column_names, *REJECTED.column_names):
        assert published_name(name) == f"{name}_input"
        assert published_name(name.upper()) == f"{name.upper()}_input"


@given(st.text() | st.sampled_from(sorted(RESERVED)))
def test_no_input_column_is_published_under_a_reserved_name(name):
    assert published_name(name).lower() not in RESERVED


@pytest.mark.parametrize(
    ("name", "sql"), [("a", "`a`"), ("a b.c", "`a b.c`"), ("a`b", "`a``b`"), ("", "``")]
)
def test_a_quoted_name_holds_any_character(name, sql):
    assert quoted(name) == sql
