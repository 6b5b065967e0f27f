"""A custom schema: BigQuery's list of name, type and mode, strict about what it does not know."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated

from pydantic import AliasChoices, BaseModel, BeforeValidator, ConfigDict, Field


class ColumnType(StrEnum):
    """BigQuery's types (GoogleSQL names); the legacy names INTEGER, FLOAT, BOOLEAN are read as their equals."""

    STRING = "STRING"
    BYTES = "BYTES"
    INT64 = "INT64"
    FLOAT64 = "FLOAT64"
    NUMERIC = "NUMERIC"
    BIGNUMERIC = "BIGNUMERIC"
    BOOL = "BOOL"
    DATE = "DATE"
    TIME = "TIME"
    DATETIME = "DATETIME"
    TIMESTAMP = "TIMESTAMP"
    JSON = "JSON"


_LEGACY = {"INTEGER": "INT64", "FLOAT": "FLOAT64", "BOOLEAN": "BOOL", "DECIMAL": "NUMERIC", "BIGDECIMAL": "BIGNUMERIC"}


def _modern(value: object) -> object:
    return _LEGACY.get(value.upper(), value.upper()) if isinstance(value, str) else value


class Mode(StrEnum):
    """Whether a column may be empty. REPEATED is not for sources that deliver rows of single values."""

    NULLABLE = "NULLABLE"
    REQUIRED = "REQUIRED"


class Column(BaseModel):
    """One column of a custom schema."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: Annotated[str, Field(pattern=r"^[A-Za-z_][A-Za-z0-9_]*$", max_length=300)]
    type: Annotated[ColumnType, BeforeValidator(_modern)] = Field(validation_alias=AliasChoices("type", "field_type"))
    mode: Annotated[Mode, BeforeValidator(_modern)] = Mode.NULLABLE
    description: str | None = Field(default=None, max_length=1024)
