"""A database that has the older system's table keeps its rows, their ids, and who may do what with them."""

from __future__ import annotations

import threading
import uuid
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import psycopg2
import pytest

from orchestrator import migrate
from tests.migrations.sheet_table import REQUIRED, TABLE, connect, insert, one, rows, wait_for_waiters

if TYPE_CHECKING:
    from tests.migrations.sheet_table import Connection

VIEW = "sheet_to_bigquery_configs"
ASIDE = "sheet_to_bigquery_configs_before_sluice"
LAST_RUN = datetime(2026, 5, 5, 12, 30, tzinfo=UTC)


def _all(connection: Connection, relation: str = VIEW) -> list[tuple[Any, ...]]:
    return rows(connection, f"SELECT * FROM {relation} ORDER BY id")


def test_rows_are_the_same_in_every_column(older_system: Connection, postgres_url: str) -> None:
    insert(older_system, name="a", google_sheet_tab_name="Q4", run_frequency_hours=24, last_run=LAST_RUN)
    insert(older_system, name="b", schema_handling="custom", custom_schema="[]", is_active=False)
    insert(older_system, name="a", id=70, created_at="2020-01-01+00", updated_at="2021-01-01+00")
    before = _all(older_system)
    migrate.upgrade(postgres_url)
    assert _all(older_system) == before
    assert _all(older_system, ASIDE) == before


def test_next_slot_counts_from_the_last_run(older_system: Connection, postgres_url: str) -> None:
    insert(older_system, run_frequency_hours=24, last_run=LAST_RUN)
    insert(older_system, run_frequency_hours=24)
    insert(older_system)
    migrate.upgrade(postgres_url)
    planned = "SELECT config_id, next_slot_at, schedule FROM load_states ORDER BY config_id"
    # The tick takes what has no schedule yet for new, and new configs are due at once.
    assert rows(older_system, planned) == [
        (1, LAST_RUN + timedelta(days=1), "86400||UTC"),
        (2, None, None),
        (3, None, None),
    ]
    assert rows(older_system, "SELECT config_id FROM config_changes ORDER BY 1") == [(1,), (2,), (3,)]


def test_no_id_that_was_ever_given_out_is_given_out_again(older_system: Connection, postgres_url: str) -> None:
    insert(older_system)
    insert(older_system)
    rows(older_system, f"DELETE FROM {VIEW} WHERE id = 2")
    migrate.upgrade(postgres_url)
    assert insert(older_system) == 3


def test_ids_go_on_after_the_largest_that_was_written_by_hand(older_system: Connection, postgres_url: str) -> None:
    insert(older_system, id=500)
    migrate.upgrade(postgres_url)
    assert insert(older_system) == 501


def test_columns_of_the_admins_own_stay_in_the_table_that_was_set_aside(
    older_system: Connection, postgres_url: str
) -> None:
    rows(older_system, f"ALTER TABLE {VIEW} ADD COLUMN team text")
    rows(older_system, f"ALTER TABLE {VIEW} DROP COLUMN is_active, DROP COLUMN custom_schema, DROP COLUMN updated_at")
    insert(older_system, team="sales")
    migrate.upgrade(postgres_url)
    assert rows(older_system, f"SELECT id, is_active, custom_schema, schema_handling FROM {VIEW}") == [
        (1, True, None, "auto_detect")
    ]
    assert one(older_system, f"SELECT updated_at IS NOT NULL FROM {VIEW}") is True
    assert one(older_system, f"SELECT team FROM {ASIDE}") == "sales"


REFUSED: list[tuple[dict[str, object], str]] = [
    ({"run_frequency_hours": 0}, "run_every_is_a_minute_or_more"),
    ({"run_frequency_hours": -6}, "run_every_is_a_minute_or_more"),
    ({"run_frequency_hours": 2147483647}, "run_every_is_36500_days_or_less"),
    ({"schema_handling": "guess"}, "schema_handling_is_auto_detect_or_custom"),
    ({"name": ""}, "name_has_1_to_255_characters"),
    ({"name": None}, 'null value in column "name"'),
    ({"name": "n" * 300}, "value too long"),
    ({"google_sheet_url": None}, 'null value in column "google_sheet_url"'),
    ({"last_run": "0001-01-01"}, "last_run: expected a time between 1900 and 3000"),
    ({"last_run": "infinity"}, "last_run: expected a time between 1900 and 3000"),
    ({"id": 3000000000}, "out of range"),
]


def test_refused_rows_are_adopted_inactive_and_say_why(older_system: Connection, postgres_url: str) -> None:
    for name in ("name", "google_sheet_url"):
        rows(older_system, f"ALTER TABLE {VIEW} ALTER COLUMN {name} DROP NOT NULL, ALTER COLUMN {name} TYPE text")
    rows(older_system, f"ALTER TABLE {VIEW} ALTER COLUMN id TYPE bigint")
    for wrong, _ in REFUSED:
        insert(older_system, **{"run_frequency_hours": 24, **wrong})
    insert(older_system, name="right")
    migrate.upgrade(postgres_url)
    columns = "id, is_active, destination_table, description"
    adopted = rows(older_system, f"SELECT {columns} FROM load_configs WHERE name <> 'right' ORDER BY id")
    # The sequence had given out 10 numbers and that of the right row before it was asked for one that fits.
    assert [row[0] for row in adopted] == [*range(1, 11), 12]
    for (_, why), (_, is_active, table, description) in zip(REFUSED, adopted, strict=True):
        assert (is_active, table) == (False, REQUIRED["bigquery_table_id"])
        assert why in description
        assert str(REQUIRED["google_cloud_project_id"]) in description
    assert one(older_system, f"SELECT is_active FROM {VIEW} WHERE name = 'right'") is True


def test_rights_are_carried_over(older_system: Connection, postgres_url: str) -> None:
    role = f"role_{uuid.uuid4().hex}"
    rows(older_system, f"CREATE ROLE {role}")
    rows(older_system, f"GRANT SELECT, INSERT, UPDATE ON {VIEW} TO {role}")
    migrate.upgrade(postgres_url)
    rows(older_system, f"SET ROLE {role}")
    config_id = insert(older_system)
    rows(older_system, f"UPDATE {VIEW} SET last_run = now()")
    with pytest.raises(psycopg2.errors.InsufficientPrivilege):
        rows(older_system, f"DELETE FROM {VIEW}")
    rows(older_system, "RESET ROLE")
    rows(older_system, f"DROP OWNED BY {role}")
    rows(older_system, f"DROP ROLE {role}")
    assert config_id == 1


def test_insert_that_waited_for_the_migration_lands_in_the_view(older_system: Connection, postgres_url: str) -> None:
    with connect(postgres_url, autocommit=False) as reader:
        rows(reader, f"SELECT FROM {VIEW}")
        migration = threading.Thread(target=migrate.upgrade, args=(postgres_url,))
        migration.start()
        wait_for_waiters(reader)
        program = threading.Thread(target=insert, args=(older_system,))
        program.start()
        reader.commit()
        migration.join()
        program.join()
        assert one(reader, f"SELECT count(*) FROM {VIEW}") == 1


def test_downgrade_gives_the_table_its_name_back(older_system: Connection, postgres_url: str) -> None:
    insert(older_system)
    before = _all(older_system)
    migrate.upgrade(postgres_url)
    insert(older_system, name="after")
    migrate.downgrade(postgres_url, "0002")
    assert _all(older_system) == before
    assert insert(older_system, name="of the table again") == 2


def test_second_upgrade_adopts_what_is_new_alone(older_system: Connection, postgres_url: str) -> None:
    insert(older_system, name="first")
    migrate.upgrade(postgres_url)
    rows(older_system, f"UPDATE {VIEW} SET name = 'renamed', is_active = false")
    migrate.downgrade(postgres_url, "0002")
    insert(older_system, name="second")
    migrate.upgrade(postgres_url)
    assert rows(older_system, f"SELECT id, name, is_active FROM {VIEW} ORDER BY id") == [
        (1, "renamed", False),
        (2, "second", True),
    ]


def test_row_whose_id_is_taken_gets_another_one_and_says_so(postgres_url: str) -> None:
    migrate.upgrade(postgres_url)
    with connect(postgres_url) as connection:
        rows(connection, "INSERT INTO load_configs (name, kind) VALUES ('prices', 'stock_prices')")
        migrate.downgrade(postgres_url, "0002")
        rows(connection, TABLE)
        insert(connection, name="sales")
        for _ in range(2):
            migrate.upgrade(postgres_url)
            adopted = rows(connection, "SELECT id, name, is_active, description FROM load_configs ORDER BY id")
            migrate.downgrade(postgres_url, "0002")
            assert [row[:3] for row in adopted] == [(1, "prices", True), (2, "sales (adopted row 1)", False)]
            assert "load_configs_pkey" in adopted[1][3]


def test_something_else_of_that_name_stops_the_migration(postgres_url: str) -> None:
    with connect(postgres_url) as connection:
        rows(connection, f"CREATE VIEW {VIEW} AS SELECT 1 AS id")
    with pytest.raises(migrate.MigrationError, match=r"expected a table or nothing.*it is as it was"):
        migrate.upgrade(postgres_url)
    assert migrate.current(postgres_url) is None
