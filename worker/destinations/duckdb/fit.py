"""Making a table and a unit fit each other: columns are made, added, or widened without loss, or the unit is refused.

A value that does not change when it is written in the table's type needs no other type.
What must be looked at is looked at in one scan of the unit, and a refusal names the first row that does not fit.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pyarrow.types as is_

from worker import types
from worker.destinations.duckdb import table
from worker.destinations.duckdb.columns import held, quoted, sql_type
from worker.destinations.duckdb.unit import ROW
from worker.errors import ConfigurationError

if TYPE_CHECKING:
    from collections.abc import Iterable

    import duckdb
    import pyarrow as pa

    from worker.destinations.duckdb.table import Address, Column
    from worker.destinations.duckdb.unit import Unit

_VALUE_CHARACTERS = 80


@dataclass(frozen=True, slots=True)
class Fitted:
    """A table that takes the unit."""

    columns: dict[str, str]
    """Column of the table, and the expression over the unit that fills it."""
    changes: tuple[str, ...]
    """What was changed of a table that was there, for a person."""

    def select(self, relation: str) -> str:
        """Return the unit's rows as rows of the table."""
        values = ", ".join(f"{value} AS {quoted(name)}" for name, value in self.columns.items())
        return f"(SELECT {values} FROM {relation})"


def fitted(
    connection: duckdb.DuckDBPyConnection, address: Address, unit: Unit, relation: str, *, exact: bool
) -> Fitted:
    """Make the table fit, in the transaction that is open.

    Raises:
        ConfigurationError: that cannot be done without loss; names column, both types, and the row where there is one.
    """
    existing = table.columns_of(connection, address)
    if not existing:
        if not len(unit.schema):
            raise ConfigurationError(f"table {address}: expected at least one column to make it of, got none")
        table.create(connection, address, unit.schema)
        return Fitted({field.name: _new_value(field) for field in unit.schema}, ())
    return _Fitting(connection, address, relation, exact).fit(existing, unit.schema)


@dataclass(frozen=True, slots=True)
class _Fitting:
    connection: duckdb.DuckDBPyConnection
    address: Address
    relation: str
    exact: bool

    def fit(self, existing: list[Column], schema: pa.Schema) -> Fitted:
        columns = {column.name.casefold(): column for column in existing}
        new = [field for field in schema if field.name.casefold() not in columns]
        known = [(field, columns[field.name.casefold()]) for field in schema if field.name.casefold() in columns]
        self._refuse_absent(existing, known, new)
        self._refuse_nulls(known)
        misfits = self._first_rows({f.name: _changes(f, column) for f, column in known if not _same(f, column)})
        wider = {f.name: self._wider(f, column, misfits[f.name]) for f, column in known if f.name in misfits}
        changes = [self._widen(column, wider[f.name]) for f, column in known if f.name in wider]
        changes += [self._add(field) for field in new]
        types_now = {c.name: sql_type(wider[f.name]) if f.name in wider else c.type for f, c in known}
        values = {c.name: f"CAST({quoted(f.name)} AS {types_now[c.name]})" for f, c in known}
        return Fitted(values | {field.name: _new_value(field) for field in new}, tuple(changes))

    def _refuse_absent(
        self, existing: list[Column], known: list[tuple[pa.Field[Any], Column]], new: list[pa.Field[Any]]
    ) -> None:
        """Refuse columns on one side only, where the other side cannot do without them."""
        given = {column.name for _, column in known}
        absent = [column for column in existing if column.name not in given]
        if self.exact and (absent or new):
            raise ConfigurationError(
                f"table {self.address}: expected exactly the columns of custom_schema,"
                f" got {_listed(new)} only in custom_schema and {_listed(absent)} only in the table; change one of them"
            )
        needed = [column for column in absent if not column.nullable and not column.has_default]
        if needed:
            raise ConfigurationError(
                f"table {self.address}: expected values for {_listed(needed)}, which cannot be empty,"
                " got a source without it; add it there, or let the table's column be empty"
            )

    def _refuse_nulls(self, known: list[tuple[pa.Field[Any], Column]]) -> None:
        checks = {f.name: f"{quoted(f.name)} IS NULL" for f, column in known if f.nullable and not column.nullable}
        for name, row in self._first_rows(checks).items():
            raise ConfigurationError(
                f"column {name}, row {row}: expected a value, since the column of table {self.address} cannot be empty,"
                " got nothing; fill it in, or let the table's column be empty"
            )

    def _first_rows(self, checks: dict[str, str]) -> dict[str, int]:
        if not checks:
            return {}
        firsts = ", ".join(f"min({ROW}) FILTER ({check})" for check in checks.values())
        (rows,) = self.connection.execute(f"SELECT {firsts} FROM {self.relation}").fetchall()
        return {name: row for name, row in zip(checks, rows, strict=True) if row is not None}

    def _add(self, field: pa.Field[Any]) -> str:
        table.add_column(self.connection, self.address, field)
        return f"column {field.name} added as {types.type_name(field.type)}"

    def _widen(self, column: Column, to: pa.DataType) -> str:
        table.set_type(self.connection, self.address, column.name, to)
        return f"column {column.name} widened from {types.type_name(column.arrow)} to {types.type_name(to)}"

    def _wider(self, field: pa.Field[Any], column: Column, bad_row: int) -> pa.DataType:
        """Return the type that holds both, or refuse the unit because of the row that does not fit."""
        to = None if self.exact else types.widened(column.arrow, field.type)
        if to is None or held(to) != to or sql_type(to) == column.type:
            raise ConfigurationError(self._misfit(field, column, bad_row))
        if types.loses(column.arrow, to):
            self._refuse_loss(column, to)
        return to

    def _misfit(self, field: pa.Field[Any], column: Column, bad_row: int) -> str:
        name = quoted(field.name)
        # If the types have nothing in common, a row that cannot even be cast says more than the first one.
        uncastable = self._first_rows({"": f"TRY_CAST({name} AS {column.type}) IS NULL AND {name} IS NOT NULL"})
        row = uncastable.get("", bad_row)
        ((value,),) = self.connection.execute(f"SELECT {name} FROM {self.relation} WHERE {ROW} = {row}").fetchall()
        return (
            f"column {field.name}, row {row}: expected {types.type_name(column.arrow)} as in table {self.address},"
            f" got {str(value)[:_VALUE_CHARACTERS]!r} ({types.type_name(field.type)});"
            " correct the value, or change the type of the table's column"
        )

    def _refuse_loss(self, column: Column, to: pa.DataType) -> None:
        name, wide = quoted(column.name), sql_type(to)
        lost = f"TRY_CAST(CAST({name} AS {wide}) AS {column.type}) IS DISTINCT FROM {name}"
        found = self.connection.execute(f"SELECT {name} FROM {self.address.sql} WHERE {lost} LIMIT 1").fetchall()
        if found:
            raise ConfigurationError(
                f"column {column.name}: expected values of table {self.address} that are the same as"
                f" {types.type_name(to)}, got {found[0][0]!r} ({types.type_name(column.arrow)});"
                " give the column one type at the source, or change the type of the table's column"
            )


def _same(field: pa.Field[Any], column: Column) -> bool:
    return is_.is_null(field.type) or sql_type(field.type) == column.type


def _changes(field: pa.Field[Any], column: Column) -> str:
    """Return the condition under which a value would be lost or changed by the table's type."""
    name = quoted(field.name)
    both_numbers = types.is_number(field.type) and types.is_number(column.arrow)
    if both_numbers or field.type == column.arrow:  # the same, but for how much of it DuckDB's type holds
        return f"TRY_CAST(TRY_CAST({name} AS {column.type}) AS {sql_type(field.type)}) IS DISTINCT FROM {name}"
    return f"{name} IS NOT NULL"


def _new_value(field: pa.Field[Any]) -> str:
    return f"CAST({quoted(field.name)} AS {sql_type(field.type)})"


def _listed(columns: Iterable[Column] | Iterable[pa.Field[Any]]) -> str:
    return ", ".join(column.name for column in columns) or "nothing"
