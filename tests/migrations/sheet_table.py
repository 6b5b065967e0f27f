"""The table of the older system, as its programs know it, and plain psycopg2 to use it with."""

from __future__ import annotations

from contextlib import closing, contextmanager
from typing import TYPE_CHECKING, Any

import psycopg2.extensions

from tests.support.waiting import wait_until

if TYPE_CHECKING:
    from collections.abc import Iterator

Connection = psycopg2.extensions.connection

TABLE = """
CREATE TABLE sheet_to_bigquery_configs (
    id SERIAL PRIMARY KEY,
    name VARCHAR(255) NOT NULL,
    google_sheet_url TEXT NOT NULL,
    google_sheet_tab_name VARCHAR(255),
    google_cloud_project_id VARCHAR(255) NOT NULL,
    bigquery_dataset_id VARCHAR(255) NOT NULL,
    bigquery_table_id VARCHAR(255) NOT NULL,
    schema_handling VARCHAR(50) DEFAULT 'auto_detect',
    custom_schema JSONB,
    is_active BOOLEAN DEFAULT true,
    last_run TIMESTAMP WITH TIME ZONE,
    run_frequency_hours INTEGER,
    created_at TIMESTAMP WITH TIME ZONE DEFAULT NOW(),
    updated_at TIMESTAMP WITH TIME ZONE DEFAULT NOW()
)
"""

REQUIRED = {
    "name": "sales",
    "google_sheet_url": "https://docs.google.com/spreadsheets/d/1abc/edit",
    "google_cloud_project_id": "hkd-reporting",
    "bigquery_dataset_id": "sales",
    "bigquery_table_id": "q4_data",
}


@contextmanager
def connect(url: str, *, autocommit: bool = True) -> Iterator[Connection]:
    """Open a connection in UTC and close it; without `autocommit`, what is not committed is rolled back."""
    with closing(psycopg2.connect(url)) as connection:
        connection.autocommit = autocommit
        rows(connection, "SET timezone = 'UTC'")
        yield connection


def rows(connection: Connection, statement: str, parameters: object = None) -> list[tuple[Any, ...]]:
    """Run a statement; return its rows, if it has any."""
    with connection.cursor() as cursor:
        cursor.execute(statement, parameters)  # type: ignore[arg-type]
        return cursor.fetchall() if cursor.description else []


def one(connection: Connection, statement: str, parameters: object = None) -> Any:  # noqa: ANN401 - any column's type
    """Run a statement that answers with one row of one column, and return that."""
    ((value,),) = rows(connection, statement, parameters)
    return value


def wait_for_waiters(connection: Connection, number: int = 1) -> None:
    """Return when so many sessions wait for locks that this connection holds."""
    blocked = "SELECT count(*) FROM pg_locks WHERE NOT granted AND pg_backend_pid() = ANY (pg_blocking_pids(pid))"
    wait_until(lambda: one(connection, blocked) >= number, what="sessions that wait for this one")


def insert(connection: Connection, **columns: object) -> int:
    """Write a row as a program of the older system does: what is not named has its default. Return its id."""
    written = REQUIRED | columns
    statement = "INSERT INTO sheet_to_bigquery_configs ({}) VALUES ({}) RETURNING id"
    names, places = ", ".join(written), ", ".join(["%s"] * len(written))
    config_id: int = one(connection, statement.format(names, places), list(written.values()))
    return config_id
