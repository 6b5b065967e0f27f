"""Who may write what is the admin's needs no right on what is ours."""

from __future__ import annotations

import uuid
from contextlib import contextmanager
from typing import TYPE_CHECKING

import psycopg2
import pytest

from tests.migrations.sheet_table import insert, one, rows

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.migrations.sheet_table import Connection

VIEW = "sheet_to_bigquery_configs"


@pytest.fixture
def role(connection: Connection) -> Iterator[str]:
    """A role without any rights in the database."""
    name = f"role_{uuid.uuid4().hex}"
    rows(connection, f"CREATE ROLE {name}")
    yield name
    rows(connection, f"DROP OWNED BY {name}")
    rows(connection, f"DROP ROLE {name}")


@contextmanager
def _as(connection: Connection, role: str) -> Iterator[None]:
    rows(connection, f"SET ROLE {role}")
    try:
        yield
    finally:
        rows(connection, "RESET ROLE")


def test_rights_on_the_view_are_enough_for_the_older_programs(connection: Connection, role: str) -> None:
    rows(connection, f"GRANT SELECT, INSERT, UPDATE, DELETE ON {VIEW} TO {role}")
    with _as(connection, role):
        config_id = insert(connection, run_frequency_hours=24)
        rows(connection, f"UPDATE {VIEW} SET last_run = now(), name = 'other' WHERE id = %s", [config_id])
        assert rows(connection, f"DELETE FROM {VIEW} RETURNING id, name") == [(config_id, "other")]


@pytest.mark.parametrize("table", ["load_configs", "load_states", "config_changes", "runs"])
def test_rights_on_the_view_are_none_on_tables(connection: Connection, role: str, table: str) -> None:
    rows(connection, f"GRANT SELECT, INSERT, UPDATE, DELETE ON {VIEW} TO {role}")
    with _as(connection, role), pytest.raises(psycopg2.errors.InsufficientPrivilege):
        rows(connection, f"SELECT FROM {table}")


@pytest.mark.parametrize(
    "statement",
    [
        f"UPDATE {VIEW} SET last_run = NULL",
        f"DELETE FROM {VIEW}",
        f"INSERT INTO {VIEW} DEFAULT VALUES",
        "SELECT plan_sheet_config(1, NULL)",
    ],
)
def test_right_to_read_the_view_is_none_to_write(connection: Connection, role: str, statement: str) -> None:
    insert(connection)
    rows(connection, f"GRANT SELECT ON {VIEW} TO {role}")
    with _as(connection, role), pytest.raises(psycopg2.errors.InsufficientPrivilege):
        rows(connection, statement)


def test_rights_on_configs_are_enough_to_write_configs(connection: Connection, role: str) -> None:
    rows(connection, f"GRANT SELECT, INSERT, UPDATE, DELETE ON load_configs TO {role}")
    with _as(connection, role):
        rows(connection, "INSERT INTO load_configs (name, kind) VALUES ('a', 'google_sheet')")
        rows(connection, "UPDATE load_configs SET priority = 1")
    assert one(connection, "SELECT count(*) FROM config_changes") == 2


def test_temporary_tables_do_not_stand_in_for_ours(connection: Connection, role: str) -> None:
    """A function that runs as its owner must not be led to tables of the caller's making."""
    rows(connection, f"GRANT SELECT, INSERT, UPDATE ON {VIEW} TO {role}")
    with _as(connection, role):
        for table in ("load_configs", "load_states", "config_changes"):
            rows(connection, f"CREATE TEMPORARY TABLE {table} (LIKE public.{VIEW})")
        insert(connection, run_frequency_hours=24)
        rows(connection, f"UPDATE {VIEW} SET last_run = now(), is_active = false")
    tables = ("load_configs", "load_states", "config_changes")
    assert [one(connection, f"SELECT count(*) FROM public.{table}") for table in tables] == [1, 1, 2]


def test_every_function_that_runs_as_its_owner_says_where_it_looks(connection: Connection) -> None:
    elsewhere = (
        "SELECT proname FROM pg_proc WHERE pronamespace = 'public'::regnamespace AND prosecdef"
        " AND NOT coalesce(proconfig @> ARRAY['search_path=public, pg_temp'], false)"
    )
    assert rows(connection, elsewhere) == []
