"""Plain psycopg2 connections, as a program of the older system has them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.migrations.sheet_table import TABLE, connect, rows

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.migrations.sheet_table import Connection


@pytest.fixture
def connection(database_url: str) -> Iterator[Connection]:
    """A connection to a migrated database; every statement commits."""
    with connect(database_url) as connection:
        yield connection


@pytest.fixture
def older_system(postgres_url: str) -> Iterator[Connection]:
    """A connection to a database that has the older system's table, and nothing of ours."""
    with connect(postgres_url) as connection:
        rows(connection, TABLE)
        yield connection
