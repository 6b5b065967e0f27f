"""One load of a config that is in no database."""

from __future__ import annotations

from datetime import UTC, datetime
from threading import Thread
from typing import TYPE_CHECKING, Any

import pytest

from orchestrator.check import ConfigError
from orchestrator.config_form import ConfigForm
from orchestrator.example_configs import FLAT_CONFIG, example_config
from orchestrator.execute import Ended, execute
from orchestrator.launcher import LaunchRefused
from orchestrator.model import Observation, Phase
from orchestrator.spec import Defaults
from tests.support.fakes import ScriptedLauncher, end, error
from tests.support.waiting import wait_until

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

NO_DAYS: dict[str, str | None] = {"start_date": None, "end_date": None}


@pytest.fixture
def defaults(tmp_path: Path) -> Defaults:
    return Defaults(destination_url=f"duckdb://{tmp_path}/w.duckdb", runs_url=tmp_path.as_uri())


def _execute(
    launcher: ScriptedLauncher,
    defaults: Defaults,
    act: Callable[[], object],
    config: dict[str, Any] = FLAT_CONFIG,
    **days: str,
) -> Ended:
    """Execute, and do something as soon as it is launched."""

    def later() -> None:
        wait_until(lambda: launcher.executions, what="a launch")
        act()

    acting = Thread(target=later)
    acting.start()
    try:
        return execute(ConfigForm.read(config), launcher, defaults, {**NO_DAYS, **days}, now=datetime.now(UTC))
    finally:
        acting.join()


@pytest.mark.parametrize(("exit_code", "fault"), [(0, None), (75, error("unavailable")), (78, error("configuration"))])
def test_ends_as_the_worker_does_with_its_report(
    launcher: ScriptedLauncher, defaults: Defaults, exit_code: int, fault: object
) -> None:
    ended = _execute(
        launcher,
        defaults,
        lambda: end(launcher, launcher.launched[0][0], launcher.handles()[0], exit_code, rows=344, error=fault),
    )
    assert ended.exit_code == exit_code
    assert ended.report
    assert (ended.report.rows, ended.report.error) == (344, fault)


@pytest.mark.parametrize("seen", [Observation(Phase.FINISHED, 137), Observation(Phase.VANISHED, detail="it is gone")])
def test_killed_worker_is_an_error_that_nobody_foresaw(
    launcher: ScriptedLauncher, defaults: Defaults, seen: Observation
) -> None:
    ended = _execute(launcher, defaults, lambda: launcher.executions.update({launcher.handles()[0]: seen}))
    assert (ended.exit_code, ended.report, ended.detail) == (70, None, seen.detail)


def test_worker_is_told_what_the_file_says(launcher: ScriptedLauncher, defaults: Defaults) -> None:
    days = {"start_date": "2026-01-01", "end_date": "2026-01-31"}
    over = Observation(Phase.FINISHED, 0)
    _execute(
        launcher,
        defaults,
        lambda: launcher.executions.update({launcher.handles()[0]: over}),
        example_config("stock_prices"),
        **days,
    )
    run, environment = launcher.launched[0]
    assert environment["CONFIG_NAME"] == "my_stock_prices"
    assert (environment["START_DATE"], environment["END_DATE"]) == ("2026-01-01", "2026-01-31")
    assert environment["RUN_FOLDER"] == f"{defaults.runs_url}/runs/0/{run.id}"


def test_config_that_cannot_work_launches_nothing(launcher: ScriptedLauncher, defaults: Defaults) -> None:
    with pytest.raises(ConfigError, match=r"source\.url: expected"):
        execute(
            ConfigForm.read({"name": "x", "kind": "google_sheet"}), launcher, defaults, NO_DAYS, now=datetime.now(UTC)
        )
    assert launcher.launched == []


def test_launch_that_is_refused_says_why(launcher: ScriptedLauncher, defaults: Defaults) -> None:
    launcher.refusal = "no such program"
    with pytest.raises(LaunchRefused, match="no such program"):
        execute(ConfigForm.read(FLAT_CONFIG), launcher, defaults, NO_DAYS, now=datetime.now(UTC))
