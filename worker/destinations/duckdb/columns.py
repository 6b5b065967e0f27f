"""How DuckDB names types and things. Pure."""

from __future__ import annotations

import pyarrow as pa
import pyarrow.types as is_

from worker import types
from worker.contract.custom_schema import ColumnType

_DECIMAL_DIGITS = 38
_SQL_TYPES = {
    types.ARROW_TYPES[name]: sql
    for name, sql in {
        ColumnType.STRING: "VARCHAR",
        ColumnType.BYTES: "BLOB",
        ColumnType.INT64: "BIGINT",
        ColumnType.FLOAT64: "DOUBLE",
        ColumnType.BOOL: "BOOLEAN",
        ColumnType.DATE: "DATE",
        ColumnType.TIME: "TIME",
        ColumnType.DATETIME: "TIMESTAMP",
        ColumnType.TIMESTAMP: "TIMESTAMP WITH TIME ZONE",
        ColumnType.JSON: "JSON",
    }.items()
}


def quoted(*names: str) -> str:
    """Return a name, or a path of names, as an identifier."""
    return ".".join('"' + name.replace('"', '""') + '"' for name in names)


def literal(text: str) -> str:
    """Return a text as a literal, where a parameter cannot stand."""
    return "'" + text.replace("'", "''") + "'"


def held(arrow: pa.DataType) -> pa.DataType:
    """Return what DuckDB keeps of a canonical type: a decimal of more than 38 digits is kept as text."""
    if is_.is_decimal(arrow) and arrow.precision > _DECIMAL_DIGITS:
        return pa.utf8()
    if is_.is_list(arrow):
        return pa.list_(held(arrow.value_type))
    if is_.is_struct(arrow):
        return pa.struct([field.with_type(held(field.type)) for field in arrow.fields])
    return arrow


def sql_type(arrow: pa.DataType) -> str:
    """Return the DuckDB type of a type that it keeps; a column of which nothing is known is text."""
    if is_.is_decimal(arrow):
        return f"DECIMAL({arrow.precision},{arrow.scale})"
    if is_.is_list(arrow):
        return f"{sql_type(arrow.value_type)}[]"
    if is_.is_struct(arrow):
        return f"STRUCT({', '.join(f'{quoted(field.name)} {sql_type(field.type)}' for field in arrow.fields)})"
    return "VARCHAR" if is_.is_null(arrow) else _SQL_TYPES[arrow]
