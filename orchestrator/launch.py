"""Call the launcher for claimed runs: in parallel, with no transaction open, never twice for one answer."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import structlog
from obstore.exceptions import BaseError

from orchestrator.launcher import LaunchRefused, LaunchUnclear
from worker.contract.failpoint import reach
from worker.contract.run_folder import RunFolder, RunFolderError

if TYPE_CHECKING:
    import uuid
    from collections.abc import Sequence
    from collections.abc import Set as AbstractSet

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
    """The budget ended before their turn, and nobody has ever called for them."""


def launch_all(launcher: Launcher, runs: Sequence[Run], *, again: AbstractSet[uuid.UUID], until: float) -> Launched:
    """Launch each run once; none is begun after `until` (of `time.monotonic`).

    Of those in `again`, an execution may come to light that an earlier call has started.
    """
    launched = Launched()
    if not runs:
        return launched
    with ThreadPoolExecutor(min(_CALLERS, len(runs))) as callers:
        list(callers.map(lambda run: _launch(launcher, run, launched, until, is_again=run.id in again), runs))
    return launched


def environment(run: Run) -> dict[str, str]:
    """Return the environment that the run's execution gets, long values replaced by pointers into its folder."""
    return RunFolder(str(run.spec.run_folder)).spill(run.spec.to_env())


def _launch(launcher: Launcher, run: Run, launched: Launched, until: float, *, is_again: bool) -> None:
    if time.monotonic() > until:
        (launched.unclear if is_again else launched.untried).append(run)
        return
    try:
        launched.started.append((run, _call(launcher, run)))
        reach("launch.after_call")
    except LaunchRefused as error:
        if is_again and not _revoked(run):
            launched.unclear.append(run)
        else:
            launched.refused.append((run, str(error)))
    except LaunchUnclear as error:
        log.warning("launch unclear", run=str(run.id), error=str(error))
        launched.unclear.append(run)
    except Exception:
        log.exception("launch failed in an unknown way", run=str(run.id))
        launched.unclear.append(run)


def _call(launcher: Launcher, run: Run) -> Handle:
    if run.fault:
        raise LaunchRefused(run.fault)
    try:
        told = environment(run)
    except (RunFolderError, BaseError, OSError) as error:
        raise LaunchRefused(str(error)) from error
    return launcher.launch(run, told)


def _revoked(run: Run) -> bool:
    """Take the attempt's fence, so that no execution of it may act any more; False if that is not certain."""
    try:
        return RunFolder(str(run.spec.run_folder)).revoke(run.attempt)
    except (RunFolderError, BaseError, OSError) as error:
        log.warning("fence could not be taken", run=str(run.id), error=str(error))
        return False
