"""One load of a config that is in no database: launched, watched to its end, its report read."""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from orchestrator.check import check
from orchestrator.exit_codes import ExitCode
from orchestrator.follow import await_end
from orchestrator.launch import environment
from orchestrator.model import Run, RunState, Trigger
from orchestrator.spec import run_spec
from worker.contract.run_folder import RunFolder

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from orchestrator.config_form import ConfigForm
    from orchestrator.launcher import Launcher
    from orchestrator.spec import Defaults
    from worker.contract.report import Report


@dataclass(frozen=True, slots=True)
class Ended:
    """How an execution ended, and what its worker said."""

    run: Run
    exit_code: int
    """The worker's own; 70 if it was killed or is gone."""
    report: Report | None
    detail: str


def execute(
    form: ConfigForm, launcher: Launcher, defaults: Defaults, days: Mapping[str, str | None], *, now: datetime
) -> Ended:
    """Load what a config says, for these days (`start_date`, `end_date`) if any, and wait until it has ended.

    Interrupted, it first ends the execution: nobody else would follow it.

    Raises:
        ConfigError: the config cannot work.
        LaunchRefused, LaunchUnclear: it could not be launched.
    """
    frozen = {**form.frozen(), **defaults.frozen(), "timeout_seconds": form.timeout.total_seconds()}
    check(frozen)
    run = _run(frozen, days, now=now)
    handle = launcher.launch(run, environment(run))
    try:
        seen = await_end(launcher, handle)
    except KeyboardInterrupt:
        launcher.cancel(handle)
        await_end(launcher, handle)
        raise
    report = RunFolder(str(run.spec.run_folder)).report(run.attempt)
    known = seen.exit_code if seen.exit_code in {*ExitCode} else None
    return Ended(run, ExitCode.BUG if known is None else known, report, seen.detail)


def _run(frozen: Mapping[str, Any], days: Mapping[str, str | None], *, now: datetime) -> Run:
    run_id = uuid.uuid4()
    return Run(
        id=run_id,
        config_id=None,
        config_name=frozen["name"],
        trigger=Trigger.BACKFILL if any(days.values()) else Trigger.MANUAL,
        state=RunState.LAUNCHING,
        attempt=1,
        max_attempts=1,
        timeout=timedelta(seconds=frozen["timeout_seconds"]),
        slot_at=None,
        spec=run_spec(frozen, run_id=run_id, parameters=days),
        handle=None,
        launch_deadline_at=None,
        cancel_requested_at=None,
        started_at=now,
        queued_at=now,
    )
