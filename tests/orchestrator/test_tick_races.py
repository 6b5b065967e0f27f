"""What happens between two statements of a tick, or between two ticks, in an order that hurts."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING

from orchestrator.claim import claim
from orchestrator.configs import Configs
from orchestrator.enqueue import enqueue_due, plan_changed
from orchestrator.history import History
from orchestrator.model import Observation, Phase
from orchestrator.store import Store
from orchestrator.tick import Ticker, TickSettings
from tests.support.configs import add_config, execute, rows
from tests.support.fakes import RecordingNotifier, ScriptedLauncher, error
from tests.support.ticks import finish, make_due_again, runs_of, state_of
from worker.contract.run_folder import RunFolder

if TYPE_CHECKING:
    from sqlalchemy import Engine


def expire(engine: Engine) -> None:
    execute(engine, "update runs set launch_deadline_at = now() where state = 'launching'")


def test_config_edited_between_plan_and_claim_is_not_frozen_with_the_cursor_of_other_data(
    engine: Engine, ticker: Ticker, launcher: ScriptedLauncher, tick_settings: TickSettings
) -> None:
    config_id = add_config(engine)
    ticker.tick()
    finish(launcher, cursor={"at": 5})
    ticker.tick()
    make_due_again(engine)
    with engine.begin() as connection:
        store = Store(connection)
        now = store.clock()
        plan_changed(store, tick_settings.defaults, now=now)
        enqueue_due(store, now=now)
        execute(engine, "update load_configs set destination_table = 'elsewhere'")
        assert claim(store, tick_settings, [], now=now).ids == []
    ticker.tick()
    environment = launcher.launched[-1][1]
    assert environment["BIGQUERY_TABLE_ID"] == "elsewhere"
    assert "CURSOR" not in environment
    assert state_of(engine, config_id)["cursor"] is None


def test_kept_cursor_keeps_what_a_failed_run_has_published(
    engine: Engine, ticker: Ticker, launcher: ScriptedLauncher, tick_settings: TickSettings
) -> None:
    add_config(engine, max_attempts=1)
    ticker.tick()
    finish(launcher, 75, error=error("unavailable"), units=1)
    ticker.tick()
    edit_and_keep_the_cursor(engine, tick_settings)
    make_due_again(engine)
    ticker.tick()
    assert str(runs_of(engine)[0]["id"]) in launcher.launched[-1][1]["EARLIER_RUNS"]


def test_kept_cursor_is_moved_by_the_run_that_was_live_at_the_edit(
    engine: Engine, ticker: Ticker, launcher: ScriptedLauncher, tick_settings: TickSettings
) -> None:
    config_id = add_config(engine)
    ticker.tick()
    edit_and_keep_the_cursor(engine, tick_settings)
    ticker.tick()
    finish(launcher, cursor={"at": 5})
    ticker.tick()
    assert state_of(engine, config_id)["cursor"] == {"at": 5}


def test_cursor_kept_before_the_first_look_forgets_no_earlier_run(
    engine: Engine, ticker: Ticker, launcher: ScriptedLauncher, tick_settings: TickSettings
) -> None:
    add_config(engine, max_attempts=1)
    edit_and_keep_the_cursor(engine, tick_settings)
    ticker.tick()
    finish(launcher, 75, error=error("unavailable"), units=1)
    make_due_again(engine)
    ticker.tick()
    assert str(runs_of(engine)[0]["id"]) in launcher.launched[-1][1]["EARLIER_RUNS"]


def test_cursor_is_kept_for_one_edit_and_not_for_the_next_one(
    engine: Engine, ticker: Ticker, launcher: ScriptedLauncher, tick_settings: TickSettings
) -> None:
    config_id = add_config(engine)
    ticker.tick()
    finish(launcher, cursor={"at": 5})
    ticker.tick()
    edit_and_keep_the_cursor(engine, tick_settings, description="nothing that matters")
    ticker.tick()
    execute(engine, "update load_configs set destination_table = 'elsewhere'")
    ticker.tick()
    assert state_of(engine, config_id)["cursor"] is None


def test_cursor_is_kept_through_a_quarantine(
    engine: Engine, ticker: Ticker, launcher: ScriptedLauncher, tick_settings: TickSettings
) -> None:
    config_id = add_config(engine)
    ticker.tick()
    finish(launcher, cursor={"at": 5})
    ticker.tick()
    edit_and_keep_the_cursor(engine, tick_settings)
    execute(engine, "update load_configs set load_mode = 'partitions'")
    ticker.tick()
    execute(engine, "update load_configs set load_mode = null")
    ticker.tick()
    assert state_of(engine, config_id)["cursor"] == {"at": 5}


def edit_and_keep_the_cursor(engine: Engine, settings: TickSettings, **changes: str) -> None:
    with engine.begin() as connection:
        now = Store(connection).clock()
        wanted = changes or {"destination_table": "elsewhere"}
        Configs(connection, settings.defaults).change("sheet", wanted, now=now, keep_cursor=True)


def test_cancel_that_comes_while_a_failure_is_settled_leaves_no_retry(
    engine: Engine, ticker: Ticker, launcher: ScriptedLauncher
) -> None:
    add_config(engine)
    ticker.tick()
    finish(launcher, 75, error=error("unavailable"))
    launcher.on_observe = lambda: execute(engine, "update runs set cancel_requested_at = now()")
    ticker.tick()
    launcher.on_observe = None
    ticker.tick()
    assert [run["state"] for run in runs_of(engine)] == ["cancelled"]
    assert len(launcher.launched) == 1


def test_paused_config_has_its_live_run_tried_again(engine: Engine, ticker: Ticker, launcher: ScriptedLauncher) -> None:
    add_config(engine)
    ticker.tick()
    execute(engine, "update load_configs set is_active = false")
    finish(launcher, 75, error=error("unavailable"))
    ticker.tick()
    ticker.tick()
    assert [environment["RUN_ATTEMPT"] for _, environment in launcher.launched] == ["1", "2"]


def test_relaunch_that_is_refused_takes_the_fence_of_what_may_still_start(
    engine: Engine, ticker: Ticker, launcher: ScriptedLauncher
) -> None:
    add_config(engine)
    launcher.lost = True
    ticker.tick()
    expire(engine)
    launcher.refusal = "no quota"
    ticker.tick()
    assert (runs_of(engine)[0]["state"], runs_of(engine)[0]["attempt"]) == ("queued", 1)
    fence = RunFolder(str(launcher.launched[0][0].spec.run_folder)).fence(1)
    assert fence is not None
    assert fence.revoked


def test_relaunch_that_is_refused_while_the_first_one_acts_waits_for_it(
    engine: Engine, ticker: Ticker, launcher: ScriptedLauncher
) -> None:
    add_config(engine)
    launcher.lost = True
    ticker.tick()
    expire(engine)
    launcher.refusal = "no quota"
    launcher.on_launch = lambda: finish(launcher)
    ticker.tick()
    assert (runs_of(engine)[0]["state"], runs_of(engine)[0]["attempt"]) == ("launching", 1)


def test_relaunch_past_the_budget_is_not_put_back_as_if_nobody_had_ever_called(
    engine: Engine, launcher: ScriptedLauncher, notifier: RecordingNotifier, tick_settings: TickSettings
) -> None:
    add_config(engine)
    launcher.lost = True
    Ticker(engine, launcher, notifier, tick_settings).tick()
    expire(engine)
    Ticker(engine, launcher, notifier, replace(tick_settings, budget=timedelta(seconds=-1))).tick()
    assert (runs_of(engine)[0]["state"], runs_of(engine)[0]["attempt"]) == ("launching", 1)


def test_tick_that_was_overtaken_before_it_launched_leaves_the_run_to_the_other(
    engine: Engine, ticker: Ticker, launcher: ScriptedLauncher, tick_settings: TickSettings
) -> None:
    add_config(engine)
    with engine.begin() as connection:
        store = Store(connection)
        now = store.clock()
        plan_changed(store, tick_settings.defaults, now=now)
        enqueue_due(store, now=now)
        claim(store, tick_settings, [], now=now)
        [(slow, _)] = store.live_runs()
    expire(engine)
    ticker.tick()
    with engine.begin() as connection:
        Store(connection).release_runs([slow])
    assert runs_of(engine)[0]["state"] == "running"
    execute(engine, "update runs set state = 'launching', launch_deadline_at = now()")
    with engine.begin() as connection:
        Store(connection).release_runs([slow])
    assert runs_of(engine)[0]["state"] == "launching"


def test_spec_that_this_version_cannot_read_is_rejected_and_harms_no_other(
    engine: Engine, ticker: Ticker, launcher: ScriptedLauncher, notifier: RecordingNotifier
) -> None:
    config_id = add_config(engine, "bad")
    ticker.tick(max_parallel_jobs=0)
    execute(engine, "alter table load_configs disable trigger user")
    execute(engine, "update load_configs set kind = 'carrier_pigeon', slack_channel = '#pigeons'")
    execute(engine, "alter table load_configs enable trigger user")
    add_config(engine, "good")
    dry = ticker.tick(dry_run=True)
    assert "reject" in [line.action for line in dry.explanations if line.config == "bad"]
    ticker.tick()
    states = {run["config_name"]: run["state"] for run in runs_of(engine)}
    assert states == {"good": "running", "bad": "rejected"}
    assert state_of(engine, config_id)["consecutive_failures"] == 1
    ticker.tick()
    assert [message.channel for message in notifier.messages] == ["#pigeons"]
    assert rows(engine, "select error from runs where state = 'rejected'")[0]["error"].startswith("kind: expected")
    assert [run.config_name for run, _ in launcher.launched] == ["good"]


def test_retry_that_the_budget_put_back_still_counts_as_launched_when_it_is_cancelled(
    engine: Engine, launcher: ScriptedLauncher, notifier: RecordingNotifier, tick_settings: TickSettings
) -> None:
    config_id = add_config(engine)
    ticker = Ticker(engine, launcher, notifier, tick_settings)
    ticker.tick()
    finish(launcher, 75, error=error("unavailable"), units=1)
    Ticker(engine, launcher, notifier, replace(tick_settings, budget=timedelta(seconds=-1))).tick()
    [run] = runs_of(engine)
    assert (run["state"], run["attempt"]) == ("queued", 1)
    with engine.begin() as connection:
        History(connection, tick_settings.defaults).cancel(str(run["id"]))
    make_due_again(engine)
    ticker.tick()
    assert state_of(engine, config_id)["cursor"] is None
    assert str(run["id"]) in launcher.launched[-1][1]["EARLIER_RUNS"]


def test_earlier_runs_are_looked_for_where_they_were_although_folders_are_elsewhere_now(
    engine: Engine, launcher: ScriptedLauncher, notifier: RecordingNotifier, tick_settings: TickSettings
) -> None:
    add_config(engine, max_attempts=1)
    Ticker(engine, launcher, notifier, tick_settings).tick()
    finish(launcher, 75, error=error("unavailable"), units=1)
    make_due_again(engine)
    moved = replace(tick_settings.defaults, runs_url="file:///elsewhere")
    Ticker(engine, launcher, notifier, replace(tick_settings, defaults=moved)).tick()
    (_, before), (_, now) = launcher.launched
    assert json.loads(now["EARLIER_RUNS"]) == [before["RUN_FOLDER"]]
    assert now["RUN_FOLDER"].startswith("file:///elsewhere/")


def test_execution_that_nobody_can_look_at_is_given_up_long_after_its_timeout(
    engine: Engine, ticker: Ticker, launcher: ScriptedLauncher
) -> None:
    add_config(engine, max_attempts=1, timeout="1 hour")
    ticker.tick()
    launcher.executions[launcher.handles()[0]] = Observation(Phase.UNKNOWN, detail="it runs elsewhere")
    execute(engine, "update runs set started_at = now() - interval '70 minutes'")
    ticker.tick()
    assert runs_of(engine)[0]["state"] == "running"
    execute(engine, "update runs set started_at = now() - interval '76 minutes'")
    ticker.tick()
    assert runs_of(engine)[0]["state"] == "failed"
    assert "it runs elsewhere" in runs_of(engine)[0]["error"]


def test_execution_that_cannot_be_asked_to_end_harms_no_other(
    engine: Engine, ticker: Ticker, launcher: ScriptedLauncher
) -> None:
    add_config(engine)
    ticker.tick()
    execute(engine, "update runs set cancel_requested_at = now()")
    launcher.cancel_fault = PermissionError("another user's")
    add_config(engine, "other")
    assert ticker.tick().counts["launched"] == 1
    launcher.cancel_fault = None
    ticker.tick()
    assert launcher.cancelled == [launcher.handles()[0]]
