"""What a tick makes of rows that a program of the older system writes."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest

from orchestrator.spec import Defaults
from orchestrator.tick import Ticker, TickSettings
from tests.migrations.sheet_table import insert, one, rows
from tests.support.fakes import RecordingNotifier, ScriptedLauncher

if TYPE_CHECKING:
    from pathlib import Path

    from sqlalchemy import Engine

    from tests.migrations.sheet_table import Connection

VIEW = "sheet_to_bigquery_configs"


@pytest.fixture
def launcher() -> ScriptedLauncher:
    return ScriptedLauncher()


@pytest.fixture
def ticker(engine: Engine, launcher: ScriptedLauncher, tmp_path: Path) -> Ticker:
    defaults = Defaults(destination_url=f"duckdb://{tmp_path}/w.duckdb", runs_url=(tmp_path / "runs-url").as_uri())
    return Ticker(engine, launcher, RecordingNotifier(), TickSettings(defaults))


def _slots(connection: Connection) -> list[Any]:
    return [slot for (slot,) in rows(connection, "SELECT slot_at FROM runs WHERE state = 'running' ORDER BY slot_at")]


def test_new_row_is_launched_with_its_written_name(
    connection: Connection, ticker: Ticker, launcher: ScriptedLauncher
) -> None:
    for table in ("a", "b"):
        insert(connection, name="sales", bigquery_table_id=table, google_sheet_tab_name="Q4", run_frequency_hours=24)
    ticker.tick()
    environments = [environment for _, environment in launcher.launched]
    names = ("CONFIG_NAME", "GOOGLE_SHEET_TAB_NAME", "SCHEMA_HANDLING", "LOAD_MODE")
    assert [[environment[name] for name in names] for environment in environments] == [
        ["sales", "Q4", "auto_detect", "replace"]
    ] * 2
    assert one(connection, f"SELECT bool_and(last_run > now() - interval '1 minute') FROM {VIEW}") is True


def test_row_on_demand_is_not_launched(connection: Connection, ticker: Ticker) -> None:
    insert(connection)
    ticker.tick()
    assert _slots(connection) == []


def test_row_that_has_run_lately_is_launched_when_its_hours_are_over(connection: Connection, ticker: Ticker) -> None:
    config_id = insert(connection, run_frequency_hours=24)
    rows(connection, f"UPDATE {VIEW} SET last_run = now() - interval '23 hours'")
    ticker.tick()
    assert _slots(connection) == []
    rows(connection, f"UPDATE {VIEW} SET last_run = now() - interval '25 hours' WHERE id = %s", [config_id])
    planned = one(connection, "SELECT next_slot_at FROM load_states")
    ticker.tick()
    assert _slots(connection) == [planned]
    assert one(connection, "SELECT next_slot_at FROM load_states") == planned + timedelta(hours=24)


def test_null_last_run_is_launched_by_the_next_tick(connection: Connection, ticker: Ticker) -> None:
    insert(connection, run_frequency_hours=24)
    rows(connection, f"UPDATE {VIEW} SET last_run = now()")
    ticker.tick()
    rows(connection, f"UPDATE {VIEW} SET last_run = NULL")
    ticker.tick()
    assert len(_slots(connection)) == 1


def test_last_run_long_ago_launches_each_time_that_it_is_written(
    connection: Connection, ticker: Ticker, launcher: ScriptedLauncher
) -> None:
    insert(connection, run_frequency_hours=24)
    for _ in range(3):
        rows(connection, f"UPDATE {VIEW} SET last_run = '2000-01-01'")
        ticker.tick()
        rows(connection, "UPDATE runs SET state = 'cancelled', ended_at = now() WHERE state = 'running'")
    assert len(launcher.launched) == 3


def test_row_that_never_ran_is_launched_when_it_becomes_active(connection: Connection, ticker: Ticker) -> None:
    insert(connection, run_frequency_hours=24, is_active=False)
    ticker.tick()
    assert _slots(connection) == []
    rows(connection, f"UPDATE {VIEW} SET is_active = true")
    ticker.tick()
    assert len(_slots(connection)) == 1


def test_last_run_of_a_paused_row_plans_the_slot_after_the_pause(connection: Connection, ticker: Ticker) -> None:
    insert(connection, run_frequency_hours=24, is_active=False)
    ticker.tick()
    rows(connection, f"UPDATE {VIEW} SET last_run = now()")
    rows(connection, f"UPDATE {VIEW} SET is_active = true")
    ticker.tick()
    assert _slots(connection) == []
    next_slot = "SELECT next_slot_at = last_launched_at + interval '24 hours' FROM load_states"
    assert one(connection, next_slot) is True


def test_written_frequency_is_kept_by_the_tick(connection: Connection, ticker: Ticker) -> None:
    insert(connection, run_frequency_hours=24)
    ticker.tick()
    rows(connection, f"UPDATE {VIEW} SET run_frequency_hours = 6")
    ticker.tick()
    next_slot = "SELECT next_slot_at = last_launched_at + interval '6 hours' FROM load_states"
    assert one(connection, next_slot) is True


def test_frequency_that_is_taken_away_ends_the_slots(connection: Connection, ticker: Ticker) -> None:
    insert(connection, run_frequency_hours=24, last_run="2020-01-01")
    rows(connection, f"UPDATE {VIEW} SET run_frequency_hours = NULL")
    ticker.tick()
    assert one(connection, "SELECT next_slot_at FROM load_states") is None
    assert _slots(connection) == []


def test_run_of_a_row_that_is_deleted_goes_on(connection: Connection, ticker: Ticker) -> None:
    insert(connection, run_frequency_hours=24)
    ticker.tick()
    rows(connection, f"DELETE FROM {VIEW}")
    ticker.tick()
    assert rows(connection, "SELECT state, config_id FROM runs") == [("running", None)]
