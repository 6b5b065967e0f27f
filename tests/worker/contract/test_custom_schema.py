"""A custom schema: BigQuery's list of name, type, mode."""

from __future__ import annotations

import pytest
from pydantic import ValidationError

from worker.contract.custom_schema import Column, ColumnType, Mode


@pytest.mark.parametrize(
    ("written", "column_type"),
    [
        ("string", ColumnType.STRING),
        ("INTEGER", ColumnType.INT64),
        ("float", ColumnType.FLOAT64),
        ("Boolean", ColumnType.BOOL),
        ("DECIMAL", ColumnType.NUMERIC),
        ("BIGDECIMAL", ColumnType.BIGNUMERIC),
        *((kind.value, kind) for kind in ColumnType),
    ],
)
def test_type_is_read_by_each_of_its_names(written: str, column_type: ColumnType) -> None:
    assert Column.model_validate({"name": "a", "type": written}).type is column_type


def test_bigquerys_own_words_are_read() -> None:
    column = Column.model_validate({"name": "a", "field_type": "INT64", "mode": "required", "description": "d"})
    assert column == Column(name="a", type=ColumnType.INT64, mode=Mode.REQUIRED, description="d")


def test_column_may_be_empty_unless_it_says_otherwise() -> None:
    assert Column(name="a", type=ColumnType.INT64).mode is Mode.NULLABLE


@pytest.mark.parametrize(
    "column",
    [
        {"name": "a"},
        {"name": "a b", "type": "STRING"},
        {"name": "1a", "type": "STRING"},
        {"name": "a" * 301, "type": "STRING"},
        {"name": "a", "type": "VARCHAR"},
        {"name": "a", "type": 1},
        {"name": "a", "type": "STRING", "mode": "REPEATED"},
        {"name": "a", "type": "STRING", "max_length": 5},
    ],
)
def test_what_is_not_known_is_refused(column: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        Column.model_validate(column)
