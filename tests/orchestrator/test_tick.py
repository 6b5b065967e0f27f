"""One pass over a real database, with a launcher that does what the test says."""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import timedelta
from threading import Barrier
from typing import TYPE_CHECKING, Any

import pytest

from orchestrator.launcher import LaunchRefused
from orchestrator.model import Handle, Observation, Phase
from orchestrator.tick import Ticker, TickSettings
from tests.support.configs import add_config, execute, rows
from tests.support.fakes import RecordingNotifier, ScriptedLauncher, end, error
from tests.support.ticks import finish, make_due_again, runs_of, state_of
from worker.contract.run_folder import RunFolder

if TYPE_CHECKING:
    from sqlalchemy import Engine


# Promise 1: one run per slot


def test_new_config_is_due_at_once_and_launched_with_its_environment(
    engine: Engine, ticker: Ticker, launcher: ScriptedLauncher
) -> None:
    config_id = add_config(engine)
    result = ticker.tick()
    run = runs_of(engine)[0]
    assert (result.counts["enqueued"], result.counts["launched"]) == (1, 1)
    assert (run["state"], run["attempt"], run["handle"]) == ("running", 1, launcher.handles()[0])
    environment = launcher.launched[0][1]
    assert environment["CONFIG_ID"] == str(config_id)
    assert environment["RUN_ID"] == str(run["id"])
    assert environment["GOOGLE_SHEET_URL"].startswith("https://docs.google.com/")
    assert environment["RUN_FOLDER"].endswith(f"/runs/{config_id}/{run['id']}")


def test_slot_gets_one_run_however_many_ticks_there_are(
    engine: Engine, launcher: ScriptedLauncher, notifier: RecordingNotifier, tick_settings: TickSettings
) -> None:
    for i in range(20):
        add_config(engine, f"c{i}")
    gate = Barrier(8)

    def tick_at_once() -> None:
        gate.wait()
        Ticker(engine, launcher, notifier, replace(tick_settings, max_parallel_jobs=100)).tick()

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda _: tick_at_once(), range(8)))
    runs = runs_of(engine)
    assert len(runs) == 20
    assert len({(run["config_id"], run["slot_at"]) for run in runs}) == 20
    assert sorted(str(run.id) for run, _ in launcher.launched) == sorted(str(run["id"]) for run in runs)


def test_second_tick_does_nothing_new(engine: Engine, ticker: Ticker, launcher: ScriptedLauncher) -> None:
    add_config(engine)
    ticker.tick()
    assert ticker.tick().counts["enqueued"] == 0
    assert len(launcher.launched) == 1


def test_config_made_again_under_its_old_id_is_another_one(engine: Engine, ticker: Ticker) -> None:
    add_config(engine, id=7)
    ticker.tick()
    slot = runs_of(engine)[0]["slot_at"]
    execute(engine, "delete from load_configs")
    add_config(engine, id=7)
    ticker.tick()
    execute(engine, "update load_states set next_slot_at = :slot", slot=slot)
    ticker.tick()
    assert len(rows(engine, "select from runs where slot_at = :slot", slot=slot)) == 2


# Promise 2: one live run per config, and the limits


def test_limit_is_never_exceeded_with_eight_claimants(
    engine: Engine, launcher: ScriptedLauncher, notifier: RecordingNotifier, tick_settings: TickSettings
) -> None:
    for i in range(30):
        add_config(engine, f"c{i}")
    settings = replace(tick_settings, max_parallel_jobs=7)
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda _: Ticker(engine, launcher, notifier, settings).tick(), range(16)))
    assert len(launcher.launched) == 7
    assert len(rows(engine, "select from runs where state in ('launching', 'running')")) == 7


def test_lower_of_two_limits_wins(engine: Engine, ticker: Ticker) -> None:
    for i in range(9):
        add_config(engine, f"c{i}")
    assert ticker.tick(max_parallel_jobs=2).counts["launched"] == 2
    assert ticker.tick(max_parallel_jobs=50).counts["launched"] == 3


def test_pool_limits_its_own_configs_only(engine: Engine, ticker: Ticker) -> None:
    execute(engine, "insert into pools values ('crm', 1), ('closed', 0)")
    for i in range(3):
        add_config(engine, f"crm{i}", pool="crm")
    add_config(engine, "shut", pool="closed")
    add_config(engine, "free")
    ticker.tick()
    running = {run["config_name"] for run in runs_of(engine) if run["state"] == "running"}
    assert "free" in running
    assert len(running) == 2
    assert "shut" not in running


def test_priority_goes_before_who_waits_longest(engine: Engine, ticker: Ticker, launcher: ScriptedLauncher) -> None:
    add_config(engine, "early")
    ticker.tick(max_parallel_jobs=1)
    for name, priority in (("low", -1), ("high", 5), ("plain", 0)):
        add_config(engine, name, priority=priority)
    ticker.tick(max_parallel_jobs=1)
    order = []
    for _ in range(3):
        finish(launcher)
        ticker.tick(max_parallel_jobs=1)
        order.append(launcher.launched[-1][0].config_name)
    assert order == ["high", "plain", "low"]


def test_slot_due_while_the_config_is_live_is_recorded_as_skipped(engine: Engine, ticker: Ticker) -> None:
    add_config(engine)
    ticker.tick()
    make_due_again(engine)
    ticker.tick()
    skipped = [run for run in runs_of(engine) if run["state"] == "skipped"]
    assert [(run["reason"], run["attempt"]) for run in skipped] == [("overlap", 0)]


def test_slots_of_catch_up_all_queue_and_run_in_turn(
    engine: Engine, ticker: Ticker, launcher: ScriptedLauncher
) -> None:
    add_config(engine, catch_up="all")
    ticker.tick()
    execute(engine, "update load_states set next_slot_at = next_slot_at - interval '210 minutes'")
    ticker.tick()
    slots = []
    for _ in range(4):
        assert len(rows(engine, "select from runs where state = 'running'")) == 1
        slots.append(launcher.launched[-1][0].slot_at)
        finish(launcher)
        ticker.tick()
    assert slots == [launcher.launched[0][0].slot_at, *sorted(slot for slot in slots[1:] if slot)]


def test_manual_run_queues_behind_what_is_live(engine: Engine, ticker: Ticker, launcher: ScriptedLauncher) -> None:
    config_id = add_config(engine)
    ticker.tick()
    execute(
        engine,
        "insert into runs (id, config_id, config_name, trigger, state) "
        "values (gen_random_uuid(), :id, 'sheet', 'manual', 'queued')",
        id=config_id,
    )
    ticker.tick()
    assert len(launcher.launched) == 1
    finish(launcher)
    ticker.tick()
    assert [str(run.trigger) for run, _ in launcher.launched] == ["schedule", "manual"]


# Settling


def test_success_records_rows_and_moves_the_cursor(engine: Engine, ticker: Ticker, launcher: ScriptedLauncher) -> None:
    config_id = add_config(engine)
    ticker.tick()
    finish(launcher, rows=12, bytes=99, cursor={"at": 5}, warnings=["two cells"])
    ticker.tick()
    run, state = runs_of(engine)[0], state_of(engine, config_id)
    assert (run["state"], run["rows"], run["bytes"]) == ("succeeded", 12, 99)
    assert run["notes"]["warnings"] == ["two cells"]
    assert (state["cursor"], state["last_rows"], state["consecutive_failures"]) == ({"at": 5}, 12, 0)
    assert state["last_success_at"] is not None


def test_cursor_travels_to_the_next_run_with_what_failed_since(
    engine: Engine, ticker: Ticker, launcher: ScriptedLauncher
) -> None:
    add_config(engine, max_attempts=1)
    ticker.tick()
    finish(launcher, cursor={"at": 5})
    make_due_again(engine)
    ticker.tick()
    finish(launcher, 75, error=error("unavailable"), units=2)
    make_due_again(engine)
    ticker.tick()
    environment = launcher.launched[-1][1]
    assert environment["CURSOR"] == '{"at":5}'
    failed = rows(engine, "select id from runs where state = 'failed'")[0]["id"]
    assert [url.rpartition("/")[2] for url in json.loads(environment["EARLIER_RUNS"])] == [str(failed)]


def test_failed_runs_that_published_nothing_are_not_looked_at_again_but_for_the_last(
    engine: Engine, ticker: Ticker, launcher: ScriptedLauncher
) -> None:
    add_config(engine, max_attempts=1)
    for _ in range(3):
        ticker.tick()
        finish(launcher, 75, error=error("unavailable"), units=0)
        make_due_again(engine)
        ticker.tick()
    earlier = json.loads(launcher.launched[-1][1]["EARLIER_RUNS"])
    assert len(earlier) == 1


def test_failure_is_tried_again_until_no_attempt_is_left(
    engine: Engine, ticker: Ticker, launcher: ScriptedLauncher, notifier: RecordingNotifier
) -> None:
    add_config(engine, max_attempts=2)
    ticker.tick()
    finish(launcher, 75, error=error("unavailable", "no route"))
    ticker.tick()
    assert runs_of(engine)[0]["state"] in {"queued", "running"}
    ticker.tick()
    finish(launcher, 75, error=error("unavailable", "no route"))
    ticker.tick()
    run = runs_of(engine)[0]
    assert (run["state"], run["attempt"], run["error"]) == ("failed", 2, "no route")
    assert len(notifier.messages) == 1
    assert launcher.launched[0][1]["RUN_ATTEMPT"] == "1"
    assert launcher.launched[1][1]["RUN_ATTEMPT"] == "2"


def test_retry_uses_the_spec_frozen_at_the_claim(engine: Engine, ticker: Ticker, launcher: ScriptedLauncher) -> None:
    add_config(engine)
    ticker.tick()
    execute(engine, "update load_configs set destination_table = 'elsewhere'")
    finish(launcher, 75, error=error("unavailable"))
    ticker.tick()
    ticker.tick()
    assert [environment["BIGQUERY_TABLE_ID"] for _, environment in launcher.launched] == ["sheet", "sheet"]


def test_edit_of_the_destination_starts_the_cursor_anew_and_a_live_run_does_not_bring_it_back(
    engine: Engine, ticker: Ticker, launcher: ScriptedLauncher
) -> None:
    config_id = add_config(engine)
    ticker.tick()
    finish(launcher, cursor={"at": 5})
    make_due_again(engine)
    ticker.tick()
    execute(engine, "update load_configs set destination_table = 'elsewhere'")
    ticker.tick()
    assert state_of(engine, config_id)["cursor"] is None
    finish(launcher, cursor={"at": 6})
    ticker.tick()
    assert state_of(engine, config_id)["cursor"] is None


def test_edit_of_the_description_keeps_the_cursor(engine: Engine, ticker: Ticker, launcher: ScriptedLauncher) -> None:
    config_id = add_config(engine)
    ticker.tick()
    finish(launcher, cursor={"at": 5})
    ticker.tick()
    execute(engine, "update load_configs set description = 'x', priority = 3")
    ticker.tick()
    assert state_of(engine, config_id)["cursor"] == {"at": 5}


def test_deleted_config_has_its_live_run_followed_to_its_end(
    engine: Engine, ticker: Ticker, launcher: ScriptedLauncher
) -> None:
    add_config(engine)
    ticker.tick()
    execute(engine, "delete from load_configs")
    finish(launcher, 75, error=error("unavailable"))
    ticker.tick()
    ticker.tick()
    assert len(launcher.launched) == 2
    finish(launcher, cursor={"at": 1})
    ticker.tick()
    run = runs_of(engine)[0]
    assert (run["state"], run["config_id"]) == ("succeeded", None)


def test_report_that_cannot_be_recorded_harms_its_own_run_only(
    engine: Engine, ticker: Ticker, launcher: ScriptedLauncher
) -> None:
    for name in ("good", "bad"):
        add_config(engine, name)
    ticker.tick()
    for run, handle in zip([run for run, _ in launcher.launched], launcher.handles(), strict=True):
        end(launcher, run, handle, rows=1 if run.config_name == "good" else 2**70)
    ticker.tick()
    assert {run["config_name"]: run["state"] for run in runs_of(engine)} == {"good": "succeeded", "bad": "failed"}


def test_error_text_with_a_nul_is_recorded(engine: Engine, ticker: Ticker, launcher: ScriptedLauncher) -> None:
    add_config(engine, max_attempts=1)
    ticker.tick()
    finish(launcher, 75, error=error("unavailable", "a\0b"))
    ticker.tick()
    assert runs_of(engine)[0]["error"] == "a\ufffdb"


# Launching


def test_launch_that_was_never_answered_is_found_and_adopted(
    engine: Engine, ticker: Ticker, launcher: ScriptedLauncher
) -> None:
    add_config(engine)
    launcher.unclear = True
    ticker.tick()
    assert runs_of(engine)[0]["state"] == "launching"
    ticker.tick()
    assert runs_of(engine)[0]["state"] == "launching"
    execute(engine, "update runs set launch_deadline_at = now()")
    ticker.tick()
    assert (runs_of(engine)[0]["state"], runs_of(engine)[0]["handle"]) == ("running", launcher.handles()[0])
    assert len(launcher.launched) == 1


def test_launch_that_cannot_be_looked_up_changes_nothing_and_harms_no_other(
    engine: Engine, ticker: Ticker, launcher: ScriptedLauncher
) -> None:
    add_config(engine)
    launcher.unclear = True
    ticker.tick()
    launcher.unclear = False
    launcher.find_fault = OSError("the folders are not mounted")
    execute(engine, "update runs set launch_deadline_at = now()")
    add_config(engine, "other")
    assert ticker.tick().counts["launched"] == 1
    assert {run["config_name"]: run["state"] for run in runs_of(engine)} == {"sheet": "launching", "other": "running"}


def test_launch_that_cannot_be_found_is_made_again_as_the_same_attempt(
    engine: Engine, ticker: Ticker, launcher: ScriptedLauncher
) -> None:
    add_config(engine)
    launcher.lost = True
    ticker.tick()
    execute(engine, "update runs set launch_deadline_at = now()")
    launcher.lost = False
    ticker.tick()
    run = runs_of(engine)[0]
    assert (run["state"], run["attempt"]) == ("running", 1)
    assert [environment["RUN_ATTEMPT"] for _, environment in launcher.launched] == ["1", "1"]


def test_loser_of_two_executions_hands_its_run_to_the_holder(
    engine: Engine, ticker: Ticker, launcher: ScriptedLauncher
) -> None:
    add_config(engine)
    ticker.tick()
    run, loser = launcher.launched[0][0], launcher.handles()[0]
    holder = Handle(f"fake/{run.id}/1/twin")
    launcher.executions[holder] = Observation(Phase.RUNNING)
    end(launcher, run, holder)
    launcher.executions[holder] = Observation(Phase.RUNNING)
    launcher.executions[loser] = Observation(Phase.FINISHED, 76)
    ticker.tick()
    assert (runs_of(engine)[0]["state"], runs_of(engine)[0]["handle"]) == ("running", holder)
    launcher.executions[holder] = Observation(Phase.FINISHED, 0)
    ticker.tick()
    assert runs_of(engine)[0]["state"] == "succeeded"


def test_execution_that_ended_without_acting_has_its_fence_revoked(
    engine: Engine, ticker: Ticker, launcher: ScriptedLauncher
) -> None:
    add_config(engine)
    ticker.tick()
    finish(launcher, 137, report=None)
    ticker.tick()
    fence = RunFolder(str(launcher.launched[0][0].spec.run_folder)).fence(1)
    assert fence is not None
    assert fence.revoked


def test_refused_launch_is_tried_again_and_fails_with_its_reason(
    engine: Engine, ticker: Ticker, launcher: ScriptedLauncher
) -> None:
    add_config(engine, max_attempts=2)
    launcher.refusal = str(LaunchRefused("no memory left"))
    ticker.tick()
    ticker.tick()
    run = runs_of(engine)[0]
    assert (run["state"], run["attempt"]) == ("failed", 2)
    assert "no memory left" in run["error"]


def test_tick_past_its_budget_puts_back_what_it_did_not_launch(
    engine: Engine, launcher: ScriptedLauncher, notifier: RecordingNotifier, tick_settings: TickSettings
) -> None:
    add_config(engine)
    late = Ticker(engine, launcher, notifier, replace(tick_settings, budget=timedelta(seconds=-1)))
    assert late.tick().complete is False
    run = runs_of(engine)[0]
    assert (run["state"], run["attempt"], run["spec"]) == ("queued", 0, None)
    assert Ticker(engine, launcher, notifier, tick_settings).tick().counts["launched"] == 1


# Cancelling


def test_cancel_is_asked_for_then_confirmed(engine: Engine, ticker: Ticker, launcher: ScriptedLauncher) -> None:
    add_config(engine)
    ticker.tick()
    execute(engine, "update runs set cancel_requested_at = now()")
    ticker.tick()
    assert (launcher.cancelled, runs_of(engine)[0]["state"]) == ([launcher.handles()[0]], "running")
    finish(launcher, 75, error=error("cancelled"))
    ticker.tick()
    assert runs_of(engine)[0]["state"] == "cancelled"


def test_cancel_of_a_launch_nobody_answered_revokes_its_fence(
    engine: Engine, ticker: Ticker, launcher: ScriptedLauncher
) -> None:
    add_config(engine)
    launcher.lost = True
    ticker.tick()
    execute(engine, "update runs set cancel_requested_at = now(), launch_deadline_at = now()")
    ticker.tick()
    assert runs_of(engine)[0]["state"] == "cancelled"
    fence = RunFolder(str(launcher.launched[0][0].spec.run_folder)).fence(1)
    assert fence is not None
    assert fence.revoked


# Promise 4: a bad row harms itself only


def test_bad_row_is_quarantined_told_once_and_harms_no_other(
    engine: Engine, ticker: Ticker, notifier: RecordingNotifier, launcher: ScriptedLauncher
) -> None:
    bad = add_config(engine, "bad", kind="carrier_pigeon")
    add_config(engine, "good")
    assert ticker.tick().counts["quarantined"] == 1
    ticker.tick()
    assert "carrier_pigeon" in state_of(engine, bad)["quarantine_reason"]
    assert [run.config_name for run, _ in launcher.launched] == ["good"]
    assert len(notifier.messages) == 1
    execute(engine, "update load_configs set kind = 'google_sheet' where id = :id", id=bad)
    ticker.tick()
    assert state_of(engine, bad)["quarantine_reason"] is None
    assert [run.config_name for run, _ in launcher.launched] == ["good", "bad"]


def test_schedule_that_was_fine_for_another_version_is_quarantined_and_harms_no_other(
    engine: Engine, ticker: Ticker, launcher: ScriptedLauncher
) -> None:
    bad = add_config(engine, "bad", cron="0 9 * * *")
    ticker.tick()
    finish(launcher)
    execute(engine, "alter table load_configs disable trigger user")
    execute(engine, "update load_configs set cron = '@reboot'")
    execute(engine, "alter table load_configs enable trigger user")
    make_due_again(engine)
    add_config(engine, "good")
    ticker.tick()
    ticker.tick()
    assert [run.config_name for run, _ in launcher.launched] == ["bad", "good"]
    assert "cron" in state_of(engine, bad)["quarantine_reason"]


@pytest.mark.parametrize(
    ("columns", "says"),
    [
        ({"cron": "61 * * * *"}, "cron"),
        ({"timezone": "Europe/Kyiw", "cron": "0 9 * * *"}, "timezone"),
        ({"source": {"url": "https://example.com/x"}}, "source.url"),
        ({"source": {"url": "https://docs.google.com/spreadsheets/d/1/edit", "tabb": "x"}}, "source.tabb"),
        ({"schema_handling": "custom"}, "custom_schema"),
        ({"load_mode": "partitions"}, "load_mode"),
        ({"load_mode": "merge"}, "merge_key"),
        ({"destination_dataset": None}, "destination_dataset"),
    ],
)
def test_quarantine_names_the_field(engine: Engine, ticker: Ticker, columns: dict[str, Any], says: str) -> None:
    config_id = add_config(engine, **columns)
    ticker.tick()
    reason = state_of(engine, config_id)["quarantine_reason"]
    assert reason is not None
    assert reason.startswith(says)
    assert "expected" in reason
    assert "got" in reason


# Pausing


def test_resumed_config_goes_to_its_next_slot_with_one_row_for_all_it_missed(
    engine: Engine, ticker: Ticker, launcher: ScriptedLauncher
) -> None:
    config_id = add_config(engine)
    ticker.tick()
    finish(launcher)
    execute(engine, "update load_configs set is_active = false")
    ticker.tick()
    assert state_of(engine, config_id)["next_slot_at"] is None
    execute(engine, "update load_states set paused_from_at = paused_from_at - interval '5 hours'")
    execute(engine, "update load_configs set is_active = true")
    ticker.tick()
    skipped = [run for run in runs_of(engine) if run["state"] == "skipped"]
    assert [(run["reason"], run["skipped_slots"]) for run in skipped] == [("paused", 5)]
    assert len(launcher.launched) == 1
    assert state_of(engine, config_id)["next_slot_at"] is not None


def test_edited_schedule_keeps_firing_off_until_the_next_slot_of_the_new_grid(
    engine: Engine, ticker: Ticker, launcher: ScriptedLauncher
) -> None:
    config_id = add_config(engine)
    ticker.tick()
    finish(launcher)
    execute(engine, "update load_configs set run_every = interval '2 hours'")
    assert ticker.tick().counts["enqueued"] == 0
    state = state_of(engine, config_id)
    assert state["next_slot_at"] - state["grid_at"] == timedelta(hours=2)


# Freshness


def test_stale_data_is_told_once_until_a_run_succeeds(
    engine: Engine, ticker: Ticker, launcher: ScriptedLauncher, notifier: RecordingNotifier
) -> None:
    add_config(engine, fresh_within="1 hour", created_at="2020-01-01")
    ticker.tick()
    ticker.tick()
    assert len(notifier.messages) == 1
    finish(launcher)
    ticker.tick()
    execute(engine, "update load_states set last_success_at = last_success_at - interval '2 hours'")
    ticker.tick()
    assert len(notifier.messages) == 2
