"""`last_run` and `run_frequency_hours` of the view, and the slots that stand behind them."""

from __future__ import annotations

import threading
import uuid
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import psycopg2
import pytest

from tests.migrations.sheet_table import connect, insert, one, rows, wait_for_waiters

if TYPE_CHECKING:
    from tests.migrations.sheet_table import Connection

VIEW = "sheet_to_bigquery_configs"
LAST_RUN = datetime(2026, 5, 5, 12, 30, 15, 123456, tzinfo=UTC)
A_DAY = timedelta(days=1)


def _state(connection: Connection, *columns: str) -> tuple[object, ...]:
    (row,) = rows(connection, f"SELECT {', '.join(columns)} FROM load_states")
    return row


def _due_now(connection: Connection) -> bool:
    due: bool = one(connection, "SELECT next_slot_at BETWEEN now() - interval '1 minute' AND now() FROM load_states")
    return due


def test_last_run_is_when_a_run_was_last_launched(connection: Connection) -> None:
    insert(connection, run_frequency_hours=24)
    rows(connection, "UPDATE load_states SET last_launched_at = %s", [LAST_RUN])
    assert one(connection, f"SELECT last_run FROM {VIEW}") == LAST_RUN


def test_new_row_without_a_last_run_is_left_to_the_tick_as_any_new_config(connection: Connection) -> None:
    insert(connection, run_frequency_hours=24)
    assert _state(connection, "next_slot_at", "schedule") == (None, None)


@pytest.mark.parametrize("written_by", ["INSERT", "UPDATE"])
def test_last_run_moves_the_next_slot_and_its_grid(connection: Connection, written_by: str) -> None:
    insert(connection, run_frequency_hours=24, last_run=LAST_RUN if written_by == "INSERT" else None)
    if written_by == "UPDATE":
        rows(connection, f"UPDATE {VIEW} SET last_run = %s", [LAST_RUN])
    columns = "last_launched_at", "next_slot_at", "grid_at", "paused_from_at"
    assert _state(connection, *columns) == (LAST_RUN, LAST_RUN + A_DAY, LAST_RUN + A_DAY, None)


def test_planned_slot_is_of_the_schedule_that_the_tick_compares(connection: Connection) -> None:
    insert(connection, run_frequency_hours=24, last_run=LAST_RUN)
    computed = "SELECT schedule_text(run_every, cron, timezone) FROM load_configs"
    assert _state(connection, "schedule") == (one(connection, computed),)


def test_null_last_run_is_due_now(connection: Connection) -> None:
    insert(connection, run_frequency_hours=24, last_run=LAST_RUN)
    rows(connection, f"UPDATE {VIEW} SET last_run = NULL")
    assert _due_now(connection)
    assert _state(connection, "last_launched_at", "schedule") == (None, "86400||UTC")


@pytest.mark.parametrize("timezone", ["UTC", "Europe/Berlin", "America/New_York"])
def test_day_has_24_hours_in_every_time_zone(database_url: str, timezone: str) -> None:
    before_the_clocks_change = datetime(2026, 3, 28, 12, tzinfo=UTC)
    with connect(database_url) as connection:
        rows(connection, "SET timezone = %s", [timezone])
        insert(connection)
        rows(connection, "UPDATE load_configs SET run_every = '1 day'")
        rows(connection, f"UPDATE {VIEW} SET last_run = %s", [before_the_clocks_change])
        assert _state(connection, "next_slot_at") == (before_the_clocks_change + A_DAY,)
        assert one(connection, f"SELECT run_frequency_hours FROM {VIEW}") == 24


def _record_slot(connection: Connection, slot_at: datetime) -> None:
    statement = (
        "INSERT INTO runs (id, config_id, config_name, trigger, state, slot_at, ended_at)"
        " SELECT %s, id, name, 'schedule', 'succeeded', %s, now() FROM load_configs"
    )
    rows(connection, statement, [str(uuid.uuid4()), slot_at])


def test_same_last_run_written_again_is_due_again(connection: Connection) -> None:
    """A slot runs once, so the second time it cannot be the same slot."""
    insert(connection, run_frequency_hours=24, last_run=LAST_RUN)
    latest = one(connection, "SELECT date_bin('24 hours', now(), next_slot_at) FROM load_states")
    _record_slot(connection, latest)
    rows(connection, "UPDATE load_states SET last_launched_at = now()")
    rows(connection, f"UPDATE {VIEW} SET last_run = %s", [LAST_RUN])
    assert _due_now(connection)


def test_slots_of_others_do_not_move_a_slot(connection: Connection) -> None:
    insert(connection, run_frequency_hours=24, last_run=LAST_RUN)
    _record_slot(connection, LAST_RUN)
    rows(connection, f"UPDATE {VIEW} SET last_run = NULL")
    rows(connection, f"UPDATE {VIEW} SET last_run = %s", [LAST_RUN])
    assert _state(connection, "next_slot_at") == (LAST_RUN + A_DAY,)


def test_frequency_counts_from_the_last_run(connection: Connection) -> None:
    insert(connection, run_frequency_hours=24, last_run=LAST_RUN)
    rows(connection, f"UPDATE {VIEW} SET run_frequency_hours = 6")
    six_hours_later = LAST_RUN + timedelta(hours=6)
    assert _state(connection, "next_slot_at", "schedule") == (six_hours_later, "21600||UTC")


def test_frequency_counts_from_a_launch_that_came_between(connection: Connection, database_url: str) -> None:
    insert(connection, run_frequency_hours=24, last_run=LAST_RUN)
    launched = LAST_RUN + timedelta(hours=1)
    with connect(database_url, autocommit=False) as other:
        rows(other, "SELECT FROM load_configs FOR UPDATE")
        update = f"UPDATE {VIEW} SET run_frequency_hours = 6"
        waiting = threading.Thread(target=rows, args=(connection, update))
        waiting.start()
        wait_for_waiters(other)
        rows(other, "UPDATE load_states SET last_launched_at = %s", [launched])
        other.commit()
        waiting.join()
    assert _state(connection, "last_launched_at", "next_slot_at") == (launched, launched + timedelta(hours=6))


def test_frequency_for_a_row_that_never_ran_makes_it_due(connection: Connection) -> None:
    insert(connection)
    rows(connection, f"UPDATE {VIEW} SET run_frequency_hours = 6")
    assert _due_now(connection)


def test_null_frequency_is_on_demand(connection: Connection) -> None:
    insert(connection, run_frequency_hours=24, last_run=LAST_RUN)
    rows(connection, f"UPDATE {VIEW} SET run_frequency_hours = NULL")
    assert rows(connection, "SELECT run_every, cron FROM load_configs") == [(None, None)]
    assert one(connection, "SELECT count(*) FROM config_changes") == 2


def test_last_run_of_a_row_on_demand_plans_nothing(connection: Connection) -> None:
    insert(connection, last_run=LAST_RUN)
    rows(connection, f"UPDATE {VIEW} SET last_run = NULL")
    assert _state(connection, "next_slot_at", "schedule", "last_launched_at") == (None, None, None)


@pytest.mark.parametrize(
    "schedule", ["cron = '0 6 * * *', timezone = 'Europe/Kiev'", "run_every = '90 minutes'", "run_every = '1 minute'"]
)
def test_schedule_that_hours_cannot_say_is_null_and_stays(connection: Connection, schedule: str) -> None:
    insert(connection)
    rows(connection, f"UPDATE load_configs SET {schedule}")
    before = rows(connection, "SELECT run_every, cron, timezone FROM load_configs")
    assert one(connection, f"SELECT run_frequency_hours FROM {VIEW}") is None
    rows(connection, f"UPDATE {VIEW} SET run_frequency_hours = NULL, is_active = false, name = 'other'")
    rows(connection, f"UPDATE {VIEW} SET last_run = now()")
    assert rows(connection, "SELECT run_every, cron, timezone FROM load_configs") == before


def test_written_frequency_takes_the_place_of_cron(connection: Connection) -> None:
    insert(connection)
    rows(connection, "UPDATE load_configs SET cron = '0 6 * * *'")
    rows(connection, f"UPDATE {VIEW} SET run_frequency_hours = 2")
    assert rows(connection, "SELECT run_every, cron FROM load_configs") == [(timedelta(hours=2), None)]


def test_last_run_leaves_the_slots_of_cron_alone(connection: Connection) -> None:
    insert(connection)
    rows(connection, "UPDATE load_configs SET cron = '0 6 * * *'")
    rows(connection, "UPDATE load_states SET next_slot_at = %s", [LAST_RUN])
    rows(connection, f"UPDATE {VIEW} SET last_run = now()")
    assert _state(connection, "next_slot_at") == (LAST_RUN,)
    assert one(connection, f"SELECT last_run IS NOT NULL FROM {VIEW}") is True


def test_last_run_counts_minutes_that_the_view_cannot_show(connection: Connection) -> None:
    insert(connection)
    rows(connection, "UPDATE load_configs SET run_every = '90 minutes'")
    rows(connection, f"UPDATE {VIEW} SET last_run = %s", [LAST_RUN])
    assert _state(connection, "next_slot_at") == (LAST_RUN + timedelta(minutes=90),)


def test_paused_row_has_no_slot_and_remembers_its_grid(connection: Connection) -> None:
    insert(connection, run_frequency_hours=24, is_active=False, last_run=LAST_RUN)
    columns = "next_slot_at", "grid_at", "paused_from_at", "schedule"
    assert _state(connection, *columns) == (None, LAST_RUN + A_DAY, LAST_RUN + A_DAY, "86400||UTC")


def test_paused_row_that_never_ran_is_new_when_it_is_resumed(connection: Connection) -> None:
    """The tick takes a config without a planned schedule for new, and a new one is due at once."""
    insert(connection, run_frequency_hours=24, is_active=False, last_run=LAST_RUN)
    rows(connection, f"UPDATE {VIEW} SET last_run = NULL")
    assert _state(connection, "next_slot_at", "schedule") == (None, None)


def test_row_in_quarantine_gets_no_slot(connection: Connection) -> None:
    insert(connection, run_frequency_hours=24)
    rows(connection, "UPDATE load_states SET quarantined_at = now(), quarantine_reason = 'no such sheet'")
    rows(connection, f"UPDATE {VIEW} SET last_run = %s", [LAST_RUN])
    assert _state(connection, "next_slot_at", "last_launched_at") == (None, LAST_RUN)


@pytest.mark.parametrize("last_run", ["-infinity", "infinity", "4000-01-01 BC", "0001-01-01", "9999-12-31"])
def test_last_run_that_programs_cannot_read_is_refused(connection: Connection, last_run: str) -> None:
    insert(connection, run_frequency_hours=24)
    with pytest.raises(psycopg2.errors.DatetimeFieldOverflow, match='write NULL for "due now"'):
        rows(connection, f"UPDATE {VIEW} SET last_run = %s", [last_run])


def test_last_run_alone_is_no_change_of_the_config(connection: Connection) -> None:
    insert(connection, run_frequency_hours=24)
    rows(connection, "DELETE FROM config_changes")
    rows(connection, f"UPDATE {VIEW} SET last_run = now(), updated_at = now()")
    assert one(connection, "SELECT count(*) FROM config_changes") == 0
