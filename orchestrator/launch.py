"""Call the launcher for claimed runs: in parallel, with no transaction open, never twice for one answer."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import structlog

from orchestrator.launcher import LaunchRefused, LaunchUnclear
from worker.contract.failpoint import reach
from worker.contract.run_folder import RunFolder

if TYPE_CHECKING:
    from collections.abc import Sequence

    from orchestrator.launcher import Launcher
    from orchestrator.model import Handle, Run

_CALLERS = 16

log = structlog.get_logger()


@dataclass(slots=True)
class Launched:
    """What the launcher answered."""

    started: list[tuple[Run, Handle]] = field(default_factory=list)
    refused: list[tuple[Run, str]] = field(default_factory=list)
    unclear: list[Run] = field(default_factory=list)
    """Maybe started: they stay `launching` until their deadline."""
    untried: list[Run] = field(default_factory=list)
    """The budget ended before their turn."""


def launch_all(launcher: Launcher, runs: Sequence[Run], *, until: float) -> Launched:
    """Launch each run once; none is begun after `until` (of `time.monotonic`)."""
    launched = Launched()
    if not runs:
        return launched
    with ThreadPoolExecutor(min(_CALLERS, len(runs))) as callers:
        list(callers.map(lambda run: _launch(launcher, run, launched, until), runs))
    return launched


def environment(run: Run) -> dict[str, str]:
    """Return the environment that the run's execution gets, long values replaced by pointers into its folder."""
    return RunFolder(str(run.spec.run_folder)).spill(run.spec.to_env())


def _launch(launcher: Launcher, run: Run, launched: Launched, until: float) -> None:
    if time.monotonic() > until:
        launched.untried.append(run)
        return
    try:
        launched.started.append((run, launcher.launch(run, environment(run))))
        reach("launch.after_call")
    except LaunchRefused as error:
        launched.refused.append((run, str(error)))
    except LaunchUnclear as error:
        log.warning("launch unclear", run=str(run.id), error=str(error))
        launched.unclear.append(run)
    except Exception:
        log.exception("launch failed in an unknown way", run=str(run.id))
        launched.unclear.append(run)
