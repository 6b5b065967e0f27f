"""The orchestrator dies after each commit and beside each outside effect; another process goes on."""

from __future__ import annotations

import signal
from typing import TYPE_CHECKING

import pytest

from orchestrator.failpoints import NAMES
from tests.support.promises import check_promises

if TYPE_CHECKING:
    from tests.support.crash import Rig


@pytest.mark.parametrize("failpoint", NAMES)
def test_tick_that_dies_loses_and_doubles_nothing(rig: Rig, failpoint: str) -> None:
    """It dies when it launches two first loads, and when it has a failure to tell, a retry and a load to launch."""
    rig.write_rows(1, 2, 3)
    loaded = rig.add_rows()
    rig.add_rows("missing", source={"file": str(rig.home / "nowhere.json")}, max_attempts=1)
    codes = []
    for doom in ("worker.before_fence", ""):
        codes.append(rig.start_tick(failpoint, doom).wait())
        rig.wait_for_workers()
        rig.let_time_pass()
        rig.make_due(loaded)
        rig.write_rows(1, 2, 3, 4, 5)
    assert -signal.SIGKILL in codes
    rig.untold_deaths = 1 if failpoint == "notify.after_send" else 0
    rig.finish()
    assert rig.ids("rows") == [1, 2, 3, 4, 5]
    check_promises(rig)


def test_orchestrator_that_was_killed_while_workers_run_is_followed_by_another(rig: Rig) -> None:
    rig.order(3)
    rig.add_orders()
    rig.tick_killed_at("tick.after_record", doom="worker.before_publish:1:STOP")
    worker = rig.held_worker()
    rig.tick()
    assert rig.run()["state"] == "running"
    worker.resume()
    rig.wait_for_workers()
    rig.tick()
    assert (rig.run()["state"], rig.run()["attempt"]) == ("succeeded", 1)
    assert rig.ids("orders") == rig.ordered()
    check_promises(rig)


def test_launch_that_the_dead_orchestrator_did_not_record_is_found_and_not_made_again(rig: Rig) -> None:
    rig.order(3)
    rig.add_orders()
    rig.tick_killed_at("tick.after_launch", doom="worker.before_publish:1:STOP")
    worker = rig.held_worker()
    rig.tick()
    assert rig.run()["state"] == "launching"
    rig.let_time_pass()
    rig.tick()
    assert rig.run()["state"] == "running"
    worker.resume()
    rig.finish()
    assert len(list(rig.folder_path(rig.run()).glob("started-*"))) == 1
    assert rig.ids("orders") == rig.ordered()
    check_promises(rig)


def test_two_orchestrators_keep_to_one_limit_with_real_workers(rig: Rig) -> None:
    rig.allow(2)
    rig.write_rows(1, 2, 3)
    configs = [rig.add_rows(f"rows{number}") for number in range(5)]
    while rig.is_unfinished() or not rig.runs():
        beside_each_other = [rig.start_tick(), rig.start_tick()]
        assert [process.wait() for process in beside_each_other] == [0, 0]
        rig.wait_for_a_worker()
    assert len(rig.runs()) == len(configs)
    assert {run["attempt"] for run in rig.runs()} == {1}
    assert [rig.ids(f"rows{number}") for number in range(5)] == [[1, 2, 3]] * 5
    check_promises(rig)


def test_tick_that_slept_while_another_took_over_launches_nothing(rig: Rig) -> None:
    rig.write_rows(1, 2, 3)
    rig.add_rows()
    asleep = rig.start_tick("tick.after_commit:1:STOP")
    asleep.wait_until_held()
    rig.let_time_pass()
    rig.tick("worker.before_publish:1:STOP")
    worker = rig.held_worker()
    asleep.resume()
    assert asleep.wait() == 0
    assert rig.workers() == [worker]
    assert len(list(rig.folder_path(rig.run()).glob("started-*"))) == 1
    worker.resume()
    rig.finish()
    assert rig.ids("rows") == [1, 2, 3]
    check_promises(rig)
