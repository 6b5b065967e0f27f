"""Publishing a unit: one transaction holds the table's change, its rows and the receipt, or nothing of it happens."""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, assert_never

import pyarrow.types as is_

from worker.contract.run_spec import LoadMode
from worker.destination import Receipt
from worker.destinations.duckdb import receipts, table
from worker.destinations.duckdb.columns import quoted
from worker.destinations.duckdb.fit import fitted
from worker.destinations.duckdb.unit import ROW
from worker.errors import ConfigurationError
from worker.failpoints import reach

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    import duckdb

    from worker.destination import Target
    from worker.destinations.duckdb.fit import Fitted
    from worker.destinations.duckdb.table import Address
    from worker.destinations.duckdb.unit import Unit


def publish(connection: duckdb.DuckDBPyConnection, target: Target, key: str, unit: Unit, mode: LoadMode) -> Receipt:
    """Publish a unit, or return the receipt that says it is published."""
    if target.dataset.casefold() == receipts.SCHEMA:
        raise ConfigurationError(f"dataset: expected one that is yours, got {target.dataset!r}; choose another")
    with _transaction(connection):
        receipts.create(connection)
        if standing := receipts.find(connection, [key]).get(key):
            return standing
        receipt = _published(connection, target, key, unit, mode)
        reach("duckdb.before_commit")
    reach("duckdb.after_commit")
    return receipt


@contextmanager
def _transaction(connection: duckdb.DuckDBPyConnection) -> Iterator[None]:
    connection.begin()
    try:
        yield
    except BaseException:
        connection.rollback()
        raise
    connection.commit()


def _published(connection: duckdb.DuckDBPyConnection, target: Target, key: str, unit: Unit, mode: LoadMode) -> Receipt:
    address = table.Address.of(connection, target)
    if mode is LoadMode.REPLACE and table.columns_of(connection, address):
        connection.execute(f"DELETE FROM {address.sql}")  # first, so that no row of before stands against a wider type
    relation = unit.relation(connection)
    fit = fitted(connection, address, unit, relation, exact=target.exact)
    rows = _Rows(connection, address, target, fit, relation).write(mode)
    receipt = Receipt(key, rows, fit.changes)
    receipts.add(connection, receipt, str(address))
    return receipt


@dataclass(frozen=True, slots=True)
class _Rows:
    """A unit's rows on their way into a table that fits them."""

    connection: duckdb.DuckDBPyConnection
    address: Address
    target: Target
    fit: Fitted
    relation: str

    def write(self, mode: LoadMode) -> int:
        match mode:
            case LoadMode.APPEND | LoadMode.REPLACE:
                return self._insert(self.fit.select(self.relation))
            case LoadMode.PARTITIONS:
                return self._replace_days()
            case LoadMode.MERGE:
                return self._merge()
            case _:
                assert_never(mode)

    def _insert(self, rows: str) -> int:
        columns = ", ".join(quoted(name) for name in self.fit.columns)
        ((count,),) = self.connection.execute(
            f"INSERT INTO {self.address.sql} ({columns}) SELECT {columns} FROM {rows}"
        ).fetchall()
        return int(count)

    def _replace_days(self) -> int:
        """Replace each day, in UTC, that is among the unit's rows."""
        column = self._partition_column()
        self._refuse_nulls([column])
        rows = self.fit.select(self.relation)
        day = f"CAST({quoted(column)} AS DATE)"
        self.connection.execute(f"DELETE FROM {self.address.sql} WHERE {day} IN (SELECT {day} FROM {rows})")
        return self._insert(rows)

    def _partition_column(self) -> str:
        wanted = self.target.partition_by or ""
        (column,) = self._columns([wanted], "partition_by")
        arrow = next(c.arrow for c in table.columns_of(self.connection, self.address) if c.name == column)
        if not (is_.is_date(arrow) or is_.is_timestamp(arrow)):
            raise ConfigurationError(f"partition_by: expected a date or timestamp column, got {column!r} ({arrow})")
        return column

    def _merge(self) -> int:
        """Replace the rows whose key is among the unit's, and add the others.

        Rows of the unit that are the same in every column count once; rows that differ under one key are refused.
        """
        keys = self._columns(self.target.merge_key, "merge_key")
        self._refuse_nulls(keys)
        rows = self._distinct(keys, self.fit.select(self.relation))
        listed = ", ".join(quoted(key) for key in keys)
        same = " AND ".join(f"old.{quoted(key)} = new.{quoted(key)}" for key in keys)
        self.connection.execute(
            f"DELETE FROM {self.address.sql} AS old USING (SELECT {listed} FROM {rows}) AS new WHERE {same}"
        )
        return self._insert(rows)

    def _distinct(self, keys: Sequence[str], rows: str) -> str:
        if self._twice(keys, rows) is None:
            return rows
        distinct = f"(SELECT DISTINCT * FROM {rows})"
        if twice := self._twice(keys, distinct):
            raise ConfigurationError(
                f"merge_key: expected each key once, got several rows that differ for"
                f" {', '.join(f'{key} = {value!r}' for key, value in zip(keys, twice, strict=True))};"
                " correct the source, or name columns that tell its rows apart"
            )
        return distinct

    def _twice(self, keys: Sequence[str], rows: str) -> tuple[object, ...] | None:
        listed = ", ".join(quoted(key) for key in keys)
        found = self.connection.execute(
            f"SELECT {listed} FROM {rows} GROUP BY {listed} HAVING count(*) > 1 ORDER BY {listed} LIMIT 1"
        )
        return found.fetchone()

    def _columns(self, wanted: Sequence[str], option: str) -> list[str]:
        """Return the table's names of columns that the unit fills."""
        filled = {name.casefold(): name for name in self.fit.columns}
        missing = [name for name in wanted if name.casefold() not in filled]
        if missing or not wanted:
            raise ConfigurationError(
                f"{option}: expected columns of the source, got {', '.join(missing) or 'nothing'};"
                f" the source has {', '.join(filled.values())}"
            )
        return [filled[name.casefold()] for name in wanted]

    def _refuse_nulls(self, columns: Sequence[str]) -> None:
        for column in columns:
            empty = f"{self.fit.columns[column]} IS NULL"
            ((row,),) = self.connection.execute(f"SELECT min({ROW}) FILTER ({empty}) FROM {self.relation}").fetchall()
            if row is not None:
                raise ConfigurationError(
                    f"column {column}, row {row}: expected a value, since {self.address} is loaded by it, got nothing;"
                    " fill it in, or leave the row out at the source"
                )
