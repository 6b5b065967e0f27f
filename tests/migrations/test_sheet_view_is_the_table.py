"""The view answers every program of the older system as its table did: each case runs on both."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Any

import psycopg2

from tests.migrations.sheet_table import REQUIRED, insert, rows

if TYPE_CHECKING:
    from collections.abc import Container

    from tests.migrations.sheet_table import Connection

LAST_YEAR_WRITTEN = 2025
INSERT = (
    "INSERT INTO sheet_to_bigquery_configs"
    " (name, google_sheet_url, google_cloud_project_id, bigquery_dataset_id, bigquery_table_id{}) VALUES {} {}"
)
ROW = "('{}', 'https://sheet', 'p', 'd', 't'{})"


def _insert(name: str = "new", columns: str = "", values: str = "", end: str = "RETURNING *") -> str:
    return INSERT.format(columns, ROW.format(name, values), end)


def _insert_from(changes: str) -> str:
    return (
        "INSERT INTO sheet_to_bigquery_configs SELECT (jsonb_populate_record(c, jsonb_build_object('id', 900)"
        f" || '{changes}')).* FROM sheet_to_bigquery_configs c WHERE id = 1"
    )


def _insert_without(column: str) -> str:
    columns = [name for name in REQUIRED if name != column]
    return f"INSERT INTO sheet_to_bigquery_configs ({', '.join(columns)}) VALUES ({', '.join(['1'] * len(columns))})"


STATEMENTS = {
    "select_all": "SELECT * FROM sheet_to_bigquery_configs ORDER BY id",
    "select_types": (
        "SELECT "
        + ", ".join(f"pg_typeof({column})::text" for column in ("id", "name", "custom_schema", "last_run"))
        + " FROM sheet_to_bigquery_configs ORDER BY id"
    ),
    "select_columns_and_defaults": (
        "SELECT column_name, data_type, character_maximum_length,"
        " CASE column_name WHEN 'id' THEN 'next' ELSE column_default END FROM information_schema.columns"
        " WHERE table_name = 'sheet_to_bigquery_configs'"
        " ORDER BY ordinal_position"
    ),
    "select_due": (
        "SELECT id FROM sheet_to_bigquery_configs WHERE is_active = true AND run_frequency_hours IS NOT NULL AND"
        " (last_run IS NULL OR last_run + run_frequency_hours * interval '1 hour' <= now()) ORDER BY id"
    ),
    "select_for_update": "SELECT id FROM sheet_to_bigquery_configs WHERE id = 1 FOR UPDATE SKIP LOCKED",
    "select_count": "SELECT count(*) FROM sheet_to_bigquery_configs WHERE is_active",
    "insert_required_only": _insert(),
    "insert_returning_id": _insert(end="RETURNING id"),
    "insert_without_returning": _insert(end=""),
    "insert_tab": _insert(columns=", google_sheet_tab_name", values=", 'Q4'"),
    "insert_null_tab": _insert(columns=", google_sheet_tab_name", values=", NULL"),
    "insert_custom": _insert(
        columns=", schema_handling, custom_schema", values=""", 'custom', '[{"name": "a", "type": "INT64"}]'"""
    ),
    "insert_inactive": _insert(columns=", is_active", values=", false"),
    "insert_defaults_by_word": _insert(
        columns=", id, schema_handling, is_active, custom_schema", values=", DEFAULT, DEFAULT, DEFAULT, DEFAULT"
    ),
    "insert_last_run": _insert(columns=", last_run", values=", '2025-01-01 12:34:56.789012+02'"),
    "insert_frequency": _insert(columns=", run_frequency_hours", values=", 24"),
    "insert_largest_frequency": _insert(columns=", run_frequency_hours", values=", 87840"),
    "insert_times": _insert(columns=", created_at, updated_at", values=", '2020-01-01+00', '2021-01-01+00'"),
    "insert_explicit_id": _insert(columns=", id", values=", 1000"),
    "insert_two_rows": INSERT.format("", ROW.format("x", "") + ", " + ROW.format("y", ""), "RETURNING *"),
    "insert_same_name_twice": INSERT.format("", ROW.format("x", "") + ", " + ROW.format("x", ""), "RETURNING name"),
    "insert_name_that_is_there": _insert(name="first"),
    "insert_longest_name_twice": INSERT.format(
        "", ROW.format("n" * 255, "") + ", " + ROW.format("n" * 255, ""), "RETURNING name"
    ),
    "insert_too_long_name": _insert(name="n" * 256),
    "insert_id_that_is_there": _insert(columns=", id", values=", 1"),
    "insert_null_id": _insert(columns=", id", values=", NULL"),
    "insert_select": (
        "INSERT INTO sheet_to_bigquery_configs SELECT id + 500, name, google_sheet_url, google_sheet_tab_name,"
        " google_cloud_project_id, bigquery_dataset_id, bigquery_table_id, schema_handling, custom_schema, is_active,"
        " last_run, run_frequency_hours, created_at, updated_at FROM sheet_to_bigquery_configs RETURNING name, id"
    ),
    "insert_nothing": "INSERT INTO sheet_to_bigquery_configs DEFAULT VALUES",
    "insert_text_frequency": _insert(columns=", run_frequency_hours", values=", 'daily'"),
    "update_last_run": "UPDATE sheet_to_bigquery_configs SET last_run = '2025-05-05+00' WHERE id = 1 RETURNING *",
    "update_last_run_of_all": "UPDATE sheet_to_bigquery_configs SET last_run = '2025-05-05+00'",
    "update_last_run_to_null": "UPDATE sheet_to_bigquery_configs SET last_run = NULL WHERE id = 2 RETURNING last_run",
    "update_nothing_there": "UPDATE sheet_to_bigquery_configs SET is_active = false WHERE id = 99 RETURNING id",
    "update_to_the_same": "UPDATE sheet_to_bigquery_configs SET name = name RETURNING name",
    "update_name": "UPDATE sheet_to_bigquery_configs SET name = 'other' WHERE id = 1 RETURNING name",
    "update_name_to_another": "UPDATE sheet_to_bigquery_configs SET name = 'second' WHERE id = 1 RETURNING name",
    "update_all_names": "UPDATE sheet_to_bigquery_configs SET name = 'same' RETURNING name",
    "update_url": "UPDATE sheet_to_bigquery_configs SET google_sheet_url = 'https://other' WHERE id = 2 RETURNING *",
    "update_tab": "UPDATE sheet_to_bigquery_configs SET google_sheet_tab_name = 'Q1' WHERE id = 1 RETURNING *",
    "update_tab_to_null": "UPDATE sheet_to_bigquery_configs SET google_sheet_tab_name = NULL WHERE id = 2 RETURNING *",
    "update_destination": (
        "UPDATE sheet_to_bigquery_configs SET google_cloud_project_id = 'p2', bigquery_dataset_id = 'd2',"
        " bigquery_table_id = 't2' WHERE id = 1 RETURNING *"
    ),
    "update_schema": (
        "UPDATE sheet_to_bigquery_configs SET schema_handling = 'custom', custom_schema = '[]' WHERE id = 1 RETURNING *"
    ),
    "update_schema_to_null": "UPDATE sheet_to_bigquery_configs SET custom_schema = NULL WHERE id = 2 RETURNING *",
    "update_activity": "UPDATE sheet_to_bigquery_configs SET is_active = NOT is_active RETURNING is_active",
    "update_frequency": "UPDATE sheet_to_bigquery_configs SET run_frequency_hours = 48 WHERE id = 2 RETURNING *",
    "update_no_frequency": "UPDATE sheet_to_bigquery_configs SET run_frequency_hours = NULL WHERE id = 2 RETURNING id",
    "update_times": (
        "UPDATE sheet_to_bigquery_configs SET created_at = '2001-01-01+00', updated_at = '2002-02-02+00',"
        " name = 'timed' WHERE id = 1 RETURNING *"
    ),
    "update_with_join": (
        "UPDATE sheet_to_bigquery_configs c SET run_frequency_hours = v.hours FROM (VALUES (1, 5), (2, 7)) v(id, hours)"
        " WHERE v.id = c.id RETURNING c.id, c.run_frequency_hours"
    ),
    "update_required_to_null": "UPDATE sheet_to_bigquery_configs SET bigquery_table_id = NULL WHERE id = 1",
    "update_too_long": "UPDATE sheet_to_bigquery_configs SET bigquery_table_id = repeat('t', 256) WHERE id = 1",
    "delete_one": "DELETE FROM sheet_to_bigquery_configs WHERE id = 1 RETURNING id, name, last_run",
    "delete_nothing_there": "DELETE FROM sheet_to_bigquery_configs WHERE id = 99",
    "delete_all": "DELETE FROM sheet_to_bigquery_configs",
}
for _column in REQUIRED:
    STATEMENTS[f"insert_null_{_column}"] = _insert_from(f'{{"{_column}": null}}')
    STATEMENTS[f"insert_without_{_column}"] = _insert_without(_column)

NOT_OF_THE_TABLE = {"updated_at": "an update that does not write it moves it"}


def test_view_answers_every_statement_as_the_table(older_system: Connection, connection: Connection) -> None:
    differences = {}
    for name, statement in STATEMENTS.items():
        on_the_table = _answers(older_system, "sheet_to_bigquery_configs", statement)
        on_the_view = _answers(connection, "load_configs", statement)
        if on_the_view != on_the_table:
            differences[name] = {"view": on_the_view, "table": on_the_table}
    assert differences == {}


def _answers(connection: Connection, table: str, statement: str) -> list[dict[str, Any]]:
    """Return what the statement answers, and what is there afterwards."""
    connection.autocommit = False
    _fill(connection)
    rows(connection, "SELECT setval(pg_get_serial_sequence(%s, 'id'), 10)", [table])
    rows(connection, "SAVEPOINT filled")
    left_out = {} if "updated_at" in statement or not statement.startswith("UPDATE") else NOT_OF_THE_TABLE
    answers = [_answer(connection, each, left_out) for each in (statement, STATEMENTS["select_all"])]
    connection.rollback()
    return answers


def _fill(connection: Connection) -> None:
    long_ago = {"created_at": "2019-01-01+00", "updated_at": "2019-01-01+00"}
    insert(connection, id=1, name="first", **long_ago)
    insert(
        connection,
        id=2,
        name="second",
        google_sheet_tab_name="Q3",
        schema_handling="custom",
        custom_schema='[{"name": "n", "type": "STRING"}]',
        last_run="2025-01-01 06:00+00",
        run_frequency_hours=6,
        **long_ago,
    )
    insert(connection, id=3, name="first", is_active=False, **long_ago)


def _answer(connection: Connection, statement: str, left_out: Container[str]) -> dict[str, Any]:
    """Return all that a program sees of a statement: rows and the order of their columns, their number, the error."""
    with connection.cursor() as cursor:
        try:
            cursor.execute(statement)
        except psycopg2.Error as error:
            rows(connection, "ROLLBACK TO SAVEPOINT filled")
            return {"code": error.pgcode, "column": error.diag.column_name}
        columns = [column.name for column in cursor.description or ()]
        found = [dict(zip(columns, row, strict=True)) for row in cursor.fetchall()] if columns else []
        return {"count": cursor.rowcount, "columns": columns, "rows": [_comparable(row, left_out) for row in found]}


def _comparable(row: dict[str, Any], left_out: Container[str]) -> dict[str, Any]:
    """The two databases do not run a case in the same instant; times that a case writes are of other years."""
    return {
        name: "now" if isinstance(value, datetime) and value.year > LAST_YEAR_WRITTEN else value
        for name, value in row.items()
        if name not in left_out
    }
