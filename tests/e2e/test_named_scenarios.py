"""What goes wrong in the life of a config, one story each."""

from __future__ import annotations

import os
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import duckdb
import pytest

from orchestrator.launch import environment
from orchestrator.store import Store
from tests.support.configs import execute
from tests.support.crash import LOCK, WAITS_AT_THIRD_ROW
from tests.support.exchange import traded
from tests.support.promises import check_promises

if TYPE_CHECKING:
    from orchestrator.model import Run
    from tests.support.crash import Rig


def live_run(rig: Rig) -> Run:
    with rig.engine.connect() as connection:
        [(run, _)] = Store(connection).live_runs()
    return run


# Attempts


@pytest.mark.parametrize("catch_up", ["latest", "all"])
def test_retry_overtaken_by_the_next_slot_goes_first(rig: Rig, catch_up: str) -> None:
    rig.order(3)
    config = rig.add_orders(catch_up=catch_up)
    rig.tick("worker.after_publish")
    rig.wait_for_workers()
    rig.make_due(config)
    rig.order(2)
    rig.tick(limit=0)  # the retry waits, and its config is live
    first, second = rig.runs()
    assert (first["state"], first["attempt"]) == ("queued", 1)
    assert second["state"] == ("skipped" if catch_up == "latest" else "queued")
    rig.tick()
    assert [run["attempt"] for run in rig.runs()] == [2, 0]
    rig.finish()
    rig.make_due(config)
    rig.finish()
    assert rig.ids("orders") == rig.ordered()
    check_promises(rig)


def test_of_two_executions_of_one_attempt_one_acts(rig: Rig) -> None:
    """The orchestrator knows of the one that loses, and follows the other."""
    rig.order(3)
    rig.add_orders()
    rig.tick("worker.before_fence:1:STOP")
    loser = rig.held_worker()
    run = live_run(rig)
    holder_handle = rig.launcher("worker.before_publish:1:STOP").launch(run, environment(run))
    holder = rig.held_worker(beside=loser)
    rig.let_end(loser)
    rig.tick()
    assert (rig.run()["state"], rig.run()["attempt"], rig.run()["handle"]) == ("running", 1, holder_handle)
    holder.resume()
    rig.finish()
    assert (rig.run()["state"], rig.run()["attempt"]) == ("succeeded", 1)
    assert rig.ids("orders") == rig.ordered()
    check_promises(rig)


def test_execution_that_wakes_up_after_its_attempt_was_closed_does_nothing(rig: Rig) -> None:
    """Its launch was not answered and it was not found; the run was cancelled meanwhile."""
    rig.order(3)
    config = rig.add_orders()
    rig.tick_killed_at("tick.after_launch", doom="worker.before_fence:1:STOP")
    late = rig.held_worker()
    for mark in rig.folder_path(rig.run()).glob("started-*"):
        mark.unlink()
    rig.cancel(rig.run())
    rig.let_time_pass()
    rig.tick()
    assert rig.run()["state"] == "cancelled"
    late.resume()
    rig.wait_for_workers()
    assert rig.tables() == []
    rig.make_due(config)
    rig.finish()
    assert rig.ids("orders") == rig.ordered()
    check_promises(rig)


# Configs that change under a run


def test_config_edited_between_attempts_keeps_its_run_and_starts_its_new_table_anew(rig: Rig) -> None:
    rig.write_rows(1, 2, 3, 4)
    config = rig.add_rows()
    rig.tick("worker.after_publish")
    rig.wait_for_workers()
    rig.change(config, "destination_table = 'elsewhere'")
    rig.finish()
    assert rig.states() == ["succeeded"]
    assert (rig.ids("rows"), rig.ids("elsewhere")) == ([1, 2, 3, 4], [])
    rig.write_rows(1, 2, 3, 4, 5)
    rig.make_due(config)
    rig.finish()
    assert (rig.ids("rows"), rig.ids("elsewhere")) == ([1, 2, 3, 4], [1, 2, 3, 4, 5])
    check_promises(rig)


def test_config_deleted_between_attempts_has_its_run_finished(rig: Rig) -> None:
    rig.write_rows(1, 2, 3, 4)
    config = rig.add_rows()
    rig.tick("worker.after_publish")
    rig.wait_for_workers()
    rig.delete(config)
    rig.finish()
    assert (rig.run()["state"], rig.run()["attempt"], rig.run()["config_id"]) == ("succeeded", 2, None)
    assert rig.ids("rows") == [1, 2, 3, 4]
    check_promises(rig)


def test_config_deleted_and_made_again_is_another_one(rig: Rig) -> None:
    rig.write_rows(1, 2)
    config = rig.add_rows(id=7)
    rig.tick("worker.before_publish:1:STOP")
    worker = rig.held_worker()
    rig.delete(config)
    rig.add_rows(id=7, destination_table="again")
    rig.tick()
    worker.resume()
    rig.finish()
    assert sorted(rig.states()) == ["succeeded", "succeeded"]
    assert (rig.ids("rows"), rig.ids("again")) == ([1, 2], [1, 2])
    check_promises(rig)


# Sources and destinations that fail


def test_source_that_is_cut_off_while_it_is_read_leaves_nothing_half_loaded(rig: Rig) -> None:
    rig.order(5)
    rig.add_orders(source=WAITS_AT_THIRD_ROW)
    with rig.source.begin() as holding:
        holding.exec_driver_sql(LOCK)
        rig.tick()
        rig.end_waiting_session()
        rig.wait_for_workers()
    assert rig.tables() == []
    rig.finish()
    assert (rig.run()["state"], rig.run()["attempt"]) == ("succeeded", 2)
    assert rig.ids("orders") == rig.ordered()
    check_promises(rig)


def test_sheet_whose_answer_is_cut_off_is_replaced_as_a_whole_by_the_next_attempt(rig: Rig) -> None:
    rig.write_sheet("Ann", "Bob")
    config = rig.add_sheet()
    rig.finish()
    rig.write_sheet("Ann", "Bob", "Cy")
    rig.make_due(config)
    rig.sandbox.faults.add(service="sheets", kind="cut_off", times=3)
    rig.settle()
    assert rig.query("select name from lake.sheet order by id") == [("Ann",), ("Bob",)]
    rig.finish()
    assert [(run["state"], run["attempt"]) for run in rig.runs()] == [("succeeded", 1), ("succeeded", 2)]
    assert rig.query("select name from lake.sheet order by id") == [("Ann",), ("Bob",), ("Cy",)]
    check_promises(rig)


def test_days_of_prices_are_there_once_although_the_worker_died_between_two_chunks(rig: Rig) -> None:
    today = datetime.now(UTC).date()
    start = today - timedelta(days=400)
    for ticker in ("AAPL", "MSFT"):
        rig.sandbox.yahoo.add(traded(ticker, start, today))
    source = {"tickers": ["AAPL", "MSFT"], "years_per_chunk": 1, "history_start": start.isoformat()}
    rig.add("prices", kind="stock_prices", source=source)
    count = "select count(*), count(distinct (symbol, trade_date)), count(distinct trade_date) from lake.prices"
    rig.tick("duckdb.after_commit")
    rig.wait_for_workers()
    [(before, once, _)] = rig.query(count)
    assert before == once
    rig.finish()
    [(rows, once, days)] = rig.query(count)
    assert rows == once == days * 2 == rig.run()["rows"]
    assert rows > before > 0
    assert (rig.run()["state"], rig.run()["attempt"]) == ("succeeded", 2)
    check_promises(rig)


def test_destination_held_by_another_process_beyond_the_wait_is_tried_again(rig: Rig) -> None:
    rig.order(3)
    rig.add_orders()
    rig.tell_workers(DUCKDB_LOCK_WAIT_SECONDS="0")
    with duckdb.connect(rig.home / "warehouse.duckdb"):
        rig.settle()
    assert (rig.run()["state"], rig.run()["attempt"], rig.run()["error_kind"]) == ("running", 2, "unavailable")
    assert f"a lock held by process {os.getpid()}" in rig.run()["error"]
    rig.finish()
    assert rig.ids("orders") == rig.ordered()
    check_promises(rig)


# Telling people


def test_failure_while_slack_is_down_is_told_once_it_is_up(rig: Rig) -> None:
    rig.sandbox.faults.add(service="slack", status=503, times=2)
    config = rig.add_broken()
    rig.settle()
    assert rig.run()["state"] == "rejected"
    rig.let_time_pass()
    rig.tick()
    assert rig.sandbox.slack.messages == []
    rig.finish()
    [message] = rig.sandbox.slack.messages
    assert "nowhere" in message.text
    execute(rig.source, "create table nowhere (id bigint)")
    rig.make_due(config)
    rig.finish()
    assert rig.sandbox.slack.messages[-1].thread_ts == message.ts
    check_promises(rig)


def test_bad_row_harms_itself_only(rig: Rig) -> None:
    rig.order(3)
    rig.add("bad", kind="carrier_pigeon")
    rig.add_broken()
    rig.add_orders()
    rig.finish()
    assert {run["config_name"]: run["state"] for run in rig.runs()} == {"broken": "rejected", "orders": "succeeded"}
    assert rig.ids("orders") == rig.ordered()
    assert len(rig.sandbox.slack.messages) == 2


def test_dry_run_leaves_database_and_folders_as_they_are_and_announces_the_next_tick(rig: Rig) -> None:
    """A worker died before it took its fence, which only a real tick revokes."""
    rig.write_rows(1, 2)
    rig.order(3)
    rig.add_rows(max_attempts=1)
    rig.tick("worker.before_fence")
    rig.wait_for_workers()
    rig.add_orders()
    before = rig.everything()
    dry = rig.tick(dry_run=True)
    assert rig.everything() == before
    announced = {(line.config, line.action): line.why.partition(":")[0] for line in dry.explanations}
    assert announced[("rows", "settle")] == "running → failed"
    assert announced[("orders", "launch")].startswith("due since")
    rig.tick()
    assert {run["config_name"]: run["state"] for run in rig.runs()} == {"rows": "failed", "orders": "running"}
