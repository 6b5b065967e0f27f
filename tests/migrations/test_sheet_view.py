"""What stands behind a row of the view, and where the view differs from the older system's table on purpose."""

from __future__ import annotations

import threading
from io import StringIO
from typing import TYPE_CHECKING

import psycopg2
import pytest

from tests.migrations.sheet_table import REQUIRED, connect, insert, one, rows, wait_for_waiters

if TYPE_CHECKING:
    from tests.migrations.sheet_table import Connection

VIEW = "sheet_to_bigquery_configs"


def test_insert_makes_a_config_that_replaces_a_table(connection: Connection) -> None:
    config_id = insert(connection, google_sheet_tab_name="Q4", run_frequency_hours=24)
    columns = "name, kind, load_mode, source, run_every = interval '24 hours', metadata_columns, allow_drop, pool"
    assert rows(connection, f"SELECT {columns} FROM load_configs WHERE id = %s", [config_id]) == [
        (
            "sales",
            "google_sheet",
            "replace",
            {"url": REQUIRED["google_sheet_url"], "tab": "Q4"},
            True,
            False,
            True,
            None,
        )
    ]


def test_insert_without_a_tab_leaves_it_out_of_the_source(connection: Connection) -> None:
    insert(connection)
    insert(connection, google_sheet_tab_name="")
    assert rows(connection, "SELECT source FROM load_configs") == [({"url": REQUIRED["google_sheet_url"]},)] * 2


def test_insert_is_seen_by_the_next_tick(connection: Connection) -> None:
    config_id = insert(connection)
    assert rows(connection, "SELECT config_id FROM config_changes") == [(config_id,)]
    assert rows(connection, "SELECT config_id FROM load_states") == [(config_id,)]


def test_same_names_are_numbered_and_shown_as_written(connection: Connection) -> None:
    for _ in range(3):
        insert(connection, name="sales")
    assert rows(connection, "SELECT name, written_name FROM load_configs ORDER BY id") == [
        ("sales", None),
        ("sales (2)", "sales"),
        ("sales (3)", "sales"),
    ]
    assert rows(connection, f"SELECT name FROM {VIEW}") == [("sales",)] * 3


def test_number_of_a_deleted_name_is_used_again(connection: Connection) -> None:
    for _ in range(3):
        insert(connection, name="sales")
    rows(connection, f"DELETE FROM {VIEW} WHERE id = 2")
    insert(connection, name="sales")
    assert one(connection, "SELECT name FROM load_configs WHERE id = 4") == "sales (2)"


def test_name_of_another_kind_is_taken_too(connection: Connection) -> None:
    rows(connection, "INSERT INTO load_configs (name, kind) VALUES ('sales', 'stock_prices')")
    assert insert(connection, name="sales") == 2
    assert rows(connection, "SELECT name FROM load_configs ORDER BY id") == [("sales",), ("sales (2)",)]


def test_same_name_inserted_at_once_waits_and_is_numbered(connection: Connection, database_url: str) -> None:
    with connect(database_url, autocommit=False) as first:
        insert(first, name="sales")
        second = threading.Thread(target=insert, args=(connection,), kwargs={"name": "sales"})
        second.start()
        wait_for_waiters(first)
        first.commit()
        second.join()
    assert rows(connection, "SELECT name FROM load_configs ORDER BY name") == [("sales",), ("sales (2)",)]


def test_config_renamed_in_its_table_has_that_name_in_the_view(connection: Connection) -> None:
    insert(connection, name="sales")
    insert(connection, name="sales")
    rows(connection, "UPDATE load_configs SET name = 'sales of May' WHERE id = 2")
    assert rows(connection, f"SELECT name FROM {VIEW} ORDER BY id") == [("sales",), ("sales of May",)]


def test_view_shows_sheets_alone(connection: Connection) -> None:
    rows(connection, "INSERT INTO load_configs (name, kind) VALUES ('prices', 'stock_prices')")
    assert rows(connection, f"SELECT * FROM {VIEW}") == []


def test_update_keeps_what_the_older_table_knows_nothing_of(connection: Connection) -> None:
    config_id = insert(connection)
    source = """{"url": "old", "tab": "t", "header_rows": 2, "skip_unchanged": true}"""
    rows(connection, "UPDATE load_configs SET source = %s, pool = NULL, priority = 7, load_mode = 'append'", [source])
    rows(connection, f"UPDATE {VIEW} SET google_sheet_url = 'new'")
    rows(connection, f"UPDATE {VIEW} SET google_sheet_tab_name = NULL")
    assert rows(connection, "SELECT id, source, priority, load_mode FROM load_configs") == [
        (config_id, {"url": "new", "header_rows": 2, "skip_unchanged": True}, 7, "append")
    ]


def test_update_leaves_to_the_defaults_what_was_left_to_them(connection: Connection) -> None:
    rows(connection, """INSERT INTO load_configs (name, kind, source) VALUES ('a', 'google_sheet', '{"gid": 5}')""")
    rows(connection, f"UPDATE {VIEW} SET is_active = false, last_run = now()")
    row = "source, destination_project, destination_dataset, destination_table, is_active"
    assert rows(connection, f"SELECT {row} FROM load_configs") == [({"gid": 5}, None, None, None, False)]


def test_written_tab_takes_the_place_of_a_tab_by_number(connection: Connection) -> None:
    insert(connection)
    rows(connection, """UPDATE load_configs SET source = source || '{"gid": 5}'""")
    rows(connection, f"UPDATE {VIEW} SET google_sheet_tab_name = 'Q1'")
    assert one(connection, "SELECT source - 'url' FROM load_configs") == {"tab": "Q1"}


def test_values_longer_than_the_views_are_cut_in_the_view_alone(connection: Connection) -> None:
    insert(connection)
    rows(connection, "UPDATE load_configs SET destination_dataset = repeat('d', 300)")
    rows(connection, f"UPDATE {VIEW} SET is_active = false")
    assert one(connection, f"SELECT length(bigquery_dataset_id) FROM {VIEW}") == 255
    assert one(connection, "SELECT length(destination_dataset) FROM load_configs") == 300


def test_update_leaves_what_another_transaction_has_written_meanwhile(
    connection: Connection, database_url: str
) -> None:
    insert(connection)
    with connect(database_url, autocommit=False) as other:
        rows(other, f"UPDATE {VIEW} SET is_active = false")
        update = f"UPDATE {VIEW} SET bigquery_table_id = 'other'"
        waiting = threading.Thread(target=rows, args=(connection, update))
        waiting.start()
        wait_for_waiters(other)
        other.commit()
        waiting.join()
    assert rows(connection, f"SELECT is_active, bigquery_table_id FROM {VIEW}") == [(False, "other")]


@pytest.mark.parametrize("statement", [f"UPDATE {VIEW} SET is_active = false", f"DELETE FROM {VIEW}"])
def test_row_that_another_transaction_has_deleted_meanwhile_is_not_counted(
    connection: Connection, database_url: str, statement: str
) -> None:
    insert(connection)
    returned: list[object] = []
    with connect(database_url, autocommit=False) as other:
        rows(other, f"DELETE FROM {VIEW}")
        waiting = threading.Thread(target=lambda: returned.extend(rows(connection, f"{statement} RETURNING id")))
        waiting.start()
        wait_for_waiters(other)
        other.commit()
        waiting.join()
    assert returned == []


def test_lock_on_a_row_of_the_view_stops_no_tick(connection: Connection, database_url: str) -> None:
    config_id = insert(connection)
    with connect(database_url, autocommit=False) as admin:
        rows(admin, f"SELECT * FROM {VIEW} FOR UPDATE")
        locked_by_tick = "SELECT config_id FROM load_states FOR UPDATE NOWAIT"
        assert rows(connection, locked_by_tick) == [(config_id,)]


@pytest.mark.parametrize(
    ("column", "shown"),
    [("schema_handling", "auto_detect"), ("is_active", False)],
    ids=["schema_handling", "is_active"],
)
def test_null_is_stored_as_what_it_means(connection: Connection, column: str, shown: object) -> None:
    insert(connection, **{column: None})
    insert(connection, name="updated")
    rows(connection, f"UPDATE {VIEW} SET {column} = NULL WHERE name = 'updated'")
    assert rows(connection, f"SELECT {column} FROM {VIEW}") == [(shown,)] * 2


@pytest.mark.parametrize("column", ["created_at", "updated_at"])
def test_null_time_is_now(connection: Connection, column: str) -> None:
    insert(connection, **{column: None})
    assert one(connection, f"SELECT now() - {column} < interval '1 minute' FROM {VIEW}") is True


@pytest.mark.parametrize(
    ("column", "value", "constraint"),
    [
        ("name", "", "name_has_1_to_255_characters"),
        ("schema_handling", "guess", "schema_handling_is_auto_detect_or_custom"),
        ("run_frequency_hours", 0, "run_every_is_a_minute_or_more"),
        ("run_frequency_hours", -24, "run_every_is_a_minute_or_more"),
        ("run_frequency_hours", 2147483647, "run_every_is_36500_days_or_less"),
    ],
)
def test_value_that_can_never_work_is_refused(
    connection: Connection, column: str, value: object, constraint: str
) -> None:
    with pytest.raises(psycopg2.errors.CheckViolation) as raised:
        insert(connection, **{column: value})
    assert raised.value.diag.constraint_name == constraint


def test_change_of_an_id_is_refused(connection: Connection) -> None:
    insert(connection)
    with pytest.raises(psycopg2.errors.FeatureNotSupported, match="expected id 1 to stay, got 2; insert a new row"):
        rows(connection, f"UPDATE {VIEW} SET id = 2")


def test_null_is_refused_in_the_tables_own_words(connection: Connection) -> None:
    with pytest.raises(psycopg2.errors.NotNullViolation) as raised:
        insert(connection, bigquery_table_id=None)
    message = (
        'null value in column "bigquery_table_id" of relation "sheet_to_bigquery_configs" violates not-null constraint'
    )
    diagnosis = raised.value.diag
    assert diagnosis.message_primary == message
    assert (diagnosis.table_name, diagnosis.column_name) == (VIEW, "bigquery_table_id")


def test_on_conflict_is_refused(connection: Connection) -> None:
    with pytest.raises(psycopg2.errors.InvalidColumnReference):
        rows(connection, f"INSERT INTO {VIEW} (id) VALUES (1) ON CONFLICT (id) DO NOTHING")


def test_copy_into_the_view_works(connection: Connection) -> None:
    insert(connection)
    rows(connection, f"UPDATE {VIEW} SET name = 'copied'")
    with connection.cursor() as cursor:
        columns = ", ".join(REQUIRED)
        cursor.copy_expert(f"COPY {VIEW} ({columns}) FROM STDIN", StringIO("a\tu\tp\td\tt\nb\tu\tp\td\tt\n"))
    assert rows(connection, f"SELECT id, name, is_active FROM {VIEW} ORDER BY id") == [
        (1, "copied", True),
        (2, "a", True),
        (3, "b", True),
    ]


def test_ten_thousand_rows_are_inserted_by_one_statement(connection: Connection) -> None:
    columns = ", ".join(REQUIRED)
    statement = f"INSERT INTO {VIEW} ({columns}) SELECT 'n' || i, 'u', 'p', 'd', 't' FROM generate_series(1, 10000) i"
    rows(connection, statement)
    counts = "(SELECT count(*) FROM load_states), (SELECT count(*) FROM config_changes)"
    assert rows(connection, f"SELECT count(*), {counts} FROM {VIEW}") == [(10000, 10000, 10000)]
