"""A table of a DuckDB file as it stands, and the statements that change its columns."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import pyarrow as pa

from worker import types
from worker.batches import description
from worker.destination import Table
from worker.destinations.duckdb.columns import literal, quoted, sql_type

if TYPE_CHECKING:
    import duckdb

    from worker.destination import Target


@dataclass(frozen=True, slots=True)
class Column:
    """A column as it stands."""

    name: str
    type: str
    """As DuckDB writes it."""
    arrow: pa.DataType
    """The canonical type for what it holds."""
    nullable: bool
    has_default: bool


@dataclass(frozen=True, slots=True)
class Address:
    """A table's full name; without the catalog a schema `sales` in a file `sales.duckdb` would be ambiguous."""

    catalog: str
    schema: str
    table: str

    @classmethod
    def of(cls, connection: duckdb.DuckDBPyConnection, target: Target) -> Address:
        """Find the catalog that the file has."""
        (catalog,) = connection.execute("SELECT current_database()").fetchall()[0]
        return cls(catalog, target.dataset, target.table)

    @property
    def sql(self) -> str:
        """The quoted name."""
        return quoted(self.catalog, self.schema, self.table)

    def __str__(self) -> str:
        return f"{self.schema}.{self.table}"


def described(connection: duckdb.DuckDBPyConnection, target: Target) -> Table | None:
    """Return a table's columns and the number of its rows, or None if there is no such table."""
    address = Address.of(connection, target)
    columns = columns_of(connection, address)
    if not columns:
        return None
    schema = pa.schema([pa.field(column.name, column.arrow, nullable=column.nullable) for column in columns])
    (rows,) = connection.execute(f"SELECT count(*) FROM {address.sql}").fetchall()[0]
    return Table(schema, rows)


def columns_of(connection: duckdb.DuckDBPyConnection, address: Address) -> list[Column]:
    """Return a table's columns in their order; none, if there is no such table."""
    found = connection.execute(
        "SELECT column_name, data_type, is_nullable, column_default IS NOT NULL FROM duckdb_columns()"
        " JOIN duckdb_tables() USING (database_name, schema_name, table_name)"
        " WHERE database_name = ? AND lower(schema_name) = lower(?) AND lower(table_name) = lower(?)"
        " ORDER BY column_index",
        [address.catalog, address.schema, address.table],
    ).fetchall()
    if not found:
        return []
    arrow = connection.sql(f"SELECT * FROM {address.sql} LIMIT 0").to_arrow_table().schema
    return [
        Column(name, sql, _canonical(sql, arrow.field(place).type), nullable, has_default)
        for place, (name, sql, nullable, has_default) in enumerate(found)
    ]


def _canonical(sql: str, arrow: pa.DataType) -> pa.DataType:
    return types.JSON if sql == "JSON" else types.canonical(arrow) or arrow


def create(connection: duckdb.DuckDBPyConnection, address: Address, schema: pa.Schema) -> None:
    """Make a table, and its schema if that is not there."""
    columns = ", ".join(
        f"{quoted(field.name)} {sql_type(field.type)}{'' if field.nullable else ' NOT NULL'}" for field in schema
    )
    connection.execute(f"CREATE SCHEMA IF NOT EXISTS {quoted(address.catalog, address.schema)}")
    connection.execute(f"CREATE TABLE {address.sql} ({columns})")
    for field in schema:
        _comment(connection, address, field)


def add_column(connection: duckdb.DuckDBPyConnection, address: Address, field: pa.Field[pa.DataType]) -> None:
    """Add a column; the rows that are there have nothing in it, so it may be empty."""
    connection.execute(f"ALTER TABLE {address.sql} ADD COLUMN {quoted(field.name)} {sql_type(field.type)}")
    _comment(connection, address, field)


def set_type(connection: duckdb.DuckDBPyConnection, address: Address, column: str, to: pa.DataType) -> None:
    """Change a column's type."""
    connection.execute(f"ALTER TABLE {address.sql} ALTER COLUMN {quoted(column)} SET DATA TYPE {sql_type(to)}")


def _comment(connection: duckdb.DuckDBPyConnection, address: Address, field: pa.Field[pa.DataType]) -> None:
    if told := description(field):
        connection.execute(f"COMMENT ON COLUMN {address.sql}.{quoted(field.name)} IS {literal(told)}")
