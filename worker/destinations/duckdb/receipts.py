"""Receipts: which units are published, in the same file and the same transactions as their rows."""

from __future__ import annotations

from typing import TYPE_CHECKING

import duckdb

from worker.destination import Receipt

if TYPE_CHECKING:
    from collections.abc import Sequence

SCHEMA = "_sluice"

_CREATE = """
CREATE SCHEMA IF NOT EXISTS _sluice;
CREATE TABLE IF NOT EXISTS _sluice.receipts (
    key VARCHAR PRIMARY KEY,
    rows BIGINT NOT NULL,
    published_at TIMESTAMPTZ NOT NULL,
    target VARCHAR NOT NULL
);
COMMENT ON TABLE _sluice.receipts IS 'One row per published unit; a unit whose key is here is never published again.';
"""


def create(connection: duckdb.DuckDBPyConnection) -> None:
    """Make the table of receipts unless it is there."""
    connection.execute(_CREATE)


def find(connection: duckdb.DuckDBPyConnection, keys: Sequence[str]) -> dict[str, Receipt]:
    """Return the receipts of those keys that have one."""
    query = "SELECT key, rows FROM _sluice.receipts WHERE key IN (SELECT unnest(?))"
    try:
        rows = connection.execute(query, [list(keys)]).fetchall()
    except duckdb.CatalogException:  # nothing has been published into this file
        return {}
    return {key: Receipt(key, count) for key, count in rows}


def add(connection: duckdb.DuckDBPyConnection, receipt: Receipt, target: str) -> None:
    """Write a receipt into the transaction that is open."""
    connection.execute(
        "INSERT INTO _sluice.receipts VALUES (?, ?, now(), ?)",
        [receipt.key, receipt.rows, target],
    )
