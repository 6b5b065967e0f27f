"""The worker dies anywhere, is asked to end, or loses its supervisor; then the orchestrator goes on."""

from __future__ import annotations

import json
import os
import signal
from itertools import cycle, islice
from typing import TYPE_CHECKING

import pytest

from orchestrator import failpoints as orchestrators
from tests.support.crash import LOCK, WAITS_AT_THIRD_ROW
from tests.support.promises import check_promises, check_whole_units
from worker import failpoints as workers

if TYPE_CHECKING:
    from tests.support.crash import Rig

_ALL = os.environ.get("SLUICE_FULL_MATRIX") == "1"
_PAIRS = [(worker, tick) for worker in workers.NAMES for tick in orchestrators.NAMES]
_SAMPLE = list(zip(workers.NAMES, islice(cycle(orchestrators.NAMES), len(workers.NAMES)), strict=True))


@pytest.mark.parametrize(("of_worker", "of_tick"), _PAIRS if _ALL else _SAMPLE)
def test_worker_dies_and_so_does_the_tick_that_sees_it(rig: Rig, of_worker: str, of_tick: str) -> None:
    """Each of the worker's failpoints once, beside one of the orchestrator's; with SLUICE_FULL_MATRIX=1 each pair."""
    rig.write_rows(1, 2, 3, 4, 5)
    rig.add_rows()
    rig.tick(of_worker)
    rig.wait_for_workers()
    check_whole_units(rig)
    rig.start_tick(of_tick).wait()
    rig.finish()
    run = rig.run()
    assert (run["state"], run["attempt"], run["rows"]) == ("succeeded", 2, 5)
    assert rig.ids("rows") == [1, 2, 3, 4, 5]
    check_promises(rig)


def test_two_attempts_that_die_in_a_row_leave_whole_units_and_the_third_the_rest(rig: Rig) -> None:
    rig.write_rows(1, 2, 3, 4, 5)
    rig.add_rows()
    rig.tick("duckdb.after_commit")
    rig.wait_for_workers()
    assert rig.ids("rows") == [1, 2]
    rig.tick("worker.after_publish")
    rig.wait_for_workers()
    assert rig.ids("rows") == [1, 2, 3, 4]
    rig.finish()
    assert (rig.run()["state"], rig.run()["attempt"]) == ("succeeded", 3)
    assert rig.ids("rows") == [1, 2, 3, 4, 5]
    check_promises(rig)


@pytest.mark.parametrize("kind", ["postgresql", "cursor", "no-cursor"])
def test_worker_killed_between_publish_and_report_is_followed_by_a_run_with_a_new_id(rig: Rig, kind: str) -> None:
    if kind == "postgresql":
        rig.order(4)
        config, table = rig.add_orders(max_attempts=1), "orders"
    else:
        rig.write_rows(1, 2, 3, 4)
        config, table = rig.add_rows(source={"has_cursor": kind == "cursor"}, max_attempts=1), "rows"
    rig.settle("worker.after_publish")
    assert rig.run()["state"] == "failed"
    assert rig.ids(table) == [1, 2, 3, 4] if kind == "postgresql" else [1, 2]
    rig.make_due(config)
    rig.finish()
    assert rig.states() == ["failed", "succeeded"]
    assert rig.ids(table) == [1, 2, 3, 4]
    check_promises(rig)


def test_rows_that_come_between_runs_are_there_once_each(rig: Rig) -> None:
    rig.order(3)
    config = rig.add_orders()
    for doom in ("", "duckdb.after_commit", "duckdb.before_commit"):
        rig.tick(doom)
        rig.order(2)
        rig.finish()
        rig.make_due(config)
    rig.finish()
    assert rig.ids("orders") == rig.ordered()
    check_promises(rig)


def test_worker_asked_to_end_reports_and_the_next_attempt_loads_the_rest(rig: Rig) -> None:
    rig.write_rows(1, 2, 3, 4, 5)
    rig.add_rows()
    rig.tick("worker.after_publish:1:TERM")
    rig.wait_for_workers()
    assert rig.ids("rows") == [1, 2]
    report = rig.folder(rig.run()).report(1)
    assert report is not None
    assert (report.status, report.units, report.unit_in_doubt) == ("failed", 0, True)
    rig.finish()
    assert (rig.run()["state"], rig.run()["attempt"]) == ("succeeded", 2)
    assert rig.ids("rows") == [1, 2, 3, 4, 5]
    check_promises(rig)


def test_unit_committed_just_before_the_worker_was_asked_to_end_is_not_loaded_again(rig: Rig) -> None:
    """The second run publishes nothing and says so; the third must still look at what the first one did."""
    rig.order(3)
    config = rig.add_orders(max_attempts=1)
    for doom in ("duckdb.after_commit:1:TERM", "worker.after_plan:1:TERM"):
        rig.settle(doom)
        rig.make_due(config)
    rig.order(2)
    rig.finish()
    assert rig.states() == ["failed", "failed", "succeeded"]
    assert rig.ids("orders") == rig.ordered()
    check_promises(rig)


def test_worker_that_loses_its_supervisor_is_waited_for(rig: Rig) -> None:
    rig.order(3)
    rig.add_orders()
    rig.tick("worker.before_publish:1:STOP")
    worker = rig.held_worker()
    os.kill(worker.ppid(), signal.SIGKILL)
    rig.tick()
    assert (rig.run()["state"], rig.run()["attempt"]) == ("running", 1)
    worker.resume()
    rig.finish()
    assert (rig.run()["state"], rig.run()["attempt"]) == ("succeeded", 2)
    assert rig.ids("orders") == rig.ordered()
    check_promises(rig)


def test_worker_and_supervisor_killed_together_are_seen_to_be_gone(rig: Rig) -> None:
    rig.order(3)
    rig.add_orders()
    rig.tick("worker.before_publish:1:STOP")
    worker = rig.held_worker()
    os.killpg(worker.ppid(), signal.SIGKILL)
    rig.finish()
    assert (rig.run()["state"], rig.run()["attempt"]) == ("succeeded", 2)
    assert rig.ids("orders") == rig.ordered()
    check_promises(rig)


def test_run_that_is_cancelled_leaves_whole_units_and_the_next_one_loads_the_rest(rig: Rig) -> None:
    pause = rig.pause()
    rig.write_rows(1, 2, 3, 4)
    config = rig.add_rows(source={"read_then": str(pause.at)})
    rig.tick()
    pause.let_go(times=3)
    rig.cancel(rig.run())
    rig.tick()
    rig.wait_for_workers()
    rig.tick()
    assert rig.run()["state"] == "cancelled"
    assert rig.ids("rows") == [1, 2]
    rig.make_due(config)
    pause.at.unlink(missing_ok=True)
    rig.tick()
    pause.let_go(times=2)
    rig.finish()
    assert rig.states() == ["cancelled", "succeeded"]
    assert rig.ids("rows") == [1, 2, 3, 4]
    check_promises(rig)


def test_run_past_its_timeout_is_ended_and_says_so(rig: Rig) -> None:
    pause = rig.pause()
    rig.write_rows(1, 2)
    rig.add_rows(source={"read_then": str(pause.at)}, timeout="2 seconds", max_attempts=1)
    rig.settle()
    assert rig.run()["state"] == "failed"
    assert "timed out after 2 s" in rig.run()["error"]
    assert rig.ids("rows") == []
    rig.finish()
    check_promises(rig)


def test_worker_that_cannot_hear_is_killed_after_the_grace(rig: Rig) -> None:
    rig.order(3)
    rig.add_orders()
    rig.tick("worker.before_publish:1:STOP")
    rig.held_worker()
    rig.cancel(rig.run())
    rig.tick()
    rig.wait_for_workers()
    rig.tick()
    assert rig.run()["state"] == "cancelled"
    [end] = rig.folder_path(rig.run()).glob("exit-*.json")
    assert json.loads(end.read_text()) == {"exit_code": 137, "detail": "got SIGTERM, killed 1 s later"}
    assert rig.tables() == []
    check_promises(rig)


def test_load_that_waits_for_its_source_is_cancelled(rig: Rig) -> None:
    rig.order(5)
    rig.add_orders(source=WAITS_AT_THIRD_ROW)
    with rig.source.begin() as holding:
        holding.exec_driver_sql(LOCK)
        rig.tick()
        rig.wait_for_waiting_session()
        rig.cancel(rig.run())
        rig.tick()
        rig.wait_for_workers()
    rig.tick()
    assert rig.run()["state"] == "cancelled"
    assert rig.tables() == []
    check_promises(rig)
