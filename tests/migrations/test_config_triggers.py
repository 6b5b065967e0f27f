"""What happens by itself when a person writes `load_configs`."""

from __future__ import annotations

from typing import TYPE_CHECKING

import psycopg2
import pytest
from psycopg2.extras import Json

from orchestrator.tables import load_configs
from tests.migrations.sheet_table import connect, one, rows

if TYPE_CHECKING:
    from tests.migrations.sheet_table import Connection

OTHER_VALUES: dict[str, object] = {
    "name": "other",
    "written_name": "other",
    "kind": "mysql",
    "source": Json({"url": "other"}),
    "destination_project": "other",
    "destination_dataset": "other",
    "destination_table": "other",
    "load_mode": "append",
    "merge_key": ["id"],
    "schema_handling": "custom",
    "custom_schema": Json([]),
    "run_every": "2 hours",
    "cron": "0 6 * * *",
    "timezone": "Europe/Berlin",
    "catch_up": "all",
    "pool": "small",
    "priority": 5,
    "size": "large",
    "max_attempts": 1,
    "timeout": "5 minutes",
    "is_active": False,
    "slack_channel": "#loads",
    "alert_after": 2,
    "allow_drop": True,
    "metadata_columns": Json({"run_id": "r"}),
    "fresh_within": "1 day",
    "created_at": "2020-01-01",
}
NOT_THE_TICKS_BUSINESS: dict[str, object] = {"updated_at": "2020-01-01", "description": "other", "owner": "other"}


def _insert(connection: Connection, name: str = "sales") -> int:
    statement = "INSERT INTO load_configs (name, kind) VALUES (%s, 'google_sheet') RETURNING id"
    config_id: int = one(connection, statement, [name])
    return config_id


def _changes(connection: Connection) -> list[int]:
    return [config_id for (config_id,) in rows(connection, "SELECT config_id FROM config_changes ORDER BY config_id")]


def test_new_config_has_a_state_and_a_change(connection: Connection) -> None:
    config_id = _insert(connection)
    assert _changes(connection) == [config_id]
    assert rows(connection, "SELECT config_id, next_slot_at, schedule FROM load_states") == [(config_id, None, None)]


def test_new_config_that_is_rolled_back_leaves_nothing(connection: Connection, database_url: str) -> None:
    with connect(database_url, autocommit=False) as admin:
        _insert(admin)
    counts = "SELECT (SELECT count(*) FROM load_states), (SELECT count(*) FROM config_changes)"
    assert rows(connection, counts) == [(0, 0)]


def test_hundred_thousand_configs_are_written_by_single_statements(connection: Connection) -> None:
    many = "SELECT 'c' || i, 'google_sheet' FROM generate_series(1, 100000) i"
    rows(connection, f"INSERT INTO load_configs (name, kind) {many}")
    rows(connection, "DELETE FROM config_changes")
    rows(connection, "UPDATE load_configs SET priority = 1 WHERE id % 2 = 0")
    counts = "SELECT (SELECT count(*) FROM load_states), (SELECT count(DISTINCT config_id) FROM config_changes)"
    assert rows(connection, counts) == [(100000, 50000)]


def test_upsert_records_new_and_changed_configs(connection: Connection) -> None:
    _insert(connection, "a")
    rows(connection, "DELETE FROM config_changes")
    upsert = (
        "INSERT INTO load_configs (name, kind, priority) VALUES ('a', 'mysql', 1), ('b', 'mysql', 1)"
        " ON CONFLICT (name) DO UPDATE SET priority = excluded.priority RETURNING id"
    )
    written = [config_id for (config_id,) in rows(connection, upsert)]
    assert _changes(connection) == written
    assert one(connection, "SELECT count(*) FROM load_states") == 2


def test_every_column_but_the_id_is_tried() -> None:
    assert OTHER_VALUES.keys() | NOT_THE_TICKS_BUSINESS.keys() == {c.name for c in load_configs.columns} - {"id"}


def test_change_is_recorded_when_it_matters_to_a_tick(connection: Connection) -> None:
    rows(connection, "INSERT INTO pools VALUES ('small', 1)")
    recorded = set()
    for column, value in (OTHER_VALUES | NOT_THE_TICKS_BUSINESS).items():
        config_id = _insert(connection, f"changes its {column}")
        rows(connection, "DELETE FROM config_changes")
        rows(connection, f"UPDATE load_configs SET {column} = %s WHERE id = %s", [value, config_id])
        if _changes(connection) == [config_id]:
            recorded.add(column)
    assert recorded == OTHER_VALUES.keys()


def test_update_to_the_same_records_nothing(connection: Connection) -> None:
    _insert(connection)
    before = one(connection, "SELECT updated_at FROM load_configs")
    rows(connection, "DELETE FROM config_changes")
    rows(connection, "UPDATE load_configs SET priority = priority")
    assert _changes(connection) == []
    assert one(connection, "SELECT updated_at FROM load_configs") == before


def test_update_moves_updated_at(connection: Connection) -> None:
    _insert(connection)
    rows(connection, "UPDATE load_configs SET updated_at = '2020-01-01'")
    rows(connection, "UPDATE load_configs SET owner = 'me'")
    assert one(connection, "SELECT now() - updated_at < interval '1 minute' FROM load_configs") is True


def test_update_keeps_an_updated_at_that_it_writes(connection: Connection) -> None:
    _insert(connection)
    rows(connection, "UPDATE load_configs SET owner = 'me', updated_at = '2020-01-01+00'")
    assert one(connection, "SELECT updated_at = '2020-01-01+00' FROM load_configs") is True


def test_open_transaction_of_an_admin_holds_nothing_that_a_tick_locks(
    connection: Connection, database_url: str
) -> None:
    config_id = _insert(connection)
    with connect(database_url, autocommit=False) as admin:
        rows(admin, "UPDATE load_configs SET priority = 9")
        _insert(admin, "new")
        held = (
            "SELECT s.config_id FROM load_states s JOIN load_configs c ON c.id = s.config_id"
            " FOR UPDATE OF s NOWAIT FOR KEY SHARE OF c NOWAIT"
        )
        assert rows(connection, held) == [(config_id,)]
        assert rows(connection, "DELETE FROM config_changes RETURNING config_id") == [(config_id,)]


def _launch(connection: Connection, config_id: int) -> None:
    statement = (
        "INSERT INTO runs (id, config_id, config_name, trigger, slot_at, state, attempt, spec)"
        " VALUES (gen_random_uuid(), %s, 'sales', 'schedule', now(), 'running', 1, '{}')"
    )
    rows(connection, statement, [config_id])


@pytest.mark.parametrize("table", ["load_configs", "sheet_to_bigquery_configs"])
def test_run_of_a_deleted_config_goes_on(connection: Connection, table: str) -> None:
    _launch(connection, _insert(connection))
    rows(connection, "DELETE FROM config_changes")
    rows(connection, f"DELETE FROM {table}")
    assert rows(connection, "SELECT config_id, config_name, state FROM runs") == [(None, "sales", "running")]
    assert one(connection, "SELECT count(*) FROM load_states") == 0
    assert _changes(connection) == []


def test_truncate_is_refused_because_it_would_empty_runs(connection: Connection) -> None:
    _launch(connection, _insert(connection))
    with pytest.raises(psycopg2.errors.FeatureNotSupported, match="expected DELETE, got TRUNCATE"):
        rows(connection, "TRUNCATE load_configs CASCADE")
    assert one(connection, "SELECT count(*) FROM runs") == 1


def test_renamed_config_forgets_the_name_that_was_written_elsewhere(connection: Connection) -> None:
    _insert(connection)
    rows(connection, "UPDATE load_configs SET written_name = 'Sales'")
    rows(connection, "UPDATE load_configs SET priority = 1")
    assert one(connection, "SELECT written_name FROM load_configs") == "Sales"
    rows(connection, "UPDATE load_configs SET name = 'turnover'")
    assert one(connection, "SELECT written_name FROM load_configs") is None


def test_schedule_text_is_equal_for_equal_schedules_alone(connection: Connection) -> None:
    texts = {
        "'1 day', NULL, 'UTC'": "86400||UTC",
        "'24 hours', NULL, 'UTC'": "86400||UTC",
        "'90 seconds', NULL, 'UTC'": "90||UTC",
        "'90.5 seconds', NULL, 'UTC'": "90.5||UTC",
        "'100 minutes', NULL, 'Europe/Berlin'": "6000||Europe/Berlin",
        "NULL, '0 6 * * 1-5', 'Europe/Kiev'": "|0 6 * * 1-5|Europe/Kiev",
        "NULL, NULL, 'UTC'": "||UTC",
    }
    assert {schedule: one(connection, f"SELECT schedule_text({schedule})") for schedule in texts} == texts
