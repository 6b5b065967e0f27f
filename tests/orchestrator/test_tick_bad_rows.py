"""Rows, folders and reports that nobody expects: each harms its own config only, and none is stuck."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from orchestrator.tick import Ticker, TickSettings
from tests.support.configs import SHEET_URL, add_config, execute
from tests.support.fakes import error
from tests.support.ticks import finish, runs_of, state_of
from worker.contract.run_folder import local_path

if TYPE_CHECKING:
    from pathlib import Path

    from sqlalchemy import Engine

    from tests.support.fakes import RecordingNotifier, ScriptedLauncher


# Schedules that come back


@pytest.mark.parametrize("paused", ["before", "after"], ids=["paused, then corrected", "corrected while paused"])
def test_config_that_was_quarantined_and_paused_is_scheduled_again_when_it_is_resumed(
    engine: Engine, ticker: Ticker, launcher: ScriptedLauncher, paused: str
) -> None:
    config_id = add_config(engine)
    ticker.tick()
    finish(launcher)
    execute(engine, "update load_configs set load_mode = 'partitions'")
    ticker.tick()
    assert state_of(engine, config_id)["quarantine_reason"] is not None
    execute(engine, "update load_configs set is_active = false")
    if paused == "before":
        ticker.tick()
    execute(engine, "update load_configs set load_mode = null")
    ticker.tick()
    execute(engine, "update load_configs set is_active = true")
    ticker.tick()
    assert state_of(engine, config_id)["next_slot_at"] is not None


def test_empty_timezone_is_quarantined_rather_than_never_due(engine: Engine, ticker: Ticker) -> None:
    config_id = add_config(engine, cron="* * * * *", timezone="")
    ticker.tick()
    assert state_of(engine, config_id)["quarantine_reason"].startswith("timezone: expected")


# Values that no Python program takes


@pytest.mark.parametrize("value", ["9" * 5000, "[" * 2500 + "]" * 2500], ids=["5000 digits", "2500 levels"])
def test_json_that_cannot_be_read_is_quarantined_and_harms_no_other(
    engine: Engine, ticker: Ticker, launcher: ScriptedLauncher, value: str
) -> None:
    bad = add_config(engine, "bad", source=f'{{"url": "{SHEET_URL}", "tab": {value}}}')
    add_config(engine, "good")
    ticker.tick()
    assert [run.config_name for run, _ in launcher.launched] == ["good"]
    reason = state_of(engine, bad)["quarantine_reason"]
    assert reason.startswith("config: expected")
    assert len(reason) < 500


def test_reason_of_a_quarantine_is_short_however_long_the_value(engine: Engine, ticker: Ticker) -> None:
    bad = add_config(engine, schema_handling="custom", custom_schema=json.dumps([{"name": "a", "type": "x" * 100_000}]))
    ticker.tick()
    assert len(state_of(engine, bad)["quarantine_reason"]) < 500


# Folders and reports


def test_run_whose_folder_cannot_be_made_is_refused_and_told(
    engine: Engine, launcher: ScriptedLauncher, notifier: RecordingNotifier, tick_settings: TickSettings, tmp_path: Path
) -> None:
    (tmp_path / "file").touch()
    nowhere = replace(tick_settings.defaults, runs_url=(tmp_path / "file" / "runs").as_uri())
    ticker = Ticker(engine, launcher, notifier, replace(tick_settings, defaults=nowhere))
    add_config(engine, max_attempts=1, source={"url": SHEET_URL, "tab": "t" * 20_000})
    ticker.tick()
    assert runs_of(engine)[0]["state"] == "failed"
    assert "correct RUNS_URL" in runs_of(engine)[0]["error"]
    ticker.tick()
    assert len(notifier.messages) == 1


@pytest.mark.parametrize("cancelled", [False, True])
def test_launch_whose_fence_is_garbage_does_not_stay_launching(
    engine: Engine, ticker: Ticker, launcher: ScriptedLauncher, cancelled: bool
) -> None:
    add_config(engine)
    launcher.lost = True
    ticker.tick()
    folder = local_path(str(launcher.launched[0][0].spec.run_folder))
    folder.mkdir(parents=True)
    (folder / "fence-1.json").write_text("no json")
    launcher.lost = False
    execute(engine, "update runs set launch_deadline_at = now()")
    if cancelled:
        execute(engine, "update runs set cancel_requested_at = now()")
    ticker.tick()
    ticker.tick()
    run = runs_of(engine)[0]
    assert (run["state"], run["attempt"]) == (("cancelled", 1) if cancelled else ("running", 2))
    assert [environment["RUN_ATTEMPT"] for _, environment in launcher.launched] == (["1"] if cancelled else ["1", "2"])


def test_report_that_no_database_can_hold_ends_its_run(
    engine: Engine, ticker: Ticker, launcher: ScriptedLauncher, notifier: RecordingNotifier
) -> None:
    add_config(engine, max_attempts=3)
    ticker.tick()
    finish(launcher, rows=2**70)
    ticker.tick()
    [run] = runs_of(engine)
    assert run["state"] == "failed"
    assert "bigint" in run["error"]
    assert run["may_have_published"]
    assert len(notifier.messages) == 1


def test_look_that_fails_in_a_way_nobody_expected_changes_nothing_and_harms_no_other(
    engine: Engine, ticker: Ticker, launcher: ScriptedLauncher
) -> None:
    add_config(engine)
    ticker.tick()
    finish(launcher)
    launcher.find_fault = RuntimeError("a bug")
    add_config(engine, "other")
    assert ticker.tick().counts["launched"] == 1
    launcher.find_fault = None
    ticker.tick()
    assert {run["config_name"]: run["state"] for run in runs_of(engine)} == {"sheet": "succeeded", "other": "running"}


# What is said about it


def test_runs_that_end_without_an_execution_are_counted_by_their_tick(
    engine: Engine, ticker: Ticker, launcher: ScriptedLauncher
) -> None:
    add_config(engine, max_attempts=1)
    launcher.refusal = "no memory left"
    assert ticker.tick().counts["failed"] == 1
    add_config(engine, "gone")
    ticker.tick(max_parallel_jobs=0)
    execute(engine, "delete from load_configs")
    assert ticker.tick().counts["cancelled"] == 1


def test_failure_after_its_config_was_deleted_is_told_in_the_channel_it_had(
    engine: Engine, ticker: Ticker, launcher: ScriptedLauncher, notifier: RecordingNotifier
) -> None:
    add_config(engine, max_attempts=1, slack_channel="#sales")
    ticker.tick()
    execute(engine, "delete from load_configs")
    finish(launcher, 75, error=error("unavailable"))
    ticker.tick()
    assert [message.channel for message in notifier.messages] == ["#sales"]


def test_text_that_spells_a_nul_is_kept(engine: Engine, ticker: Ticker, launcher: ScriptedLauncher) -> None:
    add_config(engine, max_attempts=1)
    ticker.tick()
    finish(launcher, 75, error=error("unavailable", r"\u0000 cannot be converted to text, \\u0000 neither"))
    ticker.tick()
    assert runs_of(engine)[0]["error"] == r"\u0000 cannot be converted to text, \\u0000 neither"
